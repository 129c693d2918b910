// The live connection: one websocket that resumes after the last entry it got and
// heals itself. It knows nothing of screens; frames go to subscribers.
import type { EntryFrame, Frame } from './frames'
import { Sequence } from './sequence'

export type Phase = 'off' | 'connecting' | 'catching_up' | 'live' | 'waiting'

/** Limits of the connection, in milliseconds. */
export const PING_EVERY = 20_000
export const PONG_WITHIN = 8_000
export const CONNECT_WITHIN = 10_000
export const BACKOFF_FIRST = 400
export const BACKOFF_MAX = 20_000

/** Waiting time before try n (from 0): doubling, with half of it random. */
export function backoff(n: number, random = Math.random): number {
  const full = Math.min(BACKOFF_MAX, BACKOFF_FIRST * 2 ** n)
  return full / 2 + (full / 2) * random()
}

export interface SocketLike {
  readyState: number
  send(text: string): void
  close(): void
  onopen: (() => void) | null
  onmessage: ((e: { data: unknown }) => void) | null
  onclose: ((e: { code: number }) => void) | null
}

interface Listener {
  entry?: (f: EntryFrame) => void
  frame?: (f: Frame) => void
  /** Everything on the screen may be out of date: load it again, quietly. */
  reset?: () => void
}

export class Connection {
  readonly sequence = new Sequence()
  #open: (since: number) => SocketLike
  #changed: (phase: Phase, last: number) => void
  #socket: SocketLike | undefined
  #listeners = new Set<Listener>()
  #phase: Phase = 'off'
  #tries = 0
  #timer: ReturnType<typeof setTimeout> | undefined
  #heart: ReturnType<typeof setTimeout> | undefined
  #last = 0
  #view = ''

  constructor(open: (since: number) => SocketLike, changed: (phase: Phase, last: number) => void = () => {}) {
    this.#open = open
    this.#changed = changed
  }

  get phase() {
    return this.#phase
  }

  subscribe(l: Listener): () => void {
    this.#listeners.add(l)
    return () => this.#listeners.delete(l)
  }

  /** Starts from a page's seq; does nothing if already started. */
  start(seq: number) {
    if (this.#phase !== 'off') return
    this.sequence.start(seq)
    this.#connect()
  }

  stop() {
    this.#drop()
    clearTimeout(this.#timer)
    this.#set('off')
  }

  /** Try now: the network is back, or somebody looks at the page again. */
  nudge() {
    if (this.#phase === 'waiting') {
      clearTimeout(this.#timer)
      this.#connect()
    } else if (this.#phase === 'live') this.#ping()
  }

  /** Tells the others which conversation is open here and whether we type. */
  view(conversation: number, typing: boolean) {
    const text = JSON.stringify({ type: 'view', conversation, typing })
    if (text === this.#view) return
    this.#view = text
    this.#send(text)
  }

  #connect() {
    this.#drop()
    this.#set('connecting')
    let s: SocketLike
    try {
      s = this.#open(this.sequence.seq)
    } catch {
      this.#retry()
      return
    }
    this.#socket = s
    this.#heart = setTimeout(() => this.#retry(), CONNECT_WITHIN)
    s.onmessage = (e) => {
      if (s !== this.#socket) return
      let f: Frame
      try {
        f = JSON.parse(String(e.data)) as Frame
      } catch {
        return
      }
      this.#take(f)
    }
    s.onclose = () => {
      if (s === this.#socket) this.#retry()
    }
  }

  #take(f: Frame) {
    this.#last = Date.now()
    this.#beat()
    if (f.type === 'hello') {
      this.#set('catching_up')
      if (this.#view) this.#send(this.#view)
    }
    switch (this.sequence.take(f)) {
      case 'apply':
        for (const l of [...this.#listeners]) l.entry?.(f as EntryFrame)
        break
      case 'gap':
        this.#connect()
        return
      case 'reset':
        for (const l of [...this.#listeners]) l.reset?.()
        break
      case 'pass':
        if (f.type === 'live') {
          this.#tries = 0
          this.#set('live')
        }
        for (const l of [...this.#listeners]) l.frame?.(f)
        break
    }
  }

  /** After silence ask; without an answer the connection is dead, whatever the browser thinks. */
  #beat() {
    clearTimeout(this.#heart)
    this.#heart = setTimeout(() => this.#ping(), PING_EVERY)
  }
  #ping() {
    this.#send('{"type":"ping"}')
    clearTimeout(this.#heart)
    this.#heart = setTimeout(() => this.#retry(), PONG_WITHIN)
  }

  #retry() {
    this.#drop()
    this.#set('waiting')
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => this.#connect(), backoff(this.#tries++))
  }
  #drop() {
    clearTimeout(this.#heart)
    const s = this.#socket
    this.#socket = undefined
    if (s) {
      s.onmessage = s.onclose = null
      s.close()
    }
  }
  #send(text: string) {
    if (this.#socket?.readyState === 1) this.#socket.send(text)
  }
  #set(p: Phase) {
    this.#phase = p
    this.#changed(p, this.#last)
  }
}
