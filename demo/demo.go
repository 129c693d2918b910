// Package demo is an invented company with its customers: two mailboxes on an
// IMAP and an SMTP server in the process, a number for texts, one for WhatsApp
// and one that can be called at doubles of their provider, a Slack workspace with a channel that is shared with
// a business customer, three months of conversations in English, Persian
// and Thai, colleagues who have worked on them, and customers who go on writing
// and answer what the visitor sends.
//
// Everything goes the way it would go in earnest: mail lies in a mailbox and is
// fetched by the email connector, texts come by signed webhooks or are found in the
// provider's list, the line rings the visitor's browser or takes a message, Slack is heard over its socket, answers leave through the outbox, and what colleagues do they do
// through the hub's methods, in the past at the time at which they did it (store.At).
// Nothing is written into the hub by another door.
//
// The package keeps nothing on disk; mailboxes and texts live in memory. It listens on
// loopback only, sends nothing to the outside, and all its people, addresses and
// numbers are invented (example.com, example.org, example.net and the numbers
// reserved for drama). Equal seeds tell equal stories.
package demo

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"throughline/accounts"
	"throughline/auth"
	"throughline/connectors/email/mailtest"
	"throughline/connectors/slack/slacktest"
	"throughline/connectors/twilio/twiliotest"
	"throughline/documents"
	"throughline/inbox"
	"throughline/notify"
	"throughline/preference"
	"throughline/store"
)

// Options are what the demo works on.
type Options struct {
	Hub       *inbox.Hub
	Auth      *auth.Auth
	Accounts  *accounts.Accounts
	Documents *documents.Library // nil leaves them out
	Notify    *notify.Notify     // nil tells colleagues nothing
	// PublicURL is where the hub is reached, as its own option of that name. Without
	// it texts come with a delay, nobody hears of their delivery, and nobody calls.
	PublicURL string
	Log       *slog.Logger // nil discards
	Seed      uint64       // of the story; 0 is the usual one
	Pace      Pace         // zero fields take DefaultPace
}

// Pace is how fast the invented people are.
type Pace struct {
	First              time.Duration // until the first live mail, once the past is there
	MailMin, MailMax   time.Duration // between two mails of customers
	ReplyMin, ReplyMax time.Duration // until a customer answers an agent
	AgentMin, AgentMax time.Duration // between two deeds of colleagues
}

// DefaultPace keeps the inbox moving without rushing its visitor.
var DefaultPace = Pace{
	First:   4 * time.Second,
	MailMin: 6 * time.Second, MailMax: 20 * time.Second,
	ReplyMin: 5 * time.Second, ReplyMax: 10 * time.Second,
	AgentMin: 12 * time.Second, AgentMax: 35 * time.Second,
}

func (p Pace) orDefault() Pace {
	fill := func(d *time.Duration, def time.Duration) {
		if *d <= 0 {
			*d = def
		}
	}
	fill(&p.First, DefaultPace.First)
	fill(&p.MailMin, DefaultPace.MailMin)
	fill(&p.MailMax, max(DefaultPace.MailMax, p.MailMin))
	fill(&p.ReplyMin, DefaultPace.ReplyMin)
	fill(&p.ReplyMax, max(DefaultPace.ReplyMax, p.ReplyMin))
	fill(&p.AgentMin, DefaultPace.AgentMin)
	fill(&p.AgentMax, max(DefaultPace.AgentMax, p.AgentMin))
	return p
}

// Who works at Larkspur Cycles, besides the visitor.
var colleagues = [...]struct {
	name, address string
	role          auth.Role
}{
	{"Lena Hofer", "lena.hofer@larkspur.example.com", auth.RoleManager},
	{"Marco Bellini", "marco.bellini@larkspur.example.com", auth.RoleAgent},
	{"Aoife Byrne", "aoife.byrne@larkspur.example.com", auth.RoleAgent},
	{"نسرین کاظمی", "nasrin.kazemi@larkspur.example.com", auth.RoleAgent},
	{"ปรียา สายทอง", "preeya.saithong@larkspur.example.com", auth.RoleAgent},
}

