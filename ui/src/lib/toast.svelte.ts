// Short messages at the foot of the screen, with at most one action.
export interface Toast {
  id: number
  text: string
  tone: 'plain' | 'good' | 'bad'
  action?: { label: string; testid?: string; run: () => void | Promise<void> }
  /** When it goes away; 0 = when closed. */
  until: number
}

let next = 1
let items = $state.raw<Toast[]>([])
export const toasts = {
  get items() {
    return items
  },
  close(id: number) {
    items = items.filter((t) => t.id !== id)
  },
}

export function toast(text: string, o: { tone?: Toast['tone']; action?: Toast['action']; seconds?: number } = {}): number {
  const id = next++
  const seconds = o.seconds ?? (o.tone === 'bad' ? 10 : 5)
  items = [...items.slice(-3), { id, text, tone: o.tone ?? 'plain', action: o.action, until: seconds ? Date.now() + seconds * 1000 : 0 }]
  if (seconds) setTimeout(() => toasts.close(id), seconds * 1000)
  return id
}
