// A telephone without voices: the device of the provider's double, for the demo and for
// tests. Its legs come as server-sent events; what is done with them are posts.
import { type Device, DeviceError, type Listener, type Token } from './device'

/** One leg as the double tells of it, at each change. */
export interface Heard {
  sid: string
  /** The provider's words: ringing, in-progress, completed, busy, … */
  status: string
  muted?: boolean
  /** What was said on the line so far. */
  heard?: string[]
}

/** What of an EventSource is used. */
export interface Source {
  addEventListener(type: string, f: (e: { data?: unknown }) => void): void
  close(): void
}

export const open = (token: Token, to: Listener) =>
  openWith(
    token,
    to,
    (url) => new EventSource(url) as unknown as Source,
    (url, body) => fetch(url, { method: 'POST', body }),
  )

/** The same over anything; resolves when the double has let the device in. */
export function openWith(token: Token, to: Listener, listen: (url: string) => Source, post: (url: string, body?: URLSearchParams) => Promise<Pick<Response, 'ok' | 'text'>>): Promise<Device> {
  return new Promise((resolve, reject) => {
    const address = token.address
    if (!address) {
      reject(new DeviceError('failed', 'the hub named no address for the stand-in'))
      return
    }
    let jwt = token.token
    let source: Source | undefined
    let ready = false
    let lost = false
    const status = new Map<string, string>()
    const act = (id: string, what: string, body?: Record<string, string>) => {
      post(`${address}/calls/${id}/${what}?token=${encodeURIComponent(jwt)}`, body && new URLSearchParams(body)).then(
        async (r) => r.ok || to.trouble('failed', await r.text()),
        () => to.trouble('network', ''),
      )
    }
    const hear = (h: Heard) => {
      const before = status.get(h.sid)
      const live = h.status === 'queued' || h.status === 'ringing' ? 'ringing' : h.status === 'in-progress' ? 'open' : ''
      if (!live) {
        status.delete(h.sid)
        if (before) to.end(h.sid)
        return
      }
      status.set(h.sid, live)
      if (!before) to.ring(h.sid)
      if (live === 'open' && before !== 'open') to.open(h.sid)
      if (live === 'open') to.mute(h.sid, !!h.muted)
      const words = h.heard?.at(-1)
      if (words) to.heard(h.sid, words)
    }
    const data = <T>(e: { data?: unknown }, f: (d: T) => void) => {
      try {
        f(JSON.parse(String(e.data)) as T)
      } catch {
        // not for us
      }
    }
    const sign = () => {
      source?.close()
      source = listen(`${address}/events?token=${encodeURIComponent(jwt)}`)
      source.addEventListener('ready', () => {
        ready = true
        lost = false
        to.reachable(true)
        to.well()
        resolve(device)
      })
      source.addEventListener('call', (e) => data(e, hear))
      source.addEventListener('refused', (e) =>
        data(e, (r: { text?: string }) => {
          source?.close()
          to.reachable(false)
          if (ready) to.renew()
          else reject(new DeviceError('token', r.text))
        }),
      )
      // It connects again by itself; what became of the legs is told then.
      source.addEventListener('error', () => {
        if (!ready) {
          source?.close()
          reject(new DeviceError('network'))
        } else if (!lost) {
          lost = true
          to.reachable(false)
          to.trouble('network', '')
        }
      })
    }
    const device: Device = {
      accept: (id) => act(id, 'answer'),
      reject: (id) => act(id, 'decline'),
      hangup: (id) => act(id, 'hangup'),
      mute: (id, on) => act(id, 'mute', { muted: String(on) }),
      digits: (id, digits) => act(id, 'digits', { digits }),
      update(next) {
        jwt = next
        sign()
      },
      close() {
        source?.close()
        to.reachable(false)
      },
    }
    sign()
  })
}
