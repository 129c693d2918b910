package notify

import (
	"strings"
	"testing"
	"time"

	"throughline/connectors"
	"throughline/connectors/slack/slacktest"
	"throughline/inbox"
	"throughline/message"
	"throughline/store"
)

func TestNotice(t *testing.T) {
	w := newWorld(t)
	w.say("before the rule")
	w.rule(nil)
	w.must(w.hub.Change(t.Context(), 1, []uint64{w.conversation("before the rule")}, inbox.Change{Tags: &[]string{"x"}}))
	m := message.Message{Channel: "line", Account: "line", Direction: message.In, Kind: message.Human, Key: "k1", Source: "k1", Text: "Is <b> & *c* there?",
		Reply: "Is <b> & *c* there?", Time: time.Now(), From: message.Person{Name: "Bo <Example>", Handle: "tel:+447700900001"}}
	w.line.in <- connectors.Batch{Messages: []message.Message{m}}
	p := w.reads([]string{"New conversation: Bo &lt;Example&gt;", "Is &lt;b&gt; &amp; *c* there?", "Line"})[0]
	id := w.conversation("Is <b> & *c* there?")
	if link := "https://hub.example.com/#/inbox/all/"; !strings.Contains(blocksOf(p), link) {
		t.Errorf("no link in %s", blocksOf(p))
	}
	// The link is opened by the browser; that it was pressed is acknowledged.
	w.must(w.lena.Click(t.Context(), w.desk, p.TS, "open"))
	// What colleagues say there is no matter of customers.
	_, err := w.lena.Say(w.desk, "I take it", slacktest.Say{Thread: p.TS})
	w.must(err)
	_, err = w.lena.Say(w.desk, "who is on duty?")
	w.must(err)
	w.must(w.slack.WaitDelivered(t.Context()))

	marco := uint64(2)
	w.must(w.hub.Change(t.Context(), 2, []uint64{id}, inbox.Change{Assignee: &marco}))
	w.reads([]string{"New conversation", "Assigned to Marco Bellini"})
	_, err = w.hub.AddNote(t.Context(), 2, id, "@lena can you look? @Marco too")
	w.must(err)
	w.reads([]string{"Assigned to Marco"}, []string{"Lena Hofer is mentioned", "can you look"})
	resolved := inbox.Resolved
	w.must(w.hub.Change(t.Context(), 2, []uint64{id}, inbox.Change{Status: &resolved}))
	w.reads([]string{"Resolved"}, []string{"Resolved"})
	w.idle()
	// It is closed: what comes later changes nothing.
	open := inbox.Open
	w.must(w.hub.Change(t.Context(), 2, []uint64{id}, inbox.Change{Status: &open}))
	w.say("another matter?")
	w.idle()
	w.reads([]string{"Resolved"}, []string{"Resolved"})
	w.must(w.st.View(func(tx *store.Tx) error {
		if n := w.hub.Health(tx, "slack").Stored; n != 2 {
			t.Errorf("%d items came in from Slack, want what Ann wrote", n)
		}
		return nil
	}))
}

func TestAnswered(t *testing.T) {
	w := newWorld(t)
	w.rule(func(r *Rule) { r.Preview, r.Language = false, "th" })
	id := w.say("secret words")
	if p := w.reads([]string{"การสนทนาใหม่: Ann Example"})[0]; strings.Contains(blocksOf(p)+p.Text, "secret") {
		t.Errorf("the words are shown: %+v", p)
	}
	w.reply(id)
	w.reads([]string{"ตอบแล้ว"})
}

// TestMissedAndFailed: a call that nobody took, and an answer that did not arrive.
func TestMissedAndFailed(t *testing.T) {
	w := newWorld(t)
	w.rule(nil)
	call := message.Message{Channel: "line", Account: "line", Direction: message.In, Kind: message.Human, Key: "c1", Source: "c1", Call: &message.Call{},
		Time: time.Now(), From: message.Person{Name: "Bo Example", Handle: "tel:+447700900001"}}
	w.line.in <- connectors.Batch{Messages: []message.Message{call}}
	for range 2 {
		w.line.in <- connectors.Batch{Changes: []message.Change{{Of: "c1", Time: time.Now(), Call: &message.Call{Outcome: message.CallMissed}}}}
	}
	w.reads([]string{"Missed call: Bo Example"})
	var id uint64
	w.must(w.st.View(func(tx *store.Tx) error {
		list, _, err := w.hub.List(tx, inbox.ListQuery{View: inbox.ViewAll, Limit: 1})
		id = list[0].ID
		return err
	}))
	w.reply(id)
	w.reads([]string{"Missed call"}, []string{"A message to Bo Example did not arrive", "no such number"})
}

