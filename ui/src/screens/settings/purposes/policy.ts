// What administrators change about purposes: pure steps from one policy to the next.
import type { Purpose, PurposeRule, Purposes } from '../../../lib/api/preferences'

/** A key that stays, out of a name where it has Latin letters. */
export function keyFor(name: string, taken: readonly string[]): string {
  const plain = name
    .normalize('NFKD')
    .toLowerCase()
    .replace(/\p{M}/gu, '')
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^[^a-z]+|-+$/g, '')
    .slice(0, 28)
  const base = plain || 'purpose'
  let key = base
  for (let n = 2; taken.includes(key); n++) key = `${base}-${n}`
  return key
}

/** The policy with one purpose more, or a changed one. */
export function withPurpose(p: Purposes, purpose: Purpose): Purposes {
  const list = p.purposes ?? []
  const there = list.some((x) => x.key === purpose.key)
  return { ...p, purposes: there ? list.map((x) => (x.key === purpose.key ? purpose : x)) : [...list, purpose] }
}

/** Moves an offered purpose past the one before or after it; those that are retired stay at the end. */
export function moved(p: Purposes, key: string, by: -1 | 1): Purposes {
  const offered = (p.purposes ?? []).filter((x) => !x.archived)
  const retired = (p.purposes ?? []).filter((x) => x.archived)
  return { ...p, purposes: [...swapped(offered, offered.findIndex((x) => x.key === key), by), ...retired] }
}

/** The list with an entry moved by one place; as it was at its ends. */
export function swapped<T>(list: readonly T[], at: number, by: -1 | 1): T[] {
  const next = [...list]
  const to = at + by
  if (at < 0 || to < 0 || to >= next.length) return next
  ;[next[at], next[to]] = [next[to]!, next[at]!]
  return next
}

/** The policy with a rule put at its place, after the last where the place is -1. */
export function withRule(p: Purposes, at: number, rule: PurposeRule): Purposes {
  const rules = [...(p.rules ?? [])]
  if (at < 0) rules.push(rule)
  else rules[at] = rule
  return { ...p, rules }
}

/** Entries of a text with one a line. */
export const entries = (text: string): string[] => [...new Set(text.split('\n').map((x) => x.trim()).filter(Boolean))]

/** A text that keeps its own direction inside of another. */
export const unit = (text: string): string => `\u2068${text}\u2069`
