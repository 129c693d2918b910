// Package connectortest is the conformance suite of the connectors: what the
// hub relies on, whatever the channel. A connector's own tests run it over every
// provider they can get, real or in the process.
//
// It keeps nothing on disk. It never looks inside a cursor or a source.
package connectortest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"throughline/connectors"
	"throughline/message"
)

// Patience is how long the suite waits at most for what has to happen, and
// Prompt how long a connector may take to stop.
const (
	Patience = 20 * time.Second
	Prompt   = 5 * time.Second
)

// Harness is one channel with a provider to try it on. The suite makes a new
// one for each of its tests, and one to see which of them apply. Functions that are nil
// leave out what needs them.
type Harness struct {
	// New makes the connector anew, as after a restart of the program.
	New func() connectors.Connector
	// Deliver puts an item at the provider. Its text is in Text or Subject of
	// the message that comes of it.
	Deliver func(text string) error
	// Poison puts an item there that cannot be taken in.
	Poison func(text string) error
	// Cut breaks all connections to the provider.
	Cut func() error
	// Outgoing makes a message to send; Sent are the wire names that the
	// provider got so far, one for each attempt.
	Outgoing func(id uint64) message.Message
	Sent     func() []string
	// Hook puts an item at the provider and has it brought to handler as the
	// provider does it: with its method, headers and signature. Asked for the same
	// text again, or for one of Deliver, it brings the same item again. It may be called from many
	// goroutines at once, and returns the status of the answer.
	Hook func(handler http.Handler, text string) (status int, err error)
	// Hookless tells that these settings take nothing by webhook, though the
	// connector is a Webhooker with others. A Webhooker has either this or Hook.
	Hookless bool
	// Swallow makes the provider take the next message and break the connection
	// before its answer; Taken counts the messages that it took so far.
	Swallow func() error
	Taken   func() int
	// Lock makes the provider refuse the credentials from now on.
	Lock func() error
	// Secrets must not appear in any error or state.
	Secrets []string
}

// Run runs the suite. setup makes a harness for one test and registers its
// cleanup there.
func Run(t *testing.T, setup func(t *testing.T) Harness) {
	tests := []struct {
		name  string
		test  func(*testing.T, Harness)
		needs func(Harness) bool // nil: every channel can be tested so
	}{
		{"exactly once over restarts", onceOverRestarts, nil},
		{"nothing is passed over when the hub refuses", refusedBatch, nil},
		{"no acknowledgement before the hub has it", slowHub, nil},
		{"a cut connection loses nothing", cutConnection, func(h Harness) bool { return h.Cut != nil }},
		{"poison is held", poison, func(h Harness) bool { return h.Poison != nil }},
		{"stops promptly", stopsPromptly, nil},
		{"one name for all attempts", oneName, func(h Harness) bool { return h.Outgoing != nil }},
		{"refused credentials", refusedCredentials, func(h Harness) bool { return h.Lock != nil }},
		{"inventory and refetch", audit, is[connectors.Auditor]},
		{"raw items can be read again", readAgain, is[connectors.Reader]},
		{"webhooks at once and again add nothing twice", hooksAtOnce, takesHooks},
		{"no webhook is answered before the hub has it", slowHook, takesHooks},
		{"a webhook that the hub refuses is refused", refusedHook, takesHooks},
		{"by webhook and by looking: once", hookAndRun, takesHooks},
		{"a cut answer is unsure", cutAnswer, func(h Harness) bool { return h.Swallow != nil }},
	}
	// A test that does not apply is left out: skipped, it would look like one that
	// passed.
	probe := setup(t)
	for _, tt := range tests {
		if tt.needs != nil && !tt.needs(probe) {
			continue
		}
		t.Run(tt.name, func(t *testing.T) {
			// What the provider needs ends with its cleanup, and only then is
			// looked for what the connector left behind.
			ignore := goleak.IgnoreCurrent()
			t.Cleanup(func() { goleak.VerifyNone(t, ignore) })
			tt.test(t, setup(t))
		})
	}
}

// is tells whether the channel's connectors are of an optional kind.
func is[T any](h Harness) bool { _, ok := h.New().(T); return ok }

// takesHooks tells whether the channel has to take items by webhook: a Webhooker whose
// harness has neither Hook nor Hookless fails in the tests of that.
func takesHooks(h Harness) bool { return is[connectors.Webhooker](h) && !h.Hookless }

// running is a connector under a supervisor.
type running struct {
	*Hub
	sup  *connectors.Supervisor
	stop func()
}

