package inbox

import (
	"slices"
	"strings"
	"time"

	"throughline/identity"
	"throughline/message"
	"throughline/store"
)

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
