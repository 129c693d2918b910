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

// mails plants what comes and goes by mail, edits and signs among it.
func (w *leaving) mails(him, other string) {
	his := message.Person{Name: w.a("name in mail") + " Quux", Handle: message.NewHandle("mailto", him)}
	pic := his
	pic.Hints = []message.Handle{"tel:+447700900778"}
	first := w.letter("first", him, his.Name, message.Person{Name: w.a("name of cc"), Handle: "mailto:cc@example.net"})
	first.From = pic
	w.accept("email", connectors.Batch{Messages: []message.Message{first}})
	w.accept("email", connectors.Batch{Messages: []message.Message{w.letter("deleted", him, his.Name)}})
	// Edited twice, with other files; then one deleted; signs of his and on his.
	for _, n := range []string{"once", "twice"} {
		e := w.letter("edited "+n, him, his.Name)
		w.accept("email", connectors.Batch{Changes: []message.Change{{Of: "first", Time: time.Now(), Edit: &message.Message{Text: e.Text, Reply: e.Reply, HTML: e.HTML, Parts: e.Parts}}}})
		delete(w.words, w.a("subject of edited "+n))
		delete(w.words, w.a("quoted in edited "+n))
		delete(w.words, w.a("signature of edited "+n))
		delete(w.words, w.a("raw of edited "+n))
	}
	bystander := w.letter("bystander", other, "Bystander", message.Person{Name: w.a("name as cc of another"), Handle: his.Handle})
	for word, where := range w.words { // the bystander's stays, an edit takes what is here beside the text
		if what, key, _ := strings.Cut(where, " "); strings.HasSuffix(key, "bystander") || (what == "quoted" || what == "signature") && (strings.HasSuffix(key, "first") || strings.HasSuffix(key, "deleted")) {
			delete(w.words, word)
		}
	}
	w.accept("email", connectors.Batch{Messages: []message.Message{bystander}, Changes: []message.Change{
		{Of: "deleted", Time: time.Now(), Deleted: true},
		{Of: "bystander", Time: time.Now(), Reaction: &message.Reaction{Emoji: "👍", By: message.Person{Name: w.a("name of a sign"), Handle: his.Handle}, Time: time.Now()}},
		{Of: "first", Time: time.Now(), Reaction: &message.Reaction{Emoji: "👍", By: message.Person{Name: w.a("name of a sign of another"), Handle: "mailto:cc@example.net"}, Time: time.Now()}},
		// News of items that never come.
		{Of: "never", Time: time.Now(), Reaction: &message.Reaction{Emoji: "👎", By: message.Person{Name: w.a("name of an early sign"), Handle: his.Handle}, Time: time.Now()}},
		{Of: "never too", Time: time.Now(), Edit: &message.Message{From: his, Text: w.a("early edit"), Parts: []message.Part{{Name: w.a("name of early file"), ContentType: "text/plain", Content: message.Bytes(w.a("content of early file"))}}}},
	}})
	// He writes into a matter of somebody else, where he takes part.
	into := w.letter("into another's", him, his.Name)
	into.Refs = []string{"bystander@example.org"}
	w.accept("email", connectors.Batch{Messages: []message.Message{into},
		Held: []message.Held{{Source: "INBOX;1;h1", Reason: "too deep", Raw: message.Bytes("From: <" + him + ">\r\n\r\n" + w.a("held item"))}}})

	at := w.at(him)
	sent := w.reply(inbox.Outgoing{Conversation: at.ID, To: []message.Person{his}, Subject: w.a("subject of ours"), HTML: "<p>" + w.a("text of ours") + "</p>"})
	w.settled(sent, message.Sent)
	w.mail.fail = &connectors.SendError{Class: connectors.Reject, Code: "550 5.1.1", Reason: "no mailbox " + w.a("server's words")}
	f := w.upload("our file with " + w.a("content of our file"))
	bad := w.reply(inbox.Outgoing{Conversation: at.ID, To: []message.Person{his}, HTML: "<p>" + w.a("text of ours that failed") + "</p>",
		Attachments: []message.Part{{Name: w.a("name of our file") + ".txt", ContentType: "text/plain", Blob: f.Ref.SHA256, Size: f.Ref.Size}}})
	w.settled(bad, message.Failed)
	w.mail.fail = nil
	w.ok(w.hub.Lift(w.Context(), w.agent, his.Handle))
	// To somebody else, with him in copy, whom it does not reach.
	both := w.reply(inbox.Outgoing{Conversation: w.at(other).ID, To: []message.Person{{Handle: message.NewHandle("mailto", other)}}, Cc: []message.Person{{Name: w.a("name as our cc"), Handle: his.Handle}}, HTML: "<p>harmless</p>"})
	w.settled(both, message.Sent)
	w.accept("email", connectors.Batch{Reports: []message.Report{{Ref: fmt.Sprintf("<out-%d@example.com>", both), Handle: his.Handle, Status: message.Failed, Code: "5.2.2", Reason: "<" + him + "> is full, " + w.a("words about him in another's"), Time: time.Now()}}})
	w.until("he is told of as not reached", func(tx *store.Tx) bool {
		d, err := w.hub.Delivery(tx, both)
		return err == nil && len(d.Rejected) == 1
	})
	// What was taken back, one waiting, and drafts with files. Conversations that are
	// on no list: one whose only message was taken back, one merged into another.
	back := w.reply(inbox.Outgoing{To: []message.Person{his}, Subject: w.a("subject of what was not begun"), HTML: "<p>" + w.a("text of what was not begun") + "</p>", SendAt: time.Now().Add(time.Hour)})
	_, err := w.hub.Undo(w.Context(), w.agent, back)
	w.ok(err)
	back = w.reply(inbox.Outgoing{Conversation: at.ID, To: []message.Person{his}, HTML: "<p>" + w.a("taken back") + "</p>", SendAt: time.Now().Add(time.Hour)})
	_, err = w.hub.Undo(w.Context(), w.agent, back)
	w.ok(err)
	w.reply(inbox.Outgoing{Conversation: at.ID, To: []message.Person{his}, HTML: "<p>" + w.a("waiting") + "</p>", SendAt: time.Now().Add(time.Hour)})
	for _, id := range []uint64{at.ID, 0} {
		where := fmt.Sprintf("draft%c", 'a'+min(id, 1))
		f := w.upload(w.a("content of file of " + where))
		mode := inbox.ModeReply
		if id == 0 {
			mode = inbox.ModeNew
		}
		_, err := w.hub.SaveDraft(w.Context(), w.agent, id, &inbox.Draft{Mode: mode, Account: "email", To: []message.Person{his}, Subject: w.a("subject of " + where), HTML: w.a("text of " + where),
			Attachments: []message.Part{{Name: w.a("name of file of " + where), ContentType: "text/plain", Blob: f.Ref.SHA256, Size: f.Ref.Size}}})
		w.ok(err)
	}
	w.ok(w.hub.Change(w.Context(), w.agent, []uint64{at.ID}, inbox.Change{Tags: &[]string{w.a("tag of a matter")}}))
	_, err = w.hub.AddNote(w.Context(), w.agent, at.ID, w.a("a note"))
	w.ok(err)
	w.accept("email", connectors.Batch{Messages: []message.Message{w.letter("of a merged matter", him, his.Name)}})
	w.ok(w.hub.MergeConversations(w.Context(), w.agent, w.at(him).ID, at.ID))
	// His picture.
	h, _ := w.of(him)
	picture := w.upload(w.a("picture"))
	w.ok(w.store.Update(w.Context(), func(tx *store.Tx) error {
		if err := w.hub.Identity.Depict(tx, "email", message.Person{Handle: h.Handle, Picture: w.a("name of a picture")}); err != nil {
			return err
		}
		return w.hub.Identity.SetPicture(tx, h.ID, identity.Picture{Ref: w.a("name of a picture"), Account: "email", Blob: picture.Ref.SHA256, Type: "image/png"})
	}))
}

