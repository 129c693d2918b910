package inbox

import (
	"testing"
	"time"

	"throughline/message"
	"throughline/preference"
	"throughline/store"
)

const bob = message.Handle("mailto:bob@example.org")

// about says what a conversation is about.
func (w *world) about(conversation uint64, purpose string) {
	w.t.Helper()
	if err := w.Change(w.t.Context(), 7, []uint64{conversation}, Change{Purpose: &purpose}); err != nil {
		w.t.Fatal(err)
	}
}

// TestOfferIsHeldBackWhereverItLies: who says no to offers gets none that waits, also
// after its conversation became part of another, or it was moved into one.
func TestOfferIsHeldBackWhereverItLies(t *testing.T) {
	for name, away := range map[string]func(w *world, from, to, id uint64) error{
		"nothing happens": func(*world, uint64, uint64, uint64) error { return nil },
		"the customer refers to both": func(w *world, _, _, _ uint64) error {
			w.accept(mail("bob@example.org", "m3", "both", "m1", "m2"))
			return nil
		},
		"merged by hand": func(w *world, from, to, _ uint64) error { return w.MergeConversations(w.t.Context(), 7, from, to) },
		"merged into an appointment": func(w *world, from, to, _ uint64) error {
			w.about(to, "appointment")
			return w.MergeConversations(w.t.Context(), 7, from, to)
		},
		"moved":              func(w *world, _, to, id uint64) error { _, err := w.Move(w.t.Context(), 7, id, to); return err },
		"moved out":          func(w *world, _, _, id uint64) error { _, err := w.Move(w.t.Context(), 7, id, 0); return err },
		"purpose taken away": func(w *world, from, _, _ uint64) error { w.about(from, ""); return nil },
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			c := w.accept(mail("bob@example.org", "m1", "one"), mail("bob@example.org", "m2", "two"))
			w.about(c[1], "offer")
			o := reply(c[1], "our new offer")
			o.To, o.SendAt = []message.Person{{Handle: bob}}, time.Now().Add(time.Hour)
			r := w.reply(o)
			if err := w.SetConsent(t.Context(), 7, bob, "test", "offer", message.OptOut, "said so on the phone"); err != nil {
				t.Fatal(err)
			}
			if err := away(w, c[1], c[0], r.ID); err != nil {
				t.Fatal(err)
			}
			w.due(r.ID)
			d := w.delivery(r.ID, func(d *Delivery) bool { return !d.waiting() })
			if d.Status != message.Failed || d.Code != codeOptOut || len(d.Attempts) != 0 || len(w.sent) != 0 {
				t.Errorf("it went out: %+v", d)
			}
			if err := w.Retry(t.Context(), 7, r.ID); !conflict(err) {
				t.Errorf("sent again: %v", err)
			}
		})
	}
}

// TestPurposeGoesAlong: what a person said a matter is about outlives a rule's word when
// two become one, also if the purpose is retired; what is taken out of a conversation
// for being somebody else's is about the same.
func TestPurposeGoesAlong(t *testing.T) {
	w := newWorld(t)
	by := func(conversation uint64, purpose, by string) {
		t.Helper()
		if err := w.Store.Update(t.Context(), func(tx *store.Tx) error {
			c, err := w.Conversation(tx, conversation)
			if err != nil {
				return err
			}
			if err := w.setPurpose(tx, c, purpose, by); err != nil {
				return err
			}
			return w.conversations.Put(tx, c.ID, c)
		}); err != nil {
			t.Fatal(err)
		}
	}
	for name, tt := range map[string]struct{ from, fromBy, into, intoBy, want, wantBy string }{
		"nothing known":         {"offer", "agent:7", "", "", "offer", "agent:7"},
		"by hand before rule":   {"offer", "agent:7", "invoice", preference.ByRule, "offer", "agent:7"},
		"rule before guess":     {"offer", preference.ByRule, "invoice", preference.ByGuess, "offer", preference.ByRule},
		"the one that stays":    {"offer", "agent:7", "invoice", "agent:8", "invoice", "agent:8"},
		"rule not before hand":  {"offer", preference.ByRule, "invoice", "agent:8", "invoice", "agent:8"},
		"none takes none away":  {"", "", "invoice", preference.ByGuess, "invoice", preference.ByGuess},
		"retired, but it is so": {"delivery", "agent:7", "", "", "delivery", "agent:7"},
	} {
		t.Run(name, func(t *testing.T) {
			a, b := w.two()
			by(a, tt.from, tt.fromBy)
			by(b, tt.into, tt.intoBy)
			if tt.from == "delivery" {
				var policy preference.Policy
				w.view(func(tx *store.Tx) (err error) { policy, err = w.Preference.Policy(tx); return err })
				for i := range policy.Purposes {
					policy.Purposes[i].Archived = policy.Purposes[i].Key == "delivery"
				}
				if err := w.Preference.SetPolicy(t.Context(), "agent:1", policy); err != nil {
					t.Fatal(err)
				}
			}
			if err := w.MergeConversations(t.Context(), 9, a, b); err != nil {
				t.Fatal(err)
			}
			if c := w.conversation(b); c.Purpose != tt.want || c.PurposeBy != tt.wantBy {
				t.Errorf("it is about %q by %q, want %q by %q", c.Purpose, c.PurposeBy, tt.want, tt.wantBy)
			}
		})
	}
	m, n := mail("bob@example.org", "m1", "one"), mail("bob@example.org", "m2", "from Mia", "m1")
	c := w.accept(m, n)[0]
	w.about(c, "offer")
	if err := w.Refile(t.Context(), 7, w.idOf(n), w.person("Mia", nil)); err != nil {
		t.Fatal(err)
	}
	if there := w.conversation(w.where(n)); there.ID == c || there.Purpose != "offer" {
		t.Errorf("what Mia wrote is about %q in conversation %d", there.Purpose, there.ID)
	}
}
