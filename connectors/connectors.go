// Package connectors is the contract between the hub and a channel: email, texts,
// calls, chats. A channel is a Kind that makes Connectors, one
// for each configured account; the hub runs each under Supervise and gives it a
// Sink to put what arrives.
//
// A connector keeps nothing on disk except temporary files and never sees the
// store, identity, the inbox or the API. What it has to remember between runs is
// the Cursor, which the hub stores in the same transaction as the messages.
//
// Form reads an account's settings and blames each fault on its field, and Spool
// keeps fetched content in such a temporary file.
package connectors

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"throughline/message"
)

// Connector is one configured account on one channel: a mailbox, a phone
// number, a workspace.
type Connector interface {
	// Info describes the account. No I/O; the same for the connector's life.
	Info() Info

	// Run receives until ctx ends (then it returns ctx.Err() or nil soon, at
	// most a few seconds later). Any other return means "start me again, with
	// back-off"; a *SendError of class AccountFault means that trying again is
	// pointless until somebody changes the settings. Run is never called twice
	// at the same time.
	Run(ctx context.Context, in Sink) error

	// Send hands one message to the provider. It may be called while Run runs
	// and from one goroutine at a time. A nil error means that the provider has
	// taken responsibility; anything else is a *SendError (an error of another
	// type counts as class Retry). Send carries the same wire name at every
	// attempt of the same message (see message.Message.ID).
	Send(ctx context.Context, m message.Message) (Receipt, error)
}

// Info is what the hub and the screen need to know of an account.
type Info struct {
	Account string         // its ID
	Channel string         // its Kind's name
	Own     message.Person // the handle it writes from; incoming copies to it are ours
	// Idempotent tells that the channel survives a message sent twice under the
	// same name (mail does, a text does not): an Unsure attempt is then repeated.
	Idempotent bool
	// Signature is appended by the composer to what agents write.
	Signature string
	// Writing is what a message of this account can have.
	Writing Writing
	// Acknowledge is sent automatically to a person who opens a conversation,
	// if not empty. Never to automatic or bulk mail.
	Acknowledge string
	// Hooks are the addresses of a Webhooker that people have to enter at the provider.
	Hooks []Hook
	// Help is the automatic answer to message.Help, if not empty: once a day to
	// each handle.
	Help string
}

// Hook is an address for the provider to call.
type Hook struct {
	Path  string // below Host.PublicURL, e.g. "/message"
	Use   string // what it is for: a word that stays, which the screens put into the reader's language
	Label string // the same in English, as the provider's form calls it
}

// Writing is what a message on a channel can have; the composer follows it. The
// zero value is plain text to one person.
type Writing struct {
	None      bool  `json:"none"`       // nothing can be written here (a line for calls only)
	Letter    bool  `json:"letter"`     // a subject, several recipients and copies, a signature, and what is answered quoted below
	Rich      bool  `json:"rich"`       // formatted text; otherwise only Text is sent
	Files     int   `json:"files"`      // at most so many, 0 none
	FileBytes int64 `json:"file_bytes"` // of all files together, 0 unlimited
	Text      int   `json:"text"`       // longest text in characters, 0 unlimited
	Segments  bool  `json:"segments"`   // paid for in segments of 3GPP TS 23.038
	// Window is how long after a person's last message free text may be sent;
	// later only a template. 0 means always.
	Window time.Duration `json:"window"`
	// Chat tells that outgoing messages belong to one stream, as message.Message.Chat,
	// unless they answer one that does not.
	Chat bool `json:"chat"`
	// Mentions tells that people can be named so that the provider tells them: see
	// Mentioner. Needs Rich.
	Mentions bool `json:"mentions"`
}

// Receipt is what the provider said when it took a message.
type Receipt struct {
	Ref    string // wire name of the message, for threading; may be ""
	Detail string // the provider's words, e.g. "250 2.0.0 Ok: queued as 4F1A"
	// Rejected lists recipients that were refused while others were taken. Those
	// whose Report is not Permanent are tried again, alone: see message.Message.Only.
	Rejected []message.Report
	// Pending tells that the message is out and something of it is left to do, such
	// as a copy in the folder of sent mail: see Finisher.
	Pending bool
}

// Sink takes what a connector received. Its methods may be called from one
// goroutine at a time.
type Sink interface {
	// Cursor returns what the last accepted Batch with a Cursor carried, nil at
	// the very first run. Opaque to the hub.
	Cursor(ctx context.Context) ([]byte, error)

	// Accept stores a batch in one transaction. A nil return means durable:
	// only then may the connector acknowledge upstream or drop temporary files.
	// On an error nothing of the batch is stored and it may be offered again.
	Accept(ctx context.Context, b Batch) error

	// State shows the state of the connection to people. Never blocks for long
	// and is not stored.
	State(s State)
}

