package inbox

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"throughline/connectors"
	"throughline/message"
	"throughline/store"
	"throughline/timeline"
)

var ann = []message.Person{{Name: "Ann", Handle: "mailto:ann@example.org"}}

// reply is what an agent who has seen everything answers.
func reply(conversation uint64, text string) Outgoing {
	return Outgoing{Agent: 1, Conversation: conversation, Mode: ModeReply, To: slices.Clone(ann), HTML: "<p>" + text + "</p>", SeenSeq: 1 << 40}
}

func (w *world) reply(o Outgoing) *Record {
	w.t.Helper()
	seq, err := w.Reply(w.t.Context(), o)
	if err != nil {
		w.t.Fatal(err)
	}
	return w.messageOf(seq)
}

// TestLongMatter: the references of answers stop growing, and still name the root
// and what they answer.
func TestLongMatter(t *testing.T) {
	w := newWorld(t)
	id := w.accept(mail("ann@example.org", "root", "question"))[0]
	last := w.reply(reply(id, "answer"))
	for i := range 2 * maxRefs {
		o := reply(id, fmt.Sprintf("answer %d", i))
		o.InReplyTo = last.ID
		before := last.Ref
		last = w.reply(o)
		if n := len(last.Refs); n > maxRefs || last.Refs[0] != before || last.Refs[n-1] != "root" || last.Thread[0] != "root" || last.Thread[n-1] != before {
			t.Fatalf("answer %d refers to %q", i, last.Refs)
		}
	}
	if got := w.accept(mail("ann@example.org", "late", "thanks", last.Ref, "root"))[0]; got != id {
		t.Errorf("the customer's answer went to %d, want %d", got, id)
	}
}

func TestUndoOfANewConversation(t *testing.T) {
	w := newWorldAt(t, t.TempDir(), time.Hour)
	o := reply(0, "hello")
	o.Mode, o.Account, o.Subject, o.Then = ModeNew, "support", "news", "resolve"
	r := w.reply(o)
	if _, err := w.Undo(t.Context(), 1, r.ID); err != nil {
		t.Fatal(err)
	}
	w.view(func(tx *store.Tx) error {
		if n := w.Counts(tx, 1); n != (Counts{}) {
			t.Errorf("a conversation that never began is on a list: %+v", n)
		}
		_, err := w.Draft(tx, 1, 0)
		return err
	})
}

func is(s message.Status) func(*Delivery) bool {
	return func(d *Delivery) bool { return d.Status == s }
}

func TestReply(t *testing.T) {
	w := newWorld(t)
	q := mail("ann@example.org", "q", "where is it?", "root")
	id := w.accept(q)[0]
	o := reply(id, "on its <b>way</b><script>x()</script>")
	o.AgentSignature, o.Then = "Ben", "resolve"
	r := w.reply(o)
	d := w.delivery(r.ID, is(message.Sent))
	if len(d.Attempts) != 1 || d.Attempts[0].Result != "sent" || d.Draft != nil {
		t.Errorf("delivery %+v", d)
	}
	m := <-w.sent
	if m.ID != r.ID || m.Token != r.Token || !slices.Equal(m.Thread, []string{"root", "q"}) || m.Subject != "Re: about q" {
		t.Errorf("sent %+v", m)
	}
	for _, want := range []string{"on its <b>way</b>", "where is it?", "Ben"} {
		if !strings.Contains(m.HTML, want) {
			t.Errorf("the HTML lacks %q: %s", want, m.HTML)
		}
	}
	if strings.Contains(m.HTML, "script") {
		t.Errorf("a script went out: %s", m.HTML)
	}
	if !strings.Contains(m.Text, "> where is it?") || !strings.Contains(m.Text, "-- \nBen") {
		t.Errorf("the text is %q", m.Text)
	}
	c := w.conversation(id)
	if c.Status != Resolved || c.Assignee != 1 || !c.Waiting.IsZero() || c.Direction != "out" {
		t.Errorf("conversation %+v", c)
	}
	// The customer's program names only our message.
	if got := w.accept(mail("ann@example.org", "q2", "thanks", r.Ref))[0]; got != id {
		t.Errorf("the answer went to %d, want %d", got, id)
	}
}

