import { type Key, t } from '../../lib/i18n/index.svelte'

const known = ['spouse', 'partner', 'parent', 'child', 'sibling', 'relative', 'friend', 'neighbour', 'colleague', 'manager', 'report', 'assistant', 'principal', 'guardian', 'ward'] as const

/** What people are to each other, in the language of the screen. */
export const relationName = (kind: string): string => ((known as readonly string[]).includes(kind) ? t(`relation.${kind}` as Key) : kind)
