import { describe, expect, it } from 'vitest'
import type { EntryFrame, Frame } from './frames'
import { KEEP, Sequence } from './sequence'

const entry = (seq: number): EntryFrame => ({ type: 'entry', seq, entry: { seq, time: '', kind: 'note.added', actor: 'system' } })

describe('Sequence', () => {
  it('applies what comes next and ignores what was seen', () => {
    const s = new Sequence()
    s.start(10)
    expect([11, 12, 12, 11, 13].map((n) => s.take(entry(n)))).toEqual(['apply', 'apply', 'ignore', 'ignore', 'apply'])
    expect(s.seq).toBe(13)
  })

  it('asks again once when a number is missing, and takes it as not sent the second time', () => {
    const s = new Sequence()
    s.start(10)
    expect(s.take(entry(12))).toBe('gap')
    expect(s.seq).toBe(10)
    expect(s.take(entry(12))).toBe('apply')
    expect(s.take(entry(13))).toBe('apply')
  })

  it('sees the gap healed when the missing entry comes after the reconnect', () => {
    const s = new Sequence()
    s.start(10)
    expect(s.take(entry(12))).toBe('gap')
    expect([11, 12].map((n) => s.take(entry(n)))).toEqual(['apply', 'apply'])
  })

  it('passes numbers that are not sent when the hub says it is caught up', () => {
    const s = new Sequence()
    s.start(10)
    expect(s.take({ type: 'live', seq: 14 })).toBe('pass')
    expect(s.take(entry(15))).toBe('apply')
  })

  it('starts anew at a reset and has nothing older at hand', () => {
    const s = new Sequence()
    s.start(10)
    s.take(entry(11))
    expect(s.take({ type: 'reset', seq: 500 })).toBe('reset')
    expect(s.seq).toBe(500)
    expect(s.after(11)).toBeUndefined()
    expect(s.after(500)).toEqual([])
  })

  it('completes a page that was read while the stream went on', () => {
    const s = new Sequence()
    s.start(10)
    for (let n = 11; n <= 15; n++) s.take(entry(n))
    expect(s.after(13)!.map((f) => f.seq)).toEqual([14, 15])
    expect(s.after(15)).toEqual([])
    expect(s.after(20)).toEqual([])
    expect(s.after(9)).toBeUndefined()
  })

  it('keeps a limited number of entries and knows when they do not suffice', () => {
    const s = new Sequence()
    s.start(0)
    for (let n = 1; n <= KEEP + 5; n++) s.take(entry(n))
    expect(s.after(5)).toHaveLength(KEEP)
    expect(s.after(4)).toBeUndefined()
  })

  it('leaves frames without an order alone', () => {
    const s = new Sequence()
    s.start(3)
    const frames: Frame[] = [{ type: 'pong' }, { type: 'hello', seq: 9, agent: 1 }, { type: 'presence', viewers: [], online: [] }]
    expect(frames.map((f) => s.take(f))).toEqual(['pass', 'pass', 'pass'])
    expect(s.seq).toBe(3)
  })
})
