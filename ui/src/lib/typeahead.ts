// What is typed between the key that asks for a place to write ("r") and the moment
// that place has the focus: a conversation may still be on its way, a dialog may still
// be closing. These letters are text: they must not be lost, and never act as commands.

/** Nobody types more than this while a page loads; a key that hangs might. */
const MOST = 4000

export class TypeAhead {
  #text: string | undefined

  /** From now on keys are text for a place that is being made. */
  wait() {
    this.#text ??= ''
  }
  get waiting() {
    return this.#text !== undefined
  }
  /** The place has the focus: what was typed meanwhile; keys go their usual way again. */
  take(): string {
    const text = this.#text ?? ''
    this.#text = undefined
    return text
  }

  /** Has to see a key before anything else does: a listener on window that captures. */
  handle(e: KeyboardEvent): void {
    if (this.#text === undefined || e.isComposing) return
    // AltGr looks like Ctrl+Alt on some systems, and makes signs such as @.
    const sign = [...e.key].length === 1 && (!!e.getModifierState?.('AltGraph') || (!e.ctrlKey && !e.metaKey && !e.altKey))
    if (sign) this.#text += e.key
    else if (e.key === 'Enter' && !e.altKey && !e.metaKey && !e.ctrlKey) this.#text += '\n'
    else if (e.key === 'Backspace') this.#text = [...this.#text].slice(0, -1).join('')
    else if (e.key === 'Escape' || ((e.ctrlKey || e.metaKey || e.altKey) && e.key.length === 1)) {
      // Somebody wants something else after all.
      this.#text = undefined
      return
    } else if (/^F\d+$/.test(e.key)) return
    if (this.#text.length > MOST) this.#text = this.#text.slice(0, MOST)
    e.preventDefault()
    e.stopPropagation()
  }
}

/** The app's one; main.ts feeds it. */
export const typeAhead = new TypeAhead()