// TestOnce: whatever happens on the way, a notice is posted once.
func TestOnce(t *testing.T) {
	for _, tt := range []struct {
		name  string
		fault slacktest.Fault
		times int
	}{
		{"the answer is lost", slacktest.Fault{CutAfter: true}, 1},
		{"an error after it was taken", slacktest.Fault{StatusLate: 500}, 1},
		{"it does not arrive", slacktest.Fault{CutBefore: true}, 2},
		{"Slack is down", slacktest.Fault{Status: 503}, 3},
		{"Slack asks to wait", slacktest.Fault{RetryAfter: time.Second}, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.rule(nil)
			w.slack.Inject("chat.postMessage", tt.times, tt.fault)
			w.say("hello")
			w.reads([]string{"New conversation: Ann Example"})
			w.idle()
			w.reads([]string{"New conversation: Ann Example"})
		})
	}
}

// TestRestart: what happens while nothing runs is told afterwards, once.
func TestRestart(t *testing.T) {
	w := newWorld(t)
	w.rule(nil)
	first := w.say("one")
	w.reads([]string{"New conversation"})
	w.idle()
	w.halt()
	marco := uint64(2)
	w.must(w.hub.Change(t.Context(), 2, []uint64{first}, inbox.Change{Assignee: &marco}))
	_, err := w.hub.AddNote(t.Context(), 2, first, "@Lena please")
	w.must(err)
	// An attempt of which nobody knows what became, as after a crash.
	w.must(w.st.Update(t.Context(), func(tx *store.Tx) error {
		for e := range w.n.notices.Scan(tx, store.Range{}) {
			n, err := w.n.notices.Get(tx, e.ID)
			if err != nil {
				return err
			}
			n.Ref, n.Shown, n.Tried, n.Due = "", "", n.Created, tx.Now()
			if err := w.n.notices.Put(tx, e.ID, n); err != nil {
				return err
			}
		}
		return nil
	}))
	w.n.read = 0 // as a new process
	w.run()
	w.reads([]string{"New conversation", "Assigned to Marco"}, []string{"Lena Hofer is mentioned"})
	w.idle()
	w.reads([]string{"New conversation", "Assigned to Marco"}, []string{"Lena Hofer is mentioned"})
}

func TestWaiting(t *testing.T) {
	w := newWorld(t)
	r := w.rule(func(r *Rule) { r.Events, r.After = []string{OnWaiting}, time.Minute })
	w.must(w.st.Update(t.Context(), func(tx *store.Tx) error {
		r.After = 100 * time.Millisecond // less than people may choose
		return w.n.rules.Put(tx, r.ID, r)
	}))
	id := w.say("anybody there?")
	w.reads([]string{"Ann Example has waited for", "anybody there?"})
	w.reply(id)
	w.reads([]string{"Answered"})
	w.say("thanks, but…")
	w.reads([]string{"Answered"}, []string{"has waited for"})
}

// TestErase: what was posted of somebody who is erased says only that, also if it was
// about to be posted; what was posted of others stays as it is.
func TestErase(t *testing.T) {
	w := newWorld(t)
	w.rule(nil)
	id := w.say("secret words")
	w.reads([]string{"New conversation: Ann Example", "secret words"})
	call := message.Message{Channel: "line", Account: "line", Direction: message.In, Kind: message.Human, Key: "c1", Source: "c1", Call: &message.Call{},
		Time: time.Now(), From: message.Person{Name: "Bo Example", Handle: "tel:+447700900001"}}
	w.line.in <- connectors.Batch{Messages: []message.Message{call}, Changes: []message.Change{{Of: "c1", Time: time.Now(), Call: &message.Call{Outcome: message.CallMissed}}}}
	w.reads([]string{"secret words"}, []string{"Missed call: Bo Example"})
	w.idle()
	// Slack is away while a colleague is asked: that notice is about to be posted.
	w.slack.Inject("chat.postMessage", 1000, slacktest.Fault{Status: 503})
	_, err := w.hub.AddNote(t.Context(), 2, id, "@Lena more secret words")
	w.must(err)
	w.until("the third notice waits", func(tx *store.Tx) bool {
		for e := range w.n.notices.Scan(tx, store.Range{Index: "due"}) {
			n, err := w.n.notices.Get(tx, e.ID)
			return err == nil && n.Tries > 0
		}
		return false
	})
	var records []uint64
	w.must(w.st.View(func(tx *store.Tx) error {
		c, err := w.hub.Conversation(tx, id)
		if err != nil {
			return err
		}
		h, err := w.hub.Identity.Handle(tx, c.Handle)
		records = append(records, h.Customer)
		return err
	}))
	w.must(w.n.Erase(t.Context(), records))
	w.slack.ClearFaults()
	w.until("all notices of hers are closed", func(tx *store.Tx) bool {
		for e := range w.n.notices.Scan(tx, store.Range{}) {
			if n, err := w.n.notices.Get(tx, e.ID); err != nil || n.Conversation == id && n.Closed.IsZero() {
				return false
			}
		}
		return true
	})
	left := 0
	for _, p := range w.slack.Posted() {
		all := blocksOf(p) + p.Text
		if strings.Contains(all, "secret") || strings.Contains(all, "Ann") {
			t.Errorf("still there: %s", all)
		}
		if strings.Contains(all, "The customer of this notice was erased") {
			left++
		}
	}
	if left == 0 {
		t.Errorf("nothing says that it was erased: %+v", w.slack.Posted())
	}
}
