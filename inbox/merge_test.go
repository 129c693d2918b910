package inbox

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"throughline/message"
	"throughline/store"
	"throughline/timeline"
)

// two opens two conversations of one customer.
func (w *world) two() (a, b uint64) {
	ids := w.accept(mail("ann@example.org", "a"+mailNumber(sourceN%1000), "first matter"), mail("ann@example.org", "b"+mailNumber(sourceN%1000), "second matter"))
	return ids[0], ids[1]
}

// TestMergeKeepsDrafts: a draft follows its conversation, and of two drafts of one
// agent no word is lost.
func TestMergeKeepsDrafts(t *testing.T) {
	w := newWorld(t)
	a, b := w.two()
	save := func(agent, conversation uint64, text string) {
		t.Helper()
		if _, err := w.SaveDraft(t.Context(), agent, conversation, &Draft{Mode: ModeReply, HTML: text}); err != nil {
			t.Fatal(err)
		}
	}
	save(1, a, "<p>one</p>")
	save(2, a, "<p>two</p>")
	save(2, b, "<p>too</p>")
	if err := w.MergeConversations(t.Context(), 1, a, b); err != nil {
		t.Fatal(err)
	}
	c := w.conversation(a)
	if c.ID != b || c.Draft == 0 {
		t.Errorf("conversation %d, draft of agent %d", c.ID, c.Draft)
	}
	w.view(func(tx *store.Tx) error {
		for agent, want := range map[uint64][]string{1: {"one"}, 2: {"two", "too"}} {
			d, err := w.Draft(tx, agent, c.ID)
			if err != nil {
				t.Errorf("the draft of agent %d: %v", agent, err)
				continue
			}
			for _, s := range want {
				if !strings.Contains(d.HTML, s) {
					t.Errorf("the draft of agent %d is %q and lacks %q", agent, d.HTML, s)
				}
			}
		}
		return nil
	})
	// An answer written under the old number takes its draft with it.
	w.reply(reply(a, "one"))
	w.view(func(tx *store.Tx) error {
		if _, err := w.Draft(tx, 1, c.ID); !errors.Is(err, ErrNotFound) {
			t.Errorf("the draft of what was sent is still there: %v", err)
		}
		return nil
	})
	if c := w.conversation(b); c.Draft != 2 {
		t.Errorf("draft of agent %d, want 2", c.Draft)
	}
}

