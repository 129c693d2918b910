package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"throughline/auth"
	"throughline/config"
	"throughline/connectors"
	"throughline/connectors/connectortest"
	"throughline/documents"
	"throughline/identity"
	"throughline/inbox"
	"throughline/message"
	"throughline/notify"
	"throughline/people"
	"throughline/preference"
	"throughline/store"
)

// provider is a channel whose other end is the test: it mails, calls and posts
// notices.
type provider struct {
	connectortest.Idle
	fail error // of Send
}

func (c *provider) Send(_ context.Context, m message.Message) (connectors.Receipt, error) {
	return connectors.Receipt{Ref: fmt.Sprintf("<out-%d@example.com>", m.ID), Detail: "250 taken"}, c.fail
}

func (c *provider) NoticePlaces(context.Context) ([]connectors.Place, error) {
	return []connectors.Place{{ID: "desk", Name: "desk"}}, nil
}

func (c *provider) PostNotice(context.Context, string, connectors.Notice, time.Time) (string, error) {
	return "post", nil
}

func (c *provider) UpdateNotice(context.Context, string, connectors.Notice) error { return nil }

// leaving is a data folder as it is served, and somebody who is to be erased from it:
// all that is his has words of its own.
type leaving struct {
	*testing.T
	*folder
	agent   uint64
	words   map[string]string // word → where it stands
	mail    *provider
	sinks   map[string]connectors.Sink
	support string // our address
	stop    func() // ends what runs
}

// a word of its own for a place: the scan tells by it where something was left.
func (w *leaving) a(where string) string {
	word := "zq"
	for _, r := range where {
		if r >= 'a' && r <= 'z' {
			word += string('a' + (r-'a'+13)%26)
		}
	}
	w.words[word] = where
	return word
}

