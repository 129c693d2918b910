package inbox

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"maps"
	"time"

	"throughline/store"
)

// A client that asks twice for the same message, because a button was pressed
// twice or the first answer got lost, gives both the same key and gets the result
// of the first: see Outgoing.Key. The keys are kept as plain values:
//
//	sent        agent, digest of the key → event, time, digest of what was written
//	sent.order  time, the key of "sent" → 1
const (
	sentBucket      = "sent"
	sentOrderBucket = "sent.order"
	// KeyLifetime is how long the key of a message is remembered: longer than
	// any client tries again.
	KeyLifetime = 7 * 24 * time.Hour
	// MaxKey is the length of a key in bytes.
	MaxKey = 200
	// sentTrim is how many old keys each new one removes at most, so that they
	// go faster than they come and no message waits for it.
	sentTrim = 4
)

// sentKey names what an agent has sent under a key of his; keys of others never
// meet it.
func sentKey(agent uint64, key string) string {
	sum := sha256.Sum256([]byte(key))
	return string(binary.BigEndian.AppendUint64(nil, agent)) + string(sum[:16])
}

// digest is what a message with a key must not differ in when it comes again. What
// its writer has seen meanwhile, and that he wants it sent anyway, is no part of it.
func (o *Outgoing) digest(body string) [sha256.Size]byte {
	said := *o
	if o.Template != nil {
		body = "" // the provider's words, which may change
	}
	said.Key, said.SeenSeq, said.Anyway, said.AgentSignature, said.HTML = "", 0, false, "", body
	b, err := json.Marshal(said)
	if err != nil {
		panic(fmt.Errorf("inbox: outgoing message does not marshal: %w", err)) // strings, numbers and times: a programmer's error
	}
	return sha256.Sum256(b)
}

// sentBefore returns the event of the message that was written under this key,
// 0 if there is none.
func (h *Hub) sentBefore(tx *store.Tx, agent uint64, key string, digest [sha256.Size]byte) (seq uint64, err error) {
	if key == "" {
		return 0, nil
	}
	v := tx.GetValue(sentBucket, sentKey(agent, key))
	if len(v) != 16+sha256.Size || tx.Now().Sub(time.Unix(int64(binary.BigEndian.Uint64(v[8:])), 0)) > KeyLifetime {
		return 0, nil
	}
	if [sha256.Size]byte(v[16:]) != digest {
		return 0, &InvalidError{"key", "this idempotency key was used for another message: make a new one for each message"}
	}
	return binary.BigEndian.Uint64(v), nil
}

// templateSent is sentBefore for a template that cannot be looked up: it compares
// what the stored message says of it.
func (h *Hub) templateSent(o *Outgoing) (seq uint64) {
	if o.Key == "" {
		return 0
	}
	// An error shows as that of the template.
	_ = h.Store.View(func(tx *store.Tx) error {
		v := tx.GetValue(sentBucket, sentKey(o.Agent, o.Key))
		if len(v) != 16+sha256.Size {
			return nil
		}
		e, err := h.Timeline.Get(tx, binary.BigEndian.Uint64(v))
		if err != nil {
			return err
		}
		r, err := h.Message(tx, e.Message)
		if err == nil && r.Template != nil && r.Template.ID == o.Template.ID && maps.Equal(r.Template.Values, o.Template.Values) && r.Account == o.Account {
			seq = e.Seq
		}
		return err
	})
	return seq
}

// rememberSent notes that event seq is what was written under this key, and
// forgets some of the oldest.
func (h *Hub) rememberSent(tx *store.Tx, agent uint64, key string, digest [sha256.Size]byte, seq uint64) error {
	if key == "" {
		return nil
	}
	n := 0
	for order := range tx.Values(sentOrderBucket) {
		if n++; n > sentTrim || len(order) < 8 || tx.Now().Sub(time.Unix(int64(binary.BigEndian.Uint64([]byte(order))), 0)) <= KeyLifetime {
			break
		}
		if err := tx.PutValue(sentOrderBucket, order, nil); err != nil {
			return err
		}
		// The key may have been used again since it ended.
		if v := tx.GetValue(sentBucket, order[8:]); len(v) >= 16 && string(v[8:16]) == order[:8] {
			if err := tx.PutValue(sentBucket, order[8:], nil); err != nil {
				return err
			}
		}
	}
	at := binary.BigEndian.AppendUint64(nil, uint64(tx.Now().Unix()))
	k := sentKey(agent, key)
	v := append(append(binary.BigEndian.AppendUint64(nil, seq), at...), digest[:]...)
	if err := tx.PutValue(sentBucket, k, v); err != nil {
		return err
	}
	return tx.PutValue(sentOrderBucket, string(at)+k, []byte{1})
}
