// The telephone in the browser, whatever carries the voice: one interface, with the
// vendor's library behind it (twilio.ts) or the stand-in of a double (standin.ts).
// It rings, is answered and hung up; what a call is about, holding it and passing it
// on are the hub's business.

/** What the hub gives to sign a device in. */
export interface Token {
  kind: string
  token: string
  /** ISO time after which the token opens nothing. */
  expires: string
  /** Where a stand-in is reached. */
  address?: string
}

/** Why a device does not work, as far as people can do something about it. */
export type Trouble =
  | 'microphone' // the browser or its user refuses it
  | 'nomic' // there is none, or another program holds it
  | 'network' // the line to the provider is lost; the device tries again by itself
  | 'token' // the hub's token was refused: its settings are wrong
  | 'unsupported' // this browser cannot do it, or the page is not safe (https)
  | 'stale' // the page was loaded before there was a line, and may not talk to it
  | 'failed' // anything else; the detail is the vendor's

/** What a device tells. Legs are named as the provider names them, which the hub knows too. */
export interface Listener {
  /** Whether it can be rung now. */
  reachable(yes: boolean): void
  ring(leg: string): void
  /** The voices are connected. */
  open(id: string): void
  /** The leg is over, whoever ended it. */
  end(id: string): void
  mute(id: string, on: boolean): void
  /** What is to be heard, in words: only a device without voices has that to say. */
  heard(id: string, words: string): void
  trouble(t: Trouble, detail: string): void
  /** Nothing is wrong any more. */
  well(): void
  /** The token runs out soon: update() should come. */
  renew(): void
}

export interface Device {
  accept(id: string): void
  reject(id: string): void
  hangup(id: string): void
  mute(id: string, on: boolean): void
  /** 0-9, * and #, as tones for the other side. */
  digits(id: string, digits: string): void
  update(token: string): void
  close(): void
}

/** Signs a device in. It rejects with a DeviceError when that cannot succeed. */
export type Opener = (token: Token, to: Listener) => Promise<Device>

export class DeviceError extends Error {
  constructor(
    readonly trouble: Trouble,
    detail = '',
  ) {
    super(detail)
  }
}

/** The implementation for a kind of token; each is a file of its own, fetched when needed. */
export async function opener(kind: string): Promise<Opener> {
  if (kind === 'twilio') return (await import('./twilio')).open
  return (await import('./standin')).open
}

/** How long before its end a token is renewed: a quarter of its life, at most five minutes. */
export function renewAfter(expires: string, now: number): number {
  const life = Date.parse(expires) - now
  if (!(life > 0)) return 0
  return life - Math.min(300_000, life / 4)
}
