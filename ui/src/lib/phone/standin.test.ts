import { describe, expect, it } from 'vitest'
import { DeviceError, type Listener } from './device'
import { openWith, type Source } from './standin'

class Events implements Source {
  #on = new Map<string, ((e: { data?: unknown }) => void)[]>()
  closed = false
  constructor(readonly url: string) {}
  addEventListener(type: string, f: (e: { data?: unknown }) => void) {
    this.#on.set(type, [...(this.#on.get(type) ?? []), f])
  }
  close() {
    this.closed = true
  }
  tell(type: string, data?: unknown) {
    for (const f of this.#on.get(type) ?? []) f({ data: data === undefined ? undefined : JSON.stringify(data) })
  }
}
function setUp(address: string | undefined = 'http://127.0.0.1:9/device', answer = { ok: true, text: async () => '' }) {
  const sources: Events[] = []
  const posts: string[] = []
  const told: string[] = []
  const to: Listener = {
    reachable: (y) => told.push(`reachable ${y}`),
    ring: (id) => told.push(`ring ${id}`),
    open: (id) => told.push(`open ${id}`),
    end: (id) => told.push(`end ${id}`),
    mute: (id, on) => told.push(`mute ${id} ${on}`),
    heard: (id, words) => told.push(`heard ${id} ${words}`),
    trouble: (t, d) => told.push(`trouble ${t} ${d}`.trim()),
    well: () => told.push('well'),
    renew: () => told.push('renew'),
  }
  const signed = openWith(
    { kind: 'twilio', token: 'a+b', expires: '', address },
    to,
    (url) => (sources.push(new Events(url)), sources.at(-1)!),
    async (url, body) => (posts.push(url.replace('http://127.0.0.1:9/device', '') + (body ? ` ${body}` : '')), answer),
  )
  return { sources, posts, told, signed }
}

describe('the stand-in', () => {
  it('signs in, rings, is taken, muted and ended', async () => {
    const { sources, posts, told, signed } = setUp()
    expect(sources[0]!.url).toBe('http://127.0.0.1:9/device/events?token=a%2Bb')
    sources[0]!.tell('ready', { identity: 'agent-7' })
    const device = await signed
    sources[0]!.tell('call', { sid: 'CA1', status: 'ringing', heard: [] })
    device.accept('CA1')
    sources[0]!.tell('call', { sid: 'CA1', status: 'in-progress', muted: false, heard: ['Hello?'] })
    device.mute('CA1', true)
    sources[0]!.tell('call', { sid: 'CA1', status: 'in-progress', muted: true, heard: ['Hello?', 'Are you there?'] })
    device.digits('CA1', '1#')
    device.hangup('CA1')
    sources[0]!.tell('call', { sid: 'CA1', status: 'completed' })
    sources[0]!.tell('call', { sid: 'CA1', status: 'completed' })
    expect(posts).toEqual(['/calls/CA1/answer?token=a%2Bb', '/calls/CA1/mute?token=a%2Bb muted=true', '/calls/CA1/digits?token=a%2Bb digits=1%23', '/calls/CA1/hangup?token=a%2Bb'])
    expect(told).toEqual([
      'reachable true', 'well', 'ring CA1', 'open CA1', 'mute CA1 false', 'heard CA1 Hello?', 'mute CA1 true', 'heard CA1 Are you there?', 'end CA1',
    ])
  })
  it('takes a call up again after the page was loaded anew', async () => {
    const { sources, told, signed } = setUp()
    sources[0]!.tell('ready')
    await signed
    sources[0]!.tell('call', { sid: 'CA1', status: 'in-progress' })
    expect(told.slice(2)).toEqual(['ring CA1', 'open CA1', 'mute CA1 false'])
  })
  it('says why it was not let in', async () => {
    const a = setUp()
    a.sources[0]!.tell('refused', { code: 20104, text: 'expired' })
    await expect(a.signed).rejects.toEqual(new DeviceError('token', 'expired'))
    expect(a.sources[0]!.closed).toBe(true)
    const b = setUp()
    b.sources[0]!.tell('error')
    await expect(b.signed).rejects.toMatchObject({ trouble: 'network' })
    await expect(openWith({ kind: 'x', token: '', expires: '' }, {} as Listener, () => new Events(''), async () => ({ ok: true, text: async () => '' }))).rejects.toMatchObject({ trouble: 'failed' })
  })
  it('tells of a lost line once, and of its return', async () => {
    const { sources, told, signed } = setUp()
    sources[0]!.tell('ready')
    const device = await signed
    sources[0]!.tell('error')
    sources[0]!.tell('error')
    sources[0]!.tell('ready')
    sources[0]!.tell('refused', { text: 'expired' })
    expect(told.slice(2)).toEqual(['reachable false', 'trouble network', 'reachable true', 'well', 'reachable false', 'renew'])
    device.update('new')
    expect(sources[1]!.url).toMatch(/token=new$/)
  })
  it('tells what it could not do', async () => {
    const { sources, told, signed } = setUp(undefined, { ok: false, text: async () => 'it is over' })
    sources[0]!.tell('ready')
    ;(await signed).accept('CA9')
    await new Promise((r) => setTimeout(r))
    expect(told.at(-1)).toBe('trouble failed it is over')
  })
})
