package inbox

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"throughline/store"
	"throughline/timeline"
)

// Team is a named group of agents. An agent is in one team at most, and so is an
// inbox: its new conversations are that team's until somebody takes them. A
// conversation can be given to a team too.
type Team struct {
	ID       uint64   `json:"id"`
	Name     string   `json:"name"`
	Agents   []uint64 `json:"agents,omitempty"`
	Accounts []string `json:"accounts,omitempty"`
	Retired  bool     `json:"retired,omitempty"` // not there any more, but for what was its
}

// Teams are all teams, as administrators keep them.
type Teams struct {
	Teams   []Team `json:"teams"`
	Version uint64 `json:"version"` // of which a change was made
}

// Limits of teams.
const (
	maxTeams    = 100
	maxTeamName = 60 // characters
)

const (
	teamBucket = "teams"
	teamKey    = "all"
)

// Teams returns the teams, retired ones too.
func (h *Hub) Teams(tx *store.Tx) (t Teams, err error) {
	data := tx.GetValue(teamBucket, teamKey)
	if data == nil {
		return Teams{Teams: []Team{}}, nil
	}
	if err := json.Unmarshal(data, &t); err != nil {
		return t, fmt.Errorf("inbox: the teams cannot be read: %w", err)
	}
	return t, nil
}

// SetTeams replaces the teams. One without an ID is new and gets one; one that was
// there is retired instead of left out, since conversations name it. Conversations
// keep the team they have: the change is for what comes, and for who takes what from
// now on.
func (h *Hub) SetTeams(ctx context.Context, actor string, next Teams) error {
	if err := next.check(); err != nil {
		return err
	}
	return h.Store.Update(ctx, func(tx *store.Tx) error {
		was, err := h.Teams(tx)
		if err != nil {
			return err
		}
		if next.Version != was.Version {
			return &InvalidError{"version", "somebody else changed the teams meanwhile: load them again"}
		}
		known := func(list []Team, id uint64) bool {
			return slices.ContainsFunc(list, func(t Team) bool { return t.ID == id })
		}
		for _, t := range was.Teams {
			if !known(next.Teams, t.ID) {
				return &InvalidError{"teams", fmt.Sprintf("%q is missing: retire a team instead of removing it", t.Name)}
			}
		}
		put := Teams{Version: next.Version + 1, Teams: slices.Clone(next.Teams)}
		for i := range put.Teams {
			switch t := &put.Teams[i]; {
			case t.ID == 0:
				t.ID = tx.NextID()
			case !known(was.Teams, t.ID):
				return &InvalidError{fmt.Sprintf("teams[%d].id", i), "there is no such team: leave the ID of a new one away"}
			}
		}
		data, err := json.Marshal(put)
		if err != nil {
			return err
		}
		if err := tx.PutValue(teamBucket, teamKey, data); err != nil {
			return err
		}
		_, err = h.Timeline.Append(tx, timeline.Event{Kind: timeline.TeamsChanged, Actor: actor, Quiet: true})
		return err
	})
}

func (t *Teams) check() error {
	if len(t.Teams) > maxTeams {
		return &InvalidError{"teams", fmt.Sprintf("at most %d teams", maxTeams)}
	}
	ids, names, agents, accounts := map[uint64]bool{}, map[string]bool{}, map[uint64]bool{}, map[string]bool{}
	for i, x := range t.Teams {
		at := fmt.Sprintf("teams[%d]", i)
		name := strings.ToLower(x.Name)
		switch {
		case strings.TrimSpace(x.Name) == "" || utf8.RuneCountInString(x.Name) > maxTeamName:
			return &InvalidError{at + ".name", fmt.Sprintf("a name has 1 to %d characters", maxTeamName)}
		case x.ID != 0 && ids[x.ID]:
			return &InvalidError{at + ".id", "this team is there twice"}
		case !x.Retired && names[name]:
			return &InvalidError{at + ".name", fmt.Sprintf("there are two teams %q", x.Name)}
		}
		ids[x.ID] = true
		if x.Retired {
			continue
		}
		names[name] = true
		for _, a := range x.Agents {
			if agents[a] {
				return &InvalidError{at + ".agents", "somebody is in two teams: choose one"}
			}
			agents[a] = true
		}
		for _, a := range x.Accounts {
			if accounts[a] {
				return &InvalidError{at + ".accounts", fmt.Sprintf("the inbox %q has two teams: choose one", a)}
			}
			accounts[a] = true
		}
	}
	return nil
}

// takes is the team that a conversation of an account is with while an agent has it,
// 0 nobody: the agent's, else the account's, else none.
func (t *Teams) takes(agent uint64, account string) uint64 {
	var its uint64
	for i := range t.Teams {
		x := &t.Teams[i]
		switch {
		case x.Retired:
		case agent != 0 && slices.Contains(x.Agents, agent):
			return x.ID
		case slices.Contains(x.Accounts, account):
			its = x.ID
		}
	}
	return its
}

// assign gives c to an agent, 0 to nobody, and to the team that goes with it. The
// caller stores c.
func (h *Hub) assign(tx *store.Tx, c *Conversation, agent uint64) error {
	t, err := h.Teams(tx)
	if err != nil {
		return err
	}
	c.Assignee, c.Team = agent, t.takes(agent, c.Account)
	return nil
}

// knownTeam refuses a team that nothing can be given to; 0 is none. A retired one is
// known only where a change is taken back, which names who had it as well.
func (h *Hub) knownTeam(tx *store.Tx, id uint64, back bool) error {
	t, err := h.Teams(tx)
	if err != nil || id == 0 || slices.ContainsFunc(t.Teams, func(x Team) bool { return x.ID == id && (back || !x.Retired) }) {
		return err
	}
	return &InvalidError{"team", "there is no such team any more: choose another"}
}
