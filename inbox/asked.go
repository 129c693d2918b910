package inbox

import (
	"slices"
	"strings"

	"throughline/message"
	"throughline/store"
)

// asked finds the agents whom the menu of a line names: by address, or by the name of
// their team.
func (h *Hub) asked(tx *store.Tx, names []string) (agents []uint64, err error) {
	teams, err := h.Teams(tx)
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		id, ok, err := h.agentOf(tx, name)
		if err != nil {
			return nil, err
		}
		if ok {
			agents = append(agents, id)
		}
		for _, t := range teams.Teams {
			if !t.Retired && strings.EqualFold(t.Name, name) {
				agents = append(agents, t.Agents...)
			}
		}
	}
	return agents, nil
}

// Knows tells whether a name stands for any agent.
func (d *desk) Knows(name string) (known bool, err error) {
	err = d.hub.Store.View(func(tx *store.Tx) error {
		agents, err := d.hub.asked(tx, []string{name})
		known = len(agents) > 0
		return err
	})
	return known, err
}

// atFirst narrows the agents who are ready down to those whom the caller asked for,
// while it is to ring at them alone: until their time is over, or none of them is ready
// who has not been rung in vain.
func (h *Hub) atFirst(tx *store.Tx, c *message.Call, ready []uint64) ([]uint64, error) {
	if len(c.Asked) == 0 || len(c.Transfers) > 0 || !tx.Now().Before(c.Alone) {
		return ready, nil
	}
	asked, err := h.asked(tx, c.Asked)
	if err != nil {
		return nil, err
	}
	first := slices.DeleteFunc(slices.Clone(ready), func(a uint64) bool { return !slices.Contains(asked, a) })
	inVain := func(a uint64) bool {
		return slices.ContainsFunc(c.Legs, func(l message.CallLeg) bool { return l.Agent == a && !l.Began.Before(c.Queued) && !l.Ended.IsZero() })
	}
	if !slices.ContainsFunc(first, func(a uint64) bool { return !inVain(a) }) {
		return ready, nil
	}
	return first, nil
}
