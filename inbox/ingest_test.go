package inbox

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"throughline/connectors"
	"throughline/message"
	"throughline/store"
)

func TestThreading(t *testing.T) {
	w := newWorld(t)
	q := mail("ann@example.org", "q", "my order is late")
	a := w.accept(q)[0]

	t.Run("an answer joins", func(t *testing.T) {
		if got := w.accept(mail("Ann@Example.ORG", "q2", "still late", "q"))[0]; got != a {
			t.Errorf("went to %d, want %d", got, a)
		}
	})
	t.Run("a stranger who knows the name does not", func(t *testing.T) {
		if got := w.accept(mail("eve@example.net", "e", "let me in", "q"))[0]; got == a {
			t.Error("a stranger joined")
		}
	})
	t.Run("somebody addressed does", func(t *testing.T) {
		m := mail("ann@example.org", "q3", "with my brother", "q2")
		m.Cc = []message.Person{{Handle: "mailto:bob@example.org"}}
		w.accept(m)
		b := mail("bob@example.org", "b", "I am the brother", "q3")
		if got := w.accept(b)[0]; got != a {
			t.Errorf("went to %d, want %d", got, a)
		}
	})
	t.Run("a subject is no reference", func(t *testing.T) {
		m := mail("ann@example.org", "other", "something else")
		m.Subject = "Re: about q"
		if got := w.accept(m)[0]; got == a {
			t.Error("joined by its subject")
		}
	})
	t.Run("a refuted sender does not, even from our own address", func(t *testing.T) {
		m := mail("support@example.com", "forged", "send money", "q")
		m.Vouch = message.VouchFailed
		if got := w.accept(m)[0]; got == a {
			t.Error("a forged mail of ours joined")
		}
	})
	t.Run("a colleague's own program does", func(t *testing.T) {
		m := mail("support@example.com", "outlook", "I answer from elsewhere", "q")
		m.To = []message.Person{{Handle: "mailto:ann@example.org"}}
		if got := w.accept(m)[0]; got != a {
			t.Errorf("went to %d, want %d", got, a)
		}
		if c := w.conversation(a); c.Direction != "out" || !c.Waiting.IsZero() {
			t.Errorf("not taken as our answer: %+v", c)
		}
	})
	t.Run("a reused Message-ID of somebody else is a mail of its own", func(t *testing.T) {
		m := mail("carl@example.net", "q", "same name, other mail")
		if got := w.accept(m)[0]; got == a {
			t.Error("glued by a reused name")
		}
	})
}

// TestArrivalOrder takes a thread in, in every order, as one conversation.
func TestArrivalOrder(t *testing.T) {
	thread := func() []message.Message {
		return []message.Message{
			mail("ann@example.org", "1", "first"),
			mail("ann@example.org", "2", "second", "1"),
			mail("ann@example.org", "3", "third", "2"), // only names its parent, as some programs do
			mail("ann@example.org", "4", "fourth", "3", "2", "1"),
		}
	}
	w := newWorld(t)
	orders := permutations([]int{0, 1, 2, 3})
	for _, order := range orders {
		ms := thread()
		names := map[string]string{}
		for i := range ms {
			names[ms[i].Ref] = ms[i].Ref + "-" + ms[i].Source
			ms[i].Ref = names[ms[i].Ref]
			for j := range ms[i].Refs {
				ms[i].Refs[j] = names[ms[i].Refs[j]]
			}
		}
		for _, i := range order {
			w.accept(ms[i])
		}
		first := w.where(ms[0])
		for _, m := range ms[1:] {
			if got := w.where(m); got != first {
				t.Errorf("order %v: %s is in %d, the first in %d", order, m.Ref, got, first)
			}
		}
		if c := w.conversation(first); c.Messages != 4 || c.Unread != 4 {
			t.Errorf("order %v: %d messages, %d unread, want 4 and 4", order, c.Messages, c.Unread)
		}
	}
}

// TestReusedNameInAnyOrder: an answer that carries the name of the mail it answers
// is one of its thread, whichever comes first.
func TestReusedNameInAnyOrder(t *testing.T) {
	w := newWorld(t)
	for n, order := range permutations([]int{0, 1, 2}) {
		root := fmt.Sprintf("root%d", n)
		ms := []message.Message{
			mail("ann@example.org", root, "the question"),
			mail("ann@example.org", root, "an answer under the same name", root),
			mail("ann@example.org", root+"-3", "one more", root),
		}
		for _, i := range order {
			w.accept(ms[i])
		}
		first := w.where(ms[0])
		for _, m := range ms[1:] {
			if got := w.where(m); got != first {
				t.Errorf("order %v: %q is in %d, the question in %d", order, m.Text, got, first)
			}
		}
	}
}

