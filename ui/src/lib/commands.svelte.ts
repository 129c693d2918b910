// Commands of the palette. Screens register theirs while they are shown.
import { untrack } from 'svelte'
import type { IconName } from './components/icons'
import { typeAhead } from './typeahead'

export interface Command {
  id: string
  label: string
  icon?: IconName
  keys?: string
  /** Other words it is found by. */
  words?: string[]
  /** It opens a place to write in: what is typed after it is text. */
  writes?: boolean
  run: () => void
}

let groups = $state.raw<(() => Command[])[]>([])

export const commands = {
  get all(): Command[] {
    return groups.flatMap((g) => g())
  },
  /** The function is read whenever the palette opens, so it may look at state. */
  register(group: () => Command[]): () => void {
    // Untracked: an effect that registers must not depend on what others register.
    untrack(() => (groups = [...groups, group]))
    return () => untrack(() => (groups = groups.filter((g) => g !== group)))
  },
}

/** What is open over the screen. */
export const overlay = $state({ palette: false, keys: false })

/** What is typed from now on is looked for. */
export function openPalette() {
  if (!overlay.palette) typeAhead.wait()
  overlay.palette = true
}
