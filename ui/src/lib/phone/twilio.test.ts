// @vitest-environment jsdom
// Our adapter against the vendor's library itself. Its signalling stream and the voices,
// which need the vendor's servers, are played by the test.
import { Call, Device as SDK } from '@twilio/voice-sdk'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { DeviceError, type Listener } from './device'
import { attach, type Phone, REGISTER_WITHIN_MS, troubleOf } from './twilio'

type Handler = (...a: unknown[]) => void

/** An emitter as the library's parts are. */
class Emitter {
  #on = new Map<string, Handler[]>()
  on(e: string, f: Handler) {
    this.#on.set(e, [...(this.#on.get(e) ?? []), f])
    return this
  }
  addListener(e: string, f: Handler) {
    return this.on(e, f)
  }
  once(e: string, f: Handler) {
    return this.on(e, f)
  }
  removeListener(e: string, f: Handler) {
    this.#on.set(e, (this.#on.get(e) ?? []).filter((x) => x !== f))
    return this
  }
  emit(e: string, ...a: unknown[]) {
    for (const f of [...(this.#on.get(e) ?? [])]) f(...a)
  }
}

/** The stream to the vendor, as the test plays it. */
class Stream extends Emitter {
  static last: Stream
  static tokens: string[] = []
  status = 'ready'
  sent: string[] = []
  constructor() {
    super()
    Stream.last = this
  }
  setToken(t: string) {
    Stream.tokens.push(t)
  }
  register() {
    this.sent.push('register')
  }
  reject(sid: string) {
    this.sent.push(`reject ${sid}`)
  }
  updatePreferredURI() {}
  hangup(sid: string) {
    this.sent.push(`hangup ${sid}`)
  }
  updateURIs() {}
  destroy() {
    this.sent.push('destroy')
  }
}
class Sound {
  play = () => Promise.resolve()
  stop() {}
  setSinkIds() {}
}
class Publisher extends Emitter {
  info() {}
  warn() {}
  error() {}
  debug() {}
  post() {}
  setHost() {}
  setToken() {}
  disable() {}
}
class Audio extends Emitter {
  rings = true
  incoming(on?: boolean) {
    if (on !== undefined) this.rings = on
    return this.rings
  }
  disconnect = () => true
  outgoing = () => true
  _destroy() {}
  _maybeStartPollingVolume() {}
  _maybeStopPollingVolume() {}
  _getInputDevicePromise() {}
  _updateUserOptions() {}
}

/** The microphone and the voices. */
class Media {
  static refuse = ''
  static last: Media
  status = 'closed'
  isMuted = false
  digits = ''
  version = { getSDP: () => '', pc: {} }
  onopen = () => {}
  onclose = () => {}
  constructor() {
    Media.last = this
  }
  openDefaultDeviceWithConstraints = () => (Media.refuse ? Promise.reject(Object.assign(new Error('no'), { name: Media.refuse })) : Promise.resolve())
  answerIncomingCall() {
    this.status = 'open'
    this.onopen()
  }
  mute(on: boolean) {
    this.isMuted = on
  }
  _setSinkIds = () => Promise.resolve()
  getOrCreateDTMFSender = () => ({ insertDTMF: (d: string) => void (this.digits += d) })
  reject(sid: string) {
    Stream.last.reject(sid)
  }
  ignore() {}
  close() {}
}
class WithMedia extends Call {
  constructor(config: Call.Config, options?: Call.Options) {
    super(config, { ...options, MediaHandler: Media, enableImprovedSignalingErrorPrecision: false } as unknown as Call.Options)
  }
}

const made: SDK[] = []
function setUp() {
  const phone = new SDK('token-1', { PStream: Stream, Sound, Publisher, AudioHelper: Audio, Call: WithMedia, logLevel: 'silent' } as unknown as SDK.Options)
  made.push(phone)
  const told: string[] = []
  const to: Listener = {
    reachable: (y) => told.push(`reachable ${y}`),
    ring: (id) => told.push(`ring ${id}`),
    open: (id) => told.push(`open ${id}`),
    end: (id) => told.push(`end ${id}`),
    mute: (id, on) => told.push(`mute ${id} ${on}`),
    heard: () => {},
    trouble: (t, d) => told.push(`trouble ${t} ${d}`.trim()),
    well: () => told.push('well'),
    renew: () => told.push('renew'),
  }
  return { phone, told, signed: attach(phone as unknown as Phone, to) }
}
/** Lets what the library has promised happen. */
const settle = () => new Promise((r) => setTimeout(r, 0))
async function signedIn() {
  const s = setUp()
  await settle()
  Stream.last.emit('connected', { region: 'US_EAST_VIRGINIA', edge: 'ashburn', token: { identity: 'agent-7', ttl: 3600 } })
  await settle()
  Stream.last.emit('ready')
  return { ...s, device: await s.signed }
}
const invite = (sid: string) => Stream.last.emit('invite', { callsid: sid, sdp: 'v=0', parameters: { From: '+12025550143', To: 'client:agent-7' } })

afterEach(() => {
  vi.useRealTimers()
  Media.refuse = ''
  for (const p of made.splice(0)) if (p.state !== 'destroyed') p.destroy()
})

describe('the library', () => {
  it('has all that we use', () => {
    for (const name of ['register', 'updateToken', 'destroy', 'on'] as const) expect(typeof SDK.prototype[name], name).toBe('function')
  })
  it('signs in, and leaves the ring tone to us', async () => {
    const { told, phone } = await signedIn()
    expect(phone.state).toBe('registered')
    expect(told).toEqual(['reachable true', 'well'])
    expect(phone.audio!.incoming()).toBe(false)
  })
  it('rings, and stops when the caller gives up or another takes it', async () => {
    const { told, device } = await signedIn()
    invite('CA1')
    await settle()
    await settle()
    expect(told).toContain('ring CA1')
    Stream.last.emit('cancel', { callsid: 'CA1' })
    expect(told.at(-1)).toBe('end CA1')
    device.accept('CA1') // over: nothing happens
  })
  it('is refused by the agent', async () => {
    const { told, device } = await signedIn()
    invite('CA2')
    await settle()
    await settle()
    device.reject('CA2')
    expect(Stream.last.sent).toContain('reject CA2')
    expect(told.at(-1)).toBe('end CA2')
  })
  it('gets a new token in time and when one has run out', async () => {
    const { told, device, phone } = await signedIn()
    phone.emit('tokenWillExpire', phone)
    expect(told.at(-1)).toBe('renew')
    device.update('token-2')
    expect(phone.token).toBe('token-2')
    expect(Stream.tokens.at(-1)).toBe('token-2')
    Stream.last.emit('error', { error: { code: 20104, message: 'expired' } })
    expect(told.at(-1)).toBe('renew')
    expect(told.at(-2)).toMatch(/^trouble token 20104/)
  })
  it('tells that the line is lost and signs in again', async () => {
    const { told } = await signedIn()
    Stream.last.emit('offline')
    expect(told.at(-1)).toBe('reachable false')
    Stream.last.emit('connected', { region: 'US_EAST_VIRGINIA', edge: 'ashburn' })
    await settle()
    Stream.last.emit('ready')
    await settle()
    expect(told.slice(-2)).toEqual(['reachable true', 'well'])
  })
  it('refuses a bad token', async () => {
    const { signed, phone } = setUp()
    signed.catch(() => undefined)
    await settle()
    Stream.last.emit('error', { error: { code: 20101, message: 'invalid' } })
    await expect(signed).rejects.toMatchObject({ trouble: 'token' })
    expect(phone.state).toBe('destroyed')
  })
  it('does not wait for ever', async () => {
    vi.useFakeTimers()
    const { signed } = setUp()
    const failed = expect(signed).rejects.toEqual(new DeviceError('network', '53000'))
    await vi.advanceTimersByTimeAsync(REGISTER_WITHIN_MS)
    await failed
  })
  it('ends when it is closed', async () => {
    const { device, phone } = await signedIn()
    device.close()
    expect(phone.state).toBe('destroyed')
  })
})

describe('a leg', () => {
  async function ringing(sid: string) {
    const s = await signedIn()
    invite(sid)
    await settle()
    await settle()
    s.told.length = 0
    return s
  }
  it('is taken, muted, and hung up', async () => {
    const { told, device } = await ringing('CA3')
    device.accept('CA3')
    await settle()
    Stream.last.emit('answer', { callsid: 'CA3', sdp: 'v=0' })
    expect(told).toEqual(['open CA3'])
    device.mute('CA3', true)
    expect(told.at(-1)).toBe('mute CA3 true')
    device.digits('CA3', '12#')
    expect(Media.last.digits).toBe('12#')
    device.hangup('CA3')
    expect(Stream.last.sent).toContain('hangup CA3')
    Media.last.onclose()
    expect(told.at(-1)).toBe('end CA3')
    expect(told.filter((x) => x.startsWith('end'))).toHaveLength(1)
  })
  it('is not taken without a microphone', async () => {
    Media.refuse = 'NotAllowedError'
    const { told, device } = await ringing('CA4')
    device.accept('CA4')
    await settle()
    await settle()
    expect(told.find((x) => x.startsWith('trouble'))).toMatch(/^trouble microphone 31401/)
    Media.last.onclose()
    expect(told).toContain('end CA4')
  })
  it('tells of a line that is lost in mid-call, and of its return', async () => {
    const { told, phone, device } = await signedIn()
    const leg = Object.assign(new Emitter(), { parameters: { CallSid: 'CA5' }, accept() {}, reject() {}, disconnect() {}, mute() {}, sendDigits() {} })
    phone.emit('incoming', leg as never)
    device.accept('CA5')
    leg.emit('accept')
    leg.emit('reconnecting', { code: 53001, message: 'lost' })
    leg.emit('reconnected')
    expect(told.slice(2)).toEqual(['ring CA5', 'open CA5', 'trouble network 53001 lost', 'well'])
  })
})

describe('troubleOf', () => {
  it.each([
    [31401, 'microphone'],
    [31402, 'nomic'],
    [31005, 'network'],
    [53000, 'network'],
    [20104, 'token'],
    [31202, 'token'],
    [31486, 'failed'],
    [undefined, 'failed'],
  ] as const)('%s is %s', (code, what) => expect(troubleOf(code)).toBe(what))
})