// calls plants a call that left a message, with what was said and noted.
func (w *leaving) calls(number string) {
	now := time.Now().UTC()
	w.accept("voice", connectors.Batch{Messages: []message.Message{{Channel: "voice", Account: "voice", Key: "call-1", Source: "call-1", From: message.Person{Name: w.a("name of a caller"), Handle: message.NewHandle("tel", number)},
		To: []message.Person{{Handle: "tel:+12025550122"}}, Kind: message.Human, Chat: true, Time: now, Call: &message.Call{}}},
		Changes: []message.Change{
			{Of: "call-1", Time: now, Call: &message.Call{Choice: w.a("choice of a call"), Asked: []string{w.a("asked for in a call")}, Outcome: message.CallVoicemail, Spoken: 4}},
			{Of: "call-1", Time: now, Call: &message.Call{Outcome: message.CallVoicemail, Spoken: 4, Ended: now}, Edit: &message.Message{Text: w.a("transcript"),
				Parts: []message.Part{{Name: w.a("name of a recording") + ".wav", ContentType: "audio/wav", Content: message.Bytes("RIFF " + w.a("recording"))}}}},
		}})
	w.until("the call is over", func(tx *store.Tx) bool {
		c, err := w.hub.Calls(tx)
		return err == nil && len(c) == 0
	})
}

