package demo

import (
	"context"

	"throughline/inbox"
)

// formTeams divides the colleagues by what they look after. Who is in no team, as the
// visitor, works for that of the inbox.
func (w *World) formTeams(ctx context.Context) error {
	return w.hub.SetTeams(ctx, "", inbox.Teams{Teams: []inbox.Team{
		{Name: "Service", Agents: []uint64{w.agents[0], w.agents[2], w.agents[4]}, Accounts: []string{"support", phoneIDs[0], phoneIDs[1], lineID}},
		{Name: "Sales", Agents: []uint64{w.agents[1], w.agents[3]}, Accounts: []string{"sales", slackID}},
	}})
}
