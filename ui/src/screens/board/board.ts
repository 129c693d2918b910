// The numbers of the board as a screen shows them: as values, so that they can be
// tested without one.
import type { BoardCell, BoardSwitch, BoardWeek } from '../../lib/api/board'

export type Measure = 'share' | 'answered' | 'ours' | 'replied' | 'theirs' | 'resolution' | 'failed'

/** The channels' colours: the same in every chart, whatever channels it shows. */
const colours: Record<string, string> = { email: '222 60% 55%', sms: '32 80% 54%', whatsapp: '150 50% 42%', voice: '282 42% 58%', slack: '345 60% 58%' }
export const colour = (channel: string) => `hsl(${colours[channel] ?? '190 50% 45%'})`

const rate = (part: number, of: number) => (of ? part / of : undefined)

/** What a cell says for a measure; undefined where nothing was counted. */
export function value(c: BoardCell | undefined, m: Measure, total: number): number | undefined {
  if (!c) return undefined
  switch (m) {
    case 'share':
      return c.in + c.out ? rate(c.in + c.out, total) : undefined
    case 'answered':
      return rate(c.answered, c.asked)
    case 'replied':
      return rate(c.replied, c.reached)
    case 'failed':
      return c.out ? rate(c.failed, c.out) : undefined
    case 'ours':
      return c.ours < 0 ? undefined : c.ours
    case 'theirs':
      return c.theirs < 0 ? undefined : c.theirs
    case 'resolution':
      return c.resolution < 0 ? undefined : c.resolution
  }
}

/** Which list stands behind a measure: as long as what countOf says. */
export const numberOf: Record<Measure, 'messages' | 'asked' | 'answered' | 'reached' | 'replied' | 'resolved' | 'failed'> = { share: 'messages', answered: 'asked', ours: 'answered', replied: 'reached', theirs: 'replied', resolution: 'resolved', failed: 'failed' }

/** How many messages, turns or conversations a measure of a cell stands on. */
export function countOf(c: BoardCell, m: Measure): number {
  const n = numberOf[m]
  return n === 'messages' ? c.in + c.out : c[n]
}

export const isTime = (m: Measure) => m === 'ours' || m === 'theirs' || m === 'resolution'
/** Less is better: the strongest colour is for the best. */
export const lessIsBetter = (m: Measure) => isTime(m) || m === 'failed'

/** How strong the colour of a value is, 0 to 1, among all values there are. Times are compared as logarithms. */
export function strength(v: number | undefined, all: (number | undefined)[], m: Measure): number {
  if (v === undefined) return 0
  if (m === 'answered' || m === 'replied') return v
  const scale = (x: number) => (isTime(m) ? Math.log(Math.max(1, x)) : x)
  const known = all.filter((x) => x !== undefined).map(scale)
  const low = Math.min(...known)
  const high = Math.max(...known)
  const part = high > low ? (scale(v) - low) / (high - low) : 1
  return lessIsBetter(m) ? 1 - part * 0.9 : m === 'share' ? scale(v) / (high || 1) : part
}

/** The change against before, as a part; undefined where there was next to nothing before. */
export const trend = (now: number, before: number) => (before >= now / 10 && before ? now / before - 1 : undefined)

/** As many days before those from one to another. */
export function before(from: string, to: string): { from: string; to: string } {
  const day = 86_400_000
  const [a, z] = [Date.parse(from), Date.parse(to)]
  const iso = (ms: number) => new Date(ms).toISOString().slice(0, 10)
  return { from: iso(2 * a - z - day), to: iso(a - day) }
}

/** The weeks of all channels, or of one, added up: [weekday][hour]. */
export function week(weeks: readonly BoardWeek[], channel: string): number[][] {
  const sum = Array.from({ length: 7 }, () => new Array<number>(24).fill(0))
  for (const x of weeks) if (!channel || x.channel === channel) x.in.forEach((hours, d) => hours.forEach((n, h) => (sum[d]![h]! += n)))
  return sum
}

export interface Ribbon {
  from: string
  to: string
  n: number
  in: number
  out: number
  /** Places along the two sides, 0 to 1. */
  y0: number
  y1: number
  h: number
}
export interface Flow {
  left: { channel: string; y: number; h: number; n: number }[]
  right: { channel: string; y: number; h: number; n: number }[]
  ribbons: Ribbon[]
}

/** Lays switches out as a flow from the channels on one side to those on the other. */
export function flow(list: readonly BoardSwitch[], gap = 0.04): Flow {
  const total = list.reduce((n, s) => n + s.in + s.out, 0)
  if (!total) return { left: [], right: [], ribbons: [] }
  const sum = (side: 'from' | 'to') => {
    const by = new Map<string, number>()
    for (const s of list) by.set(s[side], (by.get(s[side]) ?? 0) + s.in + s.out)
    return [...by].sort((a, b) => b[1] - a[1] || a[0].localeCompare(b[0]))
  }
  const stack = (items: [string, number][]) => {
    const room = 1 - gap * (items.length - 1)
    let y = 0
    return items.map(([channel, n]) => {
      const h = (n / total) * room
      const at = { channel, y, h, n }
      y += h + gap
      return at
    })
  }
  const left = stack(sum('from'))
  const right = stack(sum('to'))
  const used = { left: new Map<string, number>(), right: new Map<string, number>() }
  const ribbons: Ribbon[] = []
  for (const l of left)
    for (const r of right) {
      const s = list.find((x) => x.from === l.channel && x.to === r.channel)
      if (!s) continue
      const n = s.in + s.out
      const h = Math.min((n / l.n) * l.h, (n / r.n) * r.h)
      const a = used.left.get(l.channel) ?? 0
      const b = used.right.get(r.channel) ?? 0
      ribbons.push({ from: s.from, to: s.to, n, in: s.in, out: s.out, y0: l.y + a, y1: r.y + b, h })
      used.left.set(l.channel, a + (n / l.n) * l.h)
      used.right.set(r.channel, b + (n / r.n) * r.h)
    }
  return { left, right, ribbons }
}

/** A date as the hub wants it, in the days of a zone; of one the browser does not know, in its own. */
export function isoDate(d: Date, zone?: string): string {
  // Swedish writes dates as the hub does.
  const style = { year: 'numeric', month: '2-digit', day: '2-digit' } as const
  try {
    return new Intl.DateTimeFormat('sv', { ...style, timeZone: zone }).format(d)
  } catch {
    return new Intl.DateTimeFormat('sv', style).format(d)
  }
}
/** The first of n days of which the last is today. */
export function daysBack(n: number, now: Date, zone?: string): string {
  const [y, m, d] = isoDate(now, zone).split('-').map(Number)
  return new Date(Date.UTC(y!, m! - 1, d! - n + 1)).toISOString().slice(0, 10)
}