// Places in a plan that are no colleague.
const (
	nobody  = -1
	visitor = -2
)

// The visitor as the other agents see him.
const (
	visitorName    = "You"
	visitorAddress = "you@larkspur.example.com"
)

// The folders of each mailbox. New mail comes into INBOX. The past lies in
// Archive, what was received and what was sent in one folder in order of time,
// so that it is taken in as it happened. Sent gets the hub's own copies.
const (
	folderInbox   = "INBOX"
	folderArchive = "Archive"
	folderSent    = "Sent"
)

// World is a running demo.
type World struct {
	Visitor uint64 // the agent whom the printed link signs in

	hub       *inbox.Hub
	auth      *auth.Auth
	accounts  *accounts.Accounts
	notify    *notify.Notify
	documents *documents.Library
	log       *slog.Logger
	pace      Pace
	cast      *cast
	agents    [len(colleagues)]uint64
	imap      [boxes]*mailtest.IMAP
	smtp      *mailtest.SMTP
	twilio    *twiliotest.Server
	line      *twiliotest.Server // nil without a public address
	slack     *workspace
	due       [boxes]int // mails of the past, each to be stored, duplicate or held
	poison    poisoned

	sent    chan mailtest.Mail      // what the SMTP server took
	texted  chan twiliotest.Message // texts of the hub that came to their end
	spoke   chan slacktest.Post     // what the hub posted
	ring    chan struct{}           // somebody is to call now
	closing chan struct{}
	close   sync.Once
	living  sync.Mutex // held while Live runs
	acting  sync.Mutex // held while Live changes the world

	// Only Live touches these.
	toldUpTo uint64 // the newest message of ours that tells of the past
	agenda   []task
	mails    int // written live
	texts    int // written live
	calls    int // made live
}

