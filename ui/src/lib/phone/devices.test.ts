import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { Device, Listener, Token } from './device'
import { Devices, ownerOf, TOKEN_AGAIN } from './devices'

const jwt = (sub: string, identity: string, n = 0) => `h.${btoa(JSON.stringify({ sub, n, grants: { identity } }))}.s`
const life = 3_600_000

function setUp(tokens: Record<string, () => string>) {
  const log: string[] = []
  const listeners: Listener[] = []
  const devices = new Devices(
    {
      ring: (id) => log.push(`ring ${id}`),
      open: () => {},
      end: (id) => log.push(`end ${id}`),
      mute: () => {},
      heard: () => {},
      lost: () => log.push('lost'),
      trouble: (t, d) => log.push(`trouble ${t} ${d}`),
      well: () => {},
    },
    async (line): Promise<Token> => {
      log.push(`ask ${line}`)
      return { kind: 'twilio', token: tokens[line]!(), expires: new Date(Date.now() + life).toISOString() }
    },
    async () => async (token, to) => {
      log.push(`open ${token.token}`)
      listeners.push(to)
      return { update: (t: string) => void log.push(`update ${t}`), close: () => void log.push('close') } as unknown as Device
    },
  )
  return { devices, log, listeners }
}

describe('devices', () => {
  beforeEach(() => void vi.useFakeTimers())
  afterEach(() => void vi.useRealTimers())

  it('are one for all lines of an account at the provider', async () => {
    const a = jwt('AC1', 'agent-7', 1)
    const { devices, log } = setUp({ one: () => a, two: () => jwt('AC1', 'agent-7', 2), three: () => jwt('AC2', 'agent-7') })
    await Promise.all([devices.signIn('one'), devices.signIn('one')])
    await devices.signIn('two')
    await devices.signIn('two')
    await devices.signIn('three')
    expect(log).toEqual(['ask one', `open ${a}`, 'ask two', 'ask three', `open ${jwt('AC2', 'agent-7')}`])
    devices.close()
    expect(log.slice(-3)).toEqual(['close', 'close', 'lost'])
    expect(devices.any).toBe(false)
  })
  it('know where a leg rings', async () => {
    const { devices, log, listeners } = setUp({ one: () => jwt('AC1', 'a'), two: () => jwt('AC2', 'a') })
    await devices.signIn('one')
    await devices.signIn('two')
    listeners[0]!.ring('CA1')
    listeners[1]!.ring('CA2')
    expect(devices.of('CA1')).toBeDefined()
    expect(devices.of('CA1')).not.toBe(devices.of('CA2'))
    listeners[1]!.reachable(false)
    expect(devices.of('CA2')).toBeUndefined()
    expect(log).not.toContain('lost')
    listeners[0]!.end('CA1')
    listeners[0]!.reachable(false)
    expect(log.at(-1)).toBe('lost')
  })
  it('get new tokens before theirs end, and ask again where that failed', async () => {
    let fails = false
    const { devices, log } = setUp({
      one: () => {
        if (fails) throw new Error('the hub is away')
        return jwt('AC1', 'a')
      },
    })
    await devices.signIn('one')
    log.length = 0
    await vi.advanceTimersByTimeAsync(life - 300_000)
    expect(log).toEqual(['ask one', `update ${jwt('AC1', 'a')}`])
    fails = true
    await vi.advanceTimersByTimeAsync(life - 300_000)
    expect(log.at(-1)).toBe('trouble token the hub is away')
    fails = false
    log.length = 0
    await vi.advanceTimersByTimeAsync(TOKEN_AGAIN)
    expect(log).toEqual(['ask one', `update ${jwt('AC1', 'a')}`])
    devices.close()
    log.length = 0
    await vi.advanceTimersByTimeAsync(life)
    expect(log).toEqual([])
  })
  it('are named by whom a token signs in', () => {
    expect(ownerOf({ kind: 'twilio', token: jwt('AC1', 'a'), expires: '' })).toBe('twilio AC1 a')
    expect(ownerOf({ kind: 'x', token: 'no jwt', expires: '' })).toBe('no jwt')
  })
})