func TestReplyIsHeldWhenSomebodyWasQuicker(t *testing.T) {
	w := newWorld(t)
	id := w.accept(mail("ann@example.org", "q", "question"))[0]
	seen := w.conversation(id).LastSeq
	ben := reply(id, "I know")
	ben.Agent = 2
	w.reply(ben)
	late := reply(id, "I know too")
	late.SeenSeq = seen
	_, err := w.Reply(t.Context(), late)
	var newer *NewerError
	if !errors.As(err, &newer) || len(newer.Events) != 1 || newer.Events[0].Kind != timeline.MessageQueued {
		t.Fatalf("got %v, want the other answer", err)
	}
	// An assignment in between is no reason to hold an answer back.
	seen = newer.Events[0].Seq
	if err := w.Change(t.Context(), 2, []uint64{id}, Change{Priority: ptr("high")}); err != nil {
		t.Fatal(err)
	}
	late.SeenSeq = seen
	w.reply(late)
}

func TestUndo(t *testing.T) {
	w := newWorldAt(t, t.TempDir(), time.Hour)
	id := w.accept(mail("ann@example.org", "q", "question"))[0]
	before := w.conversation(id)
	r := w.reply(reply(id, "oops"))
	draft, err := w.Undo(t.Context(), 1, r.ID)
	if err != nil {
		t.Fatal(err)
	}
	if draft.HTML != "<p>oops</p>" || draft.To[0].Handle != "mailto:ann@example.org" {
		t.Errorf("draft %+v", draft)
	}
	after := w.conversation(id)
	if after.Messages != before.Messages || after.Preview != before.Preview || after.Waiting.IsZero() {
		t.Errorf("before %+v\nafter %+v", before, after)
	}
	if got := w.events(id); slices.Contains(got, timeline.MessageQueued) {
		t.Errorf("the message is still on the page: %v", got)
	}
	if _, err := w.Undo(t.Context(), 1, r.ID); err == nil {
		t.Error("taken back twice")
	}
	w.view(func(tx *store.Tx) error {
		if n := w.deliveries.Count(tx, "due", store.K().Str("support")); n != 0 {
			t.Errorf("%d messages still wait", n)
		}
		_, err := w.Draft(tx, 1, id)
		return err
	})
}

// TestOutcomes goes through what a connector can say of an attempt.
func TestOutcomes(t *testing.T) {
	tests := []struct {
		name   string
		err    error
		status message.Status
		result string
		fails  bool // counts as trouble
	}{
		{"refused", &connectors.SendError{Class: connectors.Reject, Reason: "no such user", Code: "550 5.1.1"}, message.Failed, "rejected", true},
		{"opted out", &connectors.SendError{Class: connectors.OptOut, Reason: "unsubscribed"}, message.Failed, "opt_out", true},
		{"later", &connectors.SendError{Class: connectors.Retry, Reason: "greylisted", Code: "451"}, message.Queued, "retry", false},
		{"unknown errors are tried again", errors.New("broken pipe"), message.Queued, "retry", false},
		{"unsure is repeated where that is safe", &connectors.SendError{Class: connectors.Unsure, Reason: "no answer"}, message.Queued, "unsure", false},
		{"the account is at fault", &connectors.SendError{Class: connectors.AccountFault, Reason: "wrong password"}, message.Queued, "account", false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t)
			w.ch.send = func(context.Context, message.Message) (connectors.Receipt, error) {
				return connectors.Receipt{}, tt.err
			}
			id := w.accept(mail("ann@example.org", "q", "question"))[0]
			o := reply(id, "answer")
			o.Then = "resolve"
			r := w.reply(o)
			d := w.delivery(r.ID, func(d *Delivery) bool { return len(d.Attempts) == 1 && d.Attempts[0].Result != "" })
			want := tt.result
			if tt.result == "unsure" {
				want = "retry" // told as what is done about it
			}
			if d.Status != tt.status || d.Attempts[0].Result != want || d.Reason == "" {
				t.Errorf("delivery %+v", d)
			}
			c := w.conversation(id)
			if tt.fails != (c.Undelivered == 1) || tt.fails != (c.Status == Open) {
				t.Errorf("undelivered %d, %s", c.Undelivered, c.Status)
			}
			if !tt.fails {
				return
			}
			if err := w.Dismiss(t.Context(), 1, r.ID); err != nil {
				t.Fatal(err)
			}
			if c := w.conversation(id); c.Undelivered != 0 {
				t.Errorf("dismissed and still counted: %d", c.Undelivered)
			}
			w.ch.send = func(_ context.Context, m message.Message) (connectors.Receipt, error) {
				return connectors.Receipt{}, nil
			}
			if tt.result == "opt_out" {
				if err := w.Retry(t.Context(), 1, r.ID); !strings.Contains(fmt.Sprint(err), "as the provider says: unsubscribed") {
					t.Fatalf("sent again to somebody who opted out: %v", err)
				}
				if err := w.SetConsent(t.Context(), 1, ann[0].Handle, "test", "", message.OptIn, "told me so on the phone"); err != nil {
					t.Fatal(err)
				}
			}
			if err := w.Retry(t.Context(), 1, r.ID); err != nil {
				t.Fatal(err)
			}
			w.delivery(r.ID, is(message.Sent))
		})
	}
}

