// What a screen loads: the data, or the failure, and a way to ask again.

/** One answer of the server. Asking again keeps what is shown until the new answer is there. */
export class Loader<T> {
  data = $state.raw<T | undefined>()
  error = $state.raw<unknown>()
  busy = $state(false)
  #fetch: (signal: AbortSignal) => Promise<T>
  #stop: AbortController | undefined

  constructor(fetch: (signal: AbortSignal) => Promise<T>) {
    this.#fetch = fetch
  }

  again = async (): Promise<void> => {
    this.#stop?.abort()
    const stop = (this.#stop = new AbortController())
    this.busy = true
    try {
      const data = await this.#fetch(stop.signal)
      if (stop !== this.#stop) return
      this.data = data
      this.error = undefined
    } catch (e) {
      if (stop === this.#stop) this.error = e
    } finally {
      if (stop === this.#stop) this.busy = false
    }
  }

  /** Data that came as the answer to something else. What is on its way may be older or newer: it is asked for again. */
  take(data: T) {
    this.data = data
    this.error = undefined
    if (this.busy) void this.again()
  }
}

export interface Part<T> {
  items: T[]
  next?: string
}

/** A list that comes in pages. */
export class Pages<T> {
  items = $state.raw<T[] | undefined>()
  error = $state.raw<unknown>()
  busy = $state(false)
  next = $state<string | undefined>()
  #fetch: (cursor: string | undefined, signal: AbortSignal) => Promise<Part<T>>
  #stop: AbortController | undefined

  constructor(fetch: (cursor: string | undefined, signal: AbortSignal) => Promise<Part<T>>) {
    this.#fetch = fetch
  }

  /** From the first page on. */
  again = (): Promise<void> => this.#load(undefined)
  /** The page after those there are. */
  more = async (): Promise<void> => {
    if (this.next && !this.busy) await this.#load(this.next)
  }

  async #load(cursor: string | undefined) {
    this.#stop?.abort()
    const stop = (this.#stop = new AbortController())
    this.busy = true
    try {
      const part = await this.#fetch(cursor, stop.signal)
      if (stop !== this.#stop) return
      this.items = cursor ? [...(this.items ?? []), ...part.items] : part.items
      this.next = part.next || undefined
      this.error = undefined
    } catch (e) {
      if (stop === this.#stop) this.error = e
    } finally {
      if (stop === this.#stop) this.busy = false
    }
  }
}
