package inbox

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"throughline/connectors"
	"throughline/message"
	"throughline/store"
	"throughline/timeline"
)

// byKey is the stored message of a key.
func (w *world) byKey(key string) (r *Record) {
	w.t.Helper()
	w.view(func(tx *store.Tx) (err error) {
		id, ok := w.messages.Lookup(tx, "key", store.K().Str(key))
		if !ok {
			w.t.Fatalf("there is no message %s", key)
		}
		r, err = w.Message(tx, id)
		return err
	})
	return r
}

const annsNumber = "+447700900123"

var annsPhone = []message.Person{{Handle: "tel:" + annsNumber}}

// text is what an agent who has seen everything answers over an account of texts.
func textReply(conversation uint64, account, text string) Outgoing {
	return Outgoing{Agent: 1, Conversation: conversation, Mode: ModeReply, Account: account, To: slices.Clone(annsPhone), HTML: "<p>" + text + "</p>", SeenSeq: 1 << 40}
}

func (w *world) status(id uint64, s string) {
	w.t.Helper()
	if err := w.Change(w.t.Context(), 1, []uint64{id}, Change{Status: &s}); err != nil {
		w.t.Fatal(err)
	}
}

func TestChatGoesOn(t *testing.T) {
	w := newWorld(t)
	c := w.texter("mobile", "+447700900001", nil)
	other := w.texter("other", "+447700900002", nil)
	first := w.texted(c, c.message(annsNumber, "hello"))
	if got := w.texted(c, c.message(annsNumber, "are you there?")); got != first {
		t.Errorf("the second text opened %d", got)
	}
	if got := w.texted(c, c.message("+447700900124", "hi")); got == first {
		t.Error("another number joined")
	}
	if got := w.texted(other, other.message(annsNumber, "hello")); got == first {
		t.Error("a text to another number of ours joined")
	}
	w.status(first, Resolved)
	if got := w.texted(c, c.message(annsNumber, "thanks")); got != first || w.conversation(first).Status != Open {
		t.Errorf("soon after, a text went to %d, which is %s", got, w.conversation(got).Status)
	}
	w.status(first, Resolved)
	w.pause = 0
	second := w.texted(c, c.message(annsNumber, "something else"))
	if second == first {
		t.Error("after the pause a text took the resolved conversation up")
	}
	// The agent writes in the first one again: that is where the two spoke last.
	w.reply(textReply(first, "mobile", "one more thing"))
	if got := w.texted(c, c.message(annsNumber, "yes?")); got != first {
		t.Errorf("the answer went to %d, want %d", got, first)
	}
}

// TestChannelSwitch answers a mail by text and goes on there, and back.
func TestChannelSwitch(t *testing.T) {
	w := newWorld(t)
	c := w.texter("mobile", "+447700900001", nil)
	id := w.accept(mail("ann@example.org", "q", "where is it?"))[0]
	r := w.reply(textReply(id, "mobile", "on its <b>way</b>"))
	m := <-w.sent
	if r.Conversation != id || m.Subject != "" || m.HTML != "" || m.Text != "on its way" || len(m.Thread) != 0 || !m.Chat || m.Channel != "text" {
		t.Errorf("sent %+v", m)
	}
	if got := w.texted(c, c.message(annsNumber, "when?")); got != id {
		t.Errorf("the answer by text went to %d, want %d", got, id)
	}
	if got := w.conversation(id).Channel; got != "text" {
		t.Errorf("the channel of the conversation is %q", got)
	}
	o := reply(id, "see the letter")
	o.Account = "support"
	w.reply(o)
	if m = <-w.sent; !slices.Equal(m.Thread, []string{"q"}) || m.Subject != "Re: about q" {
		t.Errorf("the mail goes on with %q, subject %q", m.Thread, m.Subject)
	}
	if got := w.accept(mail("ann@example.org", "q2", "thanks", message.OwnRef(m.ID, m.Token)))[0]; got != id {
		t.Errorf("the answer by mail went to %d, want %d", got, id)
	}
	if got := w.texted(c, c.message(annsNumber, "and thanks")); got != id {
		t.Errorf("the next text went to %d, want %d", got, id)
	}
}

