package connectortest

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"throughline/connectors"
	"throughline/message"
)

// Record is a Sink that takes everything and keeps it, for the tests that a connector
// has of its own; whether it keeps to the contract, Hub checks.
type Record struct {
	mu      sync.Mutex
	batches []connectors.Batch
	cursor  []byte
	states  []connectors.State
	refusal error
	files   map[string]string // "KEY/NAME" to content
	change  chan struct{}     // closed and replaced at every change
}

// NewRecord makes an empty one.
func NewRecord() *Record {
	return &Record{files: map[string]string{}, change: make(chan struct{})}
}

// changed wakes those who wait, with the lock held.
func (r *Record) changed() {
	close(r.change)
	r.change = make(chan struct{})
}

// Cursor implements connectors.Sink.
func (r *Record) Cursor(context.Context) ([]byte, error) { return r.Stored(), nil }

// Accept implements connectors.Sink. A batch with a file that cannot be read is refused.
func (r *Record) Accept(_ context.Context, b connectors.Batch) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.refusal != nil {
		return r.refusal
	}
	for _, m := range b.Messages {
		if err := r.keep(m.Key, m.Parts); err != nil {
			return err
		}
	}
	for _, c := range b.Changes {
		if c.Edit != nil {
			if err := r.keep(c.Of, c.Edit.Parts); err != nil {
				return err
			}
		}
	}
	r.batches = append(r.batches, b)
	if b.Cursor != nil {
		r.cursor = b.Cursor
	}
	r.changed()
	return nil
}

func (r *Record) keep(key string, parts []message.Part) error {
	for _, p := range parts {
		b, err := all(p.Content)
		if err != nil {
			return fmt.Errorf("the file %s of %s: %w", p.Name, key, err)
		}
		r.files[key+"/"+p.Name] = string(b)
	}
	return nil
}

// State implements connectors.Sink.
func (r *Record) State(s connectors.State) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.states = append(r.states, s)
	r.changed()
}

// Refuse makes every Accept fail from now on, until it is called with nil.
func (r *Record) Refuse(err error) { r.mu.Lock(); r.refusal = err; r.mu.Unlock() }

// Messages are the items by key, as a hub that drops repeats would have them.
func (r *Record) Messages() (list []message.Message) {
	seen := map[string]bool{}
	for _, m := range gather(r, func(b connectors.Batch) []message.Message { return b.Messages }) {
		if !seen[m.Key] {
			seen[m.Key] = true
			list = append(list, m)
		}
	}
	return list
}

// Offered is how many items were offered, repeats too.
func (r *Record) Offered() int {
	return len(gather(r, func(b connectors.Batch) []message.Message { return b.Messages }))
}

// Texts are those of Messages.
func (r *Record) Texts() (list []string) {
	for _, m := range r.Messages() {
		list = append(list, m.Text)
	}
	return list
}

// Changes are all that came about items.
func (r *Record) Changes() []message.Change {
	return gather(r, func(b connectors.Batch) []message.Change { return b.Changes })
}

// Reports are all that came about messages of ours.
func (r *Record) Reports() []message.Report {
	return gather(r, func(b connectors.Batch) []message.Report { return b.Reports })
}

// Held are the items that were not understood.
func (r *Record) Held() []message.Held {
	return gather(r, func(b connectors.Batch) []message.Held { return b.Held })
}

func gather[T any](r *Record, of func(connectors.Batch) []T) (list []T) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, b := range r.batches {
		list = append(list, of(b)...)
	}
	return list
}

// Batches are all that were accepted.
func (r *Record) Batches() []connectors.Batch {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.batches)
}

// SetCursor puts another one in place of what the last Batch stored.
func (r *Record) SetCursor(cursor []byte) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.cursor = cursor
}

// Stored is what the last Batch with a cursor stored.
func (r *Record) Stored() []byte {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.cursor
}

// File is the content of a file by "KEY/NAME".
func (r *Record) File(name string) (string, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	s, ok := r.files[name]
	return s, ok
}

// States are all that were shown.
func (r *Record) States() []connectors.State {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.states)
}

// Last is the last state shown, zero if none was.
func (r *Record) Last() (s connectors.State) {
	if list := r.States(); len(list) > 0 {
		s = list[len(list)-1]
	}
	return s
}

// Lives is how often the live state was shown.
func (r *Record) Lives() (n int) {
	for _, s := range r.States() {
		if s.Phase == connectors.Live {
			n++
		}
	}
	return n
}

// Look has those who Wait look again: something that they ask for elsewhere has changed.
func (r *Record) Look() { r.mu.Lock(); r.changed(); r.mu.Unlock() }

// Wait returns once ok does, which is asked again after every change; after Patience
// the test ends.
func (r *Record) Wait(t *testing.T, what string, ok func() bool) {
	t.Helper()
	timeout := time.After(Patience)
	for {
		r.mu.Lock()
		change := r.change
		r.mu.Unlock()
		if ok() {
			return
		}
		select {
		case <-change:
		case <-timeout:
			t.Fatalf("%s did not come: messages %+v, held %+v, changes %+v, states %+v", what, r.Messages(), r.Held(), r.Changes(), r.States())
		}
	}
}

// Text reads a body.
func Text(t *testing.T, c message.Content) string {
	t.Helper()
	b, err := all(c)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
