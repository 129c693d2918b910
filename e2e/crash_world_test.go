package e2e

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/mail"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"throughline/api"
	"throughline/connectors/email/mailtest"
)

// crash is a run of the crash test.
type crash struct {
	t       *testing.T
	rnd     *rand.Rand
	dovecot *mailtest.Dovecot
	smtp    *mailtest.SMTP
	hub     *hub
	admin   *client
	agents  []*client
	planned []crashMail
	posted  int // of planned

	mu       sync.Mutex
	taken    []string            // replies that the hub has
	wire     map[string][]string // reply → its Message-IDs at the SMTP server, one for each time
	seen     map[string]bool     // Message-IDs that were offered to the SMTP server
	answers  []crashMail         // of customers to our replies
	waiting  []crashMail         // those of answers that are still to be posted
	faults   int                 // mails put off, connections broken
	streamed map[string]int      // tokens in frames of the live stream
	resets   int                 // times that the stream was too far behind to resume
}

// crashMail is a mail with what has to become of it.
type crashMail struct {
	token  string // in its text, "" for a copy
	thread string // in its text too
	raw    []byte
}

func newCrash(t *testing.T, seed uint64, size int) *crash {
	c := &crash{
		t: t, rnd: rand.New(rand.NewPCG(seed, 1)), dovecot: mailtest.Peer(t),
		wire: map[string][]string{}, seen: map[string]bool{}, streamed: map[string]int{},
	}
	c.smtp = startSMTP(t, mailtest.SMTPOptions{})
	c.script(rand.New(rand.NewPCG(seed, 2)))
	c.plan(crashMails*size, crashThreads*size)
	c.hub = newHub(t, hubOptions{})
	return c
}

// open starts the hub for the first time, with its people and its account.
func (c *crash) open() {
	c.hub.start()
	c.admin = c.hub.setup()
	for i := range crashAgents {
		c.agents = append(c.agents, c.admin.invite(c.t, fmt.Sprintf("Agent %d", i), fmt.Sprintf("agent%d@example.com", i), "agent"))
	}
	c.admin.addAccount(c.t, "support", settings(c.dovecot, "support", c.smtp.Port))
	c.admin.untilPhase(c.t, "support", "live")
}

// plan writes all mails: threads of several mails by the same customer, in a
// shuffled order, with the same subjects in different threads; a few come twice,
// a few reuse a Message-ID or have none.
func (c *crash) plan(mails, count int) {
	type thread struct {
		id, from, root string
		refs           []string
	}
	threads := make([]thread, count)
	for i := range threads {
		threads[i] = thread{
			id:   fmt.Sprintf("thread-%05d", i),
			from: fmt.Sprintf("Customer %d <customer%d@example.org>", i%crashPeople, i%crashPeople),
			root: fmt.Sprintf("root-%05d@example.org", i),
		}
	}
	for i := range mails {
		// Every thread has a root; its other mails refer to one or several of
		// those before.
		th := &threads[i%len(threads)]
		l := letter{from: th.from, subject: fmt.Sprintf("Question %d", i%7), id: fmt.Sprintf("mail-%05d@example.org", i)}
		if i < len(threads) {
			l.id = th.root
		} else {
			l.subject = "Re: " + l.subject
			l.inReplyTo = "<" + th.refs[c.rnd.IntN(len(th.refs))] + ">"
			l.references = "<" + strings.Join(th.refs, "> <") + ">"
			if c.rnd.IntN(3) == 0 {
				l.references = "" // some programs write only In-Reply-To
				l.inReplyTo = "<" + th.root + ">"
			}
		}
		th.refs = append(th.refs, l.id)
		if i >= len(threads) && c.rnd.IntN(50) == 0 {
			th.refs = th.refs[:len(th.refs)-1]
			switch c.rnd.IntN(2) {
			case 0:
				l.id = "-"
			case 1:
				l.id = th.root // reused, with another content
			}
		}
		m := crashMail{token: fmt.Sprintf("mail-%05d", i), thread: th.id}
		l.text = fmt.Sprintf("%s %s\n%s", m.token, m.thread, strings.Repeat("The parcel has not come yet. ", c.rnd.IntN(80)))
		m.raw = l.raw()
		c.planned = append(c.planned, m)
		if c.rnd.IntN(100) == 0 {
			c.planned = append(c.planned, crashMail{thread: th.id, raw: m.raw}) // the same again
		}
	}
	// Some change places, so that answers come before what they answer.
	for i := range c.planned {
		if c.rnd.IntN(4) == 0 {
			j := min(len(c.planned)-1, i+c.rnd.IntN(2*len(threads)))
			c.planned[i], c.planned[j] = c.planned[j], c.planned[i]
		}
	}
}

// post delivers the planned mails up to n, and what customers have answered
// meanwhile. Most of it is put straight into the mail folder, which is quick;
// some goes through the server.
func (c *crash) post(n int) {
	c.t.Helper()
	c.mu.Lock()
	batch := c.waiting
	c.waiting = nil
	c.mu.Unlock()
	if n > c.posted {
		batch = append(batch, c.planned[c.posted:n]...)
		c.posted = n
	}
	for i, m := range batch {
		var err error
		if i%20 == 0 {
			err = c.dovecot.Deliver("support", m.raw)
		} else {
			err = c.dovecot.WriteMaildir("support", "", m.raw)
		}
		if err != nil {
			c.t.Fatal(err)
		}
	}
}