// card plants what is kept of the person himself.
func (w *leaving) card(him, other string) {
	_, c := w.of(him)
	_, o := w.of(other)
	def, err := w.hub.PutField(w.Context(), w.agent, 0, func(f *identity.FieldDef) {
		*f = identity.FieldDef{Name: "Shoe size", Kind: identity.KindText, Of: identity.OfCustomer}
	})
	w.ok(err)
	for _, round := range []string{"former", "present"} {
		var edits []identity.Edit
		for _, f := range []string{identity.FieldName, identity.FieldNote, identity.FieldGoals, identity.FieldCompany, identity.CustomFieldName(def.ID)} {
			edits = append(edits, identity.Edit{Field: f, Value: w.a(round + " " + strings.TrimRight(f, "0123456789:"))})
		}
		w.ok(w.hub.EditCard(w.Context(), w.agent, c.ID, edits))
	}
	w.ok(w.hub.EditCard(w.Context(), w.agent, c.ID, []identity.Edit{{Field: identity.FieldTags, Value: w.a("tag of a person")}}))
	w.ok(w.hub.Relate(w.Context(), w.agent, c.ID, o.ID, identity.RelationKinds()[0]))
	w.ok(w.hub.Link(w.Context(), w.agent, c.ID, "tel:+447700900777", w.a("reason of a link")))
	support := "support"
	w.ok(w.hub.Change(w.Context(), w.agent, []uint64{w.at(him).ID}, inbox.Change{Purpose: &support}))
	_, err = w.hub.Preference.State(w.Context(), preference.Statement{Customer: c.ID, Channel: "email", Wish: preference.Prefer, Source: preference.Stated, By: "agent:1", Proof: preference.Proof{Note: w.a("proof of a wish")}})
	w.ok(err)
	for _, n := range []string{"first", "second"} {
		_, err = w.hub.Preference.State(w.Context(), preference.Statement{Customer: c.ID, Channel: "voice", Wish: preference.Never, Source: preference.Set, By: "agent:1", Proof: preference.Proof{Note: w.a(n + " proof of another wish")}})
		w.ok(err)
	}
	w.ok(w.hub.SetConsent(w.Context(), w.agent, message.NewHandle("mailto", him), "email", "", message.OptOut, w.a("reason of a consent")))
	w.ok(w.hub.SetConsent(w.Context(), w.agent, message.NewHandle("mailto", him), "email", "", message.OptIn, w.a("later reason of a consent")))
	_, err = w.hub.AddTask(w.Context(), w.agent, inbox.Task{Text: w.a("a task"), Customer: c.ID, Due: time.Now()})
	w.ok(err)
	_, err = w.hub.AddTask(w.Context(), w.agent, inbox.Task{Text: w.a("a task of a matter"), Conversation: w.at(him).ID})
	w.ok(err)
	done, err := w.hub.AddTask(w.Context(), w.agent, inbox.Task{Text: w.a("a task that is done"), Customer: c.ID})
	w.ok(err)
	yes := true
	w.ok(w.hub.ChangeTask(w.Context(), w.agent, done, inbox.TaskChange{Done: &yes}))
}