// Recaller is implemented by Sinks that can tell what they hold, for connectors that
// compare it with what their provider still has.
type Recaller interface {
	// Recall lists the sources of stored items that begin with prefix and follow after,
	// in order, at most limit; without those that were deleted. It may be called like
	// the methods of Sink.
	Recall(ctx context.Context, prefix, after string, limit int) (sources []string, err error)
}

// Batch is a group of items that stand or fall together. A batch of some
// hundred small messages is much cheaper than as many batches of one.
type Batch struct {
	Messages []message.Message
	Changes  []message.Change
	Reports  []message.Report
	Held     []message.Held
	// People is what a directory says of people now. Those who never wrote are
	// passed over.
	People []message.Person
	Cursor []byte // nil leaves the stored cursor as it is
}

// Webhooker is implemented by connectors to which the provider brings items over
// HTTP. The hub serves the handler below Host.PublicURL, with that prefix taken
// off the path, while the account is switched on.
type Webhooker interface {
	// Webhook returns the handler. Unlike that of Run, its Sink may be used from
	// many goroutines at once, and not for Cursor. The handler checks that the
	// request comes from the provider and answers 2xx only after Accept. Who is not the
	// provider gets 400, 401, 403 or 413, and to a POST never 2xx: by that the hub tells
	// addresses that it may limit.
	Webhook(in Sink) http.Handler
}

// Finisher is implemented by connectors whose Receipt may be Pending. The hub has
// that on disk, so that neither an interruption nor a crash loses what is left.
type Finisher interface {
	// Finish does what is left of m, which is out already. It is called again until it
	// returns nil or a *SendError of class Reject, and looks first what is done: what
	// was begun is never done twice. It may be called while Send runs.
	Finish(ctx context.Context, m message.Message) error
}

// Pacer is implemented by connectors whose provider takes only so many messages in
// a time. The hub waits before it writes an attempt, so that what is under way has
// really begun; Send itself does not wait.
type Pacer interface {
	// Pause is how long from now the next message has to wait, 0 if not at all. No I/O.
	Pause() time.Duration
}

// Finder is implemented by connectors of channels that do not survive a repeat
// and whose provider can be asked what became of an attempt of unclear outcome.
type Finder interface {
	// Find looks for m, of which an attempt was made at since. Messages whose wire
	// name is taken are others. ErrNotFound says that the provider does not list
	// it, which soon after the attempt proves nothing.
	Find(ctx context.Context, m message.Message, since time.Time, taken func(ref string) bool) (Receipt, error)
}

// ErrNotFound is the answer of a Finder whose provider does not list a message.
var ErrNotFound = errors.New("the provider does not list this message")

// Templater is implemented by connectors whose provider wants some texts approved
// beforehand.
type Templater interface {
	Templates(ctx context.Context) ([]message.Template, error)
}

// Picturer is implemented by connectors whose provider shows pictures of people.
type Picturer interface {
	// Picture fetches the picture that message.Person.Picture names, at most
	// MaxPicture bytes. It asks nobody but the provider.
	Picture(ctx context.Context, name string) ([]byte, error)
}

// MaxPicture is the largest picture of a person, in bytes.
const MaxPicture = 1 << 20

// State is what people see of an account's connection.
type State struct {
	Phase  Phase     `json:"phase"`
	Detail string    `json:"detail,omitempty"` // for people; never holds a secret
	Retry  time.Time `json:"retry,omitzero"`   // next try, when Phase is Retrying
	Lag    int       `json:"lag"`              // items known to wait at the provider
}

// Phase is the stage of a connection's life.
type Phase string

// The phases. Blocked waits for a person: wrong password, revoked consent.
const (
	Connecting Phase = "connecting"
	CatchingUp Phase = "catching_up"
	Live       Phase = "live"
	Retrying   Phase = "retrying"
	Blocked    Phase = "blocked"
	Stopped    Phase = "stopped"
)

// Auditor is implemented by connectors whose provider can list what it holds.
type Auditor interface {
	// Inventory calls yield for every item the provider holds in the places
	// that Run reads, until yield returns an error (then returned as it is).
	Inventory(ctx context.Context, yield func(Item) error) error
	// Refetch fetches the items of these sources again and offers them to in.
	// It never moves the cursor. Sources that are gone are skipped.
	Refetch(ctx context.Context, in Sink, sources []string) error
}

// Item is one entry of an Inventory.
type Item struct {
	Source string // as in message.Message.Source
	Label  string // for people: folder, subject if cheap to know
	Size   int64
	Time   time.Time
}

// Reader is implemented by connectors that keep the raw item as delivered: it
// understands one again, after an upgrade or at an agent's wish. Pure: no I/O
// beyond reading raw.
//
// An error that wraps ErrPartial comes with a message that lacks what only the
// provider has, such as files: where it can be asked it is, and else that stands.
type Reader interface {
	Read(raw message.Content, source string) (message.Message, error)
}

