package inbox

import (
	"slices"
	"time"

	"throughline/identity"
	"throughline/message"
	"throughline/store"
	"throughline/timeline"
)

// Channels without threads: one stream between a handle and an account of ours.

// maxChatHandles bounds the index entries of one message.
const maxChatHandles = 5

// chatKeys index a message of a chat under our account and the other side, whoever
// wrote it. The newest entry is where the two last spoke.
func (r *Record) chatKeys() []store.Key {
	if !r.Chat || r.Cancelled {
		return nil
	}
	people := []message.Person{r.From}
	if r.Direction == message.Out {
		people = r.To[:min(len(r.To), maxChatHandles)]
	}
	var keys []store.Key
	for _, p := range people {
		if p.Handle != "" {
			keys = append(keys, chatKey(r.Account, p.Handle))
		}
	}
	return keys
}

func chatKey(account string, handle message.Handle) store.Key {
	return store.K().Str(account).Str(string(handle))
}

// chatting finds the conversation that m goes on with: the one in which whose and
// m's account last spoke, while it is open or snoozed or has paused for less than
// Options.ChatPause; nil if there is none.
func (h *Hub) chatting(tx *store.Tx, m *message.Message, whose *identity.Handle) (*Conversation, error) {
	if m.Vouch == message.VouchFailed {
		return nil, nil
	}
	// What was somebody else's does not say that the next one is too; our answer does.
	r, err := h.lastSpoken(tx, m.Account, whose.Handle, func(r *Record) bool { return r.Direction == message.Out || r.Refiled == nil })
	if err != nil || r == nil {
		return nil, err
	}
	c, err := h.Conversation(tx, r.Conversation)
	if err != nil {
		return nil, err
	}
	if c.Status == Resolved && when(tx, m).Sub(c.Last) > h.pause {
		return nil, nil
	}
	return c, nil
}

// spokenScan bounds how far back lastSpoken looks.
const spokenScan = 100

// lastSpoken is the newest message between an account and a handle that is
// accepted, nil if there is none among the newest spokenScan.
func (h *Hub) lastSpoken(tx *store.Tx, account string, handle message.Handle, accept func(*Record) bool) (*Record, error) {
	n := 0
	for e := range h.messages.Scan(tx, store.Range{Index: "chat", Prefix: chatKey(account, handle), Reverse: true}) {
		if n++; n > spokenScan {
			break
		}
		r, err := h.Message(tx, e.ID)
		if err != nil {
			return nil, err
		}
		if accept(r) {
			return r, nil
		}
	}
	return nil, nil
}

// lastHeard is when somebody last wrote to an account, zero if never. What was missed
// is stored after what was written since, so that the newest entry need not tell.
func (h *Hub) lastHeard(tx *store.Tx, account string, handle message.Handle) (last time.Time, err error) {
	_, err = h.lastSpoken(tx, account, handle, func(r *Record) bool {
		at := r.Received
		if at.IsZero() {
			at = r.Time
		}
		if r.Direction == message.In && at.After(last) {
			last = at
		}
		return false
	})
	return last, err
}

// sentAs finds the message that an account sent under a wire name, nil if there is
// none.
func (h *Hub) sentAs(tx *store.Tx, account, ref string) (*Record, error) {
	for e := range h.deliveries.Scan(tx, store.Range{Index: "ref", Prefix: refKey(ref)}) {
		d, err := h.Delivery(tx, e.ID)
		if err != nil {
			return nil, err
		}
		// The index holds hashes; the record decides.
		if d.bears(ref) && d.Account == account {
			return h.Message(tx, e.ID)
		}
	}
	return nil, nil
}

// newestOn is the newest message of a conversation over a channel, nil if there is
// none among its newest entries.
func (h *Hub) newestOn(tx *store.Tx, c *Conversation, channel string) (found *Record, err error) {
	var failed error
	_, err = h.Timeline.Newest(tx, c.ID, maxRecent, func(e *timeline.Event) bool {
		if e.Kind != timeline.MessageReceived && e.Kind != timeline.MessageQueued {
			return false
		}
		r, err := h.Message(tx, e.Message)
		if failed = err; err == nil && r.Channel == channel && !r.Automatic {
			found = r
		}
		return found != nil || failed != nil
	})
	if err == nil {
		err = failed
	}
	return found, err
}

// onAccount tells whether a message came or went over an account.
func (r *Record) onAccount(account string) bool {
	return r.Account == account || slices.Contains(r.Also, account)
}
