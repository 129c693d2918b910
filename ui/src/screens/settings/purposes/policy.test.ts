import { describe, expect, it } from 'vitest'
import type { Purposes } from '../../../lib/api/preferences'
import { entries, keyFor, moved, swapped, withPurpose, withRule } from './policy'
import { all } from './words'

const policy = (...keys: string[]): Purposes => ({
  purposes: keys.map((k) => ({ key: k.replace('*', ''), names: { en: k }, archived: k.endsWith('*') || undefined })),
  rules: [],
  threshold: 0,
  version: 1,
})
const keys = (p: Purposes) => p.purposes!.map((x) => x.key).join(' ')

describe('purposes', () => {
  it.each([
    ['Repair', [], 'repair'],
    ['Après-vente 2', [], 'apres-vente-2'],
    ['تعمیر', [], 'purpose'],
    ['تعمیر', ['purpose'], 'purpose-2'],
    ['Repair', ['repair', 'repair-2'], 'repair-3'],
    ['24 hours', [], 'hours'],
    ['x'.repeat(60), [], 'x'.repeat(28)],
  ])('%s has a key nobody has', (name, taken, want) => {
    expect(keyFor(name, taken)).toBe(want)
    expect(keyFor(name, taken)).toMatch(/^[a-z][a-z0-9-]{0,30}$/)
  })
  it('moves past offered ones only, retired ones last', () => {
    expect(keys(moved(policy('a', 'b*', 'c'), 'c', -1))).toBe('c a b')
    expect(keys(moved(policy('a', 'b', 'c'), 'a', -1))).toBe('a b c')
    expect(swapped([1, 2, 3], 2, 1)).toEqual([1, 2, 3])
  })
  it('adds and changes', () => {
    expect(keys(withPurpose(policy('a'), { key: 'b', names: { en: 'B' } }))).toBe('a b')
    expect(withPurpose(policy('a', 'b'), { key: 'a', names: { en: 'New' } }).purposes![0]!.names).toEqual({ en: 'New' })
    const one = withRule(policy('a'), -1, { purpose: 'a', words: ['x'] })
    expect(withRule(one, 0, { purpose: 'a', words: ['y'] }).rules).toEqual([{ purpose: 'a', words: ['y'] }])
  })
  it('reads one entry a line', () => expect(entries(' a \n\nb\na\n')).toEqual(['a', 'b']))
  it.each(['fa', 'th'] as const)('%s has the gaps of English', (l) => {
    for (const [k, text] of Object.entries(all.en)) {
      const gaps = (s: string) => [...s.matchAll(/\{\w+\}/g)].map(String).sort()
      expect(gaps(all[l][k as keyof typeof all.en]), k).toEqual(gaps(text))
    }
  })
})