// TestStopInMidAttempt stops a hub while an attempt is under way, as a crash does.
func TestStopInMidAttempt(t *testing.T) {
	for _, idempotent := range []bool{true, false} {
		w := newWorld(t)
		w.ch.About.Idempotent = idempotent
		w.stop()
		w.start()
		id := w.accept(mail("ann@example.org", "q", "question"))[0]
		w.stop() // the outbox stands still
		// What a process leaves that dies after it has dialled.
		seq, err := w.replyStopped(reply(id, "answer"))
		if err != nil {
			t.Fatal(err)
		}
		r := w.messageOf(seq)
		if err := w.Store.Update(t.Context(), func(tx *store.Tx) error {
			d, err := w.Delivery(tx, r.ID)
			if err != nil {
				return err
			}
			d.Status, d.Due = message.Sending, tx.Now().Add(attemptLease)
			d.Attempts = []Attempt{{Time: tx.Now()}}
			return w.deliveries.Put(tx, r.ID, d)
		}); err != nil {
			t.Fatal(err)
		}
		w.start()
		if idempotent {
			d := w.delivery(r.ID, is(message.Sent))
			if m := <-w.sent; m.ID != r.ID || m.Token != r.Token || len(d.Attempts) != 2 {
				t.Errorf("sent again as %d.%s after %d attempts, want %d.%s", m.ID, m.Token, len(d.Attempts), r.ID, r.Token)
			}
			continue
		}
		w.delivery(r.ID, is(message.Unsure))
		if c := w.conversation(id); c.Undelivered != 1 {
			t.Error("nobody is told that a message may not have gone out")
		}
		select {
		case m := <-w.sent:
			t.Errorf("sent %d again on a channel that does not survive it", m.ID)
		default:
		}
	}
}

// replyStopped writes a reply while nothing runs.
func (w *world) replyStopped(o Outgoing) (uint64, error) {
	r := w.idleRunner()
	w.mu.Lock()
	w.running["support"] = r
	w.mu.Unlock()
	defer func() {
		w.mu.Lock()
		delete(w.running, "support")
		w.mu.Unlock()
	}()
	return w.Reply(w.t.Context(), o)
}

func (w *world) idleRunner() *runner {
	return &runner{hub: w.Hub, account: "support", conn: w.ch, info: w.ch.About, kick: make(chan struct{}, 1), cancel: func() {}}
}