func (w *leaving) ok(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

func newLeaving(t *testing.T) *leaving {
	w := &leaving{T: t, words: map[string]string{}, sinks: map[string]connectors.Sink{}, support: "support@example.com"}
	cfg := config.Default()
	cfg.Data, cfg.Undo = filepath.Join(t.TempDir(), "data"), 0
	accounts := map[string]*provider{}
	kind := func(channel, scheme string, about connectors.Info) connectors.Kind {
		about.Account, about.Channel = channel, channel
		accounts[channel] = &provider{Idle: connectortest.NewIdle(about)}
		cfg.Accounts = append(cfg.Accounts, config.Account{Account: connectors.Account{ID: channel, Channel: channel, Name: channel, Settings: []byte(`{}`)}})
		return connectors.Kind{Channel: channel, Scheme: scheme, New: func(connectors.Account, connectors.Host) (connectors.Connector, error) { return accounts[channel], nil }}
	}
	kinds := []connectors.Kind{
		kind("email", "mailto", connectors.Info{Idempotent: true, Writing: connectors.Writing{Letter: true, Rich: true, Files: 9}, Own: message.Person{Name: "Support", Handle: message.NewHandle("mailto", w.support)}}),
		kind("voice", "tel", connectors.Info{Writing: connectors.Writing{None: true, Chat: true}, Own: message.Person{Handle: "tel:+12025550122"}}),
	}
	w.mail = accounts["email"]
	var err error
	w.folder, err = openFolder(t.Context(), folderOptions{config: cfg, kinds: kinds, log: slog.New(slog.DiscardHandler), throw: true})
	w.ok(err)
	a, err := w.auth.CreateAgent(t.Context(), auth.Actor{Address: "test"}, auth.NewAgent{Email: "ann@example.com", Name: "Ann", Role: auth.RoleAdmin, Password: "correct horse battery"})
	w.ok(err)
	w.agent = a.ID
	ctx, cancel := context.WithCancel(context.Background())
	parts := []func(context.Context) error{w.hub.Run, w.people.Run, w.docs.Run, w.notify.Run}
	ended := make(chan struct{}, len(parts))
	for _, run := range parts {
		go func() { _ = run(ctx); ended <- struct{}{} }()
	}
	w.stop = sync.OnceFunc(func() {
		cancel()
		for range parts {
			<-ended
		}
	})
	t.Cleanup(func() {
		w.stop()
		problems, err := w.hub.Check(context.Background())
		if more, err2 := w.docs.Check(context.Background()); err == nil {
			problems, err = append(problems, more...), err2
		}
		if err != nil || len(problems) > 0 {
			t.Errorf("check: %v %v", problems, err)
		}
		w.ok(w.close())
	})
	for name, c := range accounts {
		w.sinks[name] = <-c.Sinks
	}
	return w
}

// until waits for a state of the store.
func (w *leaving) until(what string, ok func(tx *store.Tx) bool) {
	w.Helper()
	wake, stop := w.store.Watch()
	defer stop()
	late := time.After(30 * time.Second)
	for {
		good := false
		w.ok(w.store.View(func(tx *store.Tx) error { good = ok(tx); return nil }))
		if good {
			return
		}
		select {
		case <-wake:
		case <-late:
			w.Fatalf("not in time: %s", what)
		}
	}
}

func (w *leaving) view(fn func(tx *store.Tx) error) { w.Helper(); w.ok(w.store.View(fn)) }

// letter is a mail with all that a mail can have.
func (w *leaving) letter(key, from, name string, cc ...message.Person) message.Message {
	text := w.a("text of " + key)
	return message.Message{Channel: "email", Account: "email", Source: "INBOX;1;" + key, Key: key, From: message.Person{Name: name, Handle: message.NewHandle("mailto", from)},
		To: []message.Person{{Handle: message.NewHandle("mailto", w.support)}}, Cc: cc, Ref: key + "@example.org", Subject: w.a("subject of " + key),
		Text: text, Reply: text, HTML: "<p>" + text + "</p>", Quoted: w.a("quoted in " + key), Signature: w.a("signature of " + key), Kind: message.Human, Time: time.Now(),
		Raw:   message.Bytes("From: " + from + "\r\nSubject: x\r\n\r\n" + w.a("raw of "+key)),
		Parts: []message.Part{{Name: w.a("name of file of "+key) + ".txt", ContentType: "text/plain", Content: message.Bytes("a file with " + w.a("content of file of "+key))}}}
}

func (w *leaving) accept(account string, b connectors.Batch) {
	w.Helper()
	w.ok(w.sinks[account].Accept(w.Context(), b))
}

// of finds a handle, and the customer it belongs to.
func (w *leaving) of(address string) (h *identity.Handle, c *identity.Customer) {
	w.Helper()
	w.view(func(tx *store.Tx) (err error) {
		canonical, err := identity.Parse(address)
		if err != nil {
			return err
		}
		known, ok := w.hub.Identity.Find(tx, canonical)
		if !ok {
			return fmt.Errorf("nobody has %s", address)
		}
		h = known
		c, err = w.hub.Identity.Root(tx, h.Customer)
		return err
	})
	return h, c
}

// at finds the newest conversation of an address.
func (w *leaving) at(address string) (c *inbox.Conversation) {
	w.Helper()
	h, _ := w.of(address)
	w.view(func(tx *store.Tx) error {
		list, _, err := w.hub.List(tx, inbox.ListQuery{Subjects: []uint64{h.ID}, Limit: 1})
		if err == nil {
			c = list[0]
		}
		return err
	})
	return c
}

// reply writes to somebody, and returns the message.
func (w *leaving) reply(o inbox.Outgoing) (id uint64) {
	w.Helper()
	o.Agent, o.Mode, o.Anyway, o.Account = w.agent, inbox.ModeReply, true, "email"
	if o.Conversation == 0 {
		o.Mode = inbox.ModeNew
	}
	seq, err := w.hub.Reply(w.Context(), o)
	w.ok(err)
	w.view(func(tx *store.Tx) error {
		e, err := w.hub.Timeline.Get(tx, seq)
		if err == nil {
			id = e.Message
		}
		return err
	})
	return id
}

// settled waits until a message has left the outbox.
func (w *leaving) settled(id uint64, want message.Status) {
	w.Helper()
	w.until(fmt.Sprintf("message %d is %s", id, want), func(tx *store.Tx) bool {
		d, err := w.hub.Delivery(tx, id)
		return err == nil && d.Status == want
	})
}

// upload keeps a file as the composer and the library do.
func (w *leaving) upload(content string) documents.Upload {
	w.Helper()
	ref, err := w.docs.Put(w.Context(), strings.NewReader(content))
	w.ok(err)
	return documents.Upload{ContentType: "text/plain", Ref: ref}
}

func (w *leaving) document(place documents.Place, title string) (id uint64) {
	w.Helper()
	for n := range 2 {
		f := w.upload(w.a(fmt.Sprintf("text of %s %c", title, 'a'+n)))
		f.Name, f.Note = w.a(fmt.Sprintf("file of %s %c", title, 'a'+n))+".txt", w.a(fmt.Sprintf("version note of %s %c", title, 'a'+n))
		if n > 0 {
			w.ok(w.docs.AddVersion(w.Context(), w.agent, id, f))
			continue
		}
		var err error
		id, err = w.docs.Add(w.Context(), w.agent, documents.Draft{Owner: place.Customer, Company: place.Company, Title: w.a("title of " + title), Tags: []string{w.a("tag of " + title)}, Note: w.a("note of " + title),
			Expires: time.Now().AddDate(0, 0, 3), File: f})
		w.ok(err)
	}
	_, _, err := w.docs.Share(w.Context(), w.agent, id, documents.NewLink{Expires: time.Now().AddDate(0, 0, 1), Note: w.a("link of " + title)})
	w.ok(err)
	_, err = w.docs.Open(w.Context(), w.agent, id, 0, documents.ByPreview)
	w.ok(err)
	w.until("the text of "+title+" is read", func(tx *store.Tx) bool {
		d, err := w.docs.Get(tx, id)
		if err != nil {
			return false
		}
		f, err := w.docs.File(tx, d.Current())
		return err == nil && f.Text.State == documents.TextDone
	})
	return id
}

// board are the statistics, counted incrementally.
func (w *leaving) board() (out string) {
	w.Helper()
	w.ok(w.hub.Preference.CatchUp(w.Context()))
	day := time.Now().UTC()
	w.view(func(tx *store.Tx) error {
		b, err := w.hub.Preference.Board(tx, preference.BoardQuery{From: day.AddDate(0, 0, -2).Format(time.DateOnly), To: day.AddDate(0, 0, 2).Format(time.DateOnly)})
		out = fmt.Sprintf("%+v", b)
		return err
	})
	return out
}

// TestEraseLeavesNothing plants words wherever somebody's can stand, erases him as it
// is done in a folder that is served, and looks through every table and every file.
func TestEraseLeavesNothing(t *testing.T) {
	w := newLeaving(t)
	him, second, other := w.a("his address")+"@example.org", w.a("his second address")+"@example.org", "bystander@example.org"
	_, err := w.notify.Save(t.Context(), notify.Rule{Name: "All", Account: "email", Place: "desk", Events: []string{notify.OnNew, notify.OnFailed, notify.OnMention}, Preview: true})
	w.ok(err)
	w.mails(him, other)
	w.calls("+447700900779")
	_, c := w.of(him)
	w.ok(w.hub.Link(t.Context(), w.agent, c.ID, "tel:+447700900779", "told"))
	w.card(him, other)
	twin := w.joins(him, second, other)
	_, c = w.of(him)
	w.document(documents.Place{Customer: c.ID}, "a contract")
	bin := w.document(documents.Place{Customer: c.ID}, "an offer")
	w.ok(w.docs.Delete(t.Context(), w.agent, bin))
	// The same content at the bystander's: it stays.
	_, o := w.of(other)
	shared := w.upload("shared by two")
	shared.Name = "shared.txt"
	for _, owner := range []uint64{c.ID, o.ID} {
		_, err := w.docs.Add(t.Context(), w.agent, documents.Draft{Owner: owner, Title: "Shared", File: shared})
		w.ok(err)
	}
	w.bring("people.csv", "name,email,phone,note\n"+w.a("name in a table")+","+him+",,"+w.a("note in a table")+"\nNobody,"+w.a("bad row")+",,\n,,"+"07700 900777"+",\n")
	w.bring("more.csv", w.a("no header in a table")+",noheader@example.org\nOther,other@example.org\n")
	w.words["447700900777"], w.words["447700900778"], w.words["447700900779"], w.words["7700 900777"] = "a linked number", "a hinted number", "a calling number", "a bad number"

	before := w.board()
	found := strings.Join(w.scan(), "\n")
	for word, where := range w.words {
		if !strings.Contains(found, where+" in ") {
			t.Errorf("the scan does not find %s (%s) before", where, word)
		}
	}
	w.age(time.Hour) // what is just being taken in is left alone
	_, err = w.people.Erase(t.Context(), people.Asker{Agent: w.agent}, c.ID)
	w.ok(err)
	if _, err := w.people.Erase(t.Context(), people.Asker{Agent: w.agent}, c.ID); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("erased again: %v", err)
	}
	w.view(func(tx *store.Tx) error {
		left, err := w.hub.Identity.SuggestionsOf(tx, twin)
		if len(left) > 0 {
			t.Errorf("suggested of who is gone: %+v", left[0])
		}
		return err
	})
	_, err = w.people.Erase(t.Context(), people.Asker{Agent: w.agent}, twin) // who has his name
	w.ok(err)
	after := w.board()
	w.until("all that follows is up to date", func(tx *store.Tx) bool {
		for _, n := range w.hub.Behind(tx) {
			if n > 0 {
				return false
			}
		}
		return true
	})
	// A tag is a word of ours, by which the board counts.
	counted := func(s string) bool { return s == "tag of a matter in t/contacts" || s == "tag of a matter in v/board" }
	if found := slices.DeleteFunc(w.scan(), counted); len(found) > 0 {
		t.Errorf("still there: %q", found)
	}
	if after != before {
		t.Errorf("the board says\n%s\nand said\n%s", after, before)
	}
	w.stop() // nothing may count beside it
	w.ok(w.hub.Preference.Reset(t.Context()))
	if again := w.board(); again != before {
		t.Errorf("counted anew the board says\n%s\nand said\n%s", again, before)
	}
	var kinds []string
	w.view(func(tx *store.Tx) error {
		events, err := w.hub.Timeline.After(tx, 0, 10_000)
		for _, e := range events {
			kinds = append(kinds, e.Kind)
		}
		if last := w.hub.Timeline.Last(tx); uint64(len(events)) != last {
			t.Errorf("%d events up to %d", len(events), last)
		}
		return err
	})
	if !slices.Contains(kinds, "customer.erased") {
		t.Errorf("nothing tells of it: %v", kinds)
	}
	if o, _ := w.of(other); o == nil {
		t.Error("the bystander is gone")
	}
	src, _, err := w.blobs.Open(shared.Ref.SHA256)
	if err == nil {
		_, err = io.Copy(io.Discard, src)
		err = errors.Join(err, src.Close())
	}
	w.ok(err)
}
