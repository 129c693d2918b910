package inbox

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"go.uber.org/goleak"

	"throughline/accounts"
	"throughline/blob"
	"throughline/config"
	"throughline/connectors"
	"throughline/connectors/connectortest"
	"throughline/message"
	"throughline/store"
	"throughline/store/storetest"
	"throughline/timeline"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// channel is a connector whose provider is the test.
type channel struct {
	connectortest.Idle
	send func(ctx context.Context, m message.Message) (connectors.Receipt, error)

	inventory []connectors.Item
	listing   func() error // fails an inventory
	refetch   func(in connectors.Sink, sources []string) error
	finish    func(ctx context.Context, m message.Message) error
	read      func(raw message.Content, source string) (message.Message, error)
}

func (c *channel) Send(ctx context.Context, m message.Message) (connectors.Receipt, error) {
	return c.send(ctx, m)
}

func (c *channel) Inventory(_ context.Context, yield func(connectors.Item) error) error {
	if c.listing != nil {
		if err := c.listing(); err != nil {
			return err
		}
	}
	for _, it := range c.inventory {
		if err := yield(it); err != nil {
			return err
		}
	}
	return nil
}

func (c *channel) Refetch(_ context.Context, in connectors.Sink, sources []string) error {
	return c.refetch(in, sources)
}

func (c *channel) Finish(ctx context.Context, m message.Message) error { return c.finish(ctx, m) }

func (c *channel) Read(raw message.Content, source string) (message.Message, error) {
	return c.read(raw, source)
}

// letters is what mail can have.
var letters = connectors.Writing{Letter: true, Rich: true, Files: maxAttachments}

// world is a hub with one account, "support".
type world struct {
	*Hub
	t    *testing.T
	sink *sink
	ch   *channel
	more map[string]*channel // of accounts beside "support", by ID
	text map[string]*texter  // accounts of texts, by ID
	line *line               // the account of calls
	sent chan message.Message
	stop func()
}

// agentNamed knows agents by addresses such as agent7@example.com.
func agentNamed(_ *store.Tx, address string) (id uint64, ok bool, err error) {
	_, err = fmt.Sscanf(address, "agent%d@example.com", &id)
	return id, err == nil, nil
}

func newWorld(t *testing.T) *world { return newWorldAt(t, t.TempDir(), 0) }

