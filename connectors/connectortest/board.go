package connectortest

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"throughline/connectors"
	"throughline/message"
)

// board is a Sink of calls and the Desk over them, in memory: what is told of a call
// adds up, and who picks up first has it.
type board struct {
	mu     sync.Mutex
	change chan struct{} // closed and replaced at every change
	calls  map[string]*message.Message
	early  map[string][]message.Call // of calls that are not known yet
	facts  map[string][]message.Call // as they were told
	own    map[string][]message.Call // what the hub wrote down itself
}

var (
	_ connectors.Desk = (*board)(nil)
	_ connectors.Sink = (*board)(nil)
)

func newBoard() *board {
	return &board{change: make(chan struct{}), calls: map[string]*message.Message{}, early: map[string][]message.Call{},
		facts: map[string][]message.Call{}, own: map[string][]message.Call{}}
}

// touch wakes those who wait, with the lock held.
func (b *board) touch() { close(b.change); b.change = make(chan struct{}) }

// Cursor implements connectors.Sink.
func (b *board) Cursor(context.Context) ([]byte, error) { return nil, nil }

// State implements connectors.Sink.
func (b *board) State(connectors.State) {}

// Accept implements connectors.Sink.
func (b *board) Accept(_ context.Context, batch connectors.Batch) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	defer b.touch()
	for _, m := range batch.Messages {
		if m.Call == nil {
			return errors.New("an item of the line is no call")
		}
		call := *m.Call
		if b.calls[m.Key] == nil {
			m.Call = &message.Call{}
			b.calls[m.Key] = &m
			for _, c := range b.early[m.Key] {
				b.add(m.Key, c)
			}
		}
		b.learn(m.Key, call)
	}
	for _, c := range batch.Changes {
		if c.Call != nil {
			b.learn(c.Of, *c.Call)
		}
	}
	return nil
}

func (b *board) learn(of string, c message.Call) {
	b.facts[of] = append(b.facts[of], c)
	if b.calls[of] == nil {
		b.early[of] = append(b.early[of], c)
		return
	}
	b.add(of, c)
}

func (b *board) add(of string, c message.Call) {
	is := b.calls[of].Call.Merge(c)
	b.calls[of].Call = &is
}

// writes is what the hub writes down itself.
func (b *board) writes(of string, c message.Call) {
	b.mu.Lock()
	defer b.mu.Unlock()
	defer b.touch()
	b.write(of, c)
}

func (b *board) write(of string, c message.Call) {
	b.own[of] = append(b.own[of], c)
	b.add(of, c)
}

// dials writes a call of ours down.
func (b *board) dials(of string, m message.Message, leg message.CallLeg) {
	m.Call = &message.Call{}
	b.mu.Lock()
	b.calls[of] = &m
	b.mu.Unlock()
	b.writes(of, message.Call{Legs: []message.CallLeg{leg}})
}

// wait waits until a call is as wanted, and returns its name.
func (b *board) wait(t *testing.T, what string, ok func(of string, c *message.Call) bool) string {
	t.Helper()
	deadline := time.After(Patience)
	for {
		b.mu.Lock()
		change := b.change
		for of, m := range b.calls {
			if ok(of, m.Call) {
				b.mu.Unlock()
				return of
			}
		}
		b.mu.Unlock()
		select {
		case <-change:
		case <-deadline:
			for of, m := range b.calls {
				t.Logf("%s: %+v", of, *m.Call)
			}
			t.Fatalf("%s: not within %v", what, Patience)
		}
	}
}

// Staffed implements connectors.Desk.
func (b *board) Staffed() (bool, error) { return true, nil }

// Knows implements connectors.Desk.
func (b *board) Knows(string) (bool, error) { return true, nil }

// Call implements connectors.Desk.
func (b *board) Call(_ context.Context, of string) (message.Message, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	m := b.calls[of]
	if m == nil {
		return message.Message{}, errors.New("there is no such call")
	}
	out, call := *m, m.Call.Settled()
	out.Call = &call
	return out, nil
}

// Calls implements connectors.Desk.
func (b *board) Calls(context.Context) (list []message.Message, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, m := range b.calls {
		if s := m.Call.State; s != "" && s != message.CallEnded {
			out, call := *m, m.Call.Settled()
			out.Call = &call
			list = append(list, out)
		}
	}
	return list, nil
}

// Leave implements connectors.Desk.
func (b *board) Leave(_ context.Context, of string) (bool, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.calls[of] == nil {
		return false, errors.New("there is no such call")
	}
	c := b.calls[of].Call.Settled()
	if c.Over() || c.Left.IsZero() && c.State != message.CallWaiting && c.State != message.CallRinging {
		return false, nil
	}
	b.write(of, message.Call{Left: time.Now().UTC()})
	b.touch()
	return true, nil
}

// Take implements connectors.Desk.
func (b *board) Take(_ context.Context, of, leg string) (m message.Message, taken bool, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	defer b.touch()
	if b.calls[of] == nil {
		return m, false, errors.New("there is no such call")
	}
	c := b.calls[of].Call.Settled()
	l, out := c.Leg(leg), b.calls[of].Direction == message.Out
	switch {
	case l == nil || !l.Ended.IsZero() || c.Over() || l.Answered.IsZero() && (c.Speaker() != nil || !c.Left.IsZero()):
	case !l.Answered.IsZero():
		taken = true
	default:
		taken = true
		now := time.Now().UTC()
		legs := []message.CallLeg{{ID: leg, Answered: now}}
		if out {
			legs = append(legs, message.CallLeg{ID: "customer", Role: message.CustomerLeg, Began: now})
		} else {
			legs[0].Spoke = now
		}
		b.write(of, message.Call{Legs: legs})
	}
	m = *b.calls[of]
	call := m.Call.Settled()
	m.Call = &call
	return m, taken, nil
}
