package connectortest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"throughline/connectors"
	"throughline/message"
)

// Hub is a Sink in memory. It checks on the way that a connector keeps to the
// contract of Sink: one call at a time, complete items. Sinks that Hooked makes of
// it are for webhooks.
type Hub struct {
	mu     sync.Mutex
	inside bool // a call is going on
	wrong  []string
	change chan struct{} // closed and replaced at every change

	cursor []byte
	items  []message.Message
	raw    []message.Content
	held   []message.Held
	states []connectors.State
	logged bytes.Buffer

	refused error
	entered chan struct{}
	gate    chan struct{}

	once  bool // drop items whose key is known, as the real hub does
	again int  // how many were dropped
}

// NewHub makes an empty one.
func NewHub() *Hub { return &Hub{change: make(chan struct{})} }

// enter notes calls that overlap.
func (h *Hub) enter(call string) (leave func()) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.inside {
		h.wrong = append(h.wrong, call+" while another call was going on")
	}
	h.inside = true
	return func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		h.inside = false
		h.changed()
	}
}

// changed wakes those who wait, with the lock held.
func (h *Hub) changed() {
	close(h.change)
	h.change = make(chan struct{})
}

// Cursor implements connectors.Sink.
func (h *Hub) Cursor(context.Context) ([]byte, error) {
	defer h.enter("Cursor")()
	h.mu.Lock()
	defer h.mu.Unlock()
	return bytes.Clone(h.cursor), nil
}

// Accept implements connectors.Sink.
func (h *Hub) Accept(ctx context.Context, b connectors.Batch) error {
	defer h.enter("Accept")()
	return h.accept(ctx, b)
}

func (h *Hub) accept(ctx context.Context, b connectors.Batch) error {
	h.mu.Lock()
	entered, gate, refused := h.entered, h.gate, h.refused
	h.entered, h.gate, h.refused = nil, nil, nil
	h.mu.Unlock()
	if gate != nil {
		close(entered)
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-gate:
		}
	}
	if refused != nil {
		return refused
	}
	var raws []message.Content
	for _, m := range b.Messages {
		var raw []byte
		if m.Raw != nil {
			var err error
			if raw, err = all(m.Raw); err != nil {
				return err
			}
		}
		raws = append(raws, message.Bytes(raw))
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	for i, m := range b.Messages {
		if m.Key == "" || m.Source == "" || m.Channel == "" || m.Account == "" || m.Direction == "" {
			h.wrong = append(h.wrong, fmt.Sprintf("a message without key, source, channel, account or direction: %+v", m))
		}
		if h.once && slices.ContainsFunc(h.items, func(o message.Message) bool { return o.Key == m.Key }) {
			h.again++
			continue
		}
		h.items = append(h.items, m)
		h.raw = append(h.raw, raws[i])
	}
	for _, x := range b.Held {
		if x.Source == "" || x.Reason == "" {
			h.wrong = append(h.wrong, fmt.Sprintf("a held item without source or reason: %+v", x))
		}
	}
	h.held = append(h.held, b.Held...)
	if b.Cursor != nil {
		h.cursor = bytes.Clone(b.Cursor)
	}
	return nil
}

// State implements connectors.Sink.
func (h *Hub) State(s connectors.State) {
	defer h.enter("State")()
	h.mu.Lock()
	defer h.mu.Unlock()
	h.states = append(h.states, s)
}

// hooked is the Sink of a webhook: for many goroutines at once, without a cursor.
type hooked struct{ *Hub }

// Hooked makes a Sink for Webhooker.Webhook; what comes in again under a known key
// adds nothing from now on.
func (h *Hub) Hooked() connectors.Sink {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.once = true
	return hooked{h}
}

// Cursor implements connectors.Sink.
func (s hooked) Cursor(context.Context) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.wrong = append(s.wrong, "a webhook asked for the cursor")
	return nil, errors.New("a webhook has no cursor")
}

// Accept implements connectors.Sink.
func (s hooked) Accept(ctx context.Context, b connectors.Batch) error {
	err := s.accept(ctx, b)
	s.mu.Lock()
	defer s.mu.Unlock()
	if b.Cursor != nil {
		s.wrong = append(s.wrong, "a webhook moved the cursor")
	}
	s.changed()
	return err
}

// State implements connectors.Sink.
func (s hooked) State(st connectors.State) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.states = append(s.states, st)
	s.changed()
}

// refuse makes the next Accept fail.
func (h *Hub) refuse(err error) { h.refused = err }

// block makes the next Accept wait until release or the end of its context.
func (h *Hub) block() (entered <-chan struct{}, release func()) {
	h.entered, h.gate = make(chan struct{}), make(chan struct{})
	gate := h.gate
	return h.entered, func() { close(gate) }
}

// log keeps what is logged, to look for secrets.
func (h *Hub) log() *slog.Logger { return slog.New(slog.NewTextHandler((*hubLog)(h), nil)) }

type hubLog Hub

func (l *hubLog) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.logged.Write(b)
}

// wait returns once ok does, which is called with the lock held.
func (h *Hub) wait(t *testing.T, what string, ok func() bool) {
	t.Helper()
	timeout := time.After(Patience)
	for {
		h.mu.Lock()
		done, change := ok(), h.change
		h.mu.Unlock()
		if done {
			return
		}
		select {
		case <-change:
		case <-timeout:
			h.mu.Lock()
			defer h.mu.Unlock()
			t.Fatalf("%s did not come: %d items, %d held, states %+v", what, len(h.items), len(h.held), h.states)
		}
	}
}

func (h *Hub) await(t *testing.T, what string, n int) {
	t.Helper()
	h.wait(t, what, func() bool { return len(h.items) >= n })
}

// count tells how often a phase was shown.
func (h *Hub) count(p connectors.Phase) int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.countLocked(p)
}

func (h *Hub) countLocked(p connectors.Phase) (n int) {
	for _, s := range h.states {
		if s.Phase == p {
			n++
		}
	}
	return n
}

// awaitLive waits until the last state shown is Live.
func (h *Hub) awaitLive(t *testing.T) {
	t.Helper()
	h.wait(t, "the live state", func() bool {
		return len(h.states) > 0 && h.states[len(h.states)-1].Phase == connectors.Live
	})
}

// exactly checks that n items came, each once, and that the contract was kept.
func (h *Hub) exactly(t *testing.T, n int) {
	t.Helper()
	h.mu.Lock()
	defer h.mu.Unlock()
	keys := map[string]bool{}
	for i := range n {
		count := 0
		for _, m := range h.items {
			if strings.Contains(m.Text, text(i)) || strings.Contains(m.Subject, text(i)) {
				count++
			}
		}
		if count != 1 {
			t.Errorf("item %d came %d times", i, count)
		}
	}
	for _, m := range h.items {
		if keys[m.Key] {
			t.Errorf("the key %q was used twice", m.Key)
		}
		keys[m.Key] = true
	}
	if len(h.items) != n {
		t.Errorf("%d items, want %d", len(h.items), n)
	}
	for _, w := range h.wrong {
		t.Error(w)
	}
}

// noSecrets looks through all that people could have seen.
func (h *Hub) noSecrets(t *testing.T, harness Harness) {
	t.Helper()
	h.mu.Lock()
	defer h.mu.Unlock()
	secret(t, harness, fmt.Sprintf("%+v %s", h.states, h.logged.String()))
}
