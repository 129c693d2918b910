// Single-key shortcuts. They work on any keyboard layout (a Persian or Thai one
// gives the letter of the key's place) and never while somebody types.

/** Handlers by chord: "j", "shift+x", "mod+k", "?", "g i". mod is Ctrl, or Cmd on a Mac. */
export type Keymap = Record<string, (e: KeyboardEvent) => void | false>

export const mac = typeof navigator !== 'undefined' && /Mac|iPhone|iPad/.test(navigator.platform)

const places: Record<string, [string, string]> = {
  Slash: ['/', '?'],
  BracketLeft: ['[', '{'],
  BracketRight: [']', '}'],
  Period: ['.', '>'],
  Comma: [',', '<'],
}

/** The chord of a key press, "" for a lone modifier. */
export function chord(e: Pick<KeyboardEvent, 'key' | 'code' | 'shiftKey' | 'ctrlKey' | 'metaKey' | 'altKey'>): string {
  if (['Shift', 'Control', 'Meta', 'Alt', 'AltGraph', 'Dead', 'Process'].includes(e.key)) return ''
  const mod = mac ? e.metaKey : e.ctrlKey
  let key = e.key
  // A layout without Latin letters: take the place of the key instead.
  if (key.length === 1 && key.charCodeAt(0) > 0x7f) {
    if (/^Key[A-Z]$/.test(e.code)) key = e.code.slice(3).toLowerCase()
    else if (/^Digit\d$/.test(e.code)) key = e.code.slice(5)
    else if (places[e.code]) key = places[e.code]![e.shiftKey ? 1 : 0]!
  }
  const letter = /^[a-z]$/i.test(key)
  if (letter) key = key.toLowerCase()
  let out = ''
  if (mod) out += 'mod+'
  if (e.altKey) out += 'alt+'
  // A sign such as ? already says that Shift was held.
  if (e.shiftKey && (letter || key.length > 1)) out += 'shift+'
  return out + key
}

/** Does this element take text? Then plain keys belong to it. */
export function typing(target: EventTarget | null): boolean {
  if (!(target instanceof HTMLElement)) return false
  if (target.isContentEditable || target.getAttribute('contenteditable') === 'true') return true
  if (target instanceof HTMLInputElement) return !['checkbox', 'radio', 'button', 'submit', 'reset', 'file', 'range', 'color'].includes(target.type)
  return target instanceof HTMLTextAreaElement || target instanceof HTMLSelectElement
}

/** Is the element in something that floats above the page and has keys of its own? */
const floating = (target: EventTarget | null) =>
  target instanceof HTMLElement && !!target.closest('[role="dialog"],[role="menu"],[role="listbox"],[role="alertdialog"]')

export class Keys {
  #maps: Keymap[] = []
  #prefix = ''
  #timer: ReturnType<typeof setTimeout> | undefined

  /** Adds handlers on top of those there are; returns what takes them away. */
  bind(map: Keymap): () => void {
    this.#maps.push(map)
    return () => {
      this.#maps = this.#maps.filter((m) => m !== map)
    }
  }

  handle(e: KeyboardEvent): void {
    if (e.defaultPrevented || e.isComposing) return
    const c = chord(e)
    if (!c) return
    const plain = !c.startsWith('mod+')
    if (plain && (e.altKey || e.ctrlKey || e.metaKey || typing(e.target) || floating(e.target))) {
      this.#prefix = ''
      return
    }
    // Enter and Space belong to a focused button or link.
    if ((c === 'Enter' || c === ' ') && e.target instanceof HTMLElement && e.target.closest('button,a,[role="button"],summary')) return
    const sequence = this.#prefix ? this.#prefix + ' ' + c : c
    this.#clear()
    for (let i = this.#maps.length - 1; i >= 0; i--) {
      const run = this.#maps[i]![sequence]
      if (run && run(e) !== false) {
        e.preventDefault()
        return
      }
    }
    if (this.#maps.some((m) => Object.keys(m).some((k) => k.startsWith(sequence + ' ')))) {
      this.#prefix = sequence
      this.#timer = setTimeout(() => this.#clear(), 1200)
      e.preventDefault()
    }
  }

  #clear() {
    this.#prefix = ''
    clearTimeout(this.#timer)
  }
}

/** The app's one set; App.svelte feeds it. */
export const keys = new Keys()
