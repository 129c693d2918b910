// How evidence reads. The hub gives codes and values; sentences are made here.
import type { DuplicateSide, Evidence } from '../../lib/api/duplicates'
import { number, percent } from '../../lib/format.svelte'
import { type Key, t } from '../../lib/i18n/index.svelte'

const fields: Record<string, Key> = {
  given_name: 'dup.f.given',
  family_name: 'dup.f.family',
  email: 'dup.f.email',
  phone: 'dup.f.phone',
  born: 'dup.f.born',
  address: 'dup.f.address',
  postcode: 'dup.f.postcode',
  city: 'dup.f.city',
  state: 'dup.f.state',
  company: 'dup.f.company',
  username: 'dup.f.username',
}
const levels: Record<string, Key> = {
  same: 'dup.l.same',
  variant: 'dup.l.variant',
  near: 'dup.l.near',
  similar: 'dup.l.similar',
  initial: 'dup.l.initial',
  other: 'dup.l.other',
  local: 'dup.l.local',
  digits: 'dup.l.digits',
  named: 'dup.l.named',
  domain: 'dup.l.domain',
  shared: 'dup.l.shared',
  part: 'dup.l.part',
  apart: 'dup.l.apart',
}
const codes: Record<string, Key> = { place: 'dup.c.place', household: 'dup.c.household', generation: 'dup.c.generation', soft: 'dup.c.soft' }

/** What a fact says, without the values. */
export function factTitle(e: Evidence): string {
  const code = codes[e.code]
  if (code) return t(code)
  const field = fields[e.field ?? '']
  const level = levels[e.level ?? '']
  return `${field ? t(field) : (e.field ?? '').replace(/^attribute /, '')}: ${level ? t(level) : e.level}`
}

/** The values a fact is about; one if they are the same. */
export const factValues = (e: Evidence): string[] => (e.a && e.a === e.b ? [e.a] : [e.a, e.b].filter((v): v is string => !!v))

/** Bits with their sign; + and − of the same width. */
export const bits = (w: number): string => (w < 0 ? '−' : '+') + number(Math.round(Math.abs(w) * 10) / 10)

/** What speaks for it and what against it, in words. */
export const strength = (w: number): string => {
  const a = Math.abs(w)
  return t(w >= 0 ? (a >= 8 ? 'dup.s.for3' : a >= 3 ? 'dup.s.for2' : 'dup.s.for1') : a >= 8 ? 'dup.s.against3' : a >= 3 ? 'dup.s.against2' : 'dup.s.against1')
}

export interface Line {
  field: string
  a: string
  b: string
  /** equal: the same; differ: both say something else; one: only one of them says anything. */
  how: 'equal' | 'differ' | 'one'
}

const same = (a: string, b: string) => a.trim().toLocaleLowerCase() === b.trim().toLocaleLowerCase()

/** The fields of two cards beside each other. */
export function compareCards(a: DuplicateSide, b: DuplicateSide): Line[] {
  const order = ['name', 'company', 'language', 'time_zone', 'owner', 'goals', 'interests', 'dos', 'donts', 'next_step', 'next_date', 'tags', 'note']
  const all = [...new Set([...order, ...Object.keys(a.fields), ...Object.keys(b.fields)])]
  return all.flatMap((field) => {
    const x = a.fields[field] ?? ''
    const y = b.fields[field] ?? ''
    if (!x && !y) return []
    return [{ field, a: x, b: y, how: !x || !y ? ('one' as const) : same(x, y) ? ('equal' as const) : ('differ' as const) }]
  })
}

/** Whether the other side has, or names, an address that this one names. */
export const sharesHint = (handle: string, other: DuplicateSide): boolean => other.handles.some((o) => o.handle === handle || (o.hints ?? []).some((x) => x.handle === handle))

/** Whether the other side has, or is told to have, this address. */
export const sharesHandle = (h: DuplicateSide['handles'][number], other: DuplicateSide): boolean =>
  other.handles.some((o) => o.handle === h.handle || (o.hints ?? []).some((x) => x.handle === h.handle)) || (h.hints ?? []).some((x) => other.handles.some((o) => o.handle === x.handle))

/** A confidence in per cent. Nothing but a person is ever quite sure. */
export const sure = (c: number): string => percent(Math.min(99, Math.floor(c * 100)) / 100)
