// How a call is worded, on the timeline and where a list tells of it.
import type { Message, Row } from '../../lib/api/types'
import { type Key, t } from '../../lib/i18n/index.svelte'

type Outcome = NonNullable<Message['call']>['outcome']

export const callWords = (o: Outcome): Key => (o === 'missed' || o === 'voicemail' || o === 'busy' || o === 'failed' ? `call.${o}` : 'call.ringing')

/** The last line of a row: what was written, or what became of a call and what was said. */
export const rowPreview = (row: Row) => (row.call ? [t(callWords(row.call.outcome)), row.preview].filter(Boolean).join(' · ') : row.preview)
