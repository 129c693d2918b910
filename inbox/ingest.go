package inbox

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"slices"
	"strings"

	"throughline/identity"
	"throughline/message"
	"throughline/store"
	"throughline/timeline"
)

// ingest takes one item in, inside the transaction.
func (h *Hub) ingest(tx *store.Tx, a *arrival) (outcome string, err error) {
	m := &a.m
	if m.Source != "" {
		switch was, _, ok := h.outcome(tx, m.Account, m.Source); {
		case ok && was != HeldBack:
			return "", nil // offered again: its outcome stands
		case ok:
			if err := h.unhold(tx, m.Account, m.Source); err != nil {
				return "", err
			}
		}
	}
	if id, ok := h.duplicateOf(tx, m); ok {
		if err := h.noteDuplicate(tx, id, m.Account); err != nil {
			return "", err
		}
		if err := h.enter(tx, m.Account, m.Source, Duplicate, id); err != nil {
			return "", err
		}
		return Duplicate, h.settleEarly(tx, m.Account, m.Key)
	}
	id, err := h.file(tx, a)
	if err != nil {
		return "", err
	}
	return Stored, h.enter(tx, m.Account, m.Source, Stored, id)
}

// duplicateOf finds the message that m is another copy of.
func (h *Hub) duplicateOf(tx *store.Tx, m *message.Message) (uint64, bool) {
	if m.Key != "" {
		if id, ok := h.messages.Lookup(tx, "key", store.K().Str(m.Key)); ok {
			return id, true
		}
	}
	// A copy of what we sent ourselves, from a Sent folder or another mailbox of
	// ours. Its name alone proves nothing: the words have to be ours too.
	id, token, ok := message.ParseOwnRef(m.Echo)
	if !ok {
		r, err := h.sentAs(tx, m.Account, m.Echo)
		if err != nil || r == nil || m.Echo == "" || m.Direction != message.Out {
			return 0, false
		}
		return r.ID, true
	}
	r, err := h.Message(tx, id)
	if err != nil || r.Token != token || r.Direction != message.Out || !h.ourWords(tx, r, m.Text) {
		return 0, false
	}
	return id, true
}

// ourWords tells whether a text says what r does, or what went out of it: with the
// link to unsubscribe.
func (h *Hub) ourWords(tx *store.Tx, r *Record, text string) bool {
	said := wordsDigest(text)
	if said == wordsDigest(r.Text) {
		return true
	}
	d, err := h.Delivery(tx, r.ID)
	if err != nil || d.Listed == "" {
		return false
	}
	out := message.Message{Text: r.Text}
	return h.unsubscribable(tx, &out, r, d.Listed) == nil && said == wordsDigest(out.Text)
}

// wordsDigest is a digest over the letters and digits of a text: transport may
// change everything else.
func wordsDigest(s string) string {
	d := sha256.New()
	for f := range strings.FieldsSeq(s) {
		io.WriteString(d, strings.Trim(f, "*_<>[]()|-="))
	}
	return hex.EncodeToString(d.Sum(nil))
}

// noteDuplicate records that a message also came over another account: agents
// may answer from either.
func (h *Hub) noteDuplicate(tx *store.Tx, id uint64, account string) error {
	r, err := h.Message(tx, id)
	if err != nil || r.Account == account || slices.Contains(r.Also, account) {
		return err
	}
	r.Also = append(r.Also, account)
	if err := h.messages.Put(tx, id, r); err != nil {
		return err
	}
	c, err := h.Conversation(tx, r.Conversation)
	if err != nil || slices.Contains(c.Accounts, account) {
		return err
	}
	c.addAccount(account)
	return h.conversations.Put(tx, c.ID, c)
}

