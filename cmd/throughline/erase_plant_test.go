package main

import (
	"fmt"
	"strings"
	"time"

	"throughline/connectors"
	"throughline/identity"
	"throughline/inbox"
	"throughline/message"
	"throughline/people"
	"throughline/preference"
	"throughline/store"
)

// What TestEraseLeavesNothing plants.

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
