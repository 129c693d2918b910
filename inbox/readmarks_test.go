package inbox

import (
	"testing"

	"throughline/store"
	"throughline/timeline"
)

// What an agent has read of two conversations stays read when they become one,
// and what he has not read stays unread.
func TestMergeKeepsReadMarks(t *testing.T) {
	w := newWorld(t)
	one := mail("ann@example.org", "one-1", "first matter")
	a := w.accept(one)[0]
	two := mail("ann@example.org", "two-1", "second matter")
	b := w.accept(two)[0]
	w.accept(mail("ann@example.org", "one-2", "more of the first", "one-1"), mail("ann@example.org", "two-2", "more of the second", "two-1"))
	seqs := func(c uint64) (out []uint64) {
		w.view(func(tx *store.Tx) error {
			page, err := w.Timeline.Conversation(tx, c, timeline.Span{Limit: 100})
			for _, e := range page.Events {
				if e.Message != 0 {
					out = append(out, e.Seq)
				}
			}
			return err
		})
		return out
	}
	first, second := seqs(a), seqs(b) // a1 < b1 < a2 < b2
	if len(first) != 2 || len(second) != 2 || first[1] < second[0] {
		t.Fatalf("%v and %v", first, second)
	}
	read := func(agent, c, seq uint64) {
		if err := w.Read(t.Context(), agent, c, seq); err != nil {
			t.Fatal(err)
		}
	}
	marks := []struct{ agent, inA, inB, want uint64 }{
		{1, first[1], second[1], second[1]},     // everything
		{2, first[1], second[0], second[1] - 1}, // not b2
		{3, first[0], second[1], first[1] - 1},  // not a2
		{4, first[1], 0, second[0] - 1},         // nothing of b
		{5, 0, second[1], first[0] - 1},         // nothing of a
		{6, 0, 0, 0},
		{1 << 63, first[0], second[0], first[1] - 1},
	}
	for _, r := range marks {
		if r.inA != 0 {
			read(r.agent, a, r.inA)
		}
		if r.inB != 0 {
			read(r.agent, b, r.inB)
		}
	}
	if err := w.MergeConversations(t.Context(), 1, a, b); err != nil {
		t.Fatal(err)
	}
	for _, r := range marks {
		w.view(func(tx *store.Tx) error {
			// Any mark between the last that is read and the first that is not.
			got := w.ReadSeq(tx, r.agent, b)
			unread := func(mark uint64) (n int) {
				for _, s := range append(first, second...) {
					if s > mark {
						n++
					}
				}
				return n
			}
			if unread(got) != unread(r.want) || r.want == 0 && got != 0 {
				t.Errorf("agent %d has read up to %d, want %d (%v, %v)", r.agent, got, r.want, first, second)
			}
			if left := w.ReadSeq(tx, r.agent, a); left != 0 {
				t.Errorf("agent %d keeps the mark %d in a conversation that is gone", r.agent, left)
			}
			return nil
		})
	}
}
