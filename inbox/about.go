package inbox

import (
	"slices"

	"throughline/message"
	"throughline/preference"
	"throughline/store"
	"throughline/timeline"
)

// What a message is about stays with it: who wants nothing more about offers gets no
// offer, whichever conversation it lies in by now.

// purposes are those that a message has to be allowed for: the one it was written for
// and that of its conversation. If there are none it is "", what goes for everything.
func (h *Hub) purposes(tx *store.Tx, r *Record) []string {
	list := []string{r.Purpose, h.purposeOf(tx, r.Conversation)}
	list = slices.DeleteFunc(slices.Compact(list), func(p string) bool { return p == "" })
	if len(list) == 0 {
		return []string{""}
	}
	return list
}

// optedOutOf finds the first of these recipients of a message who does not want what
// it is about, nil if there is none.
func (h *Hub) optedOutOf(tx *store.Tx, r *Record, to []message.Handle) (*optOut, error) {
	for _, purpose := range h.purposes(tx, r) {
		if out, err := h.optedOut(tx, r.Channel, purpose, to); err != nil || out != nil {
			return out, err
		}
	}
	return nil, nil
}

// weight orders who said what a conversation is about: a person, a rule, a guess, nobody.
func (c *Conversation) weight() int {
	switch {
	case c.Purpose == "":
		return 0
	case c.PurposeBy == preference.ByGuess:
		return 1
	case c.PurposeBy == preference.ByRule:
		return 2
	}
	return 3
}

// takePurpose gives into the purpose of from if that was said with more weight. It is
// taken also where it is retired: what has it keeps it. actor is who puts the two
// together, "" for the hub. The caller stores into.
func (h *Hub) takePurpose(tx *store.Tx, from, into *Conversation, actor string) error {
	if from.weight() <= into.weight() {
		return nil
	}
	was := into.Purpose
	into.Purpose, into.PurposeBy = from.Purpose, from.PurposeBy
	_, err := h.Timeline.Append(tx, timeline.Event{Kind: timeline.ConversationPurpose, Actor: actor, Conversation: into.ID, Subjects: []uint64{into.subject()},
		Data: eventData("from", was, "to", into.Purpose, "by", into.PurposeBy)})
	return err
}

// partPurpose says what a conversation is about that is opened for a message of from:
// the same for what we wrote, and for what came in what rules and the classifier tell,
// since it may have been taken out for being about something else.
func (h *Hub) partPurpose(tx *store.Tx, agent uint64, r *Record, from, target *Conversation) error {
	if r.Direction == message.Out {
		return h.takePurpose(tx, from, target, agentActor(agent))
	}
	return h.findPurpose(tx, target, r)
}