func start(t *testing.T, h Harness, hub *Hub) *running {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	r := &running{Hub: hub, sup: connectors.NewSupervisor(h.New(), hub, hub.log())}
	go func() {
		defer close(ended)
		r.sup.Run(ctx)
	}()
	stopped := false
	r.stop = func() {
		if stopped {
			return
		}
		stopped = true
		cancel()
		select {
		case <-ended:
		case <-time.After(Prompt):
			buf := make([]byte, 1<<20)
			t.Errorf("Run did not end within %v of its context:\n%s", Prompt, buf[:runtime.Stack(buf, true)])
			<-ended
		}
	}
	t.Cleanup(func() { r.stop(); hub.noSecrets(t, h) })
	return r
}

func deliver(t *testing.T, h Harness, from, to int) {
	t.Helper()
	for i := from; i < to; i++ {
		if err := h.Deliver(text(i)); err != nil {
			t.Fatal(err)
		}
	}
}

func text(i int) string { return fmt.Sprintf("conformance item %d.", i) }

func onceOverRestarts(t *testing.T, h Harness) {
	hub := NewHub()
	for round := range 4 {
		deliver(t, h, round*3, round*3+1)
		r := start(t, h, hub)
		r.await(t, "what waited", round*3+1)
		deliver(t, h, round*3+1, round*3+3)
		r.await(t, "what came", round*3+3)
		r.stop()
	}
	r := start(t, h, hub)
	r.awaitLive(t)
	r.stop()
	hub.exactly(t, 12)
}

func refusedBatch(t *testing.T, h Harness) {
	hub := NewHub()
	deliver(t, h, 0, 3)
	hub.refuse(errors.New("the disk is full"))
	c := h.New()
	ctx, cancel := context.WithTimeout(t.Context(), Patience)
	defer cancel()
	if err := c.Run(ctx, hub); err == nil || ctx.Err() != nil {
		t.Fatalf("Run returned %v though the hub refused a batch", err)
	}
	if hub.cursor != nil || len(hub.items) != 0 {
		t.Fatalf("cursor %q, %d items", hub.cursor, len(hub.items))
	}
	r := start(t, h, hub)
	r.await(t, "what was refused", 3)
	r.stop()
	hub.exactly(t, 3)
}

// slowHub kills the connector while the hub is still busy with a batch.
func slowHub(t *testing.T, h Harness) {
	hub := NewHub()
	deliver(t, h, 0, 2)
	entered, release := hub.block()
	r := start(t, h, hub)
	select {
	case <-entered:
	case <-time.After(Patience):
		t.Fatal("nothing was offered")
	}
	r.stop()
	release()
	if hub.cursor != nil {
		t.Errorf("cursor %q", hub.cursor)
	}
	r = start(t, h, hub)
	r.await(t, "what was not acknowledged", 2)
	r.stop()
	hub.exactly(t, 2)
}

func cutConnection(t *testing.T, h Harness) {
	hub := NewHub()
	r := start(t, h, hub)
	r.awaitLive(t)
	for i := range 4 {
		cuts := r.count(connectors.Retrying)
		if err := h.Cut(); err != nil {
			t.Fatal(err)
		}
		deliver(t, h, i, i+1)
		r.wait(t, "the end of the cut connection", func() bool { return r.countLocked(connectors.Retrying) > cuts })
		r.sup.Kick() // instead of the pause
		r.await(t, "what came during the cut", i+1)
	}
	r.stop()
	hub.exactly(t, 4)
}

func poison(t *testing.T, h Harness) {
	hub := NewHub()
	deliver(t, h, 0, 2)
	if err := h.Poison("poison"); err != nil {
		t.Fatal(err)
	}
	deliver(t, h, 2, 4)
	r := start(t, h, hub)
	r.await(t, "the items around the poison", 4)
	r.awaitLive(t)
	r.stop()
	hub.exactly(t, 4)
	if len(hub.held) != 1 || hub.held[0].Reason == "" || hub.held[0].Source == "" {
		t.Errorf("held: %+v", hub.held)
	}
	r = start(t, h, hub)
	r.awaitLive(t)
	r.stop()
	if len(hub.held) != 1 {
		t.Errorf("the poison was offered again: %+v", hub.held)
	}
}

func stopsPromptly(t *testing.T, h Harness) {
	hub := NewHub()
	for range 3 {
		start(t, h, hub).stop() // anywhere in its beginning
	}
	r := start(t, h, hub)
	r.awaitLive(t)
	r.stop()
}

