// How the fields of a card are called and read.
import type { CustomField } from '../../lib/api/card'
import { date } from '../../lib/format.svelte'
import { i18n, type Key, t } from '../../lib/i18n/index.svelte'
import { people } from '../../lib/people.svelte'
import { agentOf, languageName } from './handles'

const names: Record<string, Key> = {
  name: 'card.name',
  company: 'card.company',
  note: 'card.note',
  language: 'card.language',
  time_zone: 'card.timeZone',
  goals: 'card.goals',
  interests: 'card.interests',
  dos: 'card.dos',
  donts: 'card.donts',
  next_step: 'card.nextStep',
  next_date: 'card.nextDate',
  owner: 'card.owner',
  tags: 'card.tags',
}

export interface Labels {
  name: (field: string) => string
  show: (field: string, value: string) => string
}

/** Who wrote something: a colleague, an import, the hub. */
export function byName(by: string): string {
  const id = agentOf(by)
  if (id) return people.name(id)
  return by.startsWith('import:') ? t('by.import') : t('by.hub')
}

const plainDate = (s: string) => {
  const d = new Date(`${s}T12:00:00`)
  return isNaN(d.getTime()) ? s : date(d)
}

/** How the value of a custom field reads. */
export function showCustom(kind: CustomField['kind'] | undefined, value: string): string {
  if (!value) return ''
  switch (kind) {
    case 'date':
      return plainDate(value)
    case 'yes_no':
      return t(value === 'yes' ? 'yes' : 'no')
    case 'number': {
      // Numbers can be longer than the machine's: the text is formatted, not a float.
      return new Intl.NumberFormat(i18n.language, { maximumFractionDigits: 15 }).format(value as unknown as number)
    }
  }
  return value
}

export function labels(fields: CustomField[]): Labels {
  const custom = (field: string) => fields.find((f) => `field:${f.id}` === field)
  return {
    name: (field) => custom(field)?.name ?? (names[field] ? t(names[field]) : field),
    show(field, value) {
      if (field === 'owner') return Number(value) ? people.name(Number(value)) : ''
      if (field === 'next_date') return value && plainDate(value)
      if (field === 'language') return value && languageName(value, i18n.language)
      if (field === 'tags') return value.split('\n').join(', ')
      if (field.startsWith('field:')) return showCustom(custom(field)?.kind, value)
      return value
    },
  }
}
