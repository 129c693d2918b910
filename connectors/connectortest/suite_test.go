package connectortest

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"throughline/connectors"
	"throughline/message"
)

// provider is the smallest one there can be: a list of items, and of what it took.
type provider struct {
	mu      sync.Mutex
	change  chan struct{}
	items   []string
	taken   []message.Message
	swallow bool
	locked  bool
	cut     bool
}

const password = "correct horse"

// put appends an item, unless it is there, and returns its number.
func (p *provider) put(text string) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	if i := slices.Index(p.items, text); i >= 0 {
		return i
	}
	p.items = append(p.items, text)
	close(p.change)
	p.change = make(chan struct{})
	return len(p.items) - 1
}

// pager is its connector.
type pager struct{ p *provider }

func (c *pager) Info() connectors.Info { return connectors.Info{Account: "pager", Channel: "pager"} }

func (c *pager) item(n int, text string) message.Message {
	id := strconv.Itoa(n)
	return message.Message{Channel: "pager", Account: "pager", Direction: message.In, Key: "pager/" + id, Source: id,
		From: message.Person{Handle: "tel:+447700900123"}, Text: text, Raw: message.Bytes(text)}
}

func (c *pager) Run(ctx context.Context, in connectors.Sink) error {
	if c.p.locked {
		return &connectors.SendError{Class: connectors.AccountFault, Reason: "wrong password"}
	}
	cursor, err := in.Cursor(ctx)
	if err != nil {
		return err
	}
	at, _ := strconv.Atoi(string(cursor))
	for ctx.Err() == nil {
		c.p.mu.Lock()
		items, change, cut := slices.Clone(c.p.items), c.p.change, c.p.cut
		c.p.cut = false
		c.p.mu.Unlock()
		if cut {
			return errors.New("the connection broke")
		}
		var b connectors.Batch
		for ; at < len(items); at++ {
			if strings.HasPrefix(items[at], "poison") {
				b.Held = append(b.Held, message.Held{Source: strconv.Itoa(at), Reason: "it is poison"})
			} else {
				b.Messages = append(b.Messages, c.item(at, items[at]))
			}
		}
		if len(b.Messages)+len(b.Held) > 0 {
			b.Cursor = []byte(strconv.Itoa(at))
			if err := in.Accept(ctx, b); err != nil {
				return err
			}
		}
		in.State(connectors.State{Phase: connectors.Live})
		select {
		case <-change:
		case <-ctx.Done():
		}
	}
	return ctx.Err()
}

func (c *pager) Webhook(in connectors.Sink) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n, err := strconv.Atoi(r.FormValue("n"))
		if err != nil || r.Header.Get("Password") != password {
			http.Error(w, "not from the provider", http.StatusForbidden)
			return
		}
		if err := in.Accept(r.Context(), connectors.Batch{Messages: []message.Message{c.item(n, r.FormValue("text"))}}); err != nil {
			http.Error(w, "later", http.StatusServiceUnavailable)
		}
	})
}

func (c *pager) Send(_ context.Context, m message.Message) (connectors.Receipt, error) {
	c.p.mu.Lock()
	defer c.p.mu.Unlock()
	if c.p.locked {
		return connectors.Receipt{}, &connectors.SendError{Class: connectors.AccountFault, Reason: "wrong password"}
	}
	c.p.taken = append(c.p.taken, m)
	if c.p.swallow {
		c.p.swallow = false
		return connectors.Receipt{}, &connectors.SendError{Class: connectors.Unsure, Reason: "no answer"}
	}
	return connectors.Receipt{Ref: fmt.Sprintf("P%d", m.ID)}, nil
}

func (c *pager) Find(_ context.Context, m message.Message, _ time.Time, taken func(string) bool) (connectors.Receipt, error) {
	c.p.mu.Lock()
	defer c.p.mu.Unlock()
	for _, o := range c.p.taken {
		if ref := fmt.Sprintf("P%d", o.ID); o.Text == m.Text && !taken(ref) {
			return connectors.Receipt{Ref: ref}, nil
		}
	}
	return connectors.Receipt{}, connectors.ErrNotFound
}

// TestSuite: the suite lets a good connector pass.
func TestSuite(t *testing.T) {
	Run(t, func(t *testing.T) Harness {
		p := &provider{change: make(chan struct{})}
		return Harness{
			New:     func() connectors.Connector { return &pager{p} },
			Deliver: func(text string) error { p.put(text); return nil },
			Poison:  func(text string) error { p.put(text); return nil },
			Cut: func() error {
				p.mu.Lock()
				defer p.mu.Unlock()
				p.cut = true
				close(p.change)
				p.change = make(chan struct{})
				return nil
			},
			Hook: func(handler http.Handler, text string) (int, error) {
				r := httptest.NewRequest("POST", fmt.Sprintf("/?n=%d&text=%s", p.put(text), strings.ReplaceAll(text, " ", "+")), nil)
				r.Header.Set("Password", password)
				w := httptest.NewRecorder()
				handler.ServeHTTP(w, r)
				return w.Code, nil
			},
			Outgoing: func(id uint64) message.Message {
				return message.Message{ID: id, Token: "t", Text: fmt.Sprint("out ", id)}
			},
			Sent: func() (names []string) {
				for _, m := range p.taken {
					names = append(names, fmt.Sprintf("P%d", m.ID))
				}
				return names
			},
			Swallow: func() error { p.swallow = true; return nil },
			Taken:   func() int { return len(p.taken) },
			Lock:    func() error { p.locked = true; return nil },
			Secrets: []string{password},
		}
	})
}