// ErrPartial tells that a raw item is not all there is of it.
var ErrPartial = errors.New("the raw item does not hold all of it")

// Tester is implemented by connectors that can try their settings.
type Tester interface {
	// Test connects and logs in without changing anything at the provider. Each
	// step made is reported, the failed one last. The error texts name the
	// server's answer and what to do.
	Test(ctx context.Context) []Step
}

// Step is one thing that Test tried.
type Step struct {
	Name  string `json:"name"` // e.g. "imap: connect", "imap: log in", "smtp: connect"
	OK    bool   `json:"ok"`
	Error string `json:"error,omitempty"`
}

// Kind is a channel: cmd/throughline holds the literal table of them.
type Kind struct {
	Channel string  // "email"
	Scheme  string  // of its handles: "mailto"
	Fields  []Field // the settings, in the order of the form
	Presets []Preset
	// New checks the settings and makes a connector; no I/O. Errors are
	// *SettingsError where a field is to blame.
	New func(Account, Host) (Connector, error)
}

// Field is one setting of an account: a line of the configuration file and of
// the form in the browser.
type Field struct {
	Key      string   `json:"key"`
	Type     string   `json:"type"` // string, secret, int, bool, duration, list, choice, text
	Label    string   `json:"label"`
	Help     string   `json:"help,omitempty"`
	Default  any      `json:"default,omitempty"`
	Choices  []string `json:"choices,omitempty"` // for type choice
	Required bool     `json:"required,omitempty"`
	Advanced bool     `json:"advanced,omitempty"` // folded away in the form
	// SentTo names, for a secret that goes to a server, the settings that decide
	// which one and how safely: host, port, security, URL. Where one of them
	// changes, the secret has to be typed in again: whoever may change an
	// account must not be able to have its stored secret sent to a server of
	// their own.
	SentTo []string `json:"sent_to,omitempty"`
}

// Preset fills in the settings of a well-known provider.
type Preset struct {
	Name   string         `json:"name"`
	Values map[string]any `json:"values"`
	Help   string         `json:"help,omitempty"`
}

// Account is the configuration of one account. Settings is a JSON object with
// the keys of the Kind's Fields, secrets in the clear: never log it.
type Account struct {
	ID       string          `json:"id"` // [a-z0-9-], unique over all channels
	Channel  string          `json:"channel"`
	Name     string          `json:"name"`
	Settings json.RawMessage `json:"-"`
}

// Format prints the account without its settings, for every verb.
func (a Account) Format(f fmt.State, _ rune) { fmt.Fprintf(f, "account %q (%s)", a.ID, a.Channel) }

// Host is what the hub lends a connector.
type Host struct {
	Log     *slog.Logger // already tagged with the account; never log content or secrets
	TempDir string       // for large items in flight; emptied at start-up
	// Save stores a changed setting, such as a rotated refresh token.
	Save func(ctx context.Context, key, value string) error
	// PublicURL is where the provider reaches the Webhook of this account,
	// without a slash at the end; "" while the hub has no public address.
	PublicURL string
	// Share returns an address at which anybody may fetch a stored part for a
	// while, for providers that take files by address; "" without a public one.
	Share func(p message.Part, ttl time.Duration) string
	// Desk is for a Phone; nil where there are no agents, as while settings are tried.
	Desk Desk
}

// SettingsError blames one setting.
type SettingsError struct {
	Key  string
	Text string // says what is wrong and what to write instead
}

func (e *SettingsError) Error() string { return e.Key + ": " + e.Text }

// Class tells the outbox what to do about a failed Send.
type Class int

// The classes of failure.
const (
	Retry        Class = iota // try again, not before After
	Reject                    // this message will never go; Reason for people
	OptOut                    // the recipient does not want mail of ours any more
	AccountFault              // the account is at fault: pause it and show a banner
	Unsure                    // it may have gone out
)

// SendError is a failure with what to do about it.
type SendError struct {
	Class  Class
	Reason string        // the provider's words, for people; never holds a secret
	Code   string        // the provider's code: "550 5.1.1", "21610"
	Gone   bool          // for Reject: the address itself does not work
	After  time.Duration // for Retry: the provider's wish, 0 if it had none
	Err    error         // the cause, for the log
}

func (e *SendError) Error() string {
	if e.Code != "" {
		return fmt.Sprintf("%s (%s)", e.Reason, e.Code)
	}
	return e.Reason
}

// Unwrap returns the cause.
func (e *SendError) Unwrap() error { return e.Err }

// ClassOf tells the class of any error; unknown ones can be tried again.
func ClassOf(err error) Class {
	var se *SendError
	if errors.As(err, &se) {
		return se.Class
	}
	return Retry
}
