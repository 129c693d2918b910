// Over what an answer can go out, and what one can write there: as values, so that
// it can be tested without a screen. No channel is named here; the hub describes each.
import type { Account, Attachment, Template, TemplateUse, Way, WayHandle, Writing } from '../../lib/api/types'

/** One thing to choose: an account of ours and an address of the customer, none for one still to be typed. */
export interface Choice {
  way: Way
  handle?: WayHandle
}
export interface Group {
  channel: string
  choices: Choice[]
}

/** What can be chosen, by channel, in the hub's order. Accounts that lead nowhere are offered only with `open`. */
export function groups(ways: readonly Way[], o: { open: boolean }): Group[] {
  const out: Group[] = []
  for (const way of ways) {
    const choices: Choice[] = (way.handles ?? []).map((handle) => ({ way, handle }))
    if (!choices.length && o.open) choices.push({ way })
    if (!choices.length) continue
    const there = out.find((g) => g.channel === way.channel)
    if (there) there.choices.push(...choices)
    else out.push({ channel: way.channel, choices })
  }
  return out
}

/** An account of which nothing but itself is known: to write to somebody new. */
export const wayOf = (a: Account): Way => ({ account: a.id, name: a.name, channel: a.channel, address: a.address, writing: a.writing, templates: false, handles: [] })

export const findWay = (ways: readonly Way[] | undefined, account: string) => ways?.find((w) => w.account === account)

export type Block = 'opted_out' | 'suspended' | 'window' | ''

/** Why one's own words cannot go to this address at the moment; the window may end while one writes. */
export function blocked(way: Way | undefined, h: WayHandle | undefined, now: number): Block {
  if (!way || !h) return ''
  if (h.blocked) return h.blocked
  return way.writing.window_seconds > 0 && h.until && Date.parse(h.until) <= now ? 'window' : ''
}

/** Can this be chosen at all? Over the time for own words there may still be templates. */
export const closed = (c: Choice, now: number) => {
  const b = blocked(c.way, c.handle, now)
  return b === 'opted_out' || b === 'suspended' || (b === 'window' && !c.way.templates)
}

export interface Message {
  note: boolean
  recipients: number
  /** As it is sent. */
  text: string
  files: readonly Pick<Attachment, 'size'>[]
  template?: TemplateUse
  /** The template itself, once it is here. */
  approved?: Template
}

export type Obstacle =
  | { key: 'way.suspended' | 'way.obstacle.optedOut' | 'way.obstacle.window' | 'way.obstacle.template' | 'way.obstacle.gaps' | 'way.obstacle.noFiles' | 'way.obstacle.templateFiles' | 'way.obstacle.one' }
  | { key: 'way.obstacle.files' | 'way.obstacle.text'; params: { n: number } }
  | { key: 'way.obstacle.bytes'; params: { bytes: number } }

/** What keeps a message from going out this way, undefined if nothing does. The hub looks again. */
export function obstacle(way: Way | undefined, h: WayHandle | undefined, m: Message, now: number): Obstacle | undefined {
  if (m.note || !way) return undefined
  const w = way.writing
  const b = blocked(way, h, now)
  if (b === 'opted_out') return { key: 'way.obstacle.optedOut' }
  if (b === 'suspended') return { key: 'way.suspended' }
  if (!w.letter && m.recipients > 1) return { key: 'way.obstacle.one' }
  if (m.template) {
    if (!m.template.id) return { key: 'way.obstacle.template' }
    if (m.approved?.gaps?.some((g) => !m.template?.values?.[g]?.trim())) return { key: 'way.obstacle.gaps' }
    return m.files.length ? { key: 'way.obstacle.templateFiles' } : undefined
  }
  if (b === 'window') return { key: way.templates ? 'way.obstacle.template' : 'way.obstacle.window' }
  if (m.files.length && !w.files) return { key: 'way.obstacle.noFiles' }
  if (m.files.length > w.files) return { key: 'way.obstacle.files', params: { n: w.files } }
  if (w.file_bytes && m.files.reduce((n, f) => n + f.size, 0) > w.file_bytes) return { key: 'way.obstacle.bytes', params: { bytes: w.file_bytes } }
  if (w.text && length(m.text) > w.text) return { key: 'way.obstacle.text', params: { n: w.text } }
  return undefined
}

/** In characters as the hub counts them. */
export const length = (text: string) => [...text].length

/** Before the hub has told, and where it does not know an account any more. */
export const asLetter: Writing = { letter: true, rich: true, files: 50, file_bytes: 0, text: 0, segments: false, window_seconds: 0, mentions: false }
export const asTalk: Writing = { letter: false, rich: false, files: 0, file_bytes: 0, text: 0, segments: false, window_seconds: 0, mentions: false }

/** A template's text in pieces: what stands, and gaps with what was put into them. */
export function fill(t: Template, values: Record<string, string> = {}): { text: string; gap?: string }[] {
  const out: { text: string; gap?: string }[] = []
  let at = 0
  for (const m of t.text.matchAll(/\{\{\s*([^{}]+?)\s*\}\}/g)) {
    const gap = m[1]!
    if (!t.gaps?.includes(gap)) continue
    if (m.index > at) out.push({ text: t.text.slice(at, m.index) })
    out.push({ text: values[gap]?.trim() ?? '', gap })
    at = m.index + m[0].length
  }
  if (at < t.text.length) out.push({ text: t.text.slice(at) })
  return out
}
