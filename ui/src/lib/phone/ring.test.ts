import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { Ringer } from './ring'

function context(state: AudioContextState) {
  const tones: number[] = []
  return {
    tones,
    state,
    currentTime: 0,
    destination: {},
    resume: vi.fn(async () => undefined),
    createGain: () => ({ connect() {}, gain: { setValueAtTime() {}, linearRampToValueAtTime() {} } }),
    createOscillator: () => {
      const o = { frequency: { value: 0 }, connect() {}, start: () => tones.push(o.frequency.value), stop() {} }
      return o
    },
  }
}

describe('the ring tone', () => {
  beforeEach(() => void vi.useFakeTimers())
  afterEach(() => void vi.useRealTimers())

  it('sounds again and again until it is stopped', () => {
    const c = context('running')
    const r = new Ringer(() => c as unknown as AudioContext)
    r.start()
    r.start()
    expect(c.tones).toHaveLength(4)
    vi.advanceTimersByTime(2600)
    expect(c.tones).toHaveLength(8)
    r.stop()
    expect(r.ringing).toBe(false)
    vi.advanceTimersByTime(10_000)
    expect(c.tones).toHaveLength(8)
  })
  it('is silent where the browser does not let it, and piles nothing up', () => {
    const c = context('suspended')
    const r = new Ringer(() => c as unknown as AudioContext)
    r.start()
    vi.advanceTimersByTime(10_000)
    expect(c.tones).toHaveLength(0)
    expect(c.resume).toHaveBeenCalled()
    r.stop()
    const none = new Ringer(() => {
      throw new Error('no sound here')
    })
    none.start()
    none.stop()
  })
})
