import type { Key } from './i18n/index.svelte'

/** What the "?" sheet shows; the handlers live beside what they act on. */
export const shortcuts: { title: Key; keys: { keys: string[]; text: Key }[] }[] = [
  {
    title: 'keys.go',
    keys: [
      { keys: ['g m', 'g i'], text: 'view.mine' },
      { keys: ['g u'], text: 'view.unassigned' },
      { keys: ['g a'], text: 'view.all' },
      { keys: ['g c'], text: 'rail.customers' },
      { keys: ['g h'], text: 'rail.channels' },
      { keys: ['g s'], text: 'rail.settings' },
    ],
  },
  {
    title: 'keys.everywhere',
    keys: [
      { keys: ['mod+k'], text: 'rail.commands' },
      { keys: ['?'], text: 'rail.keys' },
    ],
  },
]
