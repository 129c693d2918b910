// How documents are called and marked on the screens.
import type { DocumentVersion, LibraryDocument } from '../../lib/api/types'
import type { IconName } from '../../lib/components/icons'
import { date } from '../../lib/format.svelte'
import { t } from '../../lib/i18n/index.svelte'
import { rules } from './rules.svelte'

const named = ['contract', 'offer', 'invoice', 'order', 'certificate', 'identity', 'other'] as const

/** The name of a type: what administrators called it, else ours. */
export function typeName(key: string): string {
  const own = rules.types.find((x) => x.key === key)?.name
  if (own) return own
  const known = named.find((k) => k === key)
  return known ? t(`doctype.${known}`) : key
}

export const kindOf = (v: DocumentVersion): 'image' | 'pdf' | 'text' | '' =>
  /^image\/(png|jpeg|gif|webp|avif)$/.test(v.content_type) ? 'image' : v.content_type === 'application/pdf' ? 'pdf' : /^text\/(plain|csv)$/.test(v.content_type) ? 'text' : ''

export const fileIcon = (v: DocumentVersion): IconName => (kindOf(v) === 'image' ? 'image' : /^text\//.test(v.content_type) ? 'note' : 'file')

const DAY = 86_400_000
/** When it expires, in words, once that is near or over. */
export function expiry(d: LibraryDocument, now: number): { tone: 'bad' | 'warn' | 'plain'; text: string } | undefined {
  if (!d.expires) return undefined
  const at = d.expires + 'T12:00:00'
  if (d.expired) return { tone: 'bad', text: t('doc.expired', { time: date(at) }) }
  const near = Date.parse(d.expires) - now < Math.max(d.remind, 7) * DAY
  return { tone: near ? 'warn' : 'plain', text: t('doc.expiresOn', { time: date(at) }) }
}
