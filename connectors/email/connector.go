// Package email connects mailboxes: mail comes in over IMAP and goes out over
// SMTP.
//
// Reading and writing the format (RFC 5322, MIME) is separate from moving it
// about. Parse turns raw bytes into a message.Message and is pure; compose does
// the reverse. The transport fetches what lies behind the cursor (UIDVALIDITY
// and last UID of each folder), from several folders in the order of time, and
// waits in IDLE for more.
//
// On disk it keeps only temporary files for large mails, and its cursor lives
// with the hub. It never changes anything in the mailbox unless the account is
// configured so, and never asks a server to take MIME apart: servers get that
// wrong, and one wrong answer ends a connection.
package email

import (
	"context"
	"log/slog"
	"net/http"
	"sync/atomic"

	"throughline/connectors"
	"throughline/message"
)

// Channel and Scheme name the channel and its handles.
const (
	Channel = "email"
	Scheme  = "mailto"
)

// maxFiles is how many attachments one mail of ours can have.
const maxFiles = 50

// Kind is the email channel.
func Kind() connectors.Kind {
	return connectors.Kind{Channel: Channel, Scheme: Scheme, Fields: fields(), Presets: presets(), New: newKind}
}

func newKind(a connectors.Account, h connectors.Host) (connectors.Connector, error) {
	c, err := New(a, h)
	if err != nil {
		return nil, err
	}
	return c, nil
}

// Connector is one mailbox with its way out.
type Connector struct {
	account string
	set     settings
	host    connectors.Host
	log     *slog.Logger
	limits  timeouts
	tokens  *tokens
	box     string // see mailboxKey

	refusedTokens atomic.Int32 // in a row

	// trouble outlives a run: fetches that failed, by folder. Only Run's
	// goroutine touches it.
	trouble map[string]*trouble
	// pollOnly: the server offers IDLE and does not mean it.
	pollOnly bool
	holes    int // UIDs given up since the last mail that could be fetched

	out    outgoing
	copies copies
}

// New checks the settings of an account and makes its connector, without any
// I/O but reading ca_file. The error joins one *connectors.SettingsError for
// each wrong field.
func New(a connectors.Account, h connectors.Host) (*Connector, error) {
	set, err := readSettings(a.Settings)
	if err != nil {
		return nil, err
	}
	if h.Log == nil {
		h.Log = slog.New(slog.DiscardHandler)
	}
	if h.Save == nil {
		h.Save = func(context.Context, string, string) error { return nil }
	}
	return &Connector{
		account: a.ID, box: mailboxKey(set.imap.host, set.imap.user), set: set, host: h, log: h.Log, limits: defaultTimeouts(),
		tokens:  &tokens{client: &http.Client{Timeout: tokenTimeout}, save: h.Save, log: h.Log, set: set.oauth},
		trouble: map[string]*trouble{},
	}, nil
}

// Info describes the account.
func (c *Connector) Info() connectors.Info {
	return connectors.Info{
		Account:     c.account,
		Channel:     Channel,
		Own:         message.Person{Name: c.set.name, Handle: message.NewHandle(Scheme, c.set.address)},
		Idempotent:  true,
		Writing:     connectors.Writing{Letter: true, Rich: true, Files: maxFiles},
		Signature:   c.set.signature,
		Acknowledge: c.set.acknowledge,
	}
}

var (
	_ connectors.Connector = (*Connector)(nil)
	_ connectors.Auditor   = (*Connector)(nil)
	_ connectors.Finisher  = (*Connector)(nil)
	_ connectors.Reader    = (*Connector)(nil)
	_ connectors.Tester    = (*Connector)(nil)
)
