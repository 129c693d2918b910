import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { BACKOFF_MAX, CONNECT_WITHIN, Connection, PING_EVERY, PONG_WITHIN, type SocketLike, backoff } from './connection'

class FakeSocket implements SocketLike {
  readyState = 1
  sent: string[] = []
  onopen = null
  onmessage: ((e: { data: unknown }) => void) | null = null
  onclose: ((e: { code: number }) => void) | null = null
  constructor(readonly since: number) {}
  send(text: string) {
    this.sent.push(text)
  }
  close() {
    this.readyState = 3
  }
  say(frame: object) {
    this.onmessage?.({ data: JSON.stringify(frame) })
  }
  cut() {
    this.readyState = 3
    this.onclose?.({ code: 1006 })
  }
}

let sockets: FakeSocket[]
const last = () => sockets.at(-1)!
const entry = (seq: number) => ({ type: 'entry', seq, entry: { seq, time: '', kind: 'note.added', actor: 'system' } })
function make() {
  const seen: number[] = []
  const resets: number[] = []
  const c = new Connection((since) => {
    const s = new FakeSocket(since)
    sockets.push(s)
    return s
  })
  c.subscribe({ entry: (f) => seen.push(f.seq), reset: () => resets.push(c.sequence.seq) })
  return { c, seen, resets }
}

beforeEach(() => {
  sockets = []
  vi.useFakeTimers()
})
afterEach(() => vi.useRealTimers())

describe('Connection', () => {
  it('resumes after the last entry when it is cut off', () => {
    const { c, seen } = make()
    c.start(7)
    expect(last().since).toBe(7)
    last().say({ type: 'hello', seq: 9, agent: 1 })
    expect(c.phase).toBe('catching_up')
    last().say(entry(8))
    last().say(entry(9))
    last().say({ type: 'live', seq: 9 })
    expect(c.phase).toBe('live')
    last().cut()
    expect(c.phase).toBe('waiting')
    vi.advanceTimersByTime(400)
    expect(sockets).toHaveLength(2)
    expect(last().since).toBe(9)
    last().say(entry(9))
    last().say(entry(10))
    expect(seen).toEqual([8, 9, 10])
    c.stop()
  })

  it('connects again from the last good entry at a gap', () => {
    const { c, seen } = make()
    c.start(1)
    last().say(entry(2))
    last().say(entry(4))
    expect(sockets).toHaveLength(2)
    expect(last().since).toBe(2)
    last().say(entry(3))
    last().say(entry(4))
    expect(seen).toEqual([2, 3, 4])
    c.stop()
  })

  it('tells everybody to reload at a reset and goes on from there', () => {
    const { c, seen, resets } = make()
    c.start(1)
    last().say({ type: 'reset', seq: 900 })
    last().say(entry(901))
    expect(resets).toEqual([900])
    expect(seen).toEqual([901])
    c.stop()
  })

  it('notices a connection that is silently dead', () => {
    const { c } = make()
    c.start(1)
    last().say({ type: 'live', seq: 1 })
    vi.advanceTimersByTime(PING_EVERY)
    expect(last().sent).toContain('{"type":"ping"}')
    vi.advanceTimersByTime(PONG_WITHIN)
    expect(c.phase).toBe('waiting')
    c.stop()
  })

  it('stays up as long as pings are answered', () => {
    const { c } = make()
    c.start(1)
    last().say({ type: 'live', seq: 1 })
    for (let i = 0; i < 5; i++) {
      vi.advanceTimersByTime(PING_EVERY)
      last().say({ type: 'pong' })
    }
    expect(sockets).toHaveLength(1)
    expect(c.phase).toBe('live')
    c.stop()
  })

  it('gives up on a connection that never opens', () => {
    const { c } = make()
    c.start(1)
    vi.advanceTimersByTime(CONNECT_WITHIN)
    expect(c.phase).toBe('waiting')
    c.stop()
  })

  it('tries at once when nudged, and says again what is being viewed', () => {
    const { c } = make()
    c.start(1)
    last().say({ type: 'live', seq: 1 })
    c.view(42, true)
    last().cut()
    c.nudge()
    expect(sockets).toHaveLength(2)
    last().say({ type: 'hello', seq: 1, agent: 1 })
    expect(last().sent).toEqual(['{"type":"view","conversation":42,"typing":true}'])
    c.stop()
    vi.advanceTimersByTime(60_000)
    expect(sockets).toHaveLength(2)
  })

  it('waits longer each time, with jitter, up to a limit', () => {
    expect(backoff(0, () => 1)).toBe(400)
    expect(backoff(3, () => 1)).toBe(3200)
    expect(backoff(3, () => 0)).toBe(1600)
    expect(backoff(50, () => 1)).toBe(BACKOFF_MAX)
  })
})
