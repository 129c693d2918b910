// How a call is worded, on the timeline and where a list tells of it.
import type { Message, Row } from '../../lib/api/types'
import { readable } from '../../lib/channels'
import { type Key, t } from '../../lib/i18n/index.svelte'
import { people } from '../../lib/people.svelte'

type Facts = NonNullable<Message['call']>
type Transfer = NonNullable<Facts['transfers']>[number]

/** What became of a call, or what it is doing now. */
export function callTitle(c: Facts, direction: string): Key {
  const out = direction === 'out'
  switch (c.outcome) {
    case 'answered':
      return out ? 'call.out' : 'call.ringing'
    case 'missed':
      return out ? 'call.unanswered' : 'call.missed'
    case 'voicemail':
    case 'busy':
    case 'failed':
    case 'cancelled':
      return `call.${c.outcome}`
  }
  switch (c.state) {
    case 'waiting':
    case 'dialling':
    case 'talking':
    case 'held':
      return `call.${c.state}`
    case 'ringing':
      return out ? 'call.dialling' : 'call.ringingNow'
  }
  return out ? 'call.out' : 'call.ringing'
}

/** Does it want somebody's attention? */
export const callFailed = (c: Facts) => c.outcome === 'missed' || c.outcome === 'busy' || c.outcome === 'failed'

/** Is it going on? */
export const callLive = (c: Facts) => !c.outcome && !!c.state && c.state !== 'ended'

/** An agent by name, or a number as one reads it. */
export const party = (p: { agent?: number; number?: string }) => (p.agent ? people.name(p.agent) : p.number ? readable(`tel:${p.number}`) : t('agent.unknown'))

export function transferText(x: Transfer): string {
  const names = { name: people.name(x.by), whom: party(x) }
  if (x.result === 'unanswered') return t('call.transferUnanswered', names)
  if (!x.warm) return t('call.transferCold', names)
  return t(x.result === 'done' ? 'call.transferDone' : x.result === 'cancelled' ? 'call.transferCancelled' : 'call.transferWarm', names)
}

/** The last line of a row: what was written, or what became of a call and what was said. */
export const rowPreview = (row: Row) => (row.call ? [t(callTitle(row.call, row.direction)), row.preview].filter(Boolean).join(' · ') : row.preview)
