package e2e

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/mail"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"throughline/api"
	"throughline/connectors/email/mailtest"
)

// The size of the crash test. CRASH_KILLS makes it longer, CRASH_SEED repeats
// the choices of an earlier run (not its timing).
const (
	crashMails   = 5000
	crashReplies = 500
	crashKills   = 50
	crashAgents  = 4
	crashThreads = 1200
	crashPeople  = 300 // so that most have several threads with the same subject
)

// TestCrash kills the program again and again while mail comes in and answers
// go out, and then counts: nothing lost, nothing doubled, nothing in a wrong
// conversation.
func TestCrash(t *testing.T) {
	t.Parallel()
	kills := number(t, "CRASH_KILLS", crashKills)
	seed := uint64(number(t, "CRASH_SEED", int(time.Now().UnixNano()&0xffffff)))
	t.Logf("CRASH_SEED=%d CRASH_KILLS=%d", seed, kills)
	c := newCrash(t, seed, max(1, kills/crashKills))
	c.open()
	replies := make(chan int, crashReplies)
	offered := 0
	offer := func(n int) {
		for ; offered < n; offered++ {
			replies <- offered
		}
	}
	var work sync.WaitGroup
	stop := make(chan struct{})
	watched := make(chan struct{})
	defer func() {
		close(stop)
		if offered < crashReplies {
			close(replies) // the test has failed
		}
		work.Wait()
		<-watched
	}()
	for i, a := range c.agents {
		work.Go(func() { c.answer(a, rand.New(rand.NewPCG(seed, uint64(10+i))), replies, stop) })
	}
	go func() { defer close(watched); c.watch(stop) }()

	// A part of the mail and of the replies comes with each kill: some while the
	// hub is down, some while it works.
	began := time.Now()
	for n := range kills {
		offer(crashReplies * (n + 1) / kills)
		c.post(len(c.planned) * (2*n + 1) / kills / 2)
		if n > 0 {
			c.hub.launch()
		}
		if c.rnd.IntN(5) > 0 {
			if n > 0 && !c.hub.serving() {
				t.Fatalf("after kill %d the hub ended at once: %v", n, c.hub.exit)
			}
			time.Sleep(time.Duration(c.rnd.IntN(600)) * time.Millisecond)
			c.post(len(c.planned) * (2*n + 2) / kills / 2)
			time.Sleep(time.Duration(c.rnd.IntN(1200)) * time.Millisecond)
		} else { // in the middle of the start
			time.Sleep(time.Duration(c.rnd.IntN(300)) * time.Millisecond)
		}
		c.hub.kill()
		if n%5 == 4 {
			c.hub.check()
		}
	}
	t.Logf("%d kills in %v, with %d mails in and %d replies taken", kills, time.Since(began).Round(time.Second), c.posted, c.takenReplies())

	close(replies)
	c.post(len(c.planned))
	c.hub.start()
	done := make(chan struct{})
	go func() { work.Wait(); close(done) }()
	select {
	case <-done:
	case <-time.After(patience):
		t.Fatalf("only %d of %d replies were taken", c.takenReplies(), crashReplies)
	}
	c.settle()
	if took, err := c.hub.terminate(); err != nil {
		t.Errorf("the end after %v: %v", took, err)
	}
	c.hub.check()
	c.hub.start()
	if err := eventually("the live stream at the end", func() error {
		c.mu.Lock()
		defer c.mu.Unlock()
		if want := c.tokens(); c.resets == 0 && len(c.streamed) < want {
			return fmt.Errorf("it has told of %d messages of %d", len(c.streamed), want)
		}
		return nil
	}); err != nil {
		t.Error(err)
	}
	c.judge()
}

// number reads a whole number from the environment.
func number(t *testing.T, name string, other int) int {
	v := os.Getenv(name)
	if v == "" {
		return other
	}
	n, err := strconv.Atoi(v)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return n
}

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

// tokenOf finds what names a message in this test.
func tokenOf(m api.Message) string {
	if m.Direction == "out" {
		return replyToken.FindString(m.Reply)
	}
	return mailToken.FindString(m.Reply)
}

