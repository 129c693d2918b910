// A grid of buttons is one stop for the Tab key; the arrow keys go on inside it, as
// it is seen, so that they need not know whether the page reads right to left.
import type { Attachment } from 'svelte/attachments'

export interface Place {
  x: number
  y: number
}

const ways: Record<string, Place> = { ArrowLeft: { x: -1, y: 0 }, ArrowRight: { x: 1, y: 0 }, ArrowUp: { x: 0, y: -1 }, ArrowDown: { x: 0, y: 1 } }

/** The index of the nearest place that an arrow key leads to from one of them, in its row or column; -1 where there is none. */
export function toward(places: readonly Place[], from: number, key: string): number {
  const way = ways[key]
  const at = places[from]
  if (!way || !at) return -1
  let best = -1
  let near = Infinity
  places.forEach((p, i) => {
    const along = (p.x - at.x) * way.x + (p.y - at.y) * way.y
    const aside = Math.abs(p.x - at.x) * Math.abs(way.y) + Math.abs(p.y - at.y) * Math.abs(way.x)
    if (along > 1 && aside < 2 && along < near) [best, near] = [i, along]
  })
  return best
}

/** Made again whenever what it is given changes: with it the buttons may be others. */
export function roving(_about: unknown): Attachment<HTMLElement> {
  return (node) => {
    const buttons = () => [...node.querySelectorAll<HTMLButtonElement>('button:enabled')]
    const enter = (at?: HTMLElement) => {
      for (const b of buttons()) b.tabIndex = b === at ? 0 : -1
    }
    const focus = (e: FocusEvent) => enter(e.target as HTMLElement)
    const key = (e: KeyboardEvent) => {
      const list = buttons()
      const places = list.map((b) => b.getBoundingClientRect()).map((r) => ({ x: r.left + r.width / 2, y: r.bottom }))
      const to = e.altKey || e.ctrlKey || e.metaKey ? -1 : toward(places, list.indexOf(e.target as HTMLButtonElement), e.key)
      if (to < 0) return
      e.preventDefault()
      list[to]!.focus()
    }
    enter(buttons().find((b) => b === document.activeElement) ?? buttons()[0])
    node.addEventListener('focusin', focus)
    node.addEventListener('keydown', key)
    return () => {
      node.removeEventListener('focusin', focus)
      node.removeEventListener('keydown', key)
    }
  }
}
