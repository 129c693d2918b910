// The agents by ID, for names and faces.
import { listAgents } from './api/calls'
import type { Agent } from './api/types'
import { t } from './i18n/index.svelte'

let byID = $state.raw(new Map<number, Agent>())
/** Unknown agents that have been asked for: somebody joined since; asked once each. */
const missed = new Set<number>()
function miss(id: number) {
  if (missed.has(id) || !byID.size) return
  missed.add(id)
  setTimeout(() => void people.load().catch(() => {}), 50)
}

export const people = {
  async load() {
    byID = new Map((await listAgents()).agents.map((a) => [a.id, a]))
  },
  get(id: number | undefined): Agent | undefined {
    return id ? byID.get(id) : undefined
  },
  name(id: number | undefined): string {
    if (id && !byID.has(id)) miss(id)
    return (id && byID.get(id)?.name) || t('agent.unknown')
  },
  /** Those who can be given work, by name. */
  get active(): Agent[] {
    return [...byID.values()].filter((a) => !a.disabled).sort((a, b) => a.name.localeCompare(b.name))
  },
}
