// The agents by ID, for names and faces.
import { listAgents } from './api/calls'
import type { Agent } from './api/types'
import { t } from './i18n/index.svelte'

let byID = $state.raw(new Map<number, Agent>())

export const people = {
  async load() {
    byID = new Map((await listAgents()).agents.map((a) => [a.id, a]))
  },
  get(id: number | undefined): Agent | undefined {
    return id ? byID.get(id) : undefined
  },
  name(id: number | undefined): string {
    return (id && byID.get(id)?.name) || t('agent.unknown')
  },
  /** Those who can be given work, by name. */
  get active(): Agent[] {
    return [...byID.values()].filter((a) => !a.disabled).sort((a, b) => a.name.localeCompare(b.name))
  },
}