// TestWireNames: an answer that names our message as the provider does.
func TestWireNames(t *testing.T) {
	w := newWorld(t)
	c := w.texter("mobile", "+447700900001", nil)
	id := w.texted(c, c.message(annsNumber, "hello"))
	r := w.reply(textReply(id, "mobile", "hi"))
	d := w.delivery(r.ID, is(message.Sent))
	w.pause = 0
	w.status(id, Resolved)
	m := c.message(annsNumber, "to that")
	m.Refs = []string{d.Ref}
	if got := w.texted(c, m); got != id {
		t.Errorf("a reference to our message went to %d, want %d", got, id)
	}
	// Whoever only knows the name does not join; a member does, if his own account
	// says so.
	stranger := c.message("+447700900124", "me too")
	stranger.Refs, stranger.Chat = []string{d.Ref}, false
	if got := w.texted(c, stranger); got == id {
		t.Error("a stranger joined by a name")
	}
	other := w.texter("other", "+447700900002", nil)
	elsewhere := other.message("+447700900125", "me too")
	elsewhere.Refs, elsewhere.Chat, elsewhere.Member = []string{d.Ref}, false, true
	if got := w.texted(other, elsewhere); got == id {
		t.Error("a member of another account joined")
	}
	member := c.message("+447700900125", "me too")
	member.Refs, member.Chat, member.Member = []string{d.Ref}, false, true
	if got := w.texted(c, member); got != id {
		t.Errorf("a member went to %d, want %d", got, id)
	}
}

// TestMembersBeforeTheirRoot: the answers of a thread come first.
func TestMembersBeforeTheirRoot(t *testing.T) {
	w := newWorld(t)
	c := w.texter("room", "+447700900001", nil)
	item := func(from, ref string, refs ...string) message.Message {
		m := c.message(from, "in "+ref)
		m.Ref, m.Refs, m.Chat, m.Member = ref, refs, false, true
		return m
	}
	a := w.texted(c, item("+447700900101", "a", "root"))
	b := w.texted(c, item("+447700900102", "b", "root"))
	root := w.texted(c, item("+447700900103", "root"))
	if a != b || root != a {
		t.Errorf("one thread in conversations %d, %d and %d", a, b, root)
	}
}

// TestThreadBesideTheChat: where an agent answers in a thread does not decide where
// the stream of direct messages goes on.
func TestThreadBesideTheChat(t *testing.T) {
	w := newWorld(t)
	c := w.texter("room", "+447700900001", nil)
	direct := w.texted(c, c.message(annsNumber, "in private"))
	m := c.message(annsNumber, "for all to see")
	m.Ref, m.Refs, m.Chat, m.Member = "root", []string{"root/thread"}, false, true
	thread := w.texted(c, m)
	if thread == direct {
		t.Fatal("the thread joined the chat")
	}
	w.reply(textReply(thread, "room", "answered for all to see"))
	if out := <-w.sent; len(out.Thread) != 2 || out.Chat {
		t.Errorf("the answer is %+v", out)
	}
	w.reply(textReply(thread, "room", "and once more"))
	<-w.sent
	if got := w.texted(c, c.message(annsNumber, "in private again")); got != direct {
		t.Errorf("the direct message went to %d, want %d", got, direct)
	}
	w.reply(textReply(direct, "room", "answered in private"))
	if out := <-w.sent; !out.Chat {
		t.Error("an answer in the chat is not of it")
	}
}

func kindsOf(w *world, after uint64, conversation uint64) (kinds []string) {
	w.view(func(tx *store.Tx) error {
		events, err := w.Timeline.After(tx, after, 1000)
		for _, e := range events {
			if e.Conversation == conversation {
				kinds = append(kinds, e.Kind)
			}
		}
		return err
	})
	return kinds
}

func (w *world) last() (seq uint64) {
	w.view(func(tx *store.Tx) error { seq = w.Timeline.Last(tx); return nil })
	return seq
}

