// The telephone of this agent in this browser: what the hub and the device tell of calls,
// and what is done with them.
import * as api from '../api/phone'
import { ApiError } from '../api/client'
import type { CallNow, Entry, Message, Phone, PhoneLine, Row } from '../api/types'
import { attempt, explain } from '../errors'
import { t } from '../i18n/index.svelte'
import { connection } from '../live/live.svelte'
import { session } from '../session.svelte'
import { newKey } from '../once'
import { stored } from '../stored.svelte'
import { toast } from '../toast.svelte'
import { DeviceError, type Trouble } from './device'
import { Devices } from './devices'
import { hubCall } from './hubcall'
import { listenForRefusals } from './policy'
import { acts, type Act, type Card, cards, going, type HubCall, type Leg, type LegEvent, legs, target, toAnswer } from './state'
import { Tab, type Told } from './tab'

/** Until the next try of a browser that is ready and could not sign in, in ms. */
const SIGN_IN_AGAIN = 10_000

/** Until a hub that could not be reached is asked again, in ms. */
const LOAD_AGAIN = 5_000

let info = $state.raw<Phone | undefined>()
let calls = $state.raw<ReadonlyMap<number, HubCall>>(new Map())
let have = $state.raw<readonly Leg[]>([])
let declined = $state.raw<ReadonlySet<number>>(new Set())
let wanted = $state.raw<ReadonlySet<number>>(new Set())
let over = $state.raw<ReadonlySet<number>>(new Set())
let busy = $state.raw<ReadonlySet<string>>(new Set())
let opening = $state(false)
let trouble = $state.raw<{ kind: Trouble; detail: string } | undefined>()
const sound = stored<boolean>('phone.sound', true)

const list = $derived(cards(calls.values(), have, { me: session.me, declined, wanted, over }))

const house = $derived(going(calls.values()))

const withOne = (s: ReadonlySet<number>, id: number) => new Set(s).add(id)
const without = (s: ReadonlySet<number>, id: number) => (s.has(id) ? new Set([...s].filter((x) => x !== id)) : s)

function leg(e: LegEvent) {
  have = legs(have, e)
  answerWanted()
}
/** Picks up what was taken or begun here, as soon as the hub's news and the device's agree. */
function answerWanted() {
  for (const id of toAnswer(calls.values(), have, { me: session.me, wanted })) {
    have = legs(have, { type: 'accept', id })
    devices.of(id)?.accept(id)
  }
}

const devices = new Devices(
  {
    ring: (id) => leg({ type: 'ring', id }),
    open: (id) => leg({ type: 'open', id }),
    end: (id) => leg({ type: 'end', id }),
    mute: (id, on) => leg({ type: 'mute', id, on }),
    heard: (id, words) => leg({ type: 'heard', id, words }),
    lost: () => leg({ type: 'lost' }),
    trouble: (kind, detail) => (trouble = { kind, detail }),
    well: () => (trouble = undefined),
  },
  (line) => api.phoneToken(line),
)

/** Which tab of this browser has the device. */
const tab = new Tab(
  `throughline.phone`,
  { held: () => void (info?.ready && !info.number && signInAgain()), told: heed },
  typeof navigator === 'undefined' ? undefined : navigator.locks,
  typeof BroadcastChannel === 'undefined' ? undefined : new BroadcastChannel('throughline.phone'),
)
/** What another tab tells, or wants of this one. */
function heed(m: Told) {
  if (m.type === 'ready') loadSoon(0)
  else if (m.type === 'do' && m.act === 'call') void phone.call(m.to, m)
  else if (m.type === 'do') {
    const { act, message } = m
    const card = list.find((c) => c.call.message === message)
    if (card) phone.act(act, card)
  }
}

/** Signs this browser in at lines; what keeps it from that is told in words. */
async function signIn(lines: readonly string[]) {
  opening = true
  const refused = listenForRefusals()
  try {
    // One after the other, so that lines of one account find the device of the first.
    for (const l of lines) await devices.signIn(l)
    trouble = undefined
  } catch (e) {
    trouble = refused() ? { kind: 'stale', detail: '' } : e instanceof DeviceError ? { kind: e.trouble, detail: e.message } : { kind: e instanceof ApiError && e.unreachable ? 'network' : 'failed', detail: explain(e) }
    throw new DeviceError(trouble.kind, trouble.detail)
  } finally {
    opening = false
  }
}
const browserLines = () => (info?.lines ?? []).filter((l) => l.browser).map((l) => l.account)

/** Calls that are being begun here. */
let placing = 0

