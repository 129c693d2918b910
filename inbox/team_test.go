package inbox

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"throughline/store"
	"throughline/timeline"
)

// TestGivenToATeam: a conversation given to a team is nobody's until one of them
// takes it; lists are narrowed down by team; a change is taken back exactly.
func TestGivenToATeam(t *testing.T) {
	w := newWorld(t)
	teams := func() (x Teams) {
		w.view(func(tx *store.Tx) (err error) { x, err = w.Teams(tx); return err })
		return x
	}
	if err := w.SetTeams(t.Context(), "agent:1", Teams{Teams: []Team{{Name: "Desk", Agents: []uint64{7}}, {Name: "Workshop", Agents: []uint64{8}}}}); err != nil {
		t.Fatal(err)
	}
	desk, workshop := teams().Teams[0].ID, teams().Teams[1].ID
	ids := w.accept(mail("ann@example.org", "a", "one"), mail("bob@example.org", "b", "two"), mail("cem@example.org", "c", "three"))
	give := func(id uint64, c Change) {
		t.Helper()
		if err := w.Change(t.Context(), 1, []uint64{id}, c); err != nil {
			t.Fatal(err)
		}
	}
	is := func(when string, id, assignee, team uint64) {
		t.Helper()
		if c := w.conversation(id); c.Assignee != assignee || c.Team != team {
			t.Errorf("%s: it is with agent %d and team %d, want %d and %d", when, c.Assignee, c.Team, assignee, team)
		}
	}
	give(ids[0], Change{Assignee: ptr(uint64(7))})
	is("taken", ids[0], 7, desk)
	give(ids[0], Change{Team: &workshop})
	is("given to the workshop", ids[0], 0, workshop)
	told := len(w.events(ids[0]))
	give(ids[0], Change{Team: &workshop})
	if n := len(w.events(ids[0])); n != told {
		t.Errorf("%d events of nothing", n-told)
	}
	give(ids[0], Change{Assignee: ptr(uint64(8))})
	is("one of them takes it", ids[0], 8, workshop)
	give(ids[0], Change{Assignee: ptr(uint64(7)), Team: &workshop})
	is("taken back", ids[0], 7, workshop)
	give(ids[1], Change{Team: &desk})
	give(ids[2], Change{Team: &workshop})

	for _, x := range []struct {
		q    ListQuery
		want []uint64
	}{
		{ListQuery{View: ViewAll, Team: workshop}, []uint64{ids[0], ids[2]}},
		{ListQuery{View: ViewAll, Team: desk}, []uint64{ids[1]}},
		{ListQuery{View: ViewUnassigned, Team: workshop}, []uint64{ids[2]}},
		{ListQuery{View: ViewMine, Agent: 7, Team: workshop}, []uint64{ids[0]}},
		{ListQuery{View: ViewAll, Team: 99}, nil},
		{ListQuery{Subjects: []uint64{w.conversation(ids[1]).Handle}, Team: desk}, []uint64{ids[1]}},
		{ListQuery{Subjects: []uint64{w.conversation(ids[1]).Handle}, Team: workshop}, nil},
	} {
		if got := w.listed(x.q); !slices.Equal(got, x.want) {
			t.Errorf("%+v: %v, want %v", x.q, got, x.want)
		}
	}

	next := teams()
	next.Teams[1].Retired = true
	if err := w.SetTeams(t.Context(), "agent:1", next); err != nil {
		t.Fatal(err)
	}
	var invalid *InvalidError
	for name, team := range map[string]uint64{"retired": workshop, "unknown": 99} {
		if err := w.Change(t.Context(), 1, []uint64{ids[1]}, Change{Team: &team}); !errors.As(err, &invalid) || invalid.Field != "team" {
			t.Errorf("given to a team that is %s: %v", name, err)
		}
	}
	give(ids[2], Change{Assignee: ptr(uint64(7))})
	give(ids[2], Change{Assignee: ptr(uint64(0)), Team: &workshop})
	is("taken back to a team that retired meanwhile", ids[2], 0, workshop)
	give(ids[2], Change{Team: ptr(uint64(0))})
	is("of no team", ids[2], 0, 0)

	w.view(func(tx *store.Tx) error {
		page, err := w.Timeline.Conversation(tx, ids[0], timeline.Span{Limit: 50})
		for _, e := range page.Events {
			if e.Kind == timeline.ConversationAssigned && strings.Contains(string(e.Data), `"team"`) {
				return err
			}
		}
		t.Error("nothing tells of the team")
		return err
	})
}
