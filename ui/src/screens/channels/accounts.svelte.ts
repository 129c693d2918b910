// The accounts with their newest health: the list as it was loaded, and over it
// what the live connection told since.
import { listAccounts } from '../../lib/api/calls'
import type { Account, Health } from '../../lib/api/types'
import { live } from '../../lib/live/live.svelte'
import { Loader } from '../../lib/load.svelte'

/** What a person would call it: trouble comes first. */
export type Condition = 'trouble' | 'starting' | 'well' | 'off'

export function condition(a: Pick<Account, 'disabled' | 'health'>): Condition {
  if (a.disabled) return 'off'
  switch (a.health.state.phase) {
    case 'live':
      return a.health.send_paused ? 'trouble' : 'well'
    case 'catching_up':
      return a.health.send_paused ? 'trouble' : 'well'
    case 'connecting':
      return a.health.send_paused ? 'trouble' : 'starting'
    case 'stopped':
      return 'off'
    default:
      return 'trouble'
  }
}

const rank: Record<Condition, number> = { trouble: 0, starting: 1, well: 2, off: 3 }

/** Those that need somebody first, then by name. */
export function inOrder(list: readonly Account[]): Account[] {
  return [...list].sort((a, b) => rank[condition(a)] - rank[condition(b)] || (a.name || a.id).localeCompare(b.name || b.id))
}


export class Accounts extends Loader<Account[]> {
  constructor() {
    super(async () => {
      const before = live.health
      const list = (await listAccounts()).accounts
      this.#seen = before
      return list
    })
  }
  #seen: Record<string, Health> = {}

  /** undefined until loaded. A frame that came before the list was asked for is older than the list. */
  get list(): Account[] | undefined {
    return this.data?.map((a) => {
      const fresh = live.health[a.id]
      return fresh && fresh !== this.#seen[a.id] ? { ...a, health: fresh } : a
    })
  }
}