func TestReports(t *testing.T) {
	w := newWorld(t)
	id := w.accept(mail("ann@example.org", "q", "question"))[0]
	o := reply(id, "answer")
	o.Cc = []message.Person{{Handle: "mailto:bob@example.org"}}
	r := w.reply(o)
	w.delivery(r.ID, is(message.Sent))
	report := func(rep message.Report) {
		t.Helper()
		if err := w.sink.Accept(t.Context(), connectors.Batch{Reports: []message.Report{rep}}); err != nil {
			t.Fatal(err)
		}
	}
	get := func() (d *Delivery) {
		w.view(func(tx *store.Tx) (err error) { d, err = w.Delivery(tx, r.ID); return err })
		return d
	}
	report(message.Report{Ref: message.OwnRef(r.ID, "wrongwrongwrong1"), Status: message.Failed, Permanent: true})
	if d := get(); d.Status != message.Sent || len(d.Rejected) != 0 {
		t.Fatalf("a guess changed it: %+v", d)
	}
	report(message.Report{Ref: r.Ref, Status: message.Delivered})
	report(message.Report{Ref: r.Ref, Status: message.Sent})
	if d := get(); d.Status != message.Delivered {
		t.Errorf("status went back to %s", d.Status)
	}
	bounce := message.Report{Ref: r.Ref, Status: message.Failed, Permanent: true, Handle: "mailto:bob@example.org", Code: "5.1.1", Reason: "no such user"}
	report(bounce)
	report(bounce)
	if d, c := get(), w.conversation(id); d.Status != message.Delivered || len(d.Rejected) != 1 || c.Undelivered != 1 {
		t.Errorf("one of two bounced: %+v, %d undelivered", d, c.Undelivered)
	}
	bounce.Handle = "mailto:ann@example.org"
	report(bounce)
	if d, c := get(), w.conversation(id); d.Status != message.Failed || c.Undelivered != 1 {
		t.Errorf("both bounced: %+v, %d undelivered", d, c.Undelivered)
	}
}

func TestRecipients(t *testing.T) {
	w := newWorld(t)
	m := mail("ann@example.org", "q", "question")
	m.From.Name = "Ann"
	m.To = append(m.To, message.Person{Handle: "mailto:bob@example.org"})
	m.Cc = []message.Person{{Handle: "mailto:Carl@example.org"}, {Handle: "mailto:ann@example.org"}}
	id := w.accept(m)[0]
	get := func(mode string) (r *Recipients) {
		t.Helper()
		w.view(func(tx *store.Tx) (err error) { r, err = w.Recipients(tx, id, mode, 0); return err })
		return r
	}
	addresses := func(list []message.Person) (out []string) {
		for _, p := range list {
			out = append(out, p.Handle.Address())
		}
		return out
	}
	if r := get(ModeReply); !slices.Equal(addresses(r.To), []string{"ann@example.org"}) || len(r.Cc) != 0 {
		t.Errorf("reply: %+v", r)
	}
	if r := get(ModeReplyAll); !slices.Equal(addresses(r.To), []string{"ann@example.org"}) ||
		!slices.Equal(addresses(r.Cc), []string{"bob@example.org", "carl@example.org"}) || r.Subject != "Re: about q" {
		t.Errorf("reply to all: %+v", r)
	}
	if r := get(ModeForward); len(r.To) != 0 || r.Subject != "Fwd: about q" {
		t.Errorf("forward: %+v", r)
	}
	// A third party answers: the answer to that goes to the third party alone.
	bob := mail("bob@example.org", "b", "I am the carrier", "q")
	w.accept(bob)
	if r := get(ModeReply); !slices.Equal(addresses(r.To), []string{"bob@example.org"}) {
		t.Errorf("reply to a third party: %+v", r)
	}
}

