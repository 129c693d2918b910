package demo

import (
	"bytes"
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode"

	"go.uber.org/goleak"

	"throughline/accounts"
	"throughline/auth"
	"throughline/blob"
	"throughline/connectors"
	"throughline/connectors/email"
	"throughline/connectors/slack"
	"throughline/connectors/twilio"
	"throughline/documents"
	"throughline/inbox"
	"throughline/message"
	"throughline/notify"
	"throughline/store"
	"throughline/store/storetest"
	"throughline/timeline"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience is how long a test waits for what has to happen.
const patience = 3 * time.Minute

// stage is a demo with its hub running.
type stage struct {
	*World
	t   *testing.T
	log *safeBuffer
}

type safeBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *safeBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *safeBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

// run starts a demo. When the test ends, all is stopped, in the order of the
// program, and the hub's data must be sound.
func run(t *testing.T, pace Pace) *stage {
	t.Helper()
	dir := t.TempDir()
	s := storetest.OpenPath(t, filepath.Join(dir, "hub.db"))
	blobs, err := blob.Open(filepath.Join(dir, "blobs"))
	if err != nil {
		t.Fatal(err)
	}
	kinds := []connectors.Kind{email.Kind(), twilio.SMS(), twilio.WhatsApp(), twilio.Voice(), slack.Kind()}
	acc := accounts.New(s, accounts.NewKey(), kinds)
	people := auth.New(s, auth.Options{})
	// What the API does with the requests of a provider.
	var hub *inbox.Hub
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		account, route, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, inbox.HookPath), "/")
		hook, err := hub.Webhook(account)
		if err != nil {
			http.Error(w, err.Error(), http.StatusServiceUnavailable)
			return
		}
		http.StripPrefix(strings.TrimSuffix(r.URL.Path, "/"+route), hook).ServeHTTP(w, r)
	}))
	t.Cleanup(web.Close)
	hub, err = inbox.New(inbox.Options{Store: s, Blobs: blobs, Accounts: acc, Kinds: kinds, PublicURL: web.URL, TempDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	if err := acc.Start(t.Context(), accounts.Options{}); err != nil {
		t.Fatal(err)
	}
	st := &stage{t: t, log: &safeBuffer{}}
	notices, err := notify.New(notify.Options{Hub: hub, Agents: people.Names, URL: func() string { return web.URL }})
	if err != nil {
		t.Fatal(err)
	}
	papers, err := documents.New(documents.Options{Store: s, Blobs: blobs, Identity: hub.Identity, Timeline: hub.Timeline})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	st.World, err = Start(ctx, Options{Hub: hub, Documents: papers, Auth: people, Accounts: acc, Notify: notices, PublicURL: web.URL, Pace: pace, Log: slog.New(slog.NewTextHandler(st.log, nil))})
	if err != nil {
		cancel()
		t.Fatal(err)
	}
	var running sync.WaitGroup
	running.Go(func() { _ = hub.Run(ctx) })
	running.Go(func() { _ = notices.Run(ctx) })
	running.Go(func() { st.Live(ctx) })
	t.Cleanup(func() {
		cancel()
		running.Wait()
		st.Close()
		problems, err := hub.Check(context.Background())
		if err != nil || len(problems) > 0 {
			t.Errorf("check: %v %q", err, problems)
		}
		if text := st.log.String(); text != "" {
			t.Errorf("the demo complained: %s", text)
		}
	})
	return st
}

// open lists the open conversations, as the world does for itself.
func (s *stage) open(limit int) ([]placed, error) {
	s.acting.Lock()
	defer s.acting.Unlock()
	return s.World.open(limit)
}

// words are what somebody says in a place, with his names and numbers filled in.
func (s *stage) words(say func() string) string {
	s.acting.Lock()
	defer s.acting.Unlock()
	return say()
}

// until waits until ok, which is asked after each commit.
func (s *stage) until(what string, ok func(tx *store.Tx) (bool, error)) {
	s.t.Helper()
	wake, stop := s.hub.Store.Watch()
	defer stop()
	late := time.After(patience)
	for {
		var done bool
		if err := s.hub.Store.View(func(tx *store.Tx) (err error) { done, err = ok(tx); return err }); err != nil {
			s.t.Fatal(err)
		}
		if done {
			return
		}
		select {
		case <-wake:
		case <-late:
			s.t.Fatalf("in vain: %s\n%s", what, s.log)
		}
	}
}

// quiet is a pace at which nothing happens by itself.
var quiet = Pace{First: time.Hour, MailMin: time.Hour, MailMax: time.Hour, ReplyMin: time.Millisecond, ReplyMax: 2 * time.Millisecond, AgentMin: time.Hour, AgentMax: time.Hour}

// settled waits until the agents' work of the past is done.
func (s *stage) settled() (counts inbox.Counts) {
	s.t.Helper()
	s.until("an arranged desk", func(tx *store.Tx) (bool, error) {
		counts = s.hub.Counts(tx, s.Visitor)
		h, ok := s.hub.Identity.Find(tx, message.NewHandle("mailto", s.cast.langs[2].people[15].address))
		if !ok {
			return false, nil
		}
		c, err := s.hub.Identity.Root(tx, h.Customer) // the last card to be filled in
		return err == nil && c.Company != "", err
	})
	return counts
}

func TestPast(t *testing.T) {
	s := run(t, quiet)
	counts := s.settled()
	s.until("papers in the documents", func(tx *store.Tx) (bool, error) {
		list, _, err := s.documents.List(tx, documents.Filter{Role: documents.RoleAgent}, nil, 100)
		return len(list) == len(papers)+len(bakeryPapers), err
	})
	if counts.Mine != visitorHas+visitorTexts+visitorTalks || counts.Unassigned != nobodyHas+nobodyTexts+nobodyTalks || counts.Snoozed != snoozed || counts.Held != 2 {
		t.Errorf("counts %+v", counts)
	}
	if counts.Resolved < pastThreads-openThreads-snoozed || counts.All < openThreads+openTexts+openTalks || counts.All > openThreads+openTexts+openTalks+5 {
		t.Errorf("counts %+v", counts)
	}
	if err := s.hub.Store.View(func(tx *store.Tx) error {
		for _, id := range accountIDs {
			h := s.hub.Health(tx, id)
			if h.Held != 1 || id == "sales" && h.Duplicate+s.hub.Health(tx, "support").Duplicate < 2 {
				t.Errorf("%s: %+v", id, h)
			}
		}
		list, _, err := s.hub.List(tx, inbox.ListQuery{View: inbox.ViewAll, Limit: 100})
		if err != nil {
			return err
		}
		for _, script := range []*unicode.RangeTable{unicode.Latin, unicode.Arabic, unicode.Thai} {
			if !slices.ContainsFunc(list, func(c *inbox.Conversation) bool { return unicode.Is(script, []rune(c.Preview)[0]) }) {
				t.Errorf("no open conversation in a script of %d ranges", len(script.R16))
			}
		}
		if !slices.ContainsFunc(list, func(c *inbox.Conversation) bool { return time.Since(c.Last) > 24*time.Hour }) {
			t.Error("all open conversations are of today")
		}
		a, _ := s.hub.Identity.Find(tx, message.NewHandle("mailto", twoAddresses[0].address))
		b, _ := s.hub.Identity.Find(tx, message.NewHandle("mailto", twoAddresses[1].address))
		ra, err := s.hub.Identity.Root(tx, a.Customer)
		if err != nil {
			return err
		}
		if rb, err := s.hub.Identity.Root(tx, b.Customer); err != nil || ra.ID != rb.ID {
			t.Errorf("%s is two customers: %v", a.Name, err)
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
}

// Kinds of mail that every mailbox has must be recognised as such.
func TestKinds(t *testing.T) {
	s := run(t, quiet)
	s.settled()
	seen := map[string]int{}
	if err := s.hub.Store.View(func(tx *store.Tx) error {
		last := s.hub.Timeline.Last(tx)
		events, err := s.hub.Timeline.After(tx, 0, int(last))
		if err != nil {
			return err
		}
		for _, e := range events {
			if e.Message == 0 {
				continue
			}
			r, err := s.hub.Message(tx, e.Message)
			if err != nil {
				return err
			}
			seen[string(r.Direction)]++
			seen[string(r.Kind)]++
			seen["vouch "+string(r.Vouch)]++
			if r.List != "" {
				seen["list"]++
			}
			for _, p := range r.Parts {
				seen[p.ContentType]++
				if p.Inline {
					seen["inline"]++
				}
			}
			if r.Quoted != "" {
				seen["quoted"]++
			}
			if r.Signature != "" {
				seen["signature"]++
			}
			if len(r.Warnings) > 0 && r.Kind == message.Human {
				t.Errorf("%q: %q", r.Subject, r.Warnings)
			}
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	for what, least := range map[string]int{"in": 450, "out": 300, "auto_reply": 3, "bounce": 1, "list": 3, "vouch failed": 1, "vouch passed": 400,
		"image/png": 60, "application/pdf": 20, "inline": 10, "quoted": 400, "signature": 300} {
		if seen[what] < least {
			t.Errorf("%s: %d, want %d at least", what, seen[what], least)
		}
	}
	t.Log(seen)
}

// Whoever is answered answers back, into the same conversation, once.
func TestAnswerIsAnswered(t *testing.T) {
	s := run(t, quiet)
	s.settled()
	list, err := s.open(100)
	if err != nil {
		t.Fatal(err)
	}
	for _, lang := range s.cast.langs {
		s.acting.Lock()
		i := slices.IndexFunc(list, func(c placed) bool { return c.thread != nil && c.thread.lang == lang && c.thread.matter.then != "" })
		s.acting.Unlock()
		if i < 0 {
			t.Fatalf("no open conversation in %s", lang.code)
		}
		c := list[i]
		if err := s.reply(t.Context(), s.Visitor, c.ID, c.LastSeq, "<p>We look into it.</p>", ""); err != nil {
			t.Fatal(err)
		}
		var now *inbox.Conversation
		s.until("an answer in "+lang.code, func(tx *store.Tx) (ok bool, err error) {
			now, err = s.hub.Conversation(tx, c.ID)
			return err == nil && now.Messages == c.Messages+2 && now.Direction == "in", err
		})
		said := strings.TrimSpace(strings.SplitN(s.words(func() string { return c.thread.say(c.thread.matter.then) }), ".", 2)[0])
		if err := s.hub.Store.View(func(tx *store.Tx) error {
			e, err := s.hub.Timeline.Get(tx, now.LastSeq)
			if err != nil {
				return err
			}
			r, err := s.hub.Message(tx, e.Message)
			if err != nil {
				return err
			}
			if !strings.Contains(r.Reply, said) || !strings.Contains(r.Quoted, "We look into it") || len(r.Refs) < 2 {
				t.Errorf("%s: reply %q, quoted %q, refs %q", lang.code, r.Reply, r.Quoted, r.Refs)
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
	}
}

// Left alone, customers write, colleagues answer, and deliveries fail.
func TestLife(t *testing.T) {
	const ms = time.Millisecond
	s := run(t, Pace{First: 50 * ms, MailMin: 5 * ms, MailMax: 20 * ms, ReplyMin: ms, ReplyMax: 3 * ms, AgentMin: 5 * ms, AgentMax: 15 * ms})
	s.settled()
	var from uint64
	seen := map[string]bool{}
	s.until("life", func(tx *store.Tx) (bool, error) {
		if from == 0 {
			from = s.hub.Timeline.Last(tx)
		}
		events, err := s.hub.Timeline.After(tx, from, 1000)
		for _, e := range events {
			seen[e.Kind], from = true, e.Seq
		}
		for _, d := range s.twilio.Outbox() {
			seen[d.Status] = true
		}
		return err == nil && s.hub.Counts(tx, s.Visitor).Failed > 1 && seen["read"] && seen["undelivered"] && seen[timeline.ConsentChanged] &&
			seen[timeline.MessageEdited] && seen[timeline.MessageReaction] && seen[timeline.MessageReceived] && seen[timeline.MessageQueued] &&
			seen[timeline.NoteAdded] && seen[timeline.DraftChanged], err
	})
}

// The mail that its server could not hand over can be had by trying again.
func TestHeldMailIsHealed(t *testing.T) {
	s := run(t, quiet)
	s.settled()
	var held []*inbox.HeldItem
	if err := s.hub.Store.View(func(tx *store.Tx) (err error) {
		held, _, err = s.hub.HeldItems(tx, accountIDs[support], nil, 10)
		return err
	}); err != nil || len(held) != 1 {
		t.Fatalf("%d held, %v", len(held), err)
	}
	out, err := s.hub.RetryHeld(t.Context(), held[0].ID)
	if err != nil || out.Outcome != inbox.Stored || out.Conversation == 0 {
		t.Errorf("%+v, %v", out, err)
	}
}

func TestEqualSeedsTellEqualStories(t *testing.T) {
	now := time.Date(2031, 5, 6, 12, 0, 0, 0, time.UTC)
	tell := func(seed uint64) [][]byte {
		var all [][]byte
		for _, d := range newCast(seed).past(now) {
			all = append(all, d.raw)
		}
		return all
	}
	one := tell(7)
	if !slices.EqualFunc(one, tell(7), bytes.Equal) {
		t.Error("the same seed tells two stories")
	}
	if slices.EqualFunc(one, tell(8), bytes.Equal) {
		t.Error("two seeds tell the same story")
	}
	for _, raw := range one {
		if i := bytes.IndexAny(raw, "{}"); i >= 0 && !bytes.Contains(raw, []byte("base64")) {
			t.Errorf("a placeholder is left: %q", raw[max(0, i-40):min(len(raw), i+40)])
		}
	}
}

// What a mail says in each language has all its words filled in.
func TestPlaceholders(t *testing.T) {
	c := newCast(1)
	for _, l := range c.langs {
		for i := range l.matters {
			m := &l.matters[i]
			th := c.open(l, l.people[0], m)
			texts := slices.Concat(m.subjects, m.asks, m.turns, []string{m.then, m.note}, l.greet, l.close, l.thanks, l.nudges, l.ours, l.notes, l.phone)
			for _, text := range texts {
				if said := th.say(text); strings.ContainsAny(said, "{}") {
					t.Errorf("%s %s: %q", l.code, m.tag, said)
				}
			}
			if len(m.subjects) == 0 || len(m.asks) == 0 || len(m.turns) == 0 || m.then == "" {
				t.Errorf("%s %s is not complete", l.code, m.tag)
			}
		}
		if len(l.texting.matters) == 0 || len(l.texting.thanks) == 0 || len(l.texting.nudges) == 0 || len(l.texting.ours) == 0 {
			t.Errorf("%s: nothing is texted", l.code)
		}
		for i := range l.texting.matters {
			m := &l.texting.matters[i]
			ch := c.converse(l, 0, m)
			for _, text := range slices.Concat(m.ask, m.turns, []string{m.then}, l.texting.closings, l.texting.thanks, l.texting.nudges, l.texting.ours) {
				if said := ch.say(text); strings.ContainsAny(said, "{}") || said == "" {
					t.Errorf("%s %s: %q", l.code, m.tag, said)
				}
			}
		}
	}
}
