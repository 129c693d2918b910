package inbox

import (
	"encoding/binary"
	"errors"
	"math"

	"throughline/store"
	"throughline/timeline"
)

// joinReads gives each agent who has read one of two conversations a mark in into,
// for the time after they have become one: all before it is read. It must run
// while each still has its own entries.
func (h *Hub) joinReads(tx *store.Tx, from, into *Conversation) error {
	begin := func(c *Conversation) (uint64, error) {
		// A page after 0 would be the newest, so the first event is asked for.
		if e, err := h.Timeline.Get(tx, 1); err == nil && e.Conversation == c.ID {
			return 0, nil
		}
		page, err := h.Timeline.Conversation(tx, c.ID, timeline.Span{After: 1, Limit: 1})
		if err != nil || len(page.Events) == 0 {
			return math.MaxUint64, err // nothing in it is unread
		}
		return page.Events[0].Seq - 1, nil
	}
	beginFrom, errFrom := begin(from)
	beginInto, errInto := begin(into)
	if err := errors.Join(errFrom, errInto); err != nil {
		return err
	}
	// Up to where everything is read.
	upTo := func(c *Conversation, mark, begin uint64) uint64 {
		if mark != 0 && mark >= c.LastSeq {
			return math.MaxUint64
		}
		return max(mark, begin)
	}
	for _, agent := range h.readers(tx) {
		was, is := h.ReadSeq(tx, agent, from.ID), h.ReadSeq(tx, agent, into.ID)
		if was == 0 && is == 0 {
			continue
		}
		mark := min(upTo(from, was, beginFrom), upTo(into, is, beginInto))
		if mark == math.MaxUint64 {
			mark = max(was, is)
		}
		if err := errors.Join(
			tx.PutValue(readBucket, readKey(agent, into.ID), binary.BigEndian.AppendUint64(nil, mark)),
			tx.PutValue(readBucket, readKey(agent, from.ID), nil),
		); err != nil {
			return err
		}
	}
	return nil
}

// readers are the agents who have read anything at all: one step each.
func (h *Hub) readers(tx *store.Tx) []uint64 {
	var out []uint64
	for after, more := "", true; more; {
		more = false
		for key := range tx.ValuesAfter(readBucket, after) {
			if len(key) == 16 {
				agent := binary.BigEndian.Uint64([]byte(key))
				out = append(out, agent)
				after, more = readKey(agent, math.MaxUint64), true
			}
			break
		}
	}
	return out
}
