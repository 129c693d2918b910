// What the telephone shows, as a value: calls as the hub tells of them and legs as the
// device tells of them go in, in any order; out come the cards of the call bar. No I/O.

/** A call as the hub tells of it. */
export interface HubCall {
  message: number
  conversation: number
  customer: { id: number; name: string }
  account: string
  /** The other side as a handle. */
  handle: string
  /** Our number. */
  line: string
  lineName: string
  direction: 'in' | 'out'
  /** "" while the caller is with the menu or the machine. */
  state: '' | 'waiting' | 'ringing' | 'dialling' | 'talking' | 'held' | 'ended'
  /** When it came into this state, in ms. */
  since: number
  /** Agents at whom it rings. */
  ringing: readonly number[]
  /** Who talks, or talked last; 0 nobody. */
  agent: number
  choice: string
  closed: boolean
  /** What the provider calls the legs to agents that are not over. */
  refs: readonly string[]
  /** Who is asked before the call is passed on. */
  consult?: { agent: number; number: string; open: boolean }
  /** To whom it is being passed on at once, while the one who does so is still there. */
  passing?: { agent: number; number: string }
  /** Somebody has written down what it was about. */
  wrapped: boolean
}

/** One leg at the device of this browser. */
export interface Leg {
  id: string
  phase: 'ringing' | 'accepting' | 'open'
  muted: boolean
  words: string
}

export type LegEvent =
  | { type: 'ring'; id: string }
  | { type: 'accept'; id: string }
  | { type: 'open'; id: string }
  | { type: 'mute'; id: string; on: boolean }
  | { type: 'heard'; id: string; words: string }
  | { type: 'end'; id: string }
  | { type: 'lost' }

export function legs(have: readonly Leg[], e: LegEvent): readonly Leg[] {
  const change = (id: string, to: Partial<Leg>) => have.map((l) => (l.id === id ? { ...l, ...to } : l))
  switch (e.type) {
    case 'ring':
      // The same leg again, after a reconnection.
      return have.some((l) => l.id === e.id) ? have : [...have, { id: e.id, phase: 'ringing', muted: false, words: '' }]
    case 'accept':
      return have.some((l) => l.id === e.id && l.phase === 'ringing') ? change(e.id, { phase: 'accepting' }) : have
    case 'open':
      return change(e.id, { phase: 'open' })
    case 'mute':
      return change(e.id, { muted: e.on })
    case 'heard':
      return change(e.id, { words: e.words })
    case 'end':
      return have.filter((l) => l.id !== e.id)
    case 'lost':
      return []
  }
}

export type Stage =
  | 'rings' // for me
  | 'connecting' // taken, or called by me; my own leg is not open yet
  | 'dialling' // it rings at the one I call
  | 'talking'
  | 'held'
  | 'consulting'
  | 'wrapup' // over; what was it about?

export interface Card {
  call: HubCall
  stage: Stage
  /** When the stage began, in ms. */
  since: number
  leg?: Leg
  muted: boolean
  /** I talk, but not with this browser: another tab or a telephone has the voice. */
  elsewhere: boolean
}

/** The calls that go on in the house: who waits, the longest first, then those who are spoken with. */
export function going(calls: Iterable<HubCall>): HubCall[] {
  const waits = (c: HubCall) => c.direction === 'in' && (c.state === 'waiting' || c.state === 'ringing')
  return [...calls].filter((c) => c.state && c.state !== 'ended').sort((a, b) => Number(waits(b)) - Number(waits(a)) || a.since - b.since || a.message - b.message)
}

export interface Mine {
  /** This agent. */
  me: number
  /** Calls that I do not want, until they ring anew. */
  declined: ReadonlySet<number>
  /** Calls that I have taken or begun here: my device picks up by itself. */
  wanted: ReadonlySet<number>
  /** Calls that ended while I was there and wait for a note. */
  over: ReadonlySet<number>
}

const order: Record<Stage, number> = { talking: 0, consulting: 0, dialling: 1, connecting: 1, held: 2, rings: 3, wrapup: 4 }

