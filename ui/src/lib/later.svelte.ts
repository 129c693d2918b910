// Parts of a screen that its first sight does not need: fetched when the browser has
// nothing better to do, at the latest when they are needed.
import { withTexts } from './i18n/index.svelte'

/** Safari has no idle callback; a moment after the first paint serves as well. */
const idle = (f: () => void) => (typeof requestIdleCallback === 'function' ? requestIdleCallback(f, { timeout: 3000 }) : setTimeout(f, 600))

export class Later<T> {
  /** The part, once it is here. */
  now = $state.raw<T | undefined>()
  /** Why it is not, though it was needed. */
  error = $state.raw<unknown>()
  readonly #load: () => Promise<T>

  constructor(load: () => Promise<T>) {
    this.#load = load
    // If this fails it is asked for again when needed.
    idle(() => void this.#fetch().catch(() => undefined))
  }
  async #fetch() {
    this.now ??= await withTexts(this.#load())
  }
  need() {
    if (this.now) return
    this.error = undefined
    this.#fetch().catch((e: unknown) => (this.error = e))
  }
}
