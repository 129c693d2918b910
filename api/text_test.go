package api

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"sync"
	"testing"
	"time"

	"throughline/accounts"
	"throughline/auth"
	"throughline/connectors"
	"throughline/connectors/connectortest"
	"throughline/message"
)

// texter is an account of a channel as texts are, which the test brings over HTTP:
// the body is the text, ?id= its ID and ?from= the end of the sender's number.
type texter struct {
	connectortest.Idle
	host connectors.Host
	sent chan message.Message

	mu        sync.Mutex
	seen      []*http.Request
	templates []message.Template
}

func (c *texter) Send(_ context.Context, m message.Message) (connectors.Receipt, error) {
	c.sent <- m
	return connectors.Receipt{Ref: fmt.Sprintf("S%d", m.ID)}, nil
}

func (c *texter) Templates(context.Context) ([]message.Template, error) { return c.templates, nil }

func (c *texter) Webhook(in connectors.Sink) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c.mu.Lock()
		c.seen = append(c.seen, r)
		c.mu.Unlock()
		body, err := io.ReadAll(r.Body)
		if err != nil {
			http.Error(w, err.Error(), http.StatusRequestEntityTooLarge)
			return
		}
		switch string(body) {
		case "panic":
			panic("boom")
		case "forged":
			http.Error(w, "not signed", http.StatusForbidden)
			return
		}
		m := c.message("+447700900"+r.URL.Query().Get("from"), string(body))
		m.Key, m.Source = r.URL.Query().Get("id"), r.URL.Query().Get("id")
		if err := in.Accept(r.Context(), connectors.Batch{Messages: []message.Message{m}}); err != nil {
			http.Error(w, "later", http.StatusServiceUnavailable)
		}
	})
}

// message is an incoming text.
func (c *texter) message(from, text string) message.Message {
	n := mails.Add(1)
	return message.Message{
		Channel: "text", Account: c.About.Account, Source: fmt.Sprintf("T%d", n), Key: fmt.Sprintf("T%d", n), Ref: fmt.Sprintf("T%d", n),
		From: message.Person{Handle: message.NewHandle("tel", from)}, To: []message.Person{c.About.Own},
		Text: text, Reply: text, Kind: message.Human, Chat: true, Time: time.Now(), Received: time.Now(),
	}
}

// newTextWorld is a world with an account of texts too.
func newTextWorld(t testing.TB, o worldOptions, change func(*texter)) (*world, *texter) {
	t.Helper()
	c := &texter{
		Idle: connectortest.NewIdle(connectors.Info{Account: "mobile", Channel: "text", Own: message.Person{Name: "Shop", Handle: "tel:+447700900001"},
			Writing: connectors.Writing{Chat: true, Segments: true, Text: 1600, Files: 10}}),
		sent: make(chan message.Message, 100),
	}
	if change != nil {
		change(c)
	}
	o.kind = connectors.Kind{Channel: "text", Scheme: "tel", New: func(_ connectors.Account, h connectors.Host) (connectors.Connector, error) {
		c.host = h
		return c, nil
	}}
	w := newWorld(t, o)
	_, err := w.hub.Accounts.Create(t.Context(), accounts.NewAccount{ID: "mobile", Channel: "text", Name: "Shop mobile"})
	must(t, err)
	<-c.Sinks
	return w, c
}

// take has the account take in a batch.
func (c *texter) take(t testing.TB, b connectors.Batch) {
	t.Helper()
	must(t, (<-c.Sinks).Accept(t.Context(), b))
}

func (w *world) staff(role auth.Role) *client {
	w.t.Helper()
	return w.browser(w.agent("Sam", role))
}
