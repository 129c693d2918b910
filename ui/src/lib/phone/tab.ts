// Of several tabs of one browser one is the telephone: it holds a lock of the browser,
// and the next in line follows when it closes. The others have it act for them.

/** What one tab tells the others. */
export type Told =
  | { type: 'ready' } // whether calls are taken has changed: ask the hub
  | { type: 'do'; ask: string; act: 'take' | 'decline'; message: number }
  | { type: 'do'; ask: string; act: 'call'; to: string; account?: string; conversation?: number; anyway?: boolean }
  | { type: 'done'; ask: string } // the telephone has taken this wish over

type Wish<T = Told> = T extends { type: 'do' } ? Omit<T, 'type' | 'ask'> : never

/** How long the telephone may take to say that it has a wish, in ms. */
export const HEARD_WITHIN = 1000

interface Line {
  postMessage(m: Told): void
  onmessage: ((e: MessageEvent<Told>) => void) | null
}
type Locks = Pick<LockManager, 'request'>

export class Tab {
  /** Is this tab the telephone? Without locks every tab is. */
  holds: boolean
  readonly #name: string
  readonly #locks: Locks | undefined
  readonly #line: Line | undefined
  readonly #to: { held(): void; told(m: Told): void }
  readonly #asked = new Map<string, (heard: boolean) => void>()
  #waiting: AbortController | undefined
  #release: (() => void) | undefined

  constructor(name: string, to: { held(): void; told(m: Told): void }, locks: Locks | undefined, line: Line | undefined) {
    this.#name = name
    this.#to = to
    this.#locks = line && locks
    this.#line = line
    this.holds = !this.#locks
    if (line) line.onmessage = (e) => this.#hear(e.data)
  }

  /** Whether this tab is the telephone now; if another one is, it stands in line. */
  async want(): Promise<boolean> {
    const locks = this.#locks
    if (!locks || this.holds) return true
    if (this.#waiting) return false
    const stop = (this.#waiting = new AbortController())
    const now = await new Promise<boolean>((resolve) => {
      locks
        .request(this.#name, { ifAvailable: true }, (lock) => {
          resolve(!!lock && !stop.signal.aborted)
          return lock && !stop.signal.aborted ? this.#hold() : undefined
        })
        .catch(() => resolve(false))
    })
    if (now || stop.signal.aborted) return now
    void locks
      .request(this.#name, { signal: stop.signal }, () => {
        const held = this.#hold()
        this.#to.held()
        return held
      })
      .catch(() => undefined) // left the line
    return false
  }

  #hold() {
    this.holds = true
    return new Promise<void>((done) => (this.#release = done))
  }

  /** Gives it up, and the place in line. */
  leave() {
    this.#waiting?.abort()
    this.#waiting = undefined
    this.#release?.()
    this.#release = undefined
    if (this.#locks) this.holds = false
  }

  tell(m: Told) {
    this.#line?.postMessage(m)
  }

  /** Has the telephone do something; false if no other tab took it over. */
  ask(wish: Wish): Promise<boolean> {
    if (!this.#line) return Promise.resolve(false)
    const ask = crypto.randomUUID()
    return new Promise((resolve) => {
      const timer = setTimeout(() => end(false), HEARD_WITHIN)
      const end = (heard: boolean) => {
        clearTimeout(timer)
        this.#asked.delete(ask)
        resolve(heard)
      }
      this.#asked.set(ask, end)
      this.tell({ type: 'do', ask, ...wish } as Told)
    })
  }

  #hear(m: Told) {
    if (m.type === 'done') this.#asked.get(m.ask)?.(true)
    else if (m.type === 'ready') this.#to.told(m)
    else if (this.holds) {
      this.tell({ type: 'done', ask: m.ask })
      this.#to.told(m)
    }
  }
}
