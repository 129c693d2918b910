// How calls are worded wherever they stand.
import { readable } from '../../lib/channels'
import { type Key, t } from '../../lib/i18n/index.svelte'
import { people } from '../../lib/people.svelte'
import type { Card, HubCall } from '../../lib/phone/state'

/** Numbers that are withheld have handles of their own. */
export const withheld = (handle: string) => handle.startsWith('unknown:')

/** Who is at the other side: a name if there is one, else the number. */
export const caller = (c: Pick<HubCall, 'customer' | 'handle'>) =>
  c.customer.name && !/^\+?\d+$/.test(c.customer.name) ? c.customer.name : withheld(c.handle) ? t('call.withheld') : readable(c.handle) || t('call.withheld')

/** Our number, as one reads it. */
export const lineOf = (c: Pick<HubCall, 'line' | 'lineName'>) => c.lineName || (c.line ? readable(`tel:${c.line}`) : '')

/** To whom a call goes, or who is asked. */
const nameOf = (whom?: { agent: number; number: string }) => (whom?.agent ? people.name(whom.agent) : whom?.number ? readable(`tel:${whom.number}`) : '')

/** What a card says of its stage, with how long it has lasted. */
export function stageText(c: Card, time: string): string {
  switch (c.stage) {
    case 'rings':
      return t('phone.rings', { time })
    case 'connecting':
      return t('phone.connecting')
    case 'dialling':
      return t('phone.dialling', { time })
    case 'talking':
      return c.call.passing ? t('phone.passing', { time, name: nameOf(c.call.passing) }) : t('phone.talking', { time })
    case 'held':
      return t('phone.held', { time })
    case 'consulting': {
      const whom = c.call.consult
      return t(whom?.open ? 'phone.consulting' : 'phone.consultRings', { time, name: nameOf(whom) })
    }
    case 'wrapup':
      return t('phone.over')
  }
}

/** What calls are about. The hub keeps the words; others than these are shown as they are. */
export const reasons = ['question', 'order', 'appointment', 'complaint', 'callback', 'wrong_number', 'other'] as const
export const reasonText = (r: string) => ((reasons as readonly string[]).includes(r) ? t(`wrapup.${r}` as Key) : r)