// settle waits until all that was posted is taken in and all that was written is
// sent, also what customers answer to it.
func (c *crash) settle() {
	c.t.Helper()
	// What is missing then is named by judge.
	if err := eventually("everything taken in and sent", func() error {
		c.post(0)
		a, err := c.admin.account("support")
		if err != nil {
			return err
		}
		if a.Health.Queued > 0 {
			// What was put off need not wait.
			if err := c.admin.call("POST", "/api/accounts/support/kick", nil, nil); err != nil {
				return err
			}
		}
		c.mu.Lock()
		want := len(c.planned) + len(c.answers)
		waiting := len(c.waiting)
		c.mu.Unlock()
		if in := a.Health.Stored + a.Health.Duplicate + a.Health.Held; in < want || a.Health.Queued > 0 || waiting > 0 {
			return fmt.Errorf("%d of %d mails are in, %d to post, %d replies to send; %s %s", in, want, waiting, a.Health.Queued, a.Health.State.Phase, a.Health.State.Detail)
		}
		return nil
	}); err != nil {
		c.t.Error(err)
	}
}

// tokens is how many different mails and replies there are.
func (c *crash) tokens() int {
	n := crashReplies + len(c.answers)
	for _, m := range c.planned {
		if m.token != "" {
			n++
		}
	}
	return n
}

// judge counts.
func (c *crash) judge() {
	t := c.t
	t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	want := map[string]string{} // token → thread
	copies := 0
	for _, m := range append(slices.Clone(c.planned), c.answers...) {
		if m.token == "" {
			copies++
			continue
		}
		want[m.token] = m.thread
	}
	rows := must[[]api.Row](t)(c.admin.rows("all"))
	place := map[string]uint64{} // thread → conversation
	times := map[string]int{}    // token → how often
	foreign, empty, unsent := 0, 0, 0
	for _, r := range rows {
		all := messages(must[[]api.Entry](t)(c.admin.entries(r.ID)))
		if len(all) == 0 {
			empty++
		}
		if len(all) != r.Messages {
			t.Errorf("conversation %d says %d messages and has %d", r.ID, r.Messages, len(all))
		}
		for _, m := range all {
			token, thread := tokenOf(m), threadToken.FindString(m.Reply)
			times[token]++
			if first, ok := place[thread]; !ok {
				place[thread] = r.ID
			} else if first != r.ID {
				foreign++
				if foreign <= 10 {
					t.Errorf("%s of %s lies in conversation %d, others of it in %d", token, thread, r.ID, first)
				}
			}
			if m.Direction == "in" && want[token] != thread {
				t.Errorf("message %d is %q of %q, which nobody wrote", m.ID, token, thread)
			}
			if m.Direction == "out" && m.Delivery.Status != "sent" {
				unsent++
			}
		}
	}
	// Two threads in one conversation.
	byPlace := map[uint64]int{}
	for _, id := range place {
		if byPlace[id]++; byPlace[id] == 2 {
			foreign++
			t.Errorf("conversation %d holds several threads", id)
		}
	}
	lost, doubled := 0, 0
	for token := range want {
		switch n := times[token]; {
		case n == 0:
			lost++
			t.Errorf("%s of %s is lost", token, want[token])
		case n > 1:
			doubled++
			t.Errorf("%s is there %d times", token, n)
		}
	}
	again := 0
	for i := range crashReplies {
		token := fmt.Sprintf("reply-%05d", i)
		if times[token] != 1 {
			t.Errorf("%s is there %d times", token, times[token])
		}
		ids := c.wire[token]
		if len(ids) == 0 {
			t.Errorf("%s never came to the SMTP server", token)
			continue
		}
		again += len(ids) - 1
		if slices.Sort(ids); len(slices.Compact(ids)) != 1 {
			t.Errorf("%s went out under several names: %v", token, ids)
		}
	}
	names := map[string]string{}
	for token, ids := range c.wire {
		if other, ok := names[ids[0]]; ok && other != token {
			t.Errorf("%s and %s went out under one name", token, other)
		}
		names[ids[0]] = token
	}
	if c.resets == 0 {
		for token := range times {
			if c.streamed[token] != 1 {
				t.Errorf("%s was in the live stream %d times", token, c.streamed[token])
			}
		}
	}
	a := must[api.Account](t)(c.admin.account("support"))
	if a.Health.Held != 0 || a.Health.Stored != len(want) || a.Health.Duplicate < copies {
		t.Errorf("the account counts %d stored, %d duplicate, %d held; want %d, at least %d, 0", a.Health.Stored, a.Health.Duplicate, a.Health.Held, len(want), copies)
	}
	t.Logf("%d mails in (%d copies, %d answers of customers) in %d conversations: %d lost, %d doubled, %d in a wrong conversation, %d empty", len(want), copies, len(c.answers), len(rows), lost, doubled, foreign, empty)
	t.Logf("%d replies: %d not sent, %d sent again under the same name; %d faults of the SMTP server, %d resets of the stream", crashReplies, unsent, again, c.faults, c.resets)
	if empty > 0 || unsent > 0 {
		t.Errorf("%d conversations are empty, %d replies are not sent", empty, unsent)
	}
}
