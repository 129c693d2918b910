// Package twilio connects phone numbers at Twilio: texts and picture messages
// (SMS and MMS) as one channel, WhatsApp as another. One account is one sender:
// a number, a short code, an alphanumeric sender or a messaging service.
//
// Twilio brings messages and delivery states by signed requests to Webhook; they
// are answered with 2xx only when the hub has them. Whatever a request did not
// bring, because we were down or it was lost on its way, Run finds in Twilio's
// list of messages every few minutes. Files are copied at once, with our
// credentials, and never linked.
//
// A text is not idempotent: an attempt of which nobody knows what became is never
// repeated here. It is class Unsure, and Find looks for it at Twilio.
//
// Nothing is kept on disk but temporary files of media in flight; the cursor
// lives with the hub. The connector changes nothing at Twilio besides sending.
package twilio

import (
	"log/slog"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"throughline/connectors"
	"throughline/message"
)

// The channels, and the scheme of their handles.
const (
	ChannelSMS      = "sms"
	ChannelWhatsApp = "whatsapp"
	Scheme          = "tel"
)

// window is how long after a person's last message WhatsApp lets a business
// write freely.
const window = 24 * time.Hour

// flavour is what tells the two channels apart.
type flavour struct {
	channel string
	prefix  string // of an address on the wire
	text    int    // longest text, in characters
	files   int    // of one message
	rate    int    // messages per second unless configured
	stop    []string
	start   []string
	help    []string
}

func sms() flavour {
	return flavour{channel: ChannelSMS, text: 1600, files: 10, rate: 10,
		// The first ones are those on which Twilio itself blocks and unblocks. YES
		// unblocks too, but is mostly the answer to a question.
		stop: []string{"STOP", "STOPALL", "UNSUBSCRIBE", "CANCEL", "END", "QUIT", "REVOKE", "OPTOUT",
			"لغو", "توقف", "لغو عضویت", "หยุด", "ยกเลิก", "เลิกรับ"},
		start: []string{"START", "UNSTOP", "شروع", "عضویت", "เริ่ม", "สมัคร"},
		help:  []string{"HELP", "INFO", "راهنما", "کمک", "ช่วยเหลือ", "ช่วยด้วย"}}
}

func whatsapp() flavour {
	return flavour{channel: ChannelWhatsApp, prefix: "whatsapp:", text: 1600, files: 1, rate: 40,
		// No carrier acts on words here, so that only clear ones count.
		stop:  []string{"STOP", "UNSUBSCRIBE", "OPTOUT", "لغو", "توقف", "لغو عضویت", "หยุด", "เลิกรับ"},
		start: []string{"START", "UNSTOP", "شروع", "عضویت", "เริ่ม", "สมัคร"},
		help:  []string{"HELP", "راهنما", "ช่วยเหลือ"}}
}

// SMS is the channel of texts and picture messages.
func SMS() connectors.Kind { return kind(sms()) }

// WhatsApp is the channel of WhatsApp senders at Twilio.
func WhatsApp() connectors.Kind { return kind(whatsapp()) }

func kind(f flavour) connectors.Kind {
	return connectors.Kind{Channel: f.channel, Scheme: Scheme, Fields: fields(f),
		New: func(a connectors.Account, h connectors.Host) (connectors.Connector, error) {
			c, err := newConnector(f, a, h)
			if err != nil {
				return nil, err
			}
			if f.channel == ChannelWhatsApp {
				return &templated{c}, nil
			}
			return c, nil
		}}
}

// Connector is one sender at Twilio.
type Connector struct {
	flavour
	account string
	set     settings
	host    connectors.Host
	log     *slog.Logger
	limits  limits
	client  *http.Client
	pace    pace
	ahead   atomic.Int64  // of Twilio's clock before ours
	fetches chan struct{} // a token for each file that is being fetched

	wake chan struct{} // tells Run to look at what follows

	mu       sync.Mutex
	taken    map[string]bool // SIDs that the hub has with all their files
	flush    bool            // taken has grown by one with files: the cursor should say so soon
	late     []string        // SIDs whose files are still missing
	missed   bool            // the hub refused something: look for it soon
	trouble  string          // the last webhook that was turned away, for people
	reported map[string]message.Status
	owners   map[string]string // of messages of ours whose callbacks came: SID → message.OwnRef
	first    time.Time         // where the hub's knowledge of this account begins, if known
}

func newConnector(f flavour, a connectors.Account, h connectors.Host) (*Connector, error) {
	set, err := readSettings(f, a.Settings)
	if err != nil {
		return nil, err
	}
	if h.Log == nil {
		h.Log = slog.New(slog.DiscardHandler)
	}
	return &Connector{
		flavour: f, account: a.ID, set: set, host: h, log: h.Log, limits: defaultLimits(), client: newClient(),
		pace:    pace{every: time.Second / time.Duration(set.rate)},
		fetches: make(chan struct{}, maxFetches), wake: make(chan struct{}, 1),
		taken: map[string]bool{}, reported: map[string]message.Status{}, owners: map[string]string{},
	}, nil
}

// Info describes the account.
func (c *Connector) Info() connectors.Info {
	info := connectors.Info{
		Account: c.account,
		Channel: c.channel,
		Own:     message.Person{Name: c.set.name},
		Writing: connectors.Writing{
			Text: c.text, Chat: true, Segments: c.channel == ChannelSMS,
		},
		Acknowledge: c.set.acknowledge,
		Help:        c.set.helpAnswer,
		Hooks:       []connectors.Hook{{Path: routeMessage, Use: "message", Label: "A message comes in (HTTP POST)"}},
	}
	if c.set.from != "" {
		info.Own.Handle = handleOf(c.set.from)
	}
	if c.host.Share != nil && c.host.PublicURL != "" {
		info.Writing.Files, info.Writing.FileBytes = c.files, c.set.sendBytes
	}
	if c.channel == ChannelWhatsApp {
		info.Writing.Window = window
	}
	return info
}

// nudge makes Run look at what changed. It never blocks.
func (c *Connector) nudge() {
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

// url is the address of one of our routes as Twilio reaches it.
func (c *Connector) url(route string) string { return c.host.PublicURL + route }

// base fills in what every incoming message of the account has.
func (c *Connector) base() message.Message {
	return message.Message{Channel: c.channel, Account: c.account, Direction: message.In, Kind: message.Human, Chat: true}
}

var (
	_ connectors.Connector = (*Connector)(nil)
	_ connectors.Webhooker = (*Connector)(nil)
	_ connectors.Finder    = (*Connector)(nil)
	_ connectors.Pacer     = (*Connector)(nil)
	_ connectors.Auditor   = (*Connector)(nil)
	_ connectors.Reader    = (*Connector)(nil)
	_ connectors.Tester    = (*Connector)(nil)
)
