package inbox

import (
	"fmt"
	"strings"
	"testing"

	"throughline/message"
)

// TestSplitStays: what an agent took apart is not joined again by the references
// of the next answer.
func TestSplitStays(t *testing.T) {
	w := newWorld(t)
	a := w.accept(mail("ann@example.org", "m1", "my order"))[0]
	m2 := mail("ann@example.org", "m2", "by the way, an invoice", "m1")
	w.accept(m2)
	b, err := w.Move(t.Context(), 1, w.newestMessage(a), 0)
	if err != nil {
		t.Fatal(err)
	}
	r := w.reply(reply(b, "the invoice is attached"))
	got := w.accept(mail("ann@example.org", "m3", "thanks for the invoice", r.Ref, "m2", "m1"))[0]
	if got != b {
		t.Errorf("the answer went to %d, want %d", got, b)
	}
	if ca, cb := w.conversation(a), w.conversation(b); ca.ID == cb.ID {
		t.Errorf("%d and %d are one again", a, b)
	} else if ca.Messages != 1 || cb.Messages != 3 {
		t.Errorf("%d and %d messages, want 1 and 3", ca.Messages, cb.Messages)
	}
}

// TestReusedName: a program that names all its mails alike opens a conversation
// with each; an answer that names one of them must not make them one.
func TestReusedName(t *testing.T) {
	w := newWorld(t)
	a := w.accept(mail("ann@example.org", "same", "first matter"))[0]
	b := w.accept(mail("ann@example.org", "same", "second matter"))[0]
	r := w.reply(reply(a, "about the first"))
	if got := w.accept(mail("ann@example.org", "same", "thanks", r.Ref, "same"))[0]; got != a {
		t.Errorf("the answer went to %d, want %d", got, a)
	}
	if w.conversation(a).ID == w.conversation(b).ID {
		t.Error("two matters became one by a reused name")
	}
}

// TestStrangerCannotGlue: somebody who knows a message's name and addresses its
// writer gets a conversation of his own, and stays there.
func TestStrangerCannotGlue(t *testing.T) {
	for name, eve := range map[string]message.Message{
		"by referring to it": mail("eve@example.net", "e", "look here", "q"),
		"by taking its name": mail("eve@example.net", "q", "look here"),
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			a := w.accept(mail("ann@example.org", "q", "my order"))[0]
			eve.Cc = []message.Person{{Handle: "mailto:ann@example.org"}}
			e := w.accept(eve)[0]
			if got := w.accept(mail("ann@example.org", "q2", "more", "q"))[0]; w.conversation(got).ID != a {
				t.Errorf("the answer went to %d, want %d", got, a)
			}
			if w.conversation(e).ID == w.conversation(a).ID {
				t.Error("a stranger's conversation became part of the customer's")
			}
		})
	}
}

// TestLongThread: an answer deep in a thread finds it, whatever the length.
func TestLongThread(t *testing.T) {
	w := newWorld(t)
	var refs []string
	var first uint64
	for i := range 120 {
		m := mail("ann@example.org", fmt.Sprintf("t%d", i), "text", refs...)
		id := w.accept(m)[0]
		if i == 0 {
			first = id
		}
		if id != first {
			t.Fatalf("message %d went to %d, want %d", i, id, first)
		}
		refs = append([]string{m.Ref}, refs...)
	}
}

// TestManyRecipients: a header full of addresses costs no quadratic time, and the
// conversation's record stays bounded.
func TestManyRecipients(t *testing.T) {
	w := newWorld(t)
	m := mail("ann@example.org", "crowd", "to everybody")
	for i := range 5000 {
		m.To = append(m.To, message.Person{Name: strings.Repeat("long name ", 50), Handle: message.Handle(fmt.Sprintf("mailto:p%d@example.org", i))})
	}
	c := w.conversation(w.accept(m)[0])
	if len(c.Participants) != maxParticipants {
		t.Errorf("%d participants, want %d", len(c.Participants), maxParticipants)
	}
	for _, p := range c.Participants {
		if len(p.Name) > 4*maxNameRunes {
			t.Fatalf("a participant's name has %d bytes", len(p.Name))
		}
	}
}
