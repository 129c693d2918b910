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

const at = (t: string | undefined) => (t ? Date.parse(t) : 0)

/**
 * The newer of two pictures of the same account. The hub sends one at every change of
 * phase, and to a new connection the last of those, whose counts are as old as that.
 */
export function fresher(a: Health, b: Health): Health {
  const phase = at(a.since) - at(b.since)
  if (phase) return phase > 0 ? a : b
  return at(a.last) > at(b.last) ? a : b
}

export class Accounts extends Loader<Account[]> {
  constructor() {
    super(async () => (await listAccounts()).accounts)
  }

  /** undefined until loaded. */
  get list(): Account[] | undefined {
    return this.data?.map((a) => {
      const told = live.health[a.id]
      return told ? { ...a, health: fresher(told, a.health) } : a
    })
  }
}