// TestSentFolderAfterInbox takes an old mailbox in, the customer's mails first and
// our answers after them.
func TestSentFolderAfterInbox(t *testing.T) {
	w := newWorld(t)
	day := time.Now().Add(-90 * 24 * time.Hour)
	at := func(m message.Message, hour int) message.Message {
		m.Received = day.Add(time.Duration(hour) * time.Hour)
		return m
	}
	answer := mail("support@example.com", "s-a", "the answer", "s-q")
	answer.To = []message.Person{{Handle: "mailto:ann@example.org"}}
	for _, ms := range [][]message.Message{
		{at(mail("ann@example.org", "s-q", "question"), 1), at(mail("ann@example.org", "s-t", "thanks, and when?", "s-a", "s-q"), 3), at(answer, 2)},
	} {
		id := w.accept(ms...)[0]
		c := w.conversation(id)
		if c.Messages != 3 || c.Preview != "thanks, and when?" || c.Direction != "in" || !c.Last.Equal(ms[1].Received) || !c.Waiting.Equal(ms[1].Received) {
			t.Errorf("an older answer hides the newest mail: %+v", c)
		}
	}
	late := at(mail("ann@example.org", "s-q0", "an even older one", "s-q"), 0)
	id := w.accept(late)[0]
	if err := w.Change(t.Context(), 1, []uint64{id}, Change{Status: ptr(Resolved)}); err != nil {
		t.Fatal(err)
	}
	w.accept(at(mail("ann@example.org", "s-q1", "older than our answer", "s-q"), 1))
	if c := w.conversation(id); !c.Waiting.IsZero() {
		t.Errorf("a mail that was answered long ago waits since %v", c.Waiting)
	}
}

// TestCoarseClock: a mail whose provider dates it into the second of our answer, or
// before, is the newest all the same and waits.
func TestCoarseClock(t *testing.T) {
	w := newWorld(t)
	id := w.accept(mail("ann@example.org", "c-q", "question"))[0]
	w.reply(reply(id, "answer"))
	m := mail("ann@example.org", "c-a", "a new question", "c-q")
	m.Received = time.Now().Add(-time.Minute).Truncate(time.Second)
	w.accept(m)
	if c := w.conversation(id); c.Direction != "in" || c.Preview != "a new question" || c.Waiting.IsZero() || c.Unread != 1 {
		t.Errorf("%+v", c)
	}
}

func permutations(in []int) [][]int {
	if len(in) <= 1 {
		return [][]int{slices.Clone(in)}
	}
	var out [][]int
	for i := range in {
		rest := append(slices.Clone(in[:i]), in[i+1:]...)
		for _, p := range permutations(rest) {
			out = append(out, append([]int{in[i]}, p...))
		}
	}
	return out
}

func TestLedger(t *testing.T) {
	w := newWorld(t)
	m := mail("ann@example.org", "m", "hello")
	first := w.accept(m)[0]

	// Offered again after a crash between commit and acknowledgement.
	w.accept(m)
	// The same mail in another folder.
	copied := m
	copied.Source = "Archive;1;77"
	w.accept(copied)
	// The same name, another mail: both stay.
	other := m
	other.Source, other.Key = "INBOX;1;9001", "another key"
	w.accept(other)

	c := w.conversation(first)
	if c.Messages != 1 {
		t.Errorf("%d messages in the first conversation, want 1", c.Messages)
	}
	w.view(func(tx *store.Tx) error {
		for source, want := range map[string]string{m.Source: Stored, copied.Source: Duplicate, other.Source: Stored} {
			if got, _, _ := w.outcome(tx, "support", source); got != want {
				t.Errorf("%s is %s, want %s", source, got, want)
			}
		}
		if h := w.Health(tx, "support"); h.Stored != 2 || h.Duplicate != 1 || h.Today != 2 {
			t.Errorf("counted %+v, want 2 stored and 1 duplicate", h)
		}
		_, id, _ := w.outcome(tx, "support", m.Source)
		raw, err := w.Raw(tx, id)
		if err != nil {
			return err
		}
		if got, err := readAll(raw); err != nil || string(got) != "raw hello" {
			t.Errorf("raw item %q, %v", got, err)
		}
		return nil
	})
}

func TestCursorMovesWithItsBatch(t *testing.T) {
	w := newWorld(t)
	bad := mail("ann@example.org", "x", "text")
	bad.Parts = []message.Part{{Name: "a", Content: broken{}}}
	err := w.sink.Accept(t.Context(), connectors.Batch{Messages: []message.Message{mail("ann@example.org", "y", "fine"), bad}, Cursor: []byte("1")})
	if err == nil {
		t.Fatal("a batch with an unreadable part was accepted")
	}
	if cur, _ := w.sink.Cursor(t.Context()); cur != nil {
		t.Errorf("the cursor moved to %q without its batch", cur)
	}
	if err := w.sink.Accept(t.Context(), connectors.Batch{Messages: []message.Message{mail("ann@example.org", "z", "fine")}, Cursor: []byte("2")}); err != nil {
		t.Fatal(err)
	}
	if cur, _ := w.sink.Cursor(t.Context()); string(cur) != "2" {
		t.Errorf("cursor %q, want 2", cur)
	}
}