// joins plants what merging, parting and suspecting leave.
func (w *leaving) joins(him, second, other string) (twin uint64) {
	_, c := w.of(him)
	w.accept("email", connectors.Batch{Messages: []message.Message{w.letter("second", second, "Someone "+w.a("name of the second"))}})
	_, s := w.of(second)
	w.ok(w.hub.EditCard(w.Context(), w.agent, s.ID, []identity.Edit{{Field: identity.FieldInterest, Value: w.a("interests of the second")}}))
	w.ok(w.hub.Merge(w.Context(), w.agent, c.ID, s.ID, []string{identity.FieldInterest}, true, w.a("reason of a merge")))
	// Merged with the bystander by mistake, who took over a value, and parted.
	_, o := w.of(other)
	w.ok(w.hub.Merge(w.Context(), w.agent, o.ID, c.ID, []string{identity.FieldGoals, identity.FieldNote}, true, w.a("reason of a wrong merge")))
	w.ok(w.hub.EditCard(w.Context(), w.agent, o.ID, []identity.Edit{{Field: identity.FieldDos, Value: "ring twice"}}))
	_, err := w.hub.Unmerge(w.Context(), w.agent, c.ID, w.a("reason of a parting"))
	w.ok(err)
	// Somebody with the same name and number in his footer: a suggestion, put off.
	w.view(func(tx *store.Tx) (err error) { c, err = w.hub.Identity.Root(tx, c.ID); return err })
	twin, err = w.hub.CreateCustomer(w.Context(), w.agent, c.Name, []message.Handle{"mailto:twin@example.net"})
	w.ok(err)
	w.ok(w.hub.EditCard(w.Context(), w.agent, twin, []identity.Edit{{Field: identity.FieldCompany, Value: c.Company}}))
	var g *identity.Suggestion
	w.until("a suggestion", func(tx *store.Tx) bool {
		list, err := w.hub.Identity.SuggestionsOf(tx, c.ID)
		w.ok(err)
		for _, s := range list {
			if s.A == twin || s.B == twin {
				g = s
			}
		}
		return g != nil
	})
	w.ok(w.hub.Decide(w.Context(), w.agent, g.ID, inbox.Verdict{State: identity.SuggestionLater, Reason: w.a("reason of later")}))
	return twin
}

// bring imports a table all the way.
func (w *leaving) bring(name, content string) *people.Import {
	w.Helper()
	i, err := w.people.Add(w.Context(), w.agent, name, strings.NewReader(content))
	w.ok(err)
	at := func(state string) {
		w.until("the import is "+state, func(*store.Tx) bool {
			i, err = w.people.Import(i.ID)
			w.ok(err)
			return i.State == state
		})
	}
	w.ok(w.people.Check(w.Context(), i.ID))
	at(people.Checked)
	w.ok(w.people.Start(w.Context(), i.ID, w.agent))
	at(people.Done)
	return i
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
	_, err = w.people.Erase(t.Context(), w.agent, c.ID)
	w.ok(err)
	if _, err := w.people.Erase(t.Context(), w.agent, c.ID); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("erased again: %v", err)
	}
	w.view(func(tx *store.Tx) error {
		left, err := w.hub.Identity.SuggestionsOf(tx, twin)
		if len(left) > 0 {
			t.Errorf("suggested of who is gone: %+v", left[0])
		}
		return err
	})
	_, err = w.people.Erase(t.Context(), w.agent, twin) // who has his name
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
