package connectortest

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"testing"
	"time"

	"throughline/connectors"
	"throughline/message"
)

// hasty is how soon an answer would come that waits for nothing.
const hasty = 50 * time.Millisecond

// hooks makes a connector with its webhook into hub.
func hooks(t *testing.T, h Harness, hub *Hub) (connectors.Connector, http.Handler) {
	t.Helper()
	c := h.New()
	if h.Hook == nil {
		t.Fatal("the connector is a Webhooker: give the harness a Hook that brings it an item")
	}
	t.Cleanup(func() { hub.noSecrets(t, h) })
	return c, c.(connectors.Webhooker).Webhook(hub.Hooked())
}

func fine(status int) bool { return status >= 200 && status < 300 }

// bring brings an item and expects a good answer.
func bring(t *testing.T, h Harness, handler http.Handler, text string) {
	t.Helper()
	if status, err := h.Hook(handler, text); err != nil || !fine(status) {
		t.Errorf("%q was answered with %d, %v", text, status, err)
	}
}

func hooksAtOnce(t *testing.T, h Harness) {
	hub := NewHub()
	_, handler := hooks(t, h, hub)
	const items, times = 8, 3
	var wg sync.WaitGroup
	for n := range items * times {
		wg.Go(func() { bring(t, h, handler, text(n%items)) })
	}
	wg.Wait()
	hub.exactly(t, items)
	if hub.again != items*(times-1) {
		t.Errorf("of %d deliveries again %d came to the hub", items*(times-1), hub.again)
	}
}

func slowHook(t *testing.T, h Harness) {
	hub := NewHub()
	_, handler := hooks(t, h, hub)
	entered, release := hub.block()
	answered := make(chan int, 1)
	go func() {
		status, err := h.Hook(handler, text(0))
		if err != nil {
			t.Error(err)
		}
		answered <- status
	}()
	select {
	case <-entered:
	case status := <-answered:
		release()
		t.Fatalf("answered with %d before anything was offered", status)
	case <-time.After(Patience):
		release()
		t.Fatal("nothing was offered")
	}
	select {
	case status := <-answered:
		t.Errorf("answered with %d while the hub was still busy", status)
		release()
		return
	case <-time.After(hasty): // a good connector never answers here
	}
	release()
	select {
	case status := <-answered:
		if !fine(status) {
			t.Errorf("answered with %d", status)
		}
	case <-time.After(Patience):
		t.Fatal("no answer")
	}
	hub.exactly(t, 1)
}

func refusedHook(t *testing.T, h Harness) {
	hub := NewHub()
	_, handler := hooks(t, h, hub)
	hub.refuse(errors.New("the disk is full"))
	if status, err := h.Hook(handler, text(0)); err != nil || fine(status) {
		t.Errorf("refused by the hub and answered with %d, %v", status, err)
	}
	bring(t, h, handler, text(0))
	hub.exactly(t, 1)
}

// hookAndRun brings items while Run looks for itself, as it does to find what was
// missed.
func hookAndRun(t *testing.T, h Harness) {
	hub := NewHub()
	c, handler := hooks(t, h, hub)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		connectors.Supervise(ctx, c, hub, hub.log())
	}()
	defer func() { cancel(); <-ended }()
	bring(t, h, handler, text(0))
	hub.awaitLive(t)
	bring(t, h, handler, text(1))
	// What only Run can find comes after what it found too.
	if err := h.Deliver(text(2)); err != nil {
		t.Fatal(err)
	}
	hub.await(t, "what came by no webhook", 3)
	bring(t, h, handler, text(2)) // late
	cancel()
	<-ended
	hub.exactly(t, 3)
}

// cutAnswer loses the answer to a message that the provider took.
func cutAnswer(t *testing.T, h Harness) {
	c := h.New()
	if err := h.Swallow(); err != nil {
		t.Fatal(err)
	}
	since := time.Now().Add(-time.Second)
	m := h.Outgoing(1)
	_, err := c.Send(t.Context(), m)
	var se *connectors.SendError
	if !errors.As(err, &se) {
		t.Fatalf("Send = %v", err)
	}
	if se.Class != connectors.Unsure && !(c.Info().Idempotent && se.Class == connectors.Retry) {
		t.Errorf("Send = class %d, %v: it may have gone out", se.Class, err)
	}
	secret(t, h, err.Error())
	if n := h.Taken(); n != 1 {
		t.Errorf("the provider took %d messages", n)
	}
	if f, ok := c.(connectors.Finder); ok {
		find(t, f, m, since)
	}
	// The connection that Send may keep open goes with Run.
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_ = c.Run(ctx, NewHub()) // only for its end
}

// find looks for a message that the provider took.
func find(t *testing.T, f connectors.Finder, m message.Message, since time.Time) {
	t.Helper()
	r, err := f.Find(t.Context(), m, since, func(string) bool { return false })
	if err != nil || r.Ref == "" {
		t.Errorf("Find = %+v, %v", r, err)
	}
	if r, err := f.Find(t.Context(), m, since, func(string) bool { return true }); !errors.Is(err, connectors.ErrNotFound) {
		t.Errorf("Find = %+v, %v, though all that is there is taken", r, err)
	}
}
