// The vendor's library as a device of ours. It is large and fetched only where an
// account's token asks for it.
import { Call, Device as SDK } from '@twilio/voice-sdk'
import { type Device, DeviceError, type Listener, type Token, type Trouble } from './device'

/** What of the library's device is used, so that a test can stand in for it. */
export type Phone = Pick<SDK, 'register' | 'updateToken' | 'destroy' | 'state' | 'audio'> & { on(event: string, f: (...args: never[]) => void): unknown }
export type Leg = Pick<Call, 'accept' | 'reject' | 'disconnect' | 'mute' | 'sendDigits' | 'parameters'> & { on(event: string, f: (...args: never[]) => void): unknown }

/** The vendor says this long before a token ends that it will. */
const REFRESH_MS = 120_000
/** How long signing in may take: the library itself would try for ever. */
export const REGISTER_WITHIN_MS = 20_000
/** Until a device that has lost its registration registers again. */
const AGAIN_MS = 5_000

const options: SDK.Options = {
  appName: 'throughline',
  // A page that is closed by mistake would end the call.
  closeProtection: true,
  codecPreferences: [Call.Codec.Opus, Call.Codec.PCMU],
  tokenRefreshMs: REFRESH_MS,
  // We say in words what is wrong; its log is for its makers.
  logLevel: 'silent',
}

export async function open(token: Token, to: Listener): Promise<Device> {
  if (!SDK.isSupported) throw new DeviceError('unsupported')
  // Asked here and not in mid-call: who refuses the microphone cannot take calls.
  await microphone()
  return attach(new SDK(token.token, options) as unknown as Phone, to)
}

/** Asks for the microphone once and lets it go again. */
async function microphone() {
  if (!navigator.mediaDevices?.getUserMedia) throw new DeviceError('unsupported')
  try {
    const stream = await navigator.mediaDevices.getUserMedia({ audio: true })
    for (const track of stream.getTracks()) track.stop()
  } catch (e) {
    throw new DeviceError(refused(e), e instanceof Error ? e.message : '')
  }
}
const refused = (e: unknown): Trouble => (e instanceof DOMException && (e.name === 'NotAllowedError' || e.name === 'SecurityError') ? 'microphone' : 'nomic')

/** What the vendor's codes mean here: https://www.twilio.com/docs/voice/sdks/error-codes */
export function troubleOf(code: number | undefined): Trouble {
  switch (code) {
    case 31401:
    case 31208:
      return 'microphone'
    case 31402:
      return 'nomic'
    case 31003:
    case 31005:
    case 31009:
    case 53000:
    case 53001:
    case 53405:
      return 'network'
    case 20101:
    case 20104:
    case 20151:
    case 31201:
    case 31202:
    case 31203:
    case 31204:
    case 31205:
    case 31207:
      return 'token'
  }
  return 'failed'
}

interface Fault {
  code?: number
  message?: string
  explanation?: string
}
const words = (e: Fault) => [e.code, e.explanation || e.message].filter(Boolean).join(' ')

/** Gives a device of the library our interface, and signs it in. */
export async function attach(phone: Phone, to: Listener): Promise<Device> {
  const legs = new Map<string, Leg>()
  let closed = false
  let timer: ReturnType<typeof setTimeout> | undefined
  let refuse: ((e: Fault) => void) | undefined
  // The ring tone is ours; the library's own would sound beside it.
  phone.audio?.incoming(false)

  const again = () => {
    clearTimeout(timer)
    if (!closed) timer = setTimeout(() => phone.state === 'unregistered' && phone.register().catch((e: Fault) => to.trouble(troubleOf(e.code), words(e))), AGAIN_MS)
  }
  phone.on('registered', () => {
    to.reachable(true)
    to.well()
  })
  phone.on('unregistered', () => {
    to.reachable(false)
    again()
  })
  phone.on('tokenWillExpire', () => to.renew())
  phone.on('error', (e: Fault) => {
    // What refuses the token while one signs in is the answer.
    if (refuse && troubleOf(e.code) === 'token') {
      refuse(e)
      return
    }
    to.trouble(troubleOf(e.code), words(e))
    if (e.code === 20104) to.renew()
  })
  phone.on('incoming', (leg: Leg) => {
    const id = leg.parameters.CallSid ?? ''
    legs.set(id, leg)
    const over = () => {
      if (legs.delete(id)) to.end(id)
    }
    leg.on('accept', () => to.open(id))
    for (const event of ['cancel', 'disconnect', 'reject']) leg.on(event, over)
    leg.on('mute', (on: boolean) => to.mute(id, on))
    leg.on('reconnecting', (e: Fault) => to.trouble('network', words(e)))
    leg.on('reconnected', () => to.well())
    leg.on('error', (e: Fault) => to.trouble(troubleOf(e.code), words(e)))
    to.ring(id)
  })
  let late: ReturnType<typeof setTimeout> | undefined
  try {
    await Promise.race([
      phone.register(),
      new Promise((_, no) => {
        late = setTimeout(() => no({ code: 53000 }), REGISTER_WITHIN_MS)
        refuse = no
      }),
    ])
  } catch (e) {
    closed = true
    phone.destroy()
    throw new DeviceError(troubleOf((e as Fault).code), words(e as Fault))
  } finally {
    clearTimeout(late)
    refuse = undefined
  }
  return {
    accept: (id) => legs.get(id)?.accept(),
    reject: (id) => legs.get(id)?.reject(),
    hangup: (id) => legs.get(id)?.disconnect(),
    mute: (id, on) => legs.get(id)?.mute(on),
    digits: (id, digits) => legs.get(id)?.sendDigits(digits),
    update: (token) => phone.updateToken(token),
    close() {
      closed = true
      clearTimeout(timer)
      phone.destroy()
    },
  }
}
