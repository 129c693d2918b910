import { afterEach, describe, expect, it, vi } from 'vitest'
import { HEARD_WITHIN, Tab, type Told } from './tab'

/** The locks of one browser: one holder, the others in line. */
function browser() {
  let held = false
  const line: (() => void)[] = []
  const tabs: { onmessage: ((e: MessageEvent<Told>) => void) | null }[] = []
  const run = async (f: (lock: object | null) => unknown) => {
    held = true
    await f({})
    held = false
    line.shift()?.()
  }
  const request = (_: string, o: { ifAvailable?: boolean; signal?: AbortSignal }, f: (lock: object | null) => unknown) => {
    if (!held) return run(f)
    if (o.ifAvailable) return Promise.resolve(f(null))
    return new Promise<void>((resolve, reject) => {
      const go = () => void run(f).then(resolve)
      line.push(go)
      o.signal?.addEventListener('abort', () => {
        if (line.includes(go)) reject(new Error('aborted'))
        line.splice(line.indexOf(go), 1)
      })
    })
  }
  return (told: (m: Told) => void = () => undefined, took: () => void = () => undefined) => {
    const own = {
      onmessage: null as ((e: MessageEvent<Told>) => void) | null,
      postMessage: (m: Told) => tabs.forEach((t) => t !== own && t.onmessage?.({ data: m } as MessageEvent<Told>)),
    }
    tabs.push(own)
    return new Tab('phone', { held: took, told }, { request } as unknown as LockManager, own)
  }
}

afterEach(() => vi.useRealTimers())

describe('one tab is the telephone', () => {
  it('the first that wants it; the next when it leaves', async () => {
    const open = browser()
    const took = vi.fn()
    const [a, b, c] = [open(), open(undefined, took), open(undefined, took)]
    expect(await a.want()).toBe(true)
    expect(await b.want()).toBe(false)
    expect(await c.want()).toBe(false)
    expect([a.holds, b.holds, c.holds]).toEqual([true, false, false])
    b.leave()
    a.leave()
    await vi.waitFor(() => expect(c.holds).toBe(true))
    expect(took).toHaveBeenCalledTimes(1)
    expect(a.holds).toBe(false)
  })
  it('asked twice is asked once', async () => {
    const a = browser()()
    expect(await a.want()).toBe(true)
    expect(await a.want()).toBe(true)
  })
  it('the others have it act', async () => {
    const open = browser()
    const told = vi.fn()
    const [a, b, c] = [open(told), open(), open(told)]
    await a.want()
    await c.want()
    expect(await b.ask({ act: 'take', message: 7 })).toBe(true)
    expect(told).toHaveBeenCalledTimes(1)
    expect(told.mock.calls[0]![0]).toMatchObject({ type: 'do', act: 'take', message: 7 })
  })
  it('nobody there is noticed', async () => {
    vi.useFakeTimers()
    const b = browser()()
    const answer = b.ask({ act: 'take', message: 7 })
    await vi.advanceTimersByTimeAsync(HEARD_WITHIN)
    expect(await answer).toBe(false)
  })
  it('without locks each is one', async () => {
    const a = new Tab('phone', { held: () => undefined, told: () => undefined }, undefined, undefined)
    expect(await a.want()).toBe(true)
    a.leave()
    expect(a.holds).toBe(true)
    expect(await a.ask({ act: 'decline', message: 1 })).toBe(false)
  })
})
