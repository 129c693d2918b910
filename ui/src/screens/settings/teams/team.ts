// Steps from one set of teams to the next.
import type { Team, Teams } from '../../../lib/api/teams'

/** The teams with one put in: its members and inboxes leave the teams they were in. */
export function withTeam(t: Teams, team: Team): Teams {
  const others = (t.teams ?? [])
    .filter((x) => !team.id || x.id !== team.id)
    .map((x) =>
      x.retired || team.retired ? x : { ...x, agents: (x.agents ?? []).filter((a) => !team.agents?.includes(a)), accounts: (x.accounts ?? []).filter((a) => !team.accounts?.includes(a)) },
    )
  const at = (t.teams ?? []).findIndex((x) => team.id && x.id === team.id)
  return { ...t, teams: at < 0 ? [...others, team] : others.toSpliced(at, 0, team) }
}

/** A team that comes back leaves to others who is with them by now. */
export function restored(t: Teams, team: Team): Teams {
  const living = (t.teams ?? []).filter((x) => !x.retired)
  const back = {
    ...team,
    retired: undefined,
    agents: (team.agents ?? []).filter((a) => !living.some((x) => x.agents?.includes(a))),
    accounts: (team.accounts ?? []).filter((a) => !living.some((x) => x.accounts?.includes(a))),
  }
  return withTeam(t, back)
}