// TestMergeKeepsWhatPresses: the more urgent state of the two counts.
func TestMergeKeepsWhatPresses(t *testing.T) {
	w := newWorld(t)
	until := time.Now().Add(time.Hour).UTC().Truncate(time.Second)
	later := until.Add(time.Hour)
	snooze := func(at time.Time) Change { return Change{Status: ptr(Snoozed), SnoozedUntil: &at} }
	resolve := Change{Status: ptr(Resolved)}
	for name, tt := range map[string]struct {
		from, into Change
		status     string
		until      time.Time
	}{
		"snoozed into resolved":         {snooze(until), resolve, Snoozed, until},
		"resolved into snoozed":         {resolve, snooze(until), Snoozed, until},
		"the earlier of two snoozes":    {snooze(until), snooze(later), Snoozed, until},
		"open into resolved":            {Change{Priority: ptr("urgent")}, resolve, Open, time.Time{}},
		"resolved into resolved":        {resolve, resolve, Resolved, time.Time{}},
		"snoozed into open":             {snooze(until), Change{}, Open, time.Time{}},
		"open with a priority, resolve": {Change{Priority: ptr("high")}, Change{Status: ptr(Resolved), Priority: ptr("low")}, Open, time.Time{}},
	} {
		a, b := w.two()
		for id, ch := range map[uint64]Change{a: tt.from, b: tt.into} {
			if err := w.Change(t.Context(), 1, []uint64{id}, ch); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.MergeConversations(t.Context(), 1, a, b); err != nil {
			t.Fatal(err)
		}
		c := w.conversation(b)
		if c.Status != tt.status || !c.SnoozedUntil.Equal(tt.until) {
			t.Errorf("%s: %s until %v, want %s until %v", name, c.Status, c.SnoozedUntil, tt.status, tt.until)
		}
		if p := tt.from.Priority; p != nil && c.Priority != *p {
			t.Errorf("%s: priority %s, want %s", name, c.Priority, *p)
		}
	}
}

// TestCancelledThenMerged: a message that was taken back has no line that could
// be re-filed; the books stay right all the same (the check at the end tells).
func TestCancelledThenMerged(t *testing.T) {
	w := newWorldAt(t, t.TempDir(), time.Hour)
	a, b := w.two()
	r := w.reply(reply(a, "oops"))
	if _, err := w.Undo(t.Context(), 1, r.ID); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Move(t.Context(), 1, r.ID, 0); err == nil {
		t.Error("a message that was taken back was moved to a conversation of its own")
	}
	if err := w.MergeConversations(t.Context(), 1, a, b); err != nil {
		t.Fatal(err)
	}
	// A delivery report for it can only be a mistake.
	if err := w.Store.Update(t.Context(), func(tx *store.Tx) error {
		return w.report(tx, "support", message.Report{Ref: r.Ref, Status: message.Failed, Handle: "mailto:ann@example.org"})
	}); err != nil {
		t.Fatal(err)
	}
}

// TestCounters: what a conversation counts after moves, merges and undo.
func TestCounters(t *testing.T) {
	w := newWorldAt(t, t.TempDir(), time.Hour)
	a := w.accept(mail("ann@example.org", "x1", "question"))[0]
	w.accept(mail("ann@example.org", "x2", "and another", "x1"))
	waiting := w.conversation(a).Waiting
	o := reply(a, "answer")
	o.Then = "resolve"
	r := w.reply(o)
	if c := w.conversation(a); c.Messages != 3 || c.Unread != 0 || !c.Waiting.IsZero() || c.Status != Resolved {
		t.Fatalf("after the answer: %+v", c)
	}
	if _, err := w.Undo(t.Context(), 1, r.ID); err != nil {
		t.Fatal(err)
	}
	if c := w.conversation(a); c.Messages != 2 || !c.Waiting.Equal(waiting) || c.Status != Open || c.Preview != "and another" {
		t.Errorf("after undo: %+v, waiting since %v before", c, waiting)
	}
	b, err := w.Move(t.Context(), 1, w.newestMessage(a), 0)
	if err != nil {
		t.Fatal(err)
	}
	if ca, cb := w.conversation(a), w.conversation(b); ca.Messages != 1 || cb.Messages != 1 || ca.Preview != "question" || cb.Preview != "and another" {
		t.Errorf("after the move: %+v\n%+v", ca, cb)
	}
	// Resolved without an answer: the customer does not wait, and a later merge
	// does not make him wait since then.
	if err := w.Change(t.Context(), 1, []uint64{a}, Change{Status: ptr(Resolved)}); err != nil {
		t.Fatal(err)
	}
	since := w.conversation(b).Waiting
	if err := w.MergeConversations(t.Context(), 1, a, b); err != nil {
		t.Fatal(err)
	}
	if c := w.conversation(b); c.Messages != 2 || !c.Waiting.Equal(since) {
		t.Errorf("after the merge: %d messages, waiting since %v, want 2 and %v", c.Messages, c.Waiting, since)
	}
}

// TestUndoKeepsANewerDraft: what was written since is not overwritten.
func TestUndoKeepsANewerDraft(t *testing.T) {
	w := newWorldAt(t, t.TempDir(), time.Hour)
	a, _ := w.two()
	r := w.reply(reply(a, "sent too early"))
	if _, err := w.SaveDraft(t.Context(), 1, a, &Draft{Mode: ModeReply, HTML: "<p>second thought</p>"}); err != nil {
		t.Fatal(err)
	}
	d, err := w.Undo(t.Context(), 1, r.ID)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(d.HTML, "sent too early") || !strings.Contains(d.HTML, "second thought") {
		t.Errorf("the draft is %q", d.HTML)
	}
}

// TestMergeIsNews: an answer whose writer has not seen what a merge brought is
// held back.
func TestMergeIsNews(t *testing.T) {
	w := newWorld(t)
	a, b := w.two()
	o := reply(b, "answer")
	w.view(func(tx *store.Tx) error { o.SeenSeq = w.Timeline.Last(tx); return nil })
	if err := w.MergeConversations(t.Context(), 2, a, b); err != nil {
		t.Fatal(err)
	}
	var newer *NewerError
	if _, err := w.Reply(t.Context(), o); !errors.As(err, &newer) {
		t.Fatalf("got %v, want to be shown the merge", err)
	}
	if !slices.ContainsFunc(newer.Events, func(e timeline.Event) bool { return e.Kind == timeline.ConversationMerged }) {
		t.Errorf("shown %+v", newer.Events)
	}
}

// TestNewsBehindManyEvents: a customer's message is news however many changes of
// status came after it.
func TestNewsBehindManyEvents(t *testing.T) {
	w := newWorld(t)
	a, _ := w.two()
	o := reply(a, "answer")
	w.view(func(tx *store.Tx) error { o.SeenSeq = w.Timeline.Last(tx); return nil })
	m := mail("ann@example.org", "late", "wait, it came", "")
	m.Refs = []string{w.messageOf(w.conversation(a).LastSeq).Ref}
	w.accept(m)
	for i := range 60 {
		if err := w.Change(t.Context(), 2, []uint64{a}, Change{Priority: ptr(priorities[i%2])}); err != nil {
			t.Fatal(err)
		}
	}
	var newer *NewerError
	if _, err := w.Reply(t.Context(), o); !errors.As(err, &newer) {
		t.Fatalf("got %v, want to be shown the customer's message", err)
	}
}

// TestReplyTwice: a request that is repeated because its answer got lost sends
// once.
func TestReplyTwice(t *testing.T) {
	w := newWorldAt(t, t.TempDir(), time.Hour)
	a, _ := w.two()
	o := reply(a, "answer")
	w.view(func(tx *store.Tx) error { o.SeenSeq = w.Timeline.Last(tx); return nil })
	first, err := w.Reply(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	second, err := w.Reply(t.Context(), o)
	if err != nil || second != first {
		t.Errorf("the same request wrote %d, then %d, %v", first, second, err)
	}
	// Other words, or the same after seeing the first, are another message.
	other := o
	other.HTML = "<p>something else</p>"
	if seq, err := w.Reply(t.Context(), other); err != nil || seq == first {
		t.Errorf("another answer: %d, %v", seq, err)
	}
	o.SeenSeq = 1 << 40
	if seq, err := w.Reply(t.Context(), o); err != nil || seq == first {
		t.Errorf("the same words again, on purpose: %d, %v", seq, err)
	}
}

// TestManyUnanswered: more messages than a merge looks back over keep their count.
func TestManyUnanswered(t *testing.T) {
	w := newWorld(t)
	const n = maxRecent + 50
	var ms []message.Message
	for i := range n {
		ms = append(ms, mail("ann@example.org", "many", "text", "root"))
		ms[i].Ref = ms[i].Source
	}
	a := w.accept(ms...)[0]
	b := w.accept(mail("ann@example.org", "other", "text"))[0]
	if err := w.MergeConversations(t.Context(), 1, b, a); err != nil {
		t.Fatal(err)
	}
	if c := w.conversation(b); c.ID != a || c.Messages != n+1 || c.Unread != n+1 || c.Waiting.IsZero() {
		t.Errorf("%d messages, %d unread, waiting since %v", c.Messages, c.Unread, c.Waiting)
	}
}