var (
	replyToken  = regexp.MustCompile(`reply-\d{5}`)
	mailToken   = regexp.MustCompile(`(?:mail|answer)-\d{5}\b`)
	threadToken = regexp.MustCompile(`thread-\d{5}`)
)

// script makes the SMTP server a difficult one: it puts some mails off, and
// breaks some connections after the mail was taken, each mail at most once.
// Some customers answer what they get.
func (c *crash) script(rnd *rand.Rand) {
	c.smtp.Script(mailtest.Script{OnData: func(m mailtest.Mail) error {
		msg, err := mail.ReadMessage(bytes.NewReader(m.Data))
		if err != nil {
			return mailtest.Permanent("this is no mail")
		}
		id := msg.Header.Get("Message-Id")
		c.mu.Lock()
		defer c.mu.Unlock()
		if !c.seen[id] {
			c.seen[id] = true
			if rnd.IntN(25) == 0 {
				c.faults++
				return mailtest.Temporary("come back later")
			}
		}
		token := replyToken.FindString(string(m.Data))
		c.wire[token] = append(c.wire[token], id)
		if len(c.wire[token]) > 1 {
			return nil
		}
		if rnd.IntN(3) == 0 {
			a := crashMail{token: fmt.Sprintf("answer-%05d", len(c.answers)), thread: threadToken.FindString(string(m.Data))}
			a.raw = letter{
				from: msg.Header.Get("To"), subject: msg.Header.Get("Subject"), id: a.token + "@example.org",
				inReplyTo: id, references: msg.Header.Get("References") + " " + id,
				text: a.token + " " + a.thread + "\nThank you.",
			}.raw()
			c.answers = append(c.answers, a)
			c.waiting = append(c.waiting, a)
		}
		if rnd.IntN(25) == 0 {
			c.faults++
			return mailtest.ErrDrop
		}
		return nil
	}})
}

// answer writes replies as an agent does: into any conversation whose customer
// waits. When a reply gets no answer it looks first whether the hub has it.
func (c *crash) answer(a *client, rnd *rand.Rand, replies <-chan int, stop <-chan struct{}) {
	for i := range replies {
		token := fmt.Sprintf("reply-%05d", i)
		for unsure := uint64(0); ; {
			select {
			case <-stop:
				return
			default:
			}
			at, err := c.tryReply(a, rnd, token, unsure)
			if err == nil {
				c.mu.Lock()
				c.taken = append(c.taken, token)
				c.mu.Unlock()
				break
			}
			switch code := status(err); {
			case errors.Is(err, errNobodyWaits):
				time.Sleep(20 * time.Millisecond)
			case code == 0:
				if at != 0 {
					unsure = at // it may have got it
				}
				time.Sleep(20 * time.Millisecond) // the hub is down
			case code == 409: // somebody was quicker
			default:
				c.t.Errorf("%s: %v", token, err)
				return
			}
		}
	}
}

// errNobodyWaits means that there is nothing to answer just now.
var errNobodyWaits = errors.New("nobody waits for an answer")

// tryReply sends one reply. at is the conversation if it was sent and the result
// is not known.
func (c *crash) tryReply(a *client, rnd *rand.Rand, token string, unsure uint64) (at uint64, err error) {
	if unsure != 0 {
		all, err := a.entries(unsure)
		if err != nil {
			return 0, err
		}
		for _, m := range messages(all) {
			if m.Direction == "out" && strings.Contains(m.Reply, token) {
				return 0, nil
			}
		}
	}
	page, err := get[api.Rows](a, "/api/conversations?view=all&limit=100&sort=waiting")
	if err != nil {
		return 0, err
	}
	rows := slices.DeleteFunc(page.Rows, func(r api.Row) bool { return r.Waiting.IsZero() })
	if len(rows) == 0 {
		return 0, errNobodyWaits
	}
	row := rows[rnd.IntN(len(rows))]
	full, err := get[api.Conversation](a, fmt.Sprintf("/api/conversations/%d", row.ID))
	if err != nil {
		return 0, err
	}
	thread := ""
	for _, m := range messages(full.Timeline.Entries) {
		if found := threadToken.FindString(m.Reply); found != "" {
			thread = found
		}
	}
	if thread == "" {
		c.t.Errorf("conversation %d has no mail of ours that can be read", row.ID)
	}
	sent := false
	_, err = a.reply(row.ID, "reply", "<p>"+token+" for "+thread+"</p>", func(*api.ReplyRequest) { sent = true })
	if sent {
		at = row.ID
	}
	return at, err
}

func (c *crash) takenReplies() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.taken)
}

// watch follows the live stream over all restarts, each time from where it was.
func (c *crash) watch(stop <-chan struct{}) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	go func() { <-stop; cancel() }()
	var last uint64
	for {
		select {
		case <-stop:
			return
		case <-time.After(20 * time.Millisecond):
		}
		conn, err := c.admin.dial(last)
		if err != nil {
			continue
		}
		quit := context.AfterFunc(ctx, func() { conn.Close() })
		for {
			var f api.LiveFrame
			if conn.ReadJSON(&f) != nil {
				break
			}
			c.mu.Lock()
			switch {
			case f.Type == "reset":
				c.resets++
				last = f.Seq
			case f.Type == "entry":
				if f.Seq <= last {
					c.t.Errorf("the stream went back from %d to %d", last, f.Seq)
				}
				last = f.Seq
				if m := f.Entry.Message; m != nil && (f.Entry.Kind == "message.received" || f.Entry.Kind == "message.queued") {
					c.streamed[tokenOf(*m)]++
				}
			}
			c.mu.Unlock()
		}
		quit()
		conn.Close()
	}
}