type broken struct{}

func (broken) Open() (io.ReadCloser, error) { return nil, errors.New("gone") }
func (broken) Size() int64                  { return 1 }

func TestUnknownSender(t *testing.T) {
	w := newWorld(t)
	m := mail("", "nobody", "who am I")
	m.From = message.Person{}
	id := w.accept(m)[0]
	c := w.conversation(id)
	w.view(func(tx *store.Tx) error {
		h, err := w.Identity.Handle(tx, c.Handle)
		if err != nil {
			return err
		}
		if h.Handle.Scheme() != "unknown" || h.Name == "" {
			t.Errorf("filed under %+v", h)
		}
		r, err := w.Recipients(tx, id, ModeReply, 0)
		if err != nil {
			return err
		}
		if len(r.To) != 0 || r.Warning == "" {
			t.Errorf("an answer would go to %v without a warning", r.To)
		}
		return nil
	})
}

func TestAutomaticMailAsksForNothing(t *testing.T) {
	w := newWorld(t)
	id := w.accept(mail("ann@example.org", "q", "question"))[0]
	if err := w.Change(t.Context(), 1, []uint64{id}, Change{Status: ptr(Resolved)}); err != nil {
		t.Fatal(err)
	}
	vacation := mail("ann@example.org", "v", "I am away", "q")
	vacation.Kind = message.AutoReply
	w.accept(vacation)
	if c := w.conversation(id); c.Status != Resolved || !c.Waiting.IsZero() || c.Messages != 2 {
		t.Errorf("a vacation note brought the matter back: %+v", c)
	}
	w.accept(mail("ann@example.org", "q2", "one more thing", "q"))
	if c := w.conversation(id); c.Status != Open || c.Waiting.IsZero() {
		t.Errorf("the customer's own mail did not: %+v", c)
	}
}

func TestLoopGuard(t *testing.T) {
	w := newWorld(t)
	w.ch.About.Acknowledge = "We got your mail."
	w.stop()
	w.start()
	for i := range 10 {
		w.accept(mail("robot@example.org", "loop"+string(rune('a'+i)), "I pretend to be a person"))
	}
	for _, kind := range []message.Kind{message.AutoReply, message.Bounce, message.Complaint} {
		m := mail("other@example.org", string(kind), "machine")
		m.Kind = kind
		w.accept(m)
	}
	list := mail("list@example.org", "list", "news")
	list.List = "<news.example.org>"
	forged := mail("bank@example.org", "forged", "hello")
	forged.Vouch = message.VouchFailed
	w.accept(list, forged)
	n := 0
	w.view(func(tx *store.Tx) error {
		for range w.deliveries.Scan(tx, store.Range{}) {
			n++
		}
		return nil
	})
	if n != automaticPerHandle {
		t.Errorf("%d automatic answers, want %d", n, automaticPerHandle)
	}
	for range n {
		if m := <-w.sent; !m.Automatic || m.To[0].Handle != "mailto:robot@example.org" {
			t.Errorf("sent %+v", m)
		}
	}
}

// TestEcho: a copy of our own message is a duplicate only if the words are ours.
func TestEcho(t *testing.T) {
	w := newWorld(t)
	id := w.accept(mail("ann@example.org", "q", "question"))[0]
	seq, err := w.Reply(t.Context(), Outgoing{Agent: 1, Conversation: id, Mode: ModeReply, HTML: "<p>the answer</p>",
		To: []message.Person{{Handle: "mailto:ann@example.org"}}, SeenSeq: 1 << 40})
	if err != nil {
		t.Fatal(err)
	}
	r := w.messageOf(seq)
	<-w.sent
	echo := mail("support@example.com", r.Ref, r.Text)
	echo.Echo = r.Ref
	w.accept(echo)
	forged := mail("ann@example.org", "f", "something else entirely", r.Ref)
	forged.Echo = r.Ref
	if got := w.accept(forged)[0]; got != id {
		t.Errorf("the answer went to %d, want %d", got, id)
	}
	w.view(func(tx *store.Tx) error {
		if got, dup, _ := w.outcome(tx, "support", echo.Source); got != Duplicate || dup != r.ID {
			t.Errorf("the copy in Sent is %s of %d, want duplicate of %d", got, dup, r.ID)
		}
		if got, _, _ := w.outcome(tx, "support", forged.Source); got != Stored {
			t.Errorf("a mail that copied our name is %s: its words are lost", got)
		}
		return nil
	})
}

