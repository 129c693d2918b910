// Who is signed in, with their preferences. The server is the truth; theme and
// language are copied to localStorage so that early.js can use them.
import { configure } from './api/client'
import * as calls from './api/calls'
import type { Preferences, Role, Session } from './api/types'
import { type Language, preferredLanguage, setLanguage } from './i18n/index.svelte'

let current = $state.raw<Session | undefined>()
let state = $state<'loading' | 'in' | 'out' | 'unreachable'>('loading')

const rank: Record<Role, number> = { agent: 0, manager: 1, admin: 2 }

export const session = {
  get state() {
    return state
  },
  /** Only inside screens that need a session; App shows them to nobody else. */
  get now(): Session {
    if (!current) throw new Error('no session')
    return current
  },
  get me() {
    return current?.agent.id ?? 0
  },
  get preferences(): Preferences {
    return current?.preferences ?? {}
  },
  /** May the agent do what this role may do? */
  may(role: Role) {
    return !!current && rank[current.agent.role] >= rank[role]
  },
  async load() {
    try {
      await session.set(await calls.getSession())
    } catch (e) {
      const status = (e as { status?: number }).status
      if (status === 401 || status === 403) await session.clear()
      else state = 'unreachable'
    }
  },
  async set(s: Session) {
    current = s
    configure(s.csrf, () => void session.clear())
    await applyPreferences(s.preferences)
    state = 'in'
  },
  async clear() {
    configure('', () => {})
    await setLanguage(storedLanguage() ?? preferredLanguage())
    // Together, so that no screen is left without its session.
    current = undefined
    state = 'out'
  },
  /** Changes preferences at once and on the server; throws if it refuses. */
  async prefer(change: Partial<Preferences>) {
    if (!current) return
    const before = current
    current = { ...current, preferences: { ...current.preferences, ...change } }
    await applyPreferences(current.preferences)
    try {
      current = await calls.patchMe({ preferences: current.preferences })
    } catch (e) {
      current = before
      await applyPreferences(before.preferences)
      throw e
    }
  },
}

function storedLanguage(): Language | undefined {
  try {
    const l = localStorage.getItem('language')
    return l === 'en' || l === 'fa' || l === 'th' ? l : undefined
  } catch {
    return undefined
  }
}

async function applyPreferences(p: Preferences) {
  const root = document.documentElement
  if (p.theme) root.dataset.theme = p.theme
  else delete root.dataset.theme
  try {
    if (p.theme) localStorage.setItem('theme', p.theme)
    else localStorage.removeItem('theme')
    if (p.language) localStorage.setItem('language', p.language)
    else localStorage.removeItem('language')
  } catch {
    // Storage may be forbidden; then the first paint uses the system's settings.
  }
  await setLanguage(p.language || preferredLanguage())
}