function learn(m: Message, place: { conversation?: number; customer?: Pick<Row['customer'], 'id' | 'name'> }) {
  const before = calls.get(m.id)
  const now = hubCall(m, place, before)
  const next = new Map(calls)
  const mine = now.agent === session.me
  // The stream may be quicker than the answer to what began the call.
  if (placing && !before && now.direction === 'out' && now.ringing.includes(session.me)) wanted = withOne(wanted, m.id)
  if (now.state === 'ended') {
    wanted = without(wanted, m.id)
    declined = without(declined, m.id)
    // Only what ended under one's hands asks for a note.
    if (before && before.state !== 'ended' && before.agent === session.me && mine && spoke(m)) over = withOne(over, m.id)
    if (over.has(m.id) && !now.wrapped) next.set(m.id, now)
    else {
      next.delete(m.id)
      over = without(over, m.id)
    }
  } else {
    next.set(m.id, now)
    if (!now.ringing.includes(session.me)) declined = without(declined, m.id)
    // Somebody else was quicker.
    if (now.state === 'talking' && !mine) wanted = without(wanted, m.id)
  }
  calls = next
  answerWanted()
}
const spoke = (m: Message) => m.call?.outcome === 'answered'

function entry(e: Entry, row?: Row) {
  if (!e.message?.call) return
  told.set(e.message.id, (told.get(e.message.id) ?? 0) + 1)
  // What is over and was never ours is only read on its timeline.
  if (!calls.has(e.message.id) && e.message.call.state === 'ended') return
  learn(e.message, { conversation: e.conversation || undefined, customer: row?.customer })
}

/** Ready, but not to be reached: tried again until it works or somebody has to do something. */
async function signInAgain() {
  try {
    await signIn(browserLines())
  } catch {
    if (trouble?.kind === 'network' || trouble?.kind === 'failed') setTimeout(() => void (info?.ready && !info.number && !devices.any && signInAgain()), SIGN_IN_AGAIN)
  }
}

async function loadCalls() {
  const page = await api.listCalls()
  // Screens that follow nothing have not begun to listen.
  connection.start(page.seq)
  const alive = new Set(page.calls.map((c) => c.message.id))
  calls = new Map([...calls].filter(([id]) => alive.has(id) || over.has(id)))
  for (const c of page.calls as CallNow[]) learn(c.message, { conversation: c.conversation, customer: c.customer })
  for (const f of connection.sequence.after(page.seq) ?? []) entry(f.entry, f.row)
}

let started = false
let loading: ReturnType<typeof setTimeout> | undefined
/** How each account was when it was last told of. */
const phases = new Map<string, string>()
function loadSoon(ms: number) {
  clearTimeout(loading)
  loading = setTimeout(() => void load().catch(() => loadSoon(LOAD_AGAIN)), ms)
}
async function load() {
  const p = await api.getPhone()
  info = p
  if (!p.lines.length) return
  await loadCalls()
  // Ready before the page was loaded again: still is.
  if (p.ready && !p.number) {
    if (await tab.want()) await signInAgain()
  } else if (!list.some((c) => c.leg) && !placing && !wanted.size) {
    tab.leave()
    devices.close()
  }
}

/** One thing at a time for each call and act. */
async function once(key: string, f: () => Promise<unknown>) {
  if (busy.has(key)) return
  busy = new Set(busy).add(key)
  try {
    await f()
  } catch (e) {
    toast(e instanceof DeviceError ? t(`phone.trouble.${e.trouble}`) : explain(e), { tone: 'bad' })
  } finally {
    busy = new Set([...busy].filter((k) => k !== key))
  }
}
/** How often the stream has told of each call. */
const told = new Map<number, number>()
/** Keeps the answer to a wish, unless the stream was quicker: what it told meanwhile is newer, or the same. */
async function keep(message: number, answer: Promise<Message>) {
  const before = told.get(message)
  const m = await answer
  if (told.get(message) === before) learn(m, {})
}

