// Dates, numbers and durations in the language of the screen. All through Intl:
// Persian gets its calendar and digits, Thai the Buddhist era.
import { i18n } from './i18n/index.svelte'

let now = $state(Date.now())
let timer: ReturnType<typeof setInterval> | undefined

/** The time to the second, in a text that follows the clock. */
const exact = () => Math.max(now, Date.now())

/** The time, which moves on every 15 s; reading it makes a text follow the clock. */
export const clock = {
  get now() {
    return now
  },
  start() {
    timer ??= setInterval(() => (now = Date.now()), 15_000)
  },
  tick() {
    now = Date.now()
  },
}

const cache = new Map<string, Intl.DateTimeFormat | Intl.NumberFormat | Intl.RelativeTimeFormat>()
function dates(o: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
  const key = 'd' + i18n.language + JSON.stringify(o)
  let f = cache.get(key) as Intl.DateTimeFormat | undefined
  if (!f) cache.set(key, (f = new Intl.DateTimeFormat(locale(), o)))
  return f
}
function numbers(o: Intl.NumberFormatOptions = {}): Intl.NumberFormat {
  const key = 'n' + i18n.language + JSON.stringify(o)
  let f = cache.get(key) as Intl.NumberFormat | undefined
  if (!f) cache.set(key, (f = new Intl.NumberFormat(locale(), o)))
  return f
}
function locale() {
  // Plain "en" writes 11/22/2026; most readers are better served by day-month order in words,
  // which medium formats give in both, and by 24 hours.
  return i18n.language === 'en' ? (navigator.languages?.find((l) => l.startsWith('en-')) ?? 'en-GB') : i18n.language
}

export const number = (n: number) => numbers().format(n)
export const percent = (part: number) => numbers({ style: 'percent' }).format(part)
/** A part of which a little is more than nothing: 0.2 % and not 0 %. */
export const fine = (part: number) => numbers({ style: 'percent', maximumFractionDigits: part > 0 && part < 0.01 ? 1 : 0 }).format(part)
/** A change: +12 %, −3 %. */
export const signed = (part: number) => numbers({ style: 'percent', signDisplay: 'exceptZero' }).format(part)
export const time = (d: string | Date) => dates({ hour: '2-digit', minute: '2-digit' }).format(new Date(d))
/** A time of day in another zone, in one's own where that is not known. */
export const timeIn = (d: string | number | Date, zone?: string, weekday?: 'short') => dates({ weekday, hour: '2-digit', minute: '2-digit', timeZone: zone || undefined }).format(new Date(d))
/** What time it is in a zone, as people call it: 14:05, Germany Time. A zone that the browser does not know is shown by its key. */
export function timeThere(zone: string): string {
  try {
    const name = dates({ timeZone: zone, timeZoneName: 'shortGeneric' })
      .formatToParts(now)
      .find((p) => p.type === 'timeZoneName')?.value
    return `${timeIn(new Date(now), zone)} · ${name ?? zone}`
  } catch {
    return zone
  }
}
export const date = (d: string | Date) => dates({ dateStyle: 'medium' }).format(new Date(d))
export const dateTime = (d: string | Date) => dates({ dateStyle: 'medium', timeStyle: 'short' }).format(new Date(d))
export const fullTime = (d: string | Date) => dates({ dateStyle: 'full', timeStyle: 'medium' }).format(new Date(d))

const dayOf = (d: Date) => new Date(d.getFullYear(), d.getMonth(), d.getDate()).getTime()

/** Heading of a day: Today, Yesterday, Tuesday 3 March, with the year if it is another. */
export function day(d: string | Date): string {
  const date = new Date(d)
  const diff = Math.round((dayOf(date) - dayOf(new Date(now))) / 86_400_000)
  if (diff === 0 || diff === -1 || diff === 1) return upper(relativeFormat('auto').format(diff, 'day'))
  const o: Intl.DateTimeFormatOptions = { weekday: 'long', day: 'numeric', month: 'long' }
  if (Math.abs(diff) > 300) o.year = 'numeric'
  return dates(o).format(date)
}
const upper = (s: string) => s.charAt(0).toLocaleUpperCase(i18n.language) + s.slice(1)
function relativeFormat(numeric: 'auto' | 'always') {
  const key = 'r' + i18n.language + numeric
  let f = cache.get(key) as Intl.RelativeTimeFormat | undefined
  if (!f) cache.set(key, (f = new Intl.RelativeTimeFormat(i18n.language, { numeric, style: 'long' })))
  return f
}

/** Short stamp for lists: 14:05 today, Tue within a week, 3 Mar, 3 Mar 2024. */
export function stamp(d: string | Date): string {
  const date = new Date(d)
  const age = dayOf(new Date(now)) - dayOf(date)
  if (age <= 0 && age > -86_400_000) return time(date)
  if (age > 0 && age < 7 * 86_400_000) return dates({ weekday: 'short' }).format(date)
  if (date.getFullYear() === new Date(now).getFullYear()) return dates({ day: 'numeric', month: 'short' }).format(date)
  return dates({ day: 'numeric', month: 'short', year: 'numeric' }).format(date)
}

const steps: [Intl.RelativeTimeFormatUnit & ('second' | 'minute' | 'hour' | 'day'), number][] = [
  ['day', 86_400],
  ['hour', 3_600],
  ['minute', 60],
  ['second', 1],
]

/** How long ago or how far ahead, e.g. "4 minutes ago". */
export function relative(d: string | Date): string {
  const s = (new Date(d).getTime() - exact()) / 1000
  if (Math.abs(s) < 1) return relativeFormat('auto').format(0, 'second')
  for (const [unit, size] of steps) if (Math.abs(s) >= size) return relativeFormat('auto').format(Math.trunc(s / size), unit)
  return relativeFormat('auto').format(0, 'second')
}

/** How long ago, for what cannot lie ahead: clocks differ a little, and ours moves in steps. */
export const ago = (d: string | Date) => relative(new Date(Math.min(new Date(d).getTime(), now)))

/** A length of time in one unit, for waiting times: 45s, 4m, 2h, 3d. */
export function span(seconds: number): string {
  // The narrow Persian forms are Latin letters.
  const unitDisplay = i18n.language === 'fa' ? 'short' : 'narrow'
  for (const [unit, size] of steps) {
    if (seconds >= size) return numbers({ style: 'unit', unit, unitDisplay }).format(Math.floor(seconds / size))
  }
  return numbers({ style: 'unit', unit: 'second', unitDisplay }).format(0)
}
/** Time since d as a span that follows the clock; under a minute counts as one. */
export const since = (d: string) => span(Math.max(60, (exact() - new Date(d).getTime()) / 1000))

export function bytes(n: number): string {
  const units = ['byte', 'kilobyte', 'megabyte', 'gigabyte']
  let i = 0
  while (n >= 1000 && i < units.length - 1) {
    n /= 1000
    i++
  }
  return numbers({ style: 'unit', unit: units[i], unitDisplay: i18n.language === 'fa' ? 'long' : i === 0 ? 'narrow' : 'short', maximumFractionDigits: n < 10 && i > 0 ? 1 : 0 }).format(n)
}
/** Names joined as the language does: a, b and c. */
export function list(items: string[]): string {
  // Thai puts spaces between, which stand in names of ours too.
  if (i18n.language === 'th') return items.length < 2 ? (items[0] ?? '') : `${items.slice(0, -1).join(', ')} และ ${items.at(-1)}`
  return new Intl.ListFormat(i18n.language, { style: 'short', type: 'conjunction' }).format(items)
}
