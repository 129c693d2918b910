package inbox

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"throughline/connectors"
	"throughline/identity"
	"throughline/message"
	"throughline/store"
	"throughline/timeline"
)

// sink is what one account's connector puts its items into.
type sink struct {
	hub     *Hub
	account string
	run     *runner // nil for a re-import, which reports no state
}

const cursorBucket = "cursors"

func (s *sink) Cursor(context.Context) (cursor []byte, err error) {
	err = s.hub.Store.View(func(tx *store.Tx) error {
		cursor = tx.GetValue(cursorBucket, s.account)
		return nil
	})
	return cursor, err
}

func (s *sink) State(st connectors.State) {
	if s.run != nil {
		s.run.setState(st)
	}
}

// Accept is the only way in. Content that is large goes to the blob store first
// and is durable before the transaction names it; then one transaction does
// ledger → duplicate check → identity → conversation → message → event → cursor.
func (s *sink) Accept(ctx context.Context, b connectors.Batch) error {
	h := s.hub
	arrivals := make([]*arrival, len(b.Messages))
	for i := range b.Messages {
		a, err := h.prepare(ctx, s.account, b.Messages[i])
		if err != nil {
			return err
		}
		arrivals[i] = a
	}
	changes := make([]message.Change, len(b.Changes))
	for i := range b.Changes {
		c, err := h.prepareChange(ctx, s.account, b.Changes[i])
		if err != nil {
			return err
		}
		changes[i] = c
	}
	heldItems := make([]*HeldItem, len(b.Held))
	for i, item := range b.Held {
		it, err := h.prepareHeld(ctx, s.account, item)
		if err != nil {
			return err
		}
		heldItems[i] = it
	}
	for {
		at, news := -1, -1 // the message or the change in hand
		err := h.Store.Update(ctx, func(tx *store.Tx) error {
			var n tally
			for i, a := range arrivals {
				at = i
				outcome, err := h.ingest(tx, a)
				if err != nil {
					return fmt.Errorf("take in %s: %w", a.m.Source, err)
				}
				n.add(outcome)
			}
			at, news = -1, -1
			for _, it := range heldItems {
				if err := h.hold(tx, it); err != nil {
					return err
				}
			}
			for i, c := range changes {
				news = i
				if err := h.takeChange(tx, s.account, c); err != nil {
					return fmt.Errorf("news of %s: %w", c.Of, err)
				}
			}
			news = -1
			for _, r := range b.Reports {
				if err := h.report(tx, s.account, r); err != nil {
					return err
				}
			}
			for _, p := range b.People {
				if err := h.heard(tx, s.account, p); err != nil {
					return err
				}
			}
			if err := h.count(tx, s.account, n); err != nil {
				return err
			}
			if b.Cursor == nil {
				return nil
			}
			return tx.PutValue(cursorBucket, s.account, b.Cursor)
		})
		if err != nil && news >= 0 {
			it, heldErr := h.prepareHeld(ctx, s.account, heldChange(&changes[news], err))
			if heldErr != nil {
				return errors.Join(err, heldErr)
			}
			kept := changes[news]
			it.Change = &kept
			h.log.Error("a change is held", "account", s.account, "of", changes[news].Of, "error", err)
			heldItems = append(heldItems, it)
			changes = slices.Delete(changes, news, news+1)
			continue
		}
		if err == nil || at < 0 || arrivals[at].m.Source == "" {
			return err
		}
		// This one message cannot be stored. Refused, it would come again for
		// ever and keep all others from coming in.
		h.log.Error("an item is held", "account", s.account, "source", arrivals[at].m.Source, "error", err)
		it, heldErr := h.prepareHeld(ctx, s.account, arrivals[at].held(err))
		if heldErr != nil {
			return errors.Join(err, heldErr)
		}
		heldItems = append(heldItems, it)
		arrivals = slices.Delete(arrivals, at, at+1)
	}
}

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
	if err != nil || r.Token != token || r.Direction != message.Out || wordsDigest(r.Text) != wordsDigest(m.Text) {
		return 0, false
	}
	return id, true
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
	data := arrivalData{NewConversation: isNew, NewCustomer: created, News: news && !created}
	subjects := []uint64{c.Handle}
	if sender.ID != c.Handle && m.Direction == message.In {
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

// arrivalData is the Data of a message.received event.
type arrivalData struct {
	NewConversation bool `json:"new_conversation,omitempty"`
	NewCustomer     bool `json:"new_customer,omitempty"`
	News            bool `json:"news,omitempty"` // something new is known of its sender
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

// historyAge is how old an item is at least that was not just delivered.
const historyAge = time.Hour

// arrived brings a conversation up to date with a message that joined it.
func (h *Hub) arrived(tx *store.Tx, c *Conversation, r *Record) {
	c.Messages++
	c.LastSeq = r.Seq
	at := when(tx, &r.Message)
	// Folders of an old mailbox are read one after the other, so what comes now
	// may be older than what is here. Providers' clocks count seconds and go
	// wrong: only what is clearly old is history.
	history := at.Before(c.Last) && tx.Now().Sub(at) > historyAge
	if at.After(c.Last) {
		c.Last = at
	}
	if !history {
		c.shows(r)
		c.Channel = r.Channel
	}
	c.addAccount(r.Account)
	for _, p := range slices.Concat([]message.Person{r.From}, r.ReplyTo, r.To, r.Cc) {
		if _, ours := h.Own(p.Handle); !ours && p.Handle.Scheme() != identity.Unknown {
			c.admit(p)
		}
	}
	if r.Direction == message.Out {
		if at.After(c.Answered) {
			c.Answered = at
		}
		switch {
		case history && c.Waiting.After(at):
		case history && !c.Waiting.IsZero() && c.Direction == string(message.In):
			c.Waiting = c.Last // what came after this answer still waits
		default:
			c.Unread, c.Waiting = 0, time.Time{}
		}
		return
	}
	c.Unread++
	// Only a person's message asks for an answer and brings a matter back.
	if !asksForAnswer(r) {
		return
	}
	if c.Waiting.IsZero() && !(history && at.Before(c.Answered)) {
		c.Waiting = at
	}
	if c.Status != Open {
		c.Status, c.SnoozedUntil = Open, time.Time{}
	}
}

// asksForAnswer tells whether a person wrote the message to us in particular; a
// word that gives or takes consent (STOP) wants none.
func asksForAnswer(r *Record) bool {
	return (r.Kind == message.Human || r.Kind == "") && !r.Bulk && (r.Consent == "" || r.Consent == message.Help)
}

// when is the time an item came: our provider's word for it, since the sender's
// clock may say anything. An old mailbox taken in keeps its times.
func when(tx *store.Tx, m *message.Message) time.Time {
	if m.Received.IsZero() || m.Received.After(tx.Now()) {
		return tx.Now()
	}
	return m.Received.UTC()
}

// readable is the text a preview is made of.
func readable(r *Record) string {
	if !r.Deleted.IsZero() {
		return "🗑"
	}
	if strings.TrimSpace(r.Reply) != "" {
		return r.Reply
	}
	if strings.TrimSpace(r.Text) != "" {
		return r.Text
	}
	if len(r.Parts) > 0 && r.Call == nil {
		return "📎 " + r.Parts[0].Name
	}
	return ""
}

func (h *Hub) firstOther(people []message.Person) (message.Person, bool) {
	for _, p := range people {
		if _, ours := h.Own(p.Handle); !ours {
			return p, true
		}
	}
	return message.Person{}, false
}
