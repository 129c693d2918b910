// The teams, as administrators have them.
import { getTeams, type Team } from './api/teams'
import { Followed } from './followed.svelte'

const all = new Followed<Team>(async () => (await getTeams()).teams ?? [], 'teams.changed')

export const teams = {
  want: all.want,
  /** Those that something can be given to, by name. */
  get living(): Team[] {
    return all.list.filter((x) => !x.retired).sort((a, b) => a.name.localeCompare(b.name))
  },
  /** "" where there is none. */
  name(id: number | undefined): string {
    return all.list.find((x) => x.id === id)?.name ?? ''
  },
}