// Start makes agents, accounts and mailboxes. It returns before anything is taken
// in: the connectors run with the hub.
func Start(ctx context.Context, o Options) (*World, error) {
	if o.Hub == nil || o.Auth == nil || o.Accounts == nil {
		return nil, errors.New("demo: a hub, its agents and its accounts are needed")
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Seed == 0 {
		o.Seed = 1
	}
	w := &World{
		hub: o.Hub, auth: o.Auth, accounts: o.Accounts, documents: o.Documents, notify: o.Notify, log: o.Log, pace: o.Pace.orDefault(), cast: newCast(o.Seed),
		sent: make(chan mailtest.Mail, 256), texted: make(chan twiliotest.Message), spoke: make(chan slacktest.Post), ring: make(chan struct{}, 1),
		closing: make(chan struct{}),
	}
	err := w.start(ctx, o)
	if err != nil {
		w.Close()
		return nil, fmt.Errorf("demo: %w", err)
	}
	return w, nil
}

func (w *World) start(ctx context.Context, o Options) error {
	// Hashing passwords and inventing mail take longest: side by side.
	var g errgroup.Group
	g.Go(func() error { return w.hire(ctx) })
	g.Go(func() error { return w.openMailboxes() })
	g.Go(func() error { return w.openPhones(o.PublicURL) })
	g.Go(func() error { return w.openSlack() })
	g.Go(func() error { return w.openLine(o.PublicURL) })
	if err := g.Wait(); err != nil {
		return err
	}
	if err := w.setPurposes(ctx); err != nil {
		return err
	}
	if err := w.formTeams(ctx); err != nil {
		return err
	}
	for box := range boxes {
		if err := w.addAccount(ctx, o.Accounts, box); err != nil {
			return err
		}
	}
	return nil
}

// setPurposes gives what comes in a purpose where a rule can tell.
func (w *World) setPurposes(ctx context.Context) error {
	var p preference.Policy
	if err := w.hub.Store.View(func(tx *store.Tx) (err error) { p, err = w.hub.Preference.Policy(tx); return err }); err != nil {
		return err
	}
	p.Rules = rules()
	return w.hub.Preference.SetPolicy(ctx, "", p)
}

// hire creates the agents. Their passwords are random and known to nobody: the
// only way in is the visitor's link.
func (w *World) hire(ctx context.Context) error {
	you, err := w.auth.CreateAgent(ctx, demoActor, auth.NewAgent{Name: visitorName, Email: visitorAddress, Role: auth.RoleAdmin, Password: rand.Text()})
	if err != nil {
		return err
	}
	w.Visitor = you.ID
	for i, c := range colleagues {
		agent, err := w.auth.CreateAgent(ctx, demoActor, auth.NewAgent{Name: c.name, Email: c.address, Role: c.role})
		if err != nil {
			return err
		}
		w.agents[i] = agent.ID
	}
	return nil
}

// settleIn gives the colleagues their passwords, without which they would stand
// as invited for ever. Hashing them takes too long for Start.
func (w *World) settleIn(ctx context.Context) error {
	for _, id := range w.agents {
		if err := w.auth.SetPassword(ctx, demoActor, id, rand.Text()); err != nil {
			return err
		}
	}
	return nil
}

// demoActor is who makes the agents, for the audit log.
var demoActor = auth.Actor{Address: "demo"}

// The login of both mailboxes; they are in this process only.
const mailPassword = "larkspur"

// openMailboxes starts the servers and fills the mailboxes with the past.
func (w *World) openMailboxes() error {
	var err error
	w.smtp, err = mailtest.StartSMTP(mailtest.SMTPOptions{User: "larkspur", Password: mailPassword, OnMessage: w.took})
	if err != nil {
		return err
	}
	w.smtp.Script(mailtest.Script{OnRcpt: w.refusals()})
	for box := range boxes {
		s, err := mailtest.StartIMAP(mailtest.IMAPOptions{User: addresses[box], Password: mailPassword})
		if err != nil {
			return err
		}
		w.imap[box] = s
		if err := errors.Join(s.Create(folderArchive), s.Create(folderSent)); err != nil {
			return err
		}
	}
	for _, d := range w.cast.past(time.Now()) {
		uid, err := w.imap[d.box].Append(folderArchive, d.raw, d.at)
		if err != nil {
			return err
		}
		w.due[d.box]++
		if d.poison {
			w.poison = poisoned{box: d.box, uid: uid}
			w.imap[d.box].Poison(uid, true)
		}
	}
	return nil
}

func (w *World) addAccount(ctx context.Context, a *accounts.Accounts, box int) error {
	_, err := a.Create(ctx, accounts.NewAccount{ID: accountIDs[box], Channel: "email", Name: teams[box], Settings: map[string]any{
		"address": addresses[box], "name": teams[box],
		"imap_host": "127.0.0.1", "imap_port": float64(w.imap[box].Port), "imap_security": "none", "imap_password": mailPassword,
		"folders": []any{folderInbox, folderArchive, folderSent}, "poll_interval": "10s", "sent_folder": folderSent,
		"smtp_host": "127.0.0.1", "smtp_port": float64(w.smtp.Port), "smtp_security": "none", "smtp_user": "larkspur", "smtp_password": mailPassword,
		"signature": signature(box), "authserv_id": []any{authServ},
	}})
	return err
}

// Close ends Live and the servers. The hub should have stopped before.
func (w *World) Close() {
	w.close.Do(func() { close(w.closing) })
	w.living.Lock()
	defer w.living.Unlock()
	for _, s := range w.imap {
		if s != nil {
			_ = s.Close() // nothing of theirs is kept
		}
	}
	if w.smtp != nil {
		_ = w.smtp.Close()
	}
	if w.twilio != nil {
		w.twilio.Close()
	}
	if w.line != nil {
		w.line.Close()
	}
	if w.slack != nil {
		w.slack.Close()
	}
}