// TestChanges edits, deletes and reacts, in order, out of order, twice, and before
// the item has come.
func TestChanges(t *testing.T) {
	base := time.Now().Add(-time.Hour).UTC().Truncate(time.Second)
	at := func(n int) time.Time { return base.Add(time.Duration(n) * time.Minute) }
	edit := func(n int, text string) message.Change {
		return message.Change{Time: at(n), Edit: &message.Message{Text: text, Reply: text}}
	}
	bob := message.Person{Name: "Bob", Handle: "tel:+447700900124"}
	thumb := func(n int, gone bool) message.Change {
		return message.Change{Time: at(n), Reaction: &message.Reaction{Emoji: "👍", By: bob, Gone: gone}}
	}
	gone := message.Change{Time: at(9), Deleted: true}
	edited, deleted, reacted := timeline.MessageEdited, timeline.MessageDeleted, timeline.MessageReaction
	for _, tt := range []struct {
		name      string
		before    []message.Change // come before the item
		changes   []message.Change
		text      string
		former    []string
		reactions int
		preview   string
		events    []string
	}{
		{"an edit", nil, []message.Change{edit(1, "two")}, "two", []string{"one"}, 0, "two", []string{edited}},
		{"twice the same", nil, []message.Change{edit(1, "two"), edit(1, "two")}, "two", []string{"one"}, 0, "two", []string{edited}},
		{"out of order", nil, []message.Change{edit(2, "three"), edit(1, "two")}, "three", []string{"one"}, 0, "three", []string{edited}},
		{"two edits", nil, []message.Change{edit(1, "two"), edit(2, "three")}, "three", []string{"one", "two"}, 0, "three", []string{edited, edited}},
		{"nothing new", nil, []message.Change{edit(1, "one")}, "one", nil, 0, "one", nil},
		{"deleted", nil, []message.Change{edit(1, "two"), gone, gone, edit(10, "late")}, "", []string{"one", "two"}, 0, "🗑", []string{edited, deleted}},
		{"a reaction", nil, []message.Change{thumb(1, false), thumb(1, false)}, "one", nil, 1, "one", []string{reacted}},
		{"a reaction taken back", nil, []message.Change{thumb(1, false), thumb(2, true), thumb(2, true)}, "one", nil, 0, "one", []string{reacted, reacted}},
		{"taken back before it was set", nil, []message.Change{thumb(2, true), thumb(1, false)}, "one", nil, 0, "one", nil},
		{"before the item", []message.Change{edit(1, "two"), thumb(2, false)}, nil, "two", []string{"one"}, 1, "two", []string{edited, reacted}},
		{"before the item, out of order", []message.Change{edit(2, "three"), edit(1, "two")}, []message.Change{edit(2, "three")}, "three", []string{"one"}, 0, "three", []string{edited}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t)
			c := w.texter("mobile", "+447700900001", nil)
			m := c.message(annsNumber, "one")
			of := func(list []message.Change) []message.Change {
				list = slices.Clone(list)
				for i := range list {
					list[i].Of = m.Key
				}
				return list
			}
			w.take(c, connectors.Batch{Changes: of(tt.before)})
			before := w.last()
			id := w.texted(c, m)
			w.take(c, connectors.Batch{Changes: of(tt.changes)})
			r := w.byKey(m.Key)
			var former []string
			for _, v := range r.Former {
				former = append(former, v.Text)
			}
			set := 0
			for _, re := range r.Reactions {
				if !re.Gone {
					set++
				}
			}
			if r.Text != tt.text || !slices.Equal(former, tt.former) || set != tt.reactions || r.Deleted.IsZero() != (tt.text != "") {
				t.Errorf("text %q, former %q, reactions %+v, deleted %v", r.Text, former, r.Reactions, r.Deleted)
			}
			if got := w.conversation(id).Preview; got != tt.preview {
				t.Errorf("preview %q, want %q", got, tt.preview)
			}
			kinds := slices.DeleteFunc(kindsOf(w, before, id), func(k string) bool { return k == timeline.MessageReceived })
			if !slices.Equal(kinds, tt.events) {
				t.Errorf("events %q, want %q", kinds, tt.events)
			}
			w.view(func(tx *store.Tx) error {
				if n := w.early.Len(tx); n != 0 {
					t.Errorf("%d changes still wait for their item", n)
				}
				return nil
			})
		})
	}
}

