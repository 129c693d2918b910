// The timeline as a value: entries of pages and of the live stream go in, in any
// order and more than once; out come the lines of the screen.
import type { Entry, Message } from '../../lib/api/types'
import type { PictureChange } from '../../lib/pictures'

export interface Entries {
  /** By sequence number, ascending. */
  list: readonly Entry[]
  /** The newest state of every message, by ID. */
  messages: ReadonlyMap<number, Message>
  /** Which entry a message's state came from. */
  stateSeq: ReadonlyMap<number, number>
}

export const noEntries: Entries = { list: [], messages: new Map(), stateSeq: new Map() }

export function addEntries(have: Entries, more: readonly Entry[]): Entries {
  if (!more.length) return have
  const bySeq = new Map(have.list.map((e) => [e.seq, e]))
  const messages = new Map(have.messages)
  const stateSeq = new Map(have.stateSeq)
  for (const e of more) {
    bySeq.set(e.seq, e)
    const m = e.message
    if (m && (stateSeq.get(m.id) ?? -1) <= e.seq) {
      // Entries carry cut texts; what has been fetched in full stays.
      const old = messages.get(m.id)
      messages.set(m.id, old && m.truncated && old.edited === m.edited && (!old.truncated || old.reply.length > m.reply.length) ? { ...m, reply: old.reply, quoted: old.quoted, signature: old.signature, truncated: old.truncated } : m)
      stateSeq.set(m.id, e.seq)
    }
  }
  return { list: [...bySeq.values()].sort((a, b) => a.seq - b.seq), messages, stateSeq }
}

/** Replaces a message's state by what a call answered. */
export function setMessage(have: Entries, m: Message): Entries {
  return { ...have, messages: new Map(have.messages).set(m.id, m) }
}

/** Shows the new picture beside what somebody has written. */
export function setPicture(have: Entries, p: PictureChange): Entries {
  const mine = [...have.messages.values()].filter((m) => m.from?.handle === p.handle)
  if (!mine.length) return have
  const messages = new Map(have.messages)
  for (const m of mine) messages.set(m.id, { ...m, from: { ...m.from!, picture: p.url } })
  return { ...have, messages }
}

export type Item =
  | { type: 'day'; key: string; time: string }
  | { type: 'new'; key: string }
  | { type: 'message'; key: string; entry: Entry; message: Message }
  | { type: 'note'; key: string; entry: Entry }
  | { type: 'system'; key: string; entries: Entry[] }

/** Kinds that say nothing to a reader of the timeline. */
const silent = new Set(['message.delivery', 'message.edited', 'message.deleted', 'message.reaction', 'message.call', 'conversation.read', 'conversation.opened', 'customer.created', 'draft.changed', 'document.changed', 'document.purged',
  'task.changed', 'task.due', 'task.removed', 'fields.changed',
])

/** More system lines in a row than this are folded into one. */
export const FOLD_ABOVE = 3

/**
 * The lines of the screen, oldest first. newAfter draws the "new since you looked"
 * mark before the first thing of somebody else after that sequence number; with a
 * channel only its messages are shown.
 */
export function lines(entries: Entries, o: { newAfter: number; me: number; channel?: string }): Item[] {
  const out: Item[] = []
  const seen = new Set<number>()
  let day = ''
  let marked = o.newAfter === 0
  for (const e of entries.list) {
    if (silent.has(e.kind)) continue
    const message = e.message && (entries.messages.get(e.message.id) ?? e.message)
    if (o.channel && message?.channel !== o.channel) continue
    if (message && (e.kind === 'message.received' || e.kind === 'message.queued')) {
      if (message.delivery?.status === 'cancelled' || seen.has(message.id)) continue
      seen.add(message.id)
    }
    const d = new Date(e.time)
    const today = `${d.getFullYear()}-${d.getMonth()}-${d.getDate()}`
    if (today !== day) {
      day = today
      out.push({ type: 'day', key: `day-${today}-${e.seq}`, time: e.time })
    }
    if (!marked && e.seq > o.newAfter && e.actor !== `agent:${o.me}`) {
      marked = true
      // A mark above everything marks nothing.
      if (out.some((i) => i.type !== 'day')) out.push({ type: 'new', key: 'new' })
    }
    if (message && (e.kind === 'message.received' || e.kind === 'message.queued')) out.push({ type: 'message', key: `m${message.id}`, entry: e, message })
    else if (e.note) out.push({ type: 'note', key: `n${e.note.id}`, entry: e })
    else {
      const last = out.at(-1)
      if (last?.type === 'system') last.entries.push(e)
      else out.push({ type: 'system', key: `s${e.seq}`, entries: [e] })
    }
  }
  return out
}

/** Who did it: the number after agent: or customer:. */
export function actor(a: string): { kind: 'agent' | 'customer' | 'system'; id: number } {
  const [kind, id] = a.split(':')
  if (kind === 'agent' || kind === 'customer') return { kind, id: Number(id) }
  return { kind: 'system', id: 0 }
}
