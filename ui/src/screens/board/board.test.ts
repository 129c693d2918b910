import { describe, expect, it } from 'vitest'
import type { BoardCell } from '../../lib/api/board'
import { before, daysBack, flow, strength, trend, value, week } from './board'
import { all } from './words'

const cell = (over: Partial<BoardCell>): BoardCell => ({ purpose: '', channel: 'email', in: 0, out: 0, asked: 0, answered: 0, reached: 0, replied: 0, opened: 0, resolved: 0, failed: 0, ours: -1, theirs: -1, resolution: -1, before: 0, ...over })

describe('value', () => {
  it('is nothing where nothing was counted', () => {
    for (const m of ['share', 'answered', 'ours', 'replied', 'theirs', 'resolution', 'failed'] as const) expect(value(cell({}), m, 10)).toBeUndefined()
    expect(value(undefined, 'share', 10)).toBeUndefined()
  })
  it('is a part of what it is about', () => {
    expect(value(cell({ in: 3, out: 2 }), 'share', 10)).toBe(0.5)
    expect(value(cell({ asked: 4, answered: 3 }), 'answered', 10)).toBe(0.75)
    expect(value(cell({ ours: 0 }), 'ours', 10)).toBe(0)
  })
})

describe('strength', () => {
  it('is strongest for the quickest', () => {
    const times = [60, 3600, 86400]
    const s = times.map((t) => strength(t, times, 'ours'))
    expect(s[0]).toBe(1)
    expect(s[1]).toBeGreaterThan(s[2]!)
    expect(s[2]).toBeGreaterThan(0)
  })
  it('is strongest for the largest share', () => expect(strength(0.4, [0.1, 0.4], 'share')).toBe(1))
  it('is none for nothing', () => expect(strength(undefined, [1], 'share')).toBe(0))
})

describe('flow', () => {
  const f = flow([
    { from: 'email', to: 'sms', in: 3, out: 1 },
    { from: 'sms', to: 'email', in: 2, out: 0 },
    { from: 'email', to: 'voice', in: 0, out: 2 },
  ])
  it('gives each side its whole height', () => {
    const height = (side: typeof f.left) => side.reduce((n, x) => n + x.h, 0) + 0.04 * (side.length - 1)
    expect(height(f.left)).toBeCloseTo(1)
    expect(height(f.right)).toBeCloseTo(1)
  })
  it('draws each switch once, within its channels', () => {
    expect(f.ribbons.map((r) => `${r.from} ${r.to} ${r.n}`).sort()).toEqual(['email sms 4', 'email voice 2', 'sms email 2'])
    for (const r of f.ribbons) {
      const l = f.left.find((x) => x.channel === r.from)!
      expect(r.y0 + r.h).toBeLessThanOrEqual(l.y + l.h + 1e-9)
    }
  })
  it('is empty without switches', () => expect(flow([]).ribbons).toEqual([]))
})

describe('week', () => {
  const weeks = ['email', 'sms'].map((channel) => ({ channel, in: Array.from({ length: 7 }, (_, d) => Array.from({ length: 24 }, (_, h) => (d === 1 && h === 9 ? 2 : 0))), out: [] }))
  it('adds channels up, or shows one', () => {
    expect(week(weeks, '')[1]![9]).toBe(4)
    expect(week(weeks, 'sms')[1]![9]).toBe(2)
    expect(week(weeks, 'slack')[1]![9]).toBe(0)
  })
})

it('trend is a part of before', () => {
  expect(trend(15, 10)).toBeCloseTo(0.5)
  expect(trend(15, 0)).toBeUndefined()
})
it('counts days back from today, today among them', () => expect(daysBack(3, new Date(2026, 2, 1))).toBe('2026-02-27'))

describe('words', () => {
  it.each(['fa', 'th'] as const)('%s has every text and parameter of English', (l) => {
    const params = (s: string) => [...s.matchAll(/\{(\w+)\}/g)].map((m) => m[1]).sort()
    for (const [k, text] of Object.entries(all.en)) {
      const other = all[l][k as keyof typeof all.en]
      expect(other, k).toBeTruthy()
      expect(params(other), k).toEqual(params(text))
    }
  })
})

describe('the days before', () => {
  it.each([
    ['2026-03-01', '2026-03-01', '2026-02-28', '2026-02-28'],
    ['2026-03-08', '2026-03-14', '2026-03-01', '2026-03-07'],
    ['2026-01-01', '2026-12-31', '2025-01-01', '2025-12-31'],
  ])('%s to %s', (from, to, a, z) => expect(before(from, to)).toEqual({ from: a, to: z }))
})
