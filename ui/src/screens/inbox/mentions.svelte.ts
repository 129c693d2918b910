import { mentionQuery } from './html'

/** How the handles of colleagues begin, who are named in notes. */
export const COLLEAGUE = 'agent:'

export interface Named {
  handle: string
  name: string
}

/**
 * Naming people with @ while one writes: who is offered for what was typed, and which
 * of them is marked. Asks once, at the first @; where nobody answers, an @ is an @.
 */
export class Mentions {
  /** What was typed after the @, undefined where nobody is being named. */
  typed = $state<string | undefined>()
  at = $state(0)
  #people = $state.raw<readonly Named[] | undefined>()
  #asking = false
  #shut: string | undefined

  constructor(private readonly ask: () => Promise<readonly Named[]>) {}

  readonly offered = $derived.by(() => {
    const part = this.typed?.trimEnd().toLocaleLowerCase()
    return part === undefined ? [] : (this.#people ?? []).filter((p) => ` ${p.name.toLocaleLowerCase()}`.includes(` ${part}`))
  })

  /** The text before the cursor has changed. */
  look(before: string) {
    const query = mentionQuery(before)
    // What was shut with Escape stays shut while the same name is typed on.
    if (query === undefined || (this.#shut !== undefined && !query.startsWith(this.#shut))) this.#shut = undefined
    const typed = this.#shut === undefined ? query : undefined
    if (typed !== this.typed) this.at = 0
    this.typed = typed
    if (typed === undefined || this.#people || this.#asking) return
    this.#asking = true
    this.ask()
      .then((list) => (this.#people = list), () => undefined)
      .finally(() => (this.#asking = false))
  }
  /** Offers nobody; byHand: until another name is begun. */
  shut(byHand = false) {
    if (byHand) this.#shut = this.typed
    this.typed = undefined
  }
  /** What a key does to the open list: nothing, or it is done, or somebody is picked. */
  key(e: Pick<KeyboardEvent, 'key' | 'shiftKey' | 'ctrlKey' | 'metaKey' | 'altKey' | 'isComposing'>): Named | boolean {
    const n = this.offered.length
    if (!n || e.isComposing || e.ctrlKey || e.metaKey || e.altKey || e.shiftKey) return false
    switch (e.key) {
      case 'ArrowDown':
        this.at = (this.at + 1) % n
        return true
      case 'ArrowUp':
        this.at = (this.at + n - 1) % n
        return true
      case 'Escape':
        this.shut(true)
        return true
      case 'Enter':
      case 'Tab':
        return this.offered[this.at]!
    }
    return false
  }
}
