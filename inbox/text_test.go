package inbox

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"

	"throughline/accounts"
	"throughline/connectors"
	"throughline/connectors/connectortest"
	"throughline/message"
)

// texter is an account of a channel as texts are: one stream, no letters, no
// second try, brought over HTTP. Its provider is the test.
type texter struct {
	connectortest.Idle
	host connectors.Host
	hook func(in connectors.Sink, w http.ResponseWriter, r *http.Request)

	mu        sync.Mutex
	send      func(m message.Message) (connectors.Receipt, error)
	find      func(m message.Message, taken func(string) bool) (connectors.Receipt, error)
	templates []message.Template
	pause     time.Duration
	asked     chan struct{} // is told when the pause is
}

func (c *texter) Pause() time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	select {
	case c.asked <- struct{}{}:
	default:
	}
	return c.pause
}

func (c *texter) Send(_ context.Context, m message.Message) (connectors.Receipt, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.send(m)
}

func (c *texter) Find(_ context.Context, m message.Message, _ time.Time, taken func(string) bool) (connectors.Receipt, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.find == nil {
		return connectors.Receipt{}, connectors.ErrNotFound
	}
	return c.find(m, taken)
}

func (c *texter) Templates(context.Context) ([]message.Template, error) { return c.templates, nil }

func (c *texter) Webhook(in connectors.Sink) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if c.hook != nil {
			c.hook(in, w, r)
			return
		}
		body, err := io.ReadAll(r.Body)
		if err == nil {
			err = in.Accept(r.Context(), connectors.Batch{Messages: []message.Message{c.message("+447700900"+r.URL.Query().Get("from"), string(body))}})
		}
		if err != nil {
			http.Error(w, err.Error(), http.StatusServiceUnavailable)
		}
	})
}

// message is an incoming text.
func (c *texter) message(from, text string) message.Message {
	sourceN++
	return message.Message{
		Channel: "text", Account: c.About.Account, Source: fmt.Sprintf("T%d", sourceN), Key: fmt.Sprintf("%s/T%d", c.About.Account, sourceN),
		From: message.Person{Handle: message.NewHandle("tel", from)}, To: []message.Person{c.About.Own},
		Ref: fmt.Sprintf("%s/T%d", c.About.Account, sourceN), Text: text, Reply: text, Kind: message.Human, Chat: true, Time: time.Now(),
	}
}

// texts is the channel of the texters.
func (w *world) texts() connectors.Kind {
	return connectors.Kind{Channel: "text", Scheme: "tel", New: func(a connectors.Account, h connectors.Host) (connectors.Connector, error) {
		c := w.text[a.ID]
		if c == nil {
			return nil, errors.New("no such number")
		}
		c.host = h
		return c, nil
	}}
}

// texter adds an account of texts and waits until it runs.
func (w *world) texter(id, number string, change func(*texter)) *texter {
	w.t.Helper()
	n := 0
	c := &texter{
		Idle: connectortest.NewIdle(connectors.Info{Account: id, Channel: "text", Own: message.Person{Handle: message.NewHandle("tel", number)},
			Writing: connectors.Writing{Chat: true, Segments: true, Text: 1600, Files: 2, FileBytes: 100}}),
	}
	c.send = func(m message.Message) (connectors.Receipt, error) {
		w.sent <- m
		n++
		return connectors.Receipt{Ref: fmt.Sprintf("%s/S%d", id, n), Detail: "queued"}, nil
	}
	if change != nil {
		change(c)
	}
	w.text[id] = c
	if _, err := w.Accounts.Create(w.t.Context(), accounts.NewAccount{ID: id, Channel: "text"}); err != nil {
		w.t.Fatal(err)
	}
	<-c.Sinks
	return c
}

// take has an account take in a batch.
func (w *world) take(c *texter, b connectors.Batch) {
	w.t.Helper()
	if err := (<-c.Sinks).Accept(w.t.Context(), b); err != nil {
		w.t.Fatal(err)
	}
}

// texted takes a text in and returns its conversation.
func (w *world) texted(c *texter, m message.Message) uint64 {
	w.t.Helper()
	w.take(c, connectors.Batch{Messages: []message.Message{m}})
	return w.byKey(m.Key).Conversation
}
