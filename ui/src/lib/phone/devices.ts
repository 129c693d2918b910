// The devices of this browser: one for each account at a provider, signed in when needed,
// their tokens renewed in time.
import { type Device, type Listener, opener, type Opener, renewAfter, type Token } from './device'

/** Fewest ms between two asks for a token. */
export const TOKEN_AGAIN = 10_000

interface Signed {
  device: Device
  owner: string
  timer: ReturnType<typeof setTimeout> | undefined
}

/** What the devices tell beside their legs. */
export type Told = Omit<Listener, 'renew' | 'reachable'> & { lost(): void }

export class Devices {
  /** By whom they are signed in as: lines of one account at the provider share a device. */
  #signed = new Map<string, Signed>()
  #byLine = new Map<string, string>()
  #signing = new Map<string, Promise<void>>()
  /** Where a leg rings. */
  #legs = new Map<string, Signed>()
  readonly #to: Told
  readonly #ask: (line: string) => Promise<Token>
  readonly #opener: (kind: string) => Promise<Opener>

  constructor(to: Told, ask: (line: string) => Promise<Token>, open: (kind: string) => Promise<Opener> = opener) {
    this.#to = to
    this.#ask = ask
    this.#opener = open
  }

  get any() {
    return this.#signed.size > 0
  }
  of(leg: string): Device | undefined {
    return this.#legs.get(leg)?.device
  }

  /** Signs in at a line unless that has been done. */
  signIn(line: string): Promise<void> {
    if (this.#byLine.has(line)) return Promise.resolve()
    let p = this.#signing.get(line)
    if (!p) {
      p = this.#sign(line).finally(() => this.#signing.delete(line))
      this.#signing.set(line, p)
    }
    return p
  }

  async #sign(line: string) {
    const token = await this.#ask(line)
    const owner = ownerOf(token)
    if (!this.#signed.has(owner)) {
      const s: Signed = { device: undefined as unknown as Device, owner, timer: undefined }
      const open = await this.#opener(token.address ? 'standin' : token.kind)
      s.device = await open(token, this.#listener(s, line))
      this.#signed.set(owner, s)
      this.#later(s, line, token)
    }
    this.#byLine.set(line, owner)
  }

  #listener(s: Signed, line: string): Listener {
    const to = this.#to
    return {
      ...to,
      ring: (id) => {
        this.#legs.set(id, s)
        to.ring(id)
      },
      end: (id) => {
        this.#legs.delete(id)
        to.end(id)
      },
      reachable: (yes) => {
        if (yes) return
        for (const [id, at] of this.#legs) if (at === s) this.#legs.delete(id)
        if (!this.#legs.size) to.lost()
      },
      renew: () => void this.#renew(s, line),
    }
  }

  #later(s: Signed, line: string, token: Token) {
    clearTimeout(s.timer)
    s.timer = setTimeout(() => void this.#renew(s, line), Math.max(TOKEN_AGAIN, renewAfter(token.expires, Date.now())))
  }
  async #renew(s: Signed, line: string) {
    if (this.#signed.get(s.owner) !== s) return
    clearTimeout(s.timer)
    try {
      const token = await this.#ask(line)
      s.device.update(token.token)
      this.#later(s, line, token)
    } catch (e) {
      this.#to.trouble('token', e instanceof Error ? e.message : '')
      s.timer = setTimeout(() => void this.#renew(s, line), TOKEN_AGAIN)
    }
  }

  /** Signs out everywhere. */
  close() {
    const all = [...this.#signed.values()]
    this.#signed.clear()
    this.#byLine.clear()
    this.#legs.clear()
    for (const s of all) {
      clearTimeout(s.timer)
      s.device.close()
    }
    this.#to.lost()
  }
}

/** Whom a token signs in, and where: the token itself where it does not say. */
export function ownerOf(t: Token): string {
  try {
    const claims = JSON.parse(atob(t.token.split('.')[1]!.replace(/-/g, '+').replace(/_/g, '/'))) as { sub?: string; grants?: { identity?: string } }
    if (claims.sub && claims.grants?.identity) return [t.address ?? t.kind, claims.sub, claims.grants.identity].join(' ')
  } catch {
    // not a JWT
  }
  return t.token
}
