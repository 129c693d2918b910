// A customer's preferences as a table of purposes and channels: as values, so that it
// can be tested without a screen.
import { time } from '../../lib/format.svelte'
import type { CustomerPreferences, PreferenceCell, Statement } from '../../lib/api/preferences'

export interface MatrixRow {
  purpose: string
  cells: (PreferenceCell | undefined)[]
}

/** Rows in the order of the purposes, all of them together first. Where `all` is false only rows that know more than the first are kept. */
export function matrix(p: CustomerPreferences, offered: string[], all = true): MatrixRow[] {
  const channels = p.channels ?? []
  const rows = ['', ...offered].map((purpose) => ({ purpose, cells: channels.map((c) => (p.cells ?? []).find((x) => x.purpose === purpose && x.channel === c)) }))
  return all ? rows : rows.filter((r) => r.purpose === '' || r.cells.some((c) => c?.statement && (p.statements ?? []).find((s) => s.id === c.statement)?.purpose) || r.cells.some((c, i) => look(c) === 'learned' && look(rows[0]!.cells[i]) !== 'learned'))
}

export type Look = 'stated' | 'set' | 'learned' | 'never' | 'none'

/** What a cell shows. */
export function look(c: PreferenceCell | undefined): Look {
  if (!c?.source) return 'none'
  if (c.wish === 'never') return 'never'
  return c.source
}

export const statementOf = (p: CustomerPreferences, c: PreferenceCell | undefined): Statement | undefined => (c?.statement ? (p.statements ?? []).find((s) => s.id === c.statement) : undefined)

/** A time of day as people write it: 1320 → "22:00". */
export const ofDay = (minutes: number) => time(new Date(2023, 0, 1, Math.floor(minutes / 60) % 24, minutes % 60))

/** An hour of the day as people write it: 17 → "17:00"; 24 is midnight. */
export const hour = (h: number) => ofDay(h * 60)

/** "22:00" → 1320; NaN for what is no time. */
export function minutes(text: string): number {
  const m = /^(\d{1,2}):(\d{2})$/.exec(text)
  if (!m) return NaN
  const n = Number(m[1]) * 60 + Number(m[2])
  return n < 24 * 60 && Number(m[2]) < 60 ? n : NaN
}