/** What the bar shows, the call one talks in first, then what rings longest. */
export function cards(calls: Iterable<HubCall>, have: readonly Leg[], m: Mine): Card[] {
  const out: Card[] = []
  const all = [...calls]
  const at = match(all, have, m)
  for (const call of all) {
    const leg = at.get(call.message)
    const stage = stageOf(call, leg, m)
    if (!stage) continue
    const talks = stage === 'talking' || stage === 'held' || stage === 'consulting'
    out.push({ call, stage, since: call.since, leg, muted: !!leg?.muted, elsewhere: talks && leg?.phase !== 'open' })
  }
  return out.sort((a, b) => order[a.stage] - order[b.stage] || a.since - b.since || a.call.message - b.call.message)
}

/**
 * Which leg belongs to which call. The hub may not have heard yet what the provider calls
 * the first leg of a call that was begun here: it is the one that no other call claims.
 */
function match(calls: readonly HubCall[], have: readonly Leg[], m: Pick<Mine, 'me' | 'wanted'>): Map<number, Leg> {
  const out = new Map<number, Leg>()
  for (const c of calls) {
    const leg = have.find((l) => c.refs.includes(l.id))
    if (leg) out.set(c.message, leg)
  }
  const free = have.filter((l) => !calls.some((c) => c.refs.includes(l.id)))
  for (const c of calls) {
    if (c.direction === 'out' && c.state !== 'ended' && !c.refs.length && m.wanted.has(c.message) && free.length) out.set(c.message, free.shift()!)
  }
  return out
}

function stageOf(call: HubCall, leg: Leg | undefined, m: Mine): Stage | undefined {
  if (call.state === 'ended') return call.agent === m.me && !call.wrapped && m.over.has(call.message) ? 'wrapup' : undefined
  const forMe = call.ringing.includes(m.me)
  if (call.agent === m.me && !forMe) {
    if (call.state === 'held') return call.consult ? 'consulting' : 'held'
    if (call.state === 'talking' || call.state === 'dialling') return call.state
    return m.wanted.has(call.message) ? 'connecting' : undefined
  }
  if (leg?.phase === 'accepting' || leg?.phase === 'open') return 'connecting'
  if (forMe && !m.declined.has(call.message)) return m.wanted.has(call.message) ? 'connecting' : 'rings'
  return undefined
}

/** Legs that the device shall pick up by itself: their calls were taken or begun here. */
export const toAnswer = (calls: Iterable<HubCall>, have: readonly Leg[], m: Pick<Mine, 'me' | 'wanted'>): string[] =>
  [...match([...calls], have, m)].filter(([message, l]) => m.wanted.has(message) && l.phase === 'ringing').map(([, l]) => l.id)

export type Act = 'take' | 'decline' | 'hold' | 'resume' | 'mute' | 'keypad' | 'transfer' | 'complete' | 'cancel' | 'hangup'

/** What can be done with a card now, in the order of the buttons. */
export function acts(c: Card): Act[] {
  switch (c.stage) {
    case 'rings':
      return ['take', 'decline']
    case 'connecting':
    case 'dialling':
      return ['hangup']
    case 'talking':
      if (c.call.passing) return c.elsewhere ? ['cancel', 'transfer', 'hangup'] : ['cancel', 'mute', 'keypad', 'transfer', 'hangup']
      return c.elsewhere ? ['hold', 'transfer', 'hangup'] : ['hold', 'mute', 'keypad', 'transfer', 'hangup']
    case 'held':
      return ['resume', 'transfer', 'hangup']
    case 'consulting':
      return c.elsewhere ? ['complete', 'cancel', 'hangup'] : ['complete', 'cancel', 'mute', 'hangup']
    case 'wrapup':
      return []
  }
}

/** The card that a key is about: the first for which the act is possible. */
export const target = (list: readonly Card[], act: Act) => list.find((c) => acts(c).includes(act))

/** What has newly begun to ring for me, to be announced once. */
export const newlyRinging = (before: ReadonlySet<number>, now: readonly Card[]) => now.filter((c) => c.stage === 'rings' && !before.has(c.call.message))

/** What of a typed or copied number can be called: E.164, or "" if it is none. */
export function dialable(text: string): string {
  const digits = text.replace(/[\s().\u2010-\u2015/-]/g, '').replace(/^00/, '+')
  return /^\+[1-9]\d{6,14}$/.test(digits) ? digits : ''
}