// file stores a new message: who wrote it, where it belongs, what it tells.
func (h *Hub) file(tx *store.Tx, a *arrival) (uint64, error) {
	own := a.m // the transaction may run again
	m := &own
	// A colleague's own mail program wrote it, if the sender is one of ours and
	// nothing says that this is a lie. It is then about whom it was written to.
	person, vouched := m.From, m.Vouch == message.VouchPassed
	sent := false
	if _, ours := h.Own(m.From.Handle); ours && m.Direction == message.In {
		if m.Chat {
			// Such a provider knows what we sent and brings only what others did.
			m.Vouch = message.VouchFailed
		} else if m.Vouch != message.VouchFailed {
			m.Direction = message.Out
		}
	}
	if m.Direction == message.Out {
		if p, ok := h.firstOther(slices.Concat(m.To, m.Cc)); ok {
			person, vouched, sent = p, false, true
		}
	}
	whose, created, err := h.Identity.Resolve(tx, person, vouched)
	if err != nil {
		return 0, err
	}
	if err := h.Identity.Depict(tx, m.Account, person); err != nil {
		return 0, err
	}
	news := whose.News
	if !sent && a.footer != "" {
		more, err := h.readFooter(tx, a, whose)
		if err != nil {
			return 0, err
		}
		news = news || more
	}
	sender := whose
	if sent {
		sender = &identity.Handle{} // nobody's handle
	}
	m.From.Hints, m.From.Picture = nil, "" // they are with the handle now
	c, isNew, err := h.place(tx, m, whose)
	if err != nil {
		return 0, err
	}
	r := &Record{Message: *m, Conversation: c.ID, Sender: sender.ID, RawBlob: a.rawBlob}
	r.ID = tx.NextID()
	if m.Direction == message.Out {
		r.Whom = ptr(h.whom(tx, r))
	}
	data := arrivalData{NewConversation: isNew, NewCustomer: created, News: news && !created}
	subjects := []uint64{c.subject()}
	switch {
	case m.Direction != message.In:
	case c.Whose != 0 && sender.ID == c.Handle:
		// It goes on with what a person said to be somebody else's: it is his too.
		r.Refiled = &Refiled{Customer: c.Whose, By: byThread, Time: tx.Now(), Subjects: []uint64{sender.ID}}
	case sender.ID != c.Handle:
		subjects = append(subjects, sender.ID)
	}
	if (created || news) && !slices.Contains(subjects, whose.ID) {
		data.Whose = whose.ID
	}
	actor := customerActor(sender.Customer)
	if m.Direction == message.Out {
		actor = ""
	}
	if r.Seq, err = h.Timeline.Append(tx, timeline.Event{
		Time: when(tx, m), Kind: timeline.MessageReceived, Actor: actor, Conversation: c.ID, Message: r.ID,
		Data: data.json(), Subjects: subjects,
	}); err != nil {
		return 0, err
	}
	if err := h.messages.Insert(tx, r.ID, r); err != nil {
		return 0, err
	}
	if err := h.tellFiles(tx, r); err != nil {
		return 0, err
	}
	if a.raw != nil {
		if err := tx.PutValue(rawBucket, rawKey(r.ID), a.raw); err != nil {
			return 0, err
		}
	}
	h.arrived(tx, c, r)
	if isNew {
		if err := h.findPurpose(tx, c, r); err != nil {
			return 0, err
		}
	}
	if err := h.conversations.Put(tx, c.ID, c); err != nil {
		return 0, err
	}
	if r.Call != nil {
		if err := h.callBack(tx, c, r, &message.Call{}); err != nil {
			return 0, err
		}
	}
	for _, rep := range m.Reports {
		if err := h.report(tx, m.Account, rep); err != nil {
			return 0, err
		}
	}
	if r.Direction == message.In && asksForAnswer(r) {
		if err := h.reached(tx, r.Sender, r.Channel); err != nil {
			return 0, err
		}
	}
	if err := h.heardConsent(tx, r); err != nil {
		return 0, err
	}
	if err := h.answerItself(tx, c, r, isNew); err != nil {
		return 0, err
	}
	return r.ID, h.settleEarly(tx, m.Account, m.Key)
}

// arrivalData is the Data of a message.received event. A message.queued event has News
// of whom it is to.
type arrivalData struct {
	NewConversation bool `json:"new_conversation,omitempty"`
	NewCustomer     bool `json:"new_customer,omitempty"`
	News            bool `json:"news,omitempty"` // something new is known of whose message it is
	// Whose is the handle of whom something new is known, if it is not a subject: a
	// colleague's own program wrote to it.
	Whose uint64 `json:"whose,omitempty"`
}

func (d arrivalData) json() json.RawMessage {
	if d == (arrivalData{}) {
		return nil
	}
	b, _ := json.Marshal(d) // booleans and a number always marshal
	return b
}
