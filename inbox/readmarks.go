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
	// upTo is the sequence up to which nothing of c is unread.
	upTo := func(c *Conversation, mark uint64) (uint64, error) {
		if mark != 0 && mark >= c.LastSeq {
			return math.MaxUint64, nil
		}
		if mark == 0 {
			// A page after 0 would be the newest one.
			if e, err := h.Timeline.Get(tx, 1); err == nil && e.Conversation == c.ID {
				return 0, nil
			}
			mark = 1
		}
		page, err := h.Timeline.Conversation(tx, c.ID, timeline.Span{After: mark, Limit: 1})
		if err != nil || len(page.Events) == 0 {
			return math.MaxUint64, err
		}
		return page.Events[0].Seq - 1, nil
	}
	for _, agent := range h.readers(tx) {
		was, is := h.ReadSeq(tx, agent, from.ID), h.ReadSeq(tx, agent, into.ID)
		if was == 0 && is == 0 {
			continue
		}
		upFrom, errFrom := upTo(from, was)
		upInto, errInto := upTo(into, is)
		if err := errors.Join(errFrom, errInto); err != nil {
			return err
		}
		mark := min(upFrom, upInto)
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
