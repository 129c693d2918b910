package inbox

import (
	"encoding/json"
	"slices"
	"time"

	"throughline/message"
	"throughline/safehtml"
	"throughline/store"
	"throughline/timeline"
)

// The loop guard: two machines that answer each other stop after a few mails,
// however they disguise themselves. It counts what was sent automatically to one
// handle and over one account.
const (
	automaticBucket     = "automatic"
	automaticPerHandle  = 3 // in automaticWindow
	helpPerHandle       = 1
	automaticPerAccount = 500
	automaticWindow     = 24 * time.Hour
)

// quota is how many automatic messages may be sent under a key in automaticWindow.
type quota struct {
	key   string
	limit int
}

func answeredKey(h message.Handle) string { return "handle\x00" + string(h) }

func helpedKey(account string, h message.Handle) string {
	return "help\x00" + account + "\x00" + string(h)
}

// answerItself answers the first message of a conversation, and a call for help,
// automatically where the account says so. What no person wrote, what went to many,
// and a sender who is probably not himself get no answer (RFC 3834 section 2).
func (h *Hub) answerItself(tx *store.Tx, c *Conversation, r *Record, isNew bool) error {
	info, ok := h.accountInfo(r.Account)
	if !ok || r.Direction != message.In || !asksForAnswer(r) || r.List != "" || r.Vouch == message.VouchFailed || r.Answered {
		return nil
	}
	text, quotas := "", []quota{{answeredKey(r.From.Handle), automaticPerHandle}, {"account\x00" + r.Account, automaticPerAccount}}
	switch {
	case r.Consent == message.Help && info.Help != "":
		text, quotas = info.Help, append([]quota{{helpedKey(r.Account, r.From.Handle), helpPerHandle}}, quotas...)
	case isNew:
		text = info.Acknowledge
	}
	if text == "" {
		return nil
	}
	to := h.withoutUnknown([]message.Person{r.From})
	if len(to) == 0 {
		return nil
	}
	if out, err := h.optedOut(tx, r.Channel, c.Purpose, []message.Handle{to[0].Handle}); err != nil || out != nil {
		return err
	}
	// An old mailbox taken in is no news to its writers.
	if tx.Now().Sub(when(tx, &r.Message)) > time.Hour {
		return nil
	}
	for _, q := range quotas {
		if ok, err := h.allow(tx, q.key, q.limit); err != nil || !ok {
			return err
		}
	}
	m := &Record{Message: message.Message{
		ID: tx.NextID(), Token: newToken(), Channel: info.Channel, Account: r.Account, Direction: message.Out,
		From: info.Own, To: to, Automatic: true,
		Time: tx.Now().UTC().Truncate(time.Second), Kind: message.AutoReply,
	}, Conversation: c.ID, Purpose: c.Purpose}
	m.Ref = message.OwnRef(m.ID, m.Token)
	if info.Writing.Letter {
		m.Subject = "Re: " + bareSubject(r.Subject)
	}
	if err := write(m, nil, &Outgoing{Mode: ModeReply}, safehtml.FromText(text), info, nil); err != nil {
		h.log.Warn("no automatic answer", "account", r.Account, "reason", err)
		return nil
	}
	if r.Ref != "" {
		m.Refs, m.Thread = []string{r.Ref}, []string{r.Ref}
	}
	var err error
	if m.Seq, err = h.Timeline.Append(tx, timeline.Event{
		Kind: timeline.MessageQueued, Conversation: c.ID, Message: m.ID, Subjects: []uint64{c.subject()},
	}); err != nil {
		return err
	}
	if err := h.messages.Insert(tx, m.ID, m); err != nil {
		return err
	}
	if err := h.deliveries.Insert(tx, m.ID, &Delivery{Account: r.Account, Status: message.Queued, Due: tx.Now(), Created: tx.Now()}); err != nil {
		return err
	}
	// The customer still waits: a machine has not answered him.
	c.Messages++
	c.LastSeq = m.Seq
	return h.conversations.Put(tx, c.ID, c)
}

// allow counts one automatic message against a limit, if it has room.
func (h *Hub) allow(tx *store.Tx, key string, limit int) (bool, error) {
	var sent []time.Time
	if v := tx.GetValue(automaticBucket, key); v != nil {
		if err := json.Unmarshal(v, &sent); err != nil {
			return false, err
		}
	}
	sent = slices.DeleteFunc(sent, func(t time.Time) bool { return tx.Now().Sub(t) > automaticWindow })
	if len(sent) >= limit {
		return false, nil
	}
	v, err := json.Marshal(append(sent, tx.Now()))
	if err != nil {
		return false, err
	}
	return true, tx.PutValue(automaticBucket, key, v)
}
