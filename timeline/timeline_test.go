package timeline

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"go.uber.org/goleak"

	"throughline/store"
	"throughline/store/storetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func add(t *testing.T, s *store.Store, tl *Timeline, events ...Event) {
	t.Helper()
	if err := s.Update(t.Context(), func(tx *store.Tx) error {
		for _, e := range events {
			if _, err := tl.Append(tx, e); err != nil {
				return err
			}
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
}

func seqs(events []Event) (out []uint64) {
	for _, e := range events {
		out = append(out, e.Seq)
	}
	return out
}

// TestPages walks a merged timeline in both directions, whatever the page size.
func TestPages(t *testing.T) {
	s := storetest.Open(t)
	tl := New(s)
	var want []uint64
	for n := range uint64(30) {
		e := Event{Kind: NoteAdded, Conversation: n%3 + 1, Subjects: []uint64{100 + n%4}}
		switch {
		case n%7 == 0:
			e.Quiet = true
		case n%5 == 0:
			e.Subjects = append(e.Subjects, 100, 101, 101) // stands on several, once on the page
		}
		if !e.Quiet && (slices.Contains(e.Subjects, 100) || slices.Contains(e.Subjects, 101)) {
			want = append(want, n+1)
		}
		add(t, s, tl, e)
	}
	for limit := 1; limit <= 12; limit++ {
		var back, forth []uint64
		if err := s.View(func(tx *store.Tx) error {
			span := Span{Limit: limit}
			for {
				p, err := tl.Subjects(tx, []uint64{100, 101}, span)
				if err != nil {
					return err
				}
				back = append(seqs(p.Events), back...)
				if p.Before == 0 {
					break
				}
				span.Before = p.Before
			}
			span = Span{After: want[0], Limit: limit}
			for {
				p, err := tl.Subjects(tx, []uint64{100, 101}, span)
				if err != nil {
					return err
				}
				forth = append(forth, seqs(p.Events)...)
				if p.After == 0 {
					return nil
				}
				span.After = p.After
			}
		}); err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(back, want) {
			t.Errorf("limit %d: backwards %v, want %v", limit, back, want)
		}
		if !slices.Equal(forth, want[1:]) {
			t.Errorf("limit %d: forwards %v, want %v", limit, forth, want[1:])
		}
	}
}

// TestTail: one event committed right when the follower is about to wait must
// wake it. Nothing else follows that could heal a lost wake-up.
func TestTail(t *testing.T) {
	s := storetest.Open(t)
	tl := New(s)
	for range 200 {
		var last uint64
		if err := s.View(func(tx *store.Tx) error { last = tl.Last(tx); return nil }); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		got := make(chan uint64, 1)
		go func() {
			defer close(got)
			for events, err := range tl.Tail(ctx, last) {
				if err == nil {
					got <- events[0].Seq
				}
				return
			}
		}()
		add(t, s, tl, Event{Kind: NoteAdded})
		if seq := <-got; seq != last+1 {
			t.Fatalf("followed %d, want %d", seq, last+1)
		}
		cancel()
	}
}

func TestTailEndsWithTheStore(t *testing.T) {
	s := storetest.Open(t)
	tl := New(s)
	add(t, s, tl, Event{Kind: NoteAdded})
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	n := 0
	for events, err := range tl.Tail(ctx, 0) {
		if err != nil {
			t.Fatal(err)
		}
		n += len(events)
		cancel()
	}
	if n != 1 {
		t.Errorf("saw %d events, want 1", n)
	}
}

func TestRefileAndHide(t *testing.T) {
	s := storetest.Open(t)
	tl := New(s)
	add(t, s, tl, Event{Kind: NoteAdded, Conversation: 1}, Event{Kind: NoteAdded, Conversation: 1})
	if err := s.Update(t.Context(), func(tx *store.Tx) error {
		return errors.Join(tl.Refile(tx, 1, 2), tl.Hide(tx, 2))
	}); err != nil {
		t.Fatal(err)
	}
	if err := s.View(func(tx *store.Tx) error {
		for conversation, want := range map[uint64]int{1: 0, 2: 1} {
			p, err := tl.Conversation(tx, conversation, Span{Limit: 10})
			if err != nil {
				return err
			}
			if len(p.Events) != want {
				t.Errorf("conversation %d has %d entries, want %d", conversation, len(p.Events), want)
			}
		}
		all, err := tl.After(tx, 0, 10)
		if len(all) != 2 {
			t.Errorf("the log has %d events, want 2", len(all))
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
}
