package api

import (
	"fmt"
	"net/url"
	"testing"
	"time"

	"throughline/auth"
)

// TestTeams: a conversation is with the team of its inbox until somebody takes it, then
// with that one's; it keeps its team when the teams change, and the board counts by it.
func TestTeams(t *testing.T) {
	w := newWorld(t, worldOptions{})
	ann, ada := w.agent("Ann", auth.RoleAgent), w.agent("Ada", auth.RoleAdmin)
	c := w.browser(ada)
	first, _ := w.arrive(mail("a@example.org", "A", "before there were teams"))
	const account = "support"
	var teams Teams
	c.call(200, "GET", "/api/teams", nil, &teams)
	for name, bad := range map[string]Teams{
		"no name":             {Teams: []Team{{Name: " "}}},
		"two of a name":       {Teams: []Team{{Name: "Desk"}, {Name: "desk"}}},
		"an agent in two":     {Teams: []Team{{Name: "A", Agents: []uint64{ann.ID}}, {Name: "B", Agents: []uint64{ann.ID}}}},
		"an inbox of two":     {Teams: []Team{{Name: "A", Accounts: []string{account}}, {Name: "B", Accounts: []string{account}}}},
		"nobody":              {Teams: []Team{{Name: "A", Agents: []uint64{99999}}}},
		"an ID nobody gave":   {Teams: []Team{{ID: 5, Name: "A"}}},
		"of another version":  {Version: 7, Teams: []Team{{Name: "A"}}},
		"more than there are": {Teams: make([]Team, 101)},
	} {
		if p := c.refused(422, "PUT", "/api/teams", bad); p.Detail == "" {
			t.Errorf("%s: nothing is said", name)
		}
	}
	c.call(200, "PUT", "/api/teams", Teams{Teams: []Team{{Name: "Desk", Accounts: []string{account}}, {Name: "Workshop", Agents: []uint64{ann.ID}}}}, &teams)
	desk, workshop := teams.Teams[0].ID, teams.Teams[1].ID
	if desk == 0 || workshop == 0 || desk == workshop || teams.Version != 1 {
		t.Fatalf("teams %+v", teams)
	}
	team := func(conversation uint64) uint64 {
		t.Helper()
		var open Conversation
		c.call(200, "GET", fmt.Sprintf("/api/conversations/%d", conversation), nil, &open)
		return open.Team
	}
	give := func(conversation, agent uint64) {
		c.call(200, "PATCH", fmt.Sprintf("/api/conversations/%d", conversation), ConversationChange{Assignee: &agent}, nil)
	}
	second, _ := w.arrive(mail("b@example.org", "B", "for the desk"))
	if team(first) != 0 || team(second) != desk {
		t.Errorf("teams %d and %d, want 0 and %d", team(first), team(second), desk)
	}
	give(second, ann.ID)
	if team(second) != workshop {
		t.Errorf("taken by Ann: %d, want %d", team(second), workshop)
	}
	third, _ := w.arrive(mail("c@example.org", "C", "for the desk too"))
	give(third, ada.ID) // of no team: it stays with its inbox's
	if team(third) != desk {
		t.Errorf("taken by somebody of no team: %d, want %d", team(third), desk)
	}
	// Ann moves: what she had stays with the workshop.
	teams.Teams[0].Agents, teams.Teams[1].Agents = []uint64{ann.ID}, nil
	c.call(200, "PUT", "/api/teams", teams, &teams)
	if team(second) != workshop {
		t.Errorf("a conversation changed its team by itself: %d", team(second))
	}
	c.refused(422, "PUT", "/api/teams", Teams{Version: teams.Version, Teams: teams.Teams[:1]})
	give(second, 0)
	if team(second) != desk {
		t.Errorf("given back: %d, want %d", team(second), desk)
	}
	give(second, ann.ID)
	teams.Teams[0].Retired = true
	c.call(200, "PUT", "/api/teams", teams, &teams)
	if team(second) != desk {
		t.Errorf("a retired team lost what it had")
	}
	fourth, _ := w.arrive(mail("d@example.org", "D", "for nobody"))
	if team(fourth) != 0 {
		t.Errorf("a retired team got %d", team(fourth))
	}

	must(t, w.hub.Preference.CatchUp(t.Context()))
	day := time.Now().Format(time.DateOnly)
	q := url.Values{"from": {time.Now().AddDate(0, 0, -1).Format(time.DateOnly)}, "to": {day}}
	for id, want := range map[uint64]int64{0: 4, desk: 2, workshop: 0} {
		q.Set("team", fmt.Sprint(id))
		var b Board
		c.call(200, "GET", "/api/board?"+q.Encode(), nil, &b)
		if b.Total.In != want {
			t.Errorf("team %d has %d messages on the board, want %d", id, b.Total.In, want)
		}
	}
}