func TestBareSubject(t *testing.T) {
	for in, want := range map[string]string{
		"Re: Fwd: AW: order": "order", "پاسخ: سفارش": "سفارش", "ตอบกลับ: สวัสดี": "สวัสดี", "Re[2]: x": "x",
		"Regarding: x": "Regarding: x", "": "", "RE : x": "x",
	} {
		if got := bareSubject(in); got != want {
			t.Errorf("bareSubject(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestInvalidOutgoing(t *testing.T) {
	w := newWorld(t)
	id := w.accept(mail("ann@example.org", "q", "question"))[0]
	for field, spoil := range map[string]func(*Outgoing){
		"to":             func(o *Outgoing) { o.To = nil },
		"to[0]":          func(o *Outgoing) { o.To = []message.Person{{Handle: "mailto:not an address"}} },
		"html":           func(o *Outgoing) { o.HTML = "<p> </p>" },
		"subject":        func(o *Outgoing) { o.Subject = "a\nBcc: everybody" },
		"attachments[0]": func(o *Outgoing) { o.Attachments = []message.Part{{Name: "x", Blob: strings.Repeat("ab", 32)}} },
		"account":        func(o *Outgoing) { o.Account = "nowhere" },
		"snoozed_until":  func(o *Outgoing) { o.Then = "snooze" },
		"then":           func(o *Outgoing) { o.Then = "dance" },
	} {
		o := reply(id, "fine")
		spoil(&o)
		_, err := w.Reply(t.Context(), o)
		var invalid *InvalidError
		if !errors.As(err, &invalid) || invalid.Field != field {
			t.Errorf("%s: got %v", field, err)
		}
	}
	if c := w.conversation(id); c.Messages != 1 {
		t.Errorf("a refused answer left %d messages", c.Messages)
	}
}

func TestSnooze(t *testing.T) {
	w := newWorld(t)
	id := w.accept(mail("ann@example.org", "q", "question"))[0]
	// Set long ago, so that it was in the future then and is over now, however long this takes.
	until := time.Now().Add(-time.Minute)
	if err := w.Change(store.At(t.Context(), until.Add(-time.Hour)), 1, []uint64{id}, Change{Status: ptr(Snoozed), SnoozedUntil: &until}); err != nil {
		t.Fatal(err)
	}
	for events := range w.Timeline.Tail(t.Context(), 0) {
		if slices.ContainsFunc(events, func(e timeline.Event) bool {
			return e.Kind == timeline.ConversationStatus && e.Actor == "" && strings.Contains(string(e.Data), `"to":"open"`)
		}) {
			break
		}
	}
	if c := w.conversation(id); c.Status != Open || !c.SnoozedUntil.IsZero() {
		t.Errorf("conversation %+v", c)
	}
}

// The names in a thread are those that the others' mail programs have seen.
func TestThreadNamesOwnMessagesAsSent(t *testing.T) {
	w := newWorld(t)
	w.ch.send = func(_ context.Context, m message.Message) (connectors.Receipt, error) {
		w.sent <- m
		return connectors.Receipt{Ref: "name-of-" + m.Token}, nil
	}
	id := w.accept(mail("ann@example.org", "q", "where is it?"))[0]
	first := w.reply(reply(id, "on its way"))
	w.delivery(first.ID, is(message.Sent))
	<-w.sent
	back := mail("ann@example.org", "r", "still not here", message.OwnRef(first.ID, first.Token), message.OwnRef(first.ID, "somebodyelsestok"))
	w.accept(back)
	w.reply(reply(id, "tomorrow"))
	m := <-w.sent
	want := []string{message.OwnRef(first.ID, "somebodyelsestok"), "name-of-" + first.Token, "r"}
	if !slices.Equal(m.Thread, want) {
		t.Errorf("thread %q, want %q", m.Thread, want)
	}
}

// TestForward: what is forwarded goes along as it was, and opens a thread of its
// own for whom it goes to.
func TestForward(t *testing.T) {
	w := newWorld(t)
	q := mail("ann@example.org", "q", "my order is late")
	q.HTML = "<p>my <b>order</b> is late</p><script>x()</script>"
	id := w.accept(q)[0]
	o := reply(id, "please look")
	o.Mode, o.To = ModeForward, []message.Person{{Handle: "mailto:carrier@example.net"}}
	r := w.reply(o)
	m := <-w.sent
	if len(m.Refs)+len(m.Thread) != 0 || !strings.Contains(m.HTML, "my <b>order</b> is late") || strings.Contains(m.HTML, "script") ||
		!strings.Contains(m.Text, "Forwarded message") || r.Reply != "please look" {
		t.Errorf("sent %+v", m)
	}
	// The carrier's answer comes to the agents, in the same conversation.
	if got := w.accept(mail("carrier@example.net", "c", "on its way", r.Ref))[0]; got != id {
		t.Errorf("the answer went to %d, want %d", got, id)
	}
}
