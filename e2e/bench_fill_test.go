package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"throughline/accounts"
	"throughline/blob"
	"throughline/config"
	"throughline/connectors"
	"throughline/inbox"
	"throughline/message"
	"throughline/store"
)

// filler is a connector whose provider is a loop: what it makes comes in by the
// way of all mail.
type filler struct {
	n    int // conversations
	done chan error
}

func (f *filler) Info() connectors.Info {
	return connectors.Info{Account: "support", Channel: "email", Own: message.Person{Name: "Support", Handle: "mailto:support@example.com"}}
}

func (f *filler) Send(context.Context, message.Message) (connectors.Receipt, error) {
	return connectors.Receipt{}, errors.New("nothing is sent here")
}

func (f *filler) Run(ctx context.Context, in connectors.Sink) error {
	f.done <- f.fill(ctx, in)
	<-ctx.Done()
	return ctx.Err()
}

// fillBatch is large: nothing in it is written to the disk before it is full.
const fillBatch = 2000

// fill delivers n conversations of one short mail, then one of 50 mails as large
// as mails are. Each customer has two conversations.
func (f *filler) fill(ctx context.Context, in connectors.Sink) error {
	batch := make([]message.Message, 0, fillBatch)
	began := time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)
	add := func(m message.Message) error {
		m.Account, m.Channel, m.Kind, m.Direction = "support", "email", message.Human, message.In
		m.To = []message.Person{{Handle: "mailto:support@example.com"}}
		m.Key, m.Source, m.Reply = m.Ref, "INBOX;1;"+m.Ref, m.Text
		m.Raw = message.Bytes("Message-ID: <" + m.Ref + ">\r\nSubject: " + m.Subject + "\r\n\r\n" + m.Text + "\r\n")
		if batch = append(batch, m); len(batch) < fillBatch {
			return nil
		}
		err := in.Accept(ctx, connectors.Batch{Messages: batch})
		batch = batch[:0]
		return err
	}
	for i := range f.n {
		c, at := i%max(f.n/2, 1), began.Add(time.Duration(i)*time.Minute/2)
		if err := add(message.Message{
			Ref: fmt.Sprintf("large-%d@example.org", i), Time: at, Received: at,
			From:    message.Person{Name: fmt.Sprintf("Customer %d", c), Handle: message.Handle(fmt.Sprintf("mailto:c%d@example.org", c))},
			Subject: fmt.Sprintf("Question %d about an order", i),
			Text:    fmt.Sprintf("Good morning, when will %s number %d come? We are waiting for it.", benchWords[i%len(benchWords)], i),
		}); err != nil {
			return err
		}
	}
	for i := range 50 {
		at := began.Add(time.Duration(f.n+i) * time.Minute / 2)
		m := message.Message{
			Ref: fmt.Sprintf("t%d@example.org", i), Refs: []string{"t0@example.org"}, Time: at, Received: at, Subject: "Long",
			From: message.Person{Name: "Ann", Handle: "mailto:ann@example.org"},
			Text: string(bytes.SplitN(benchMail(i), []byte("\r\n\r\n"), 2)[1]),
		}
		if err := add(m); err != nil {
			return err
		}
	}
	return in.Accept(ctx, connectors.Batch{Messages: batch})
}

// fillFolder makes a data folder with n conversations and one more of 50
// messages, whose ID it returns. The files are written without fsync and by this
// process: over IMAP a million would take an hour.
func fillFolder(b *testing.B, dir string, n int) (long uint64) {
	b.Helper()
	must := func(err error) {
		b.Helper()
		if err != nil {
			b.Fatal(err)
		}
	}
	must(os.MkdirAll(dir, 0o700))
	s, err := store.Open(filepath.Join(dir, "throughline.db"), store.Options{NoSync: true})
	must(err)
	blobs, err := blob.Open(filepath.Join(dir, "blobs"))
	must(err)
	f := &filler{n: n, done: make(chan error, 1)}
	kinds := []connectors.Kind{{Channel: "email", New: func(connectors.Account, connectors.Host) (connectors.Connector, error) { return f, nil }}}
	acc := accounts.New(s, accounts.NewKey(), kinds)
	hub, err := inbox.New(inbox.Options{Store: s, Blobs: blobs, Accounts: acc, Kinds: kinds, TempDir: b.TempDir()})
	must(err)
	account := connectors.Account{ID: "support", Channel: "email", Name: "Support", Settings: json.RawMessage(`{}`)}
	must(acc.Start(b.Context(), accounts.Options{File: []config.Account{{Account: account}}}))
	ctx, cancel := context.WithCancel(b.Context())
	ended := make(chan error, 1)
	began := time.Now()
	go func() { ended <- hub.Run(ctx) }()
	select {
	case err = <-f.done:
	case err = <-ended:
	}
	must(err)
	// A hub at rest has nothing left to work out of its log.
	for behind := true; behind; time.Sleep(50 * time.Millisecond) {
		must(s.View(func(tx *store.Tx) error {
			n := hub.Behind(tx)
			behind = n["preference"] > 0 || n["duplicates"] > 2000 // which notes its place now and then
			return nil
		}))
	}
	cancel()
	<-ended
	must(s.View(func(tx *store.Tx) error {
		list, _, err := hub.List(tx, inbox.ListQuery{View: inbox.ViewAll, Limit: 1})
		if err == nil && (len(list) != 1 || list[0].Messages != 50) {
			err = fmt.Errorf("the newest conversation is not the long one: %+v", list)
		}
		if err == nil {
			long = list[0].ID
		}
		return err
	}))
	must(s.Close())
	info, err := os.Stat(filepath.Join(dir, "throughline.db"))
	must(err)
	b.Logf("%d conversations made in %v, %d MB", n, time.Since(began).Round(time.Second), info.Size()>>20)
	return long
}
