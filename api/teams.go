package api

import (
	"context"
	"errors"
	"fmt"

	"throughline/auth"
	"throughline/inbox"
)

// Teams are named groups of agents, kept by administrators.

func (s *Server) teamRoutes() {
	const g = "Agents"
	add(s, route{id: "getTeams", method: "GET", path: "/api/teams", role: agent, group: g, summary: "The teams"}, s.getTeams)
	add(s, route{id: "setTeams", method: "PUT", path: "/api/teams", role: admin, group: g, summary: "Change the teams"}, s.setTeams)
}

// Team is a named group of agents. An agent is in one team at most, and so is an inbox.
type Team struct {
	ID       uint64   `json:"id,omitempty" doc:"Absent: a new one."`
	Name     string   `json:"name" minLength:"1" maxLength:"200" doc:"At most 60 characters."`
	Agents   []uint64 `json:"agents,omitempty" maxItems:"1000"`
	Accounts []string `json:"accounts,omitempty" maxItems:"1000" doc:"Inboxes whose new conversations are this team's until somebody takes them."`
	Retired  bool     `json:"retired,omitempty" doc:"Not there any more, but for what was its."`
}

// Teams are all of them. A team is never left out, only retired.
type Teams struct {
	Teams   []Team `json:"teams" maxItems:"100"`
	Version uint64 `json:"version" doc:"Of which a change was made: send it back."`
}

func (s *Server) getTeams(ctx context.Context, _ *none) (*out[Teams], error) {
	o := new(out[Teams])
	return o, s.view(func(v *view) error {
		t, err := s.hub.Teams(v.tx)
		if err != nil {
			return err
		}
		o.Body = Teams{Teams: make([]Team, 0, len(t.Teams)), Version: t.Version}
		for _, x := range t.Teams {
			o.Body.Teams = append(o.Body.Teams, Team(x))
		}
		return nil
	})
}

func (s *Server) setTeams(ctx context.Context, i *in[Teams]) (*out[Teams], error) {
	next := inbox.Teams{Version: i.Body.Version, Teams: make([]inbox.Team, 0, len(i.Body.Teams))}
	for _, x := range i.Body.Teams {
		x.Name = oneLine(x.Name)
		next.Teams = append(next.Teams, inbox.Team(x))
	}
	if err := s.view(func(v *view) error {
		for n, x := range next.Teams {
			for _, a := range x.Agents {
				if _, err := s.auth.AgentTx(v.tx, a); errors.Is(err, auth.ErrNotFound) {
					return &inbox.InvalidError{Field: fmt.Sprintf("teams[%d].agents", n), Text: "there is no such agent any more: load the list again"}
				} else if err != nil {
					return err
				}
			}
		}
		return nil
	}); err != nil {
		return nil, err
	}
	if err := s.hub.SetTeams(ctx, actorOf(ctx), next); err != nil {
		return nil, err
	}
	return s.getTeams(ctx, nil)
}
