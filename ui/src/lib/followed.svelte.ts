// Lists that administrators decide about and many screens show.
import { connection } from './live/live.svelte'

/** A list that is read once for all screens, and again when the stream tells that somebody changed it. */
export class Followed<T> {
  list = $state.raw<T[]>([])
  #read: () => Promise<T[]>
  #kind: string
  #asked = false
  #follows = false

  /** kind is that of the event which tells of a change. */
  constructor(read: () => Promise<T[]>, kind: string) {
    this.#read = read
    this.#kind = kind
  }

  /** Reads it, unless somebody has asked before. */
  want = () => {
    if (this.#asked) return
    this.#asked = true
    void this.#load()
    if (this.#follows) return
    this.#follows = true
    connection.subscribe({ entry: (f) => f.entry.kind === this.#kind && void this.#load(), reset: () => void this.#load() })
  }

  async #load() {
    try {
      this.list = await this.#read()
    } catch {
      this.#asked = false // the next who looks asks again
    }
  }
}