export const phone = {
  /** Begins to listen; does nothing the second time. */
  start() {
    if (started) return
    started = true
    connection.subscribe({
      entry: (f) => entry(f.entry, f.row),
      frame(f) {
        // A line that was added, or works again, while the page was open.
        if (f.type !== 'account' || phases.get(f.id) === f.health.state.phase) return
        const first = !phases.has(f.id)
        phases.set(f.id, f.health.state.phase)
        // One that nobody told of before may be new, and live at once.
        if (!first || !info?.lines.some((l) => l.account === f.id)) loadSoon(500)
      },
      reset: () => loadSoon(0),
    })
    loadSoon(0)
  },
  get info() {
    return info
  },
  /** Is there a line at all? */
  get exists() {
    return !!info?.lines.length
  },
  get ready() {
    return !!info?.ready
  },
  get opening() {
    return opening
  },
  get trouble() {
    return trouble
  },
  get sound() {
    return sound
  },
  get cards(): readonly Card[] {
    return list
  },
  /** All calls that go on, whoever's. */
  get going(): readonly HubCall[] {
    return house
  },
  /** Lines over which one can call. */
  get lines(): readonly PhoneLine[] {
    return (info?.lines ?? []).filter((l) => l.can_call)
  },
  busy: (c: Card, act: Act | 'wrapup') => busy.has(`${act} ${c.call.message}`),

  /** Ready to take calls, in this browser or, with a number, on a telephone. */
  setReady: (ready: boolean, number = info?.number ?? '') =>
    once('ready', async () => {
      if (!info) return
      if (ready && !number) {
        info = { ...info, number: undefined }
        if (await tab.want()) await signIn(browserLines())
      }
      info = await api.putPhone({ ready, number: number || undefined })
      tab.tell({ type: 'ready' })
      if ((number || !ready) && !list.some((c) => c.leg)) {
        tab.leave()
        devices.close()
      }
    }),

  /** Does what a button or key of the bar says. */
  act(act: Act, card = target(list, act)) {
    if (!card || !acts(card).includes(act)) return
    const { message } = card.call
    void once(`${act} ${message}`, async () => {
      switch (act) {
        case 'take': {
          if (!info?.number && !legAt(message) && !(await tab.want()) && (await tab.ask({ act, message }))) return
          wanted = withOne(wanted, message)
          answerWanted()
          if (legAt(message)) return
          try {
            if (!info?.number) await signIn([card.call.account])
            await keep(message, api.takeCall(message))
            if (info?.number) toast(t('phone.onPhone', { number: info.number }))
          } catch (e) {
            wanted = without(wanted, message)
            throw e
          }
          return
        }
        case 'decline':
          declined = withOne(declined, message)
          if (!card.leg && !tab.holds) void tab.ask({ act, message })
          if (card.leg) devices.of(card.leg.id)?.reject(card.leg.id)
          return
        case 'mute':
          if (card.leg) devices.of(card.leg.id)?.mute(card.leg.id, !card.muted)
          return
        case 'hold':
          return keep(message, api.holdCall(message))
        case 'resume':
          return keep(message, api.resumeCall(message))
        case 'complete':
          return keep(message, api.completeTransfer(message))
        case 'cancel':
          return keep(message, api.cancelCall(message))
        case 'hangup': {
          wanted = without(wanted, message)
          try {
            await keep(message, card.stage === 'dialling' || (card.stage === 'connecting' && card.call.direction === 'out') ? api.cancelCall(message) : api.hangUp(message))
          } catch (e) {
            // The hub is away, or the call is over: at least our own leg ends.
            const own = legAt(message)
            if (!own) throw e
            devices.of(own.id)?.hangup(own.id)
          }
        }
      }
    })
  },
  /** Takes a call that waits out of the queue. */
  take: (call: HubCall) => phone.act('take', { call, stage: 'rings', since: call.since, leg: legAt(call.message), muted: false, elsewhere: false }),
  digits(card: Card, digits: string) {
    if (card.leg) devices.of(card.leg.id)?.digits(card.leg.id, digits)
  },
  transfer: ({ message }: HubCall, to: { agent?: number; number?: string; warm: boolean }) => once(`transfer ${message}`, () => keep(message, api.transferCall(message, to))),
  /** What managers do with calls on which others speak. */
  end: (message: number) => keep(message, api.endCall(message)),
  pass: (message: number, to: { agent?: number; number?: string }) => once(`transfer ${message}`, () => keep(message, api.passCall(message, to))),

  /** Writes down what a call was about; the answer is the changed message. */
  async wrapUp(message: number, reason: string, note: string): Promise<Message | undefined> {
    const m = await attempt(api.putWrapUp(message, { reason, note }))
    if (m) phone.later(message)
    return m
  },
  /** The note can be written later, from the entry. */
  later(message: number) {
    over = without(over, message)
    calls = new Map([...calls].filter(([id, c]) => id !== message || c.state !== 'ended'))
  },

  /** Calls a number or handle: first this agent's device rings, then the other side. */
  call: (to: string, o: { account?: string; conversation?: number; anyway?: boolean } = {}): Promise<void> =>
    once(`call ${to}`, async () => {
      const line = phone.lines.find((l) => l.account === o.account) ?? phone.lines[0]
      if (!line) return
      if (list.some((c) => c.stage === 'talking' || c.stage === 'connecting' || c.stage === 'dialling')) {
        toast(t('phone.already'), { tone: 'bad' })
        return
      }
      if (!info?.number && line.browser) {
        if (!(await tab.want()) && (await tab.ask({ act: 'call', to, ...o }))) return
        await signIn([line.account])
      }
      placing++
      try {
        const m = await api.startCall({ account: line.account, to, conversation: o.conversation, anyway: o.anyway }, newKey())
        // What the stream told meanwhile is newer: it may be picked up already, or over.
        const known = told.has(m.id)
        if (!known || calls.has(m.id)) wanted = withOne(wanted, m.id)
        if (known) answerWanted()
        else learn(m, { conversation: o.conversation })
      } catch (e) {
        // The customer does not want to be called: only on purpose.
        if (!(e instanceof ApiError) || !e.errors.some((x) => x.location === 'body.anyway')) throw e
        toast(explain(e), { tone: 'bad', seconds: 15, action: { label: t('phone.call'), testid: 'call-anyway', run: () => phone.call(to, { ...o, anyway: true }) } })
      } finally {
        placing--
      }
    }),
}

const legAt = (message: number): Leg | undefined => list.find((c) => c.call.message === message)?.leg