func oneName(t *testing.T, h Harness) {
	c := h.New()
	var refs []string
	for range 2 {
		r, err := c.Send(t.Context(), h.Outgoing(1))
		if err != nil {
			t.Fatal(err)
		}
		refs = append(refs, r.Ref)
	}
	if _, err := c.Send(t.Context(), h.Outgoing(2)); err != nil {
		t.Fatal(err)
	}
	sent := h.Sent()
	if len(sent) != 3 || sent[0] != sent[1] || sent[1] == sent[2] || sent[0] == "" || c.Info().Idempotent && refs[0] != refs[1] {
		t.Errorf("wire names %q, refs %q", sent, refs)
	}
	// The connection that Send may keep open goes with Run.
	hub := NewHub()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_ = c.Run(ctx, hub) // only for its end
}

func refusedCredentials(t *testing.T, h Harness) {
	if err := h.Lock(); err != nil {
		t.Fatal(err)
	}
	hub := NewHub()
	c := h.New()
	ctx, cancel := context.WithTimeout(t.Context(), Patience)
	defer cancel()
	err := c.Run(ctx, hub)
	if connectors.ClassOf(err) != connectors.AccountFault {
		t.Errorf("Run = %v, want an AccountFault", err)
	}
	secret(t, h, fmt.Sprintf("%v %+v", err, err))
	if h.Outgoing != nil {
		_, err := c.Send(ctx, h.Outgoing(1))
		if connectors.ClassOf(err) != connectors.AccountFault {
			t.Errorf("Send = %v, want an AccountFault", err)
		}
		secret(t, h, fmt.Sprintf("%v %+v", err, err))
	}
	if tester, ok := c.(connectors.Tester); ok {
		steps := tester.Test(ctx)
		if len(steps) == 0 || steps[len(steps)-1].OK {
			t.Errorf("Test = %+v", steps)
		}
		secret(t, h, fmt.Sprintf("%+v", steps))
	}
}

func audit(t *testing.T, h Harness) {
	a := h.New().(connectors.Auditor)
	hub := NewHub()
	deliver(t, h, 0, 3)
	r := start(t, h, hub)
	r.await(t, "items", 3)
	r.stop()
	cursor := string(hub.cursor)
	known := map[string]bool{}
	for _, m := range hub.items {
		known[m.Source] = true
	}
	var sources []string
	if err := a.Inventory(t.Context(), func(i connectors.Item) error {
		if !known[i.Source] {
			t.Errorf("the inventory lists %q, Run gave %v", i.Source, known)
		}
		sources = append(sources, i.Source)
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if len(sources) != 3 {
		t.Errorf("%d items in the inventory", len(sources))
	}
	if err := a.Refetch(t.Context(), hub, sources[:1]); err != nil {
		t.Fatal(err)
	}
	// Inventories have no order.
	if len(hub.items) != 4 || hub.items[3].Source != sources[0] || !slices.ContainsFunc(hub.items[:3], func(m message.Message) bool {
		return m.Source == sources[0] && m.Key == hub.items[3].Key
	}) {
		t.Errorf("%d items after the refetch", len(hub.items))
	}
	if string(hub.cursor) != cursor {
		t.Error("the refetch moved the cursor")
	}
	want := errors.New("enough")
	if err := a.Inventory(t.Context(), func(connectors.Item) error { return want }); !errors.Is(err, want) {
		t.Errorf("the inventory went on after an error: %v", err)
	}
}

func readAgain(t *testing.T, h Harness) {
	reader := h.New().(connectors.Reader)
	hub := NewHub()
	deliver(t, h, 0, 1)
	r := start(t, h, hub)
	r.await(t, "item", 1)
	r.stop()
	first := hub.items[0]
	again, err := reader.Read(hub.raw[0], first.Source)
	if err != nil {
		t.Fatal(err)
	}
	if again.Key != first.Key || again.Text != first.Text || again.Source != first.Source {
		t.Errorf("read %+v, first %+v", again, first)
	}
}

func secret(t *testing.T, h Harness, s string) {
	t.Helper()
	for _, x := range h.Secrets {
		if strings.Contains(s, x) {
			t.Errorf("a secret is shown: %s", strings.ReplaceAll(s, x, "<SECRET>"))
		}
	}
}

// all reads a body of bytes.
func all(c message.Content) ([]byte, error) {
	r, err := c.Open()
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return io.ReadAll(r)
}
