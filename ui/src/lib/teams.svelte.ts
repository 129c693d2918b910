// The teams, as administrators have them.
import { getTeams, type Team } from './api/teams'
import { connection } from './live/live.svelte'

let list = $state.raw<Team[]>([])
let asked = false

async function load() {
  try {
    list = (await getTeams()).teams ?? []
  } catch {
    asked = false // the next who looks asks again
  }
}

/** Loads them once, and again when somebody changed them. */
function want() {
  if (asked) return
  asked = true
  void load()
  connection.subscribe({ entry: (f) => f.entry.kind === 'teams.changed' && void load(), reset: () => void load() })
}

export const teams = {
  want,
  /** Those that something can be given to, by name. */
  get living(): Team[] {
    return list.filter((x) => !x.retired).sort((a, b) => a.name.localeCompare(b.name))
  },
  /** "" where there is none. */
  name(id: number | undefined): string {
    return list.find((x) => x.id === id)?.name ?? ''
  },
}