func newWorldAt(t *testing.T, dir string, undo time.Duration) *world {
	t.Helper()
	w := &world{t: t, more: make(map[string]*channel), text: make(map[string]*texter), sent: make(chan message.Message, 100), stop: func() {}}
	w.ch = &channel{
		Idle: connectortest.NewIdle(connectors.Info{Account: "support", Channel: "test", Idempotent: true, Writing: letters,
			Own: message.Person{Name: "Support", Handle: "mailto:support@example.com"}}),
	}
	w.ch.send = func(_ context.Context, m message.Message) (connectors.Receipt, error) {
		w.sent <- m
		return connectors.Receipt{Detail: "250 ok"}, nil
	}
	kind := connectors.Kind{Channel: "test", Scheme: "mailto", New: func(a connectors.Account, _ connectors.Host) (connectors.Connector, error) {
		if c := w.more[a.ID]; c != nil {
			return c, nil
		}
		return w.ch, nil
	}}
	s := storetest.OpenPath(t, filepath.Join(dir, "hub.db"))
	blobs, err := blob.Open(filepath.Join(dir, "blobs"))
	if err != nil {
		t.Fatal(err)
	}
	kinds := []connectors.Kind{kind, w.texts(), w.lines()}
	acc := accounts.New(s, accounts.NewKey(), kinds)
	w.Hub, err = New(Options{Store: s, Blobs: blobs, Accounts: acc, Kinds: kinds, Undo: undo, ChatPause: DefaultChatPause, Agent: agentNamed,
		PublicURL: "https://hub.example.com", TempDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	file := config.Account{Account: connectors.Account{ID: "support", Channel: "test", Name: "Support", Settings: json.RawMessage(`{}`)}}
	if err := acc.Start(t.Context(), accounts.Options{File: []config.Account{file}}); err != nil {
		t.Fatal(err)
	}
	w.start()
	t.Cleanup(w.close)
	return w
}

// close ends the world, as a clean shutdown does, after a check of everything.
func (w *world) close() {
	w.t.Helper()
	w.stop()
	problems, err := w.Check(context.Background())
	if err != nil && !errors.Is(err, store.ErrClosed) {
		w.t.Errorf("check: %v", err)
	}
	for _, p := range problems {
		w.t.Errorf("check: %s", p)
	}
	if err := w.Store.Close(); err != nil {
		w.t.Errorf("close: %v", err)
	}
}

// account adds another account whose provider is the test, and waits until it
// runs.
func (w *world) account(id string) *channel {
	w.t.Helper()
	ch := &channel{
		Idle: connectortest.NewIdle(connectors.Info{Account: id, Channel: "test", Idempotent: true, Writing: letters,
			Own: message.Person{Handle: message.NewHandle("mailto", id+"@example.com")}}),
		send: w.ch.send,
	}
	w.more[id] = ch
	if _, err := w.Accounts.Create(w.t.Context(), accounts.NewAccount{ID: id, Channel: "test"}); err != nil {
		w.t.Fatal(err)
	}
	<-ch.Sinks
	return ch
}

// start runs the hub until w.stop.
func (w *world) start() {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := w.Run(ctx); err != nil && ctx.Err() == nil {
			w.t.Errorf("run: %v", err)
		}
	}()
	w.sink = (<-w.ch.Sinks).(*sink)
	w.stop = func() { cancel(); <-done; w.stop = func() {} }
}

var sourceN int

// mail makes an incoming message; refs are the names it refers to, nearest first.
func mail(from, name, text string, refs ...string) message.Message {
	sourceN++
	return message.Message{
		Channel: "test", Source: fmt.Sprintf("INBOX;1;%d", sourceN), Key: fmt.Sprintf("key-%s-%d", name, sourceN),
		From: message.Person{Handle: message.NewHandle("mailto", from)},
		To:   []message.Person{{Handle: "mailto:support@example.com"}},
		Ref:  name, Refs: refs, Text: text, Reply: text, Subject: "about " + name,
		Kind: message.Human, Time: time.Now(), Raw: message.Bytes("raw " + text),
	}
}

// accept takes messages in and returns the conversation of each.
func (w *world) accept(ms ...message.Message) []uint64 {
	w.t.Helper()
	if err := w.sink.Accept(w.t.Context(), connectors.Batch{Messages: ms}); err != nil {
		w.t.Fatal(err)
	}
	out := make([]uint64, len(ms))
	for i, m := range ms {
		out[i] = w.where(m)
	}
	return out
}

// where is the conversation of an accepted message.
func (w *world) where(m message.Message) (id uint64) {
	w.t.Helper()
	w.view(func(tx *store.Tx) error {
		_, mid, ok := w.outcome(tx, "support", m.Source)
		if !ok {
			return fmt.Errorf("%s is not in the ledger", m.Source)
		}
		r, err := w.Message(tx, mid)
		if err == nil {
			id = r.Conversation
		}
		return err
	})
	return id
}

func (w *world) view(fn func(tx *store.Tx) error) {
	w.t.Helper()
	if err := w.Store.View(fn); err != nil {
		w.t.Fatal(err)
	}
}

// listed are the first conversations that a query finds, in order of their numbers.
func (w *world) listed(q ListQuery) (ids []uint64) {
	w.t.Helper()
	q.Limit = 10
	w.view(func(tx *store.Tx) error {
		list, _, err := w.List(tx, q)
		for _, c := range list {
			ids = append(ids, c.ID)
		}
		slices.Sort(ids)
		return err
	})
	return ids
}

func (w *world) conversation(id uint64) (c *Conversation) {
	w.t.Helper()
	w.view(func(tx *store.Tx) (err error) { c, err = w.Conversation(tx, id); return err })
	return c
}

// delivered waits until the delivery of a message satisfies ok.
func (w *world) delivery(id uint64, ok func(*Delivery) bool) (d *Delivery) {
	w.t.Helper()
	wake, stop := w.Store.Watch()
	defer stop()
	deadline := time.After(20 * time.Second)
	for {
		w.view(func(tx *store.Tx) (err error) { d, err = w.Delivery(tx, id); return err })
		if ok(d) {
			return d
		}
		select {
		case <-wake:
		case <-deadline:
			w.t.Fatalf("delivery %d stays %+v", id, d)
		}
	}
}

// messageOf is the message of an event.
func (w *world) messageOf(seq uint64) (r *Record) {
	w.t.Helper()
	w.view(func(tx *store.Tx) error {
		e, err := w.Timeline.Get(tx, seq)
		if err != nil {
			return err
		}
		r, err = w.Message(tx, e.Message)
		return err
	})
	return r
}

func (w *world) events(conversation uint64) (kinds []string) {
	w.view(func(tx *store.Tx) error {
		p, err := w.Timeline.Conversation(tx, conversation, timeline.Span{Limit: 1000})
		for _, e := range p.Events {
			kinds = append(kinds, e.Kind)
		}
		return err
	})
	return kinds
}