// TestChangesOfOthers: an account changes nothing but what came over it.
func TestChangesOfOthers(t *testing.T) {
	w := newWorld(t)
	c, other := w.texter("mobile", "+447700900001", nil), w.texter("other", "+447700900002", nil)
	m := c.message(annsNumber, "one")
	id := w.texted(c, m)
	r := w.reply(textReply(id, "mobile", "mine"))
	d := w.delivery(r.ID, is(message.Sent))
	for _, name := range []string{m.Key, d.Ref, r.Ref} {
		w.take(other, connectors.Batch{
			Changes: []message.Change{{Of: name, Time: time.Now(), Deleted: true}},
			Reports: []message.Report{{Ref: d.Ref, Status: message.Failed}},
		})
	}
	if got := w.byKey(m.Key); got.Text != "one" {
		t.Errorf("another account changed it: %+v", got)
	}
	if d := w.delivery(r.ID, is(message.Sent)); d.Status != message.Sent {
		t.Errorf("delivery %+v", d)
	}
	// Ours can be reacted to by its wire name.
	w.take(c, connectors.Batch{Changes: []message.Change{{Of: d.Ref, Time: time.Now(),
		Reaction: &message.Reaction{Emoji: "🎉", By: annsPhone[0]}}}})
	w.view(func(tx *store.Tx) error {
		r, err := w.Message(tx, r.ID)
		if err == nil && (len(r.Reactions) != 1 || r.Reactions[0].Emoji != "🎉") {
			t.Errorf("reactions %+v", r.Reactions)
		}
		return err
	})
}

// TestEarlyIsBounded: news of items that never come are given up.
func TestEarlyIsBounded(t *testing.T) {
	w := newWorld(t)
	c := w.texter("mobile", "+447700900001", nil)
	var b connectors.Batch
	for range maxEarly + 20 {
		sourceN++
		b.Changes = append(b.Changes, message.Change{Of: c.message(annsNumber, "").Key, Time: time.Now(), Deleted: true})
	}
	w.take(c, b)
	w.view(func(tx *store.Tx) error {
		if n := w.early.Len(tx); n != maxEarly {
			t.Errorf("%d wait, want %d", n, maxEarly)
		}
		return nil
	})
}

// TestManyEdits: the first and the newest former versions stay.
func TestManyEdits(t *testing.T) {
	m := &message.Message{Text: "first"}
	at := time.Now()
	edit := func(text string) {
		at = at.Add(time.Second)
		alter(m, &message.Change{Time: at, Edit: &message.Message{Text: text}})
	}
	for n := range 3 * maxFormer {
		edit(fmt.Sprint("edit ", n))
	}
	if len(m.Former) != maxFormer || m.Former[0].Text != "first" || m.Former[maxFormer-1].Text != fmt.Sprint("edit ", 3*maxFormer-2) {
		t.Errorf("%d former versions, from %q to %q", len(m.Former), m.Former[0].Text, m.Former[len(m.Former)-1].Text)
	}
	for n := range 5 {
		edit(strings.Repeat("x", formerBytes/3) + fmt.Sprint(n))
	}
	size := 0
	for _, v := range m.Former {
		size += len(v.Text)
	}
	if size > formerBytes || m.Former[0].Text != "first" {
		t.Errorf("%d bytes of former versions", size)
	}
}

// TestEditWithFiles: files of an edit are kept, also while it waits for its item.
func TestEditWithFiles(t *testing.T) {
	w := newWorld(t)
	c := w.texter("mobile", "+447700900001", nil)
	m := c.message(annsNumber, "one")
	w.take(c, connectors.Batch{Changes: []message.Change{{Of: m.Key, Time: time.Now(), Edit: &message.Message{Text: "two", Reply: "two",
		Parts: []message.Part{{Name: "a.txt", ContentType: "text/plain", Content: message.Bytes("file")}}}}}})
	if _, err := w.Sweep(t.Context(), 0); err != nil {
		t.Fatal(err)
	}
	w.texted(c, m)
	r := w.byKey(m.Key)
	if len(r.Parts) != 1 || r.Parts[0].Size != 4 {
		t.Fatalf("parts %+v", r.Parts)
	}
	if _, err := w.Blobs.Stat(r.Parts[0].Blob); err != nil {
		t.Errorf("the file of the edit: %v", err)
	}
}