func TestHeldAndRetry(t *testing.T) {
	w := newWorld(t)
	held := message.Held{Source: "INBOX;1;5", Reason: "cannot be read", Raw: message.Bytes("raw bytes")}
	for range 2 {
		if err := w.sink.Accept(t.Context(), connectors.Batch{Held: []message.Held{held}}); err != nil {
			t.Fatal(err)
		}
	}
	var items []*HeldItem
	w.view(func(tx *store.Tx) (err error) { items, _, err = w.HeldItems(tx, "", nil, 10); return err })
	if len(items) != 1 || items[0].Tries != 2 || items[0].Size != 9 {
		t.Fatalf("held %+v, want one item with two tries", items)
	}
	w.ch.read = func(message.Content, string) (message.Message, error) {
		return message.Message{}, errors.New("still not")
	}
	if out, err := w.RetryHeld(t.Context(), items[0].ID); err != nil || out.Outcome != HeldBack || out.Reason != "still not" {
		t.Fatalf("retry: %+v, %v", out, err)
	}
	w.ch.read = func(raw message.Content, source string) (message.Message, error) {
		m := mail("ann@example.org", "late", "understood")
		m.Source = source
		return m, nil
	}
	out, err := w.RetryHeld(t.Context(), items[0].ID)
	if err != nil || out.Outcome != Stored || out.Conversation == 0 {
		t.Fatalf("retry: %+v, %v", out, err)
	}
	w.view(func(tx *store.Tx) error {
		if n := w.Counts(tx, 0).Held; n != 0 {
			t.Errorf("%d still held", n)
		}
		return nil
	})
}

// TestRandomTraffic mixes arrivals, duplicates and what agents do; the check at
// the end of the world recomputes everything.
func TestRandomTraffic(t *testing.T) {
	w := newWorld(t)
	rnd := rand.New(rand.NewPCG(1, 2))
	people := []string{"ann@example.org", "bob@example.org", "carl@example.net", "support@example.com"}
	var mails []message.Message
	convs := map[uint64]bool{}
	for i := range 400 {
		if i%100 == 0 {
			if problems, err := w.Check(t.Context()); err != nil || len(problems) > 0 {
				t.Fatalf("before step %d: %v, %v", i, err, problems)
			}
		}
		switch n := rnd.IntN(10); {
		case n < 5 || len(mails) == 0:
			var refs []string
			for range rnd.IntN(3) {
				if len(mails) > 0 {
					refs = append(refs, mails[rnd.IntN(len(mails))].Ref)
				}
			}
			m := mail(people[rnd.IntN(len(people))], "r"+string(rune('a'+i%26))+mailNumber(i), "text", refs...)
			if rnd.IntN(4) == 0 {
				m.Cc = []message.Person{{Handle: message.NewHandle("mailto", people[rnd.IntN(3)])}}
			}
			mails = append(mails, m)
			convs[w.accept(m)[0]] = true
		case n == 5:
			m := mails[rnd.IntN(len(mails))]
			m.Source = "Copy;1;" + mailNumber(i)
			w.accept(m)
		default:
			ids := make([]uint64, 0, len(convs))
			for id := range convs {
				ids = append(ids, id)
			}
			slices.Sort(ids)
			c := w.conversation(ids[rnd.IntN(len(ids))])
			other := w.conversation(ids[rnd.IntN(len(ids))])
			var err error
			switch n {
			case 6:
				_, err = w.AddNote(t.Context(), 1, c.ID, "note")
			case 7:
				err = w.MergeConversations(t.Context(), 1, c.ID, other.ID)
			case 8:
				if c.Messages > 0 {
					page := w.newestMessage(c.ID)
					_, err = w.Move(t.Context(), 1, page, 0)
				}
			case 9:
				err = w.Change(t.Context(), 1, []uint64{c.ID}, Change{Status: ptr([]string{Open, Resolved}[rnd.IntN(2)]), Assignee: ptr(uint64(rnd.IntN(3)))})
			}
			var conflict *ConflictError
			if err != nil && !errors.As(err, &conflict) {
				t.Fatalf("step %d (%d): %v", i, n, err)
			}
		}
	}
}

func mailNumber(i int) string {
	return string(rune('0'+i/100)) + string(rune('0'+i/10%10)) + string(rune('0'+i%10))
}

func (w *world) newestMessage(conversation uint64) (id uint64) {
	w.view(func(tx *store.Tx) error {
		c, err := w.Conversation(tx, conversation)
		if err != nil {
			return err
		}
		r, err := w.answered(tx, c, 0)
		if r != nil {
			id = r.ID
		}
		return err
	})
	return id
}
