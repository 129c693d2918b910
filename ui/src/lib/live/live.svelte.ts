// The app's live connection, with what it tells everybody: counts, who is where,
// and how accounts are doing.
import { getCounts, getSession } from '../api/calls'
import { ApiError } from '../api/client'
import type { Counts, Health, Viewer } from '../api/types'
import { session } from '../session.svelte'
import { Connection, type Phase, type SocketLike } from './connection'

let phase = $state<Phase>('off')
let last = $state(0)
let counts = $state.raw<Counts | undefined>()
let viewers = $state.raw<Viewer[]>([])
let online = $state.raw<number[]>([])
let ready = $state.raw<number[]>([])
let health = $state.raw<Record<string, Health>>({})
let wasLive = $state(false)

export const connection = new Connection(
  (since) => new WebSocket(`${location.protocol === 'https:' ? 'wss' : 'ws'}://${location.host}/api/live?since=${since}`) as unknown as SocketLike,
  (p, at) => {
    phase = p
    if (at) last = at
    if (p === 'live') wasLive = true
    if (p === 'off') wasLive = false
    if (p === 'waiting') void stillSignedIn()
  },
)

/** A refused connection looks like a broken one: ask whether the session has ended. */
let asked = 0
async function stillSignedIn() {
  if (Date.now() - asked < 5000) return
  asked = Date.now()
  try {
    await getSession()
  } catch (e) {
    if (e instanceof ApiError && e.status === 401) await session.clear()
  }
}

connection.subscribe({
  frame(f) {
    last = Date.now()
    if (f.type === 'counts') counts = f.counts
    else if (f.type === 'presence') {
      viewers = f.viewers ?? []
      online = f.online ?? []
      ready = f.ready ?? []
    } else if (f.type === 'account') health = { ...health, [f.id]: f.health }
  },
  entry() {
    last = Date.now()
  },
  reset: () => void live.loadCounts(),
})

if (typeof window !== 'undefined') {
  addEventListener('online', () => connection.nudge())
  document.addEventListener('visibilitychange', () => document.visibilityState === 'visible' && connection.nudge())
}

export const live = {
  get phase() {
    return phase
  },
  /** When the last frame came, in ms; what is on the screen is as old as this. */
  get last() {
    return last
  },
  /** True once the stream was live: before that, being unconnected is no news. */
  get wasLive() {
    return wasLive
  },
  get counts() {
    return counts
  },
  get online() {
    return online
  },
  /** Agents who are ready to take calls. */
  get ready() {
    return ready
  },
  /** Newest health by account ID, as far as it changed since the page was opened. */
  get health() {
    return health
  },
  /** Other agents who have this conversation open. */
  viewers(conversation: number): Viewer[] {
    return viewers.filter((v) => v.conversation === conversation && v.agent !== session.me)
  },
  async loadCounts() {
    counts = await getCounts()
  },
}
