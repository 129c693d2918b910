// How the columns of a file can be called.
import type { CustomField } from '../../lib/api/card'
import { t } from '../../lib/i18n/index.svelte'
import { labels } from '../customers/labels'
import { w } from './words'

const own = { '': 'nothing', id: 'target.id', first: 'target.first', last: 'target.last', email: 'target.email', phone: 'target.phone' } as const

export const targetName = (target: string, fields: CustomField[]): string => (target === 'handles' ? t('handles.title') : target in own ? w(own[target as keyof typeof own]) : labels(fields).name(target))

/** The name of a country in the language of the screen. */
export function countryName(code: string, language: string): string {
  try {
    return new Intl.DisplayNames(language, { type: 'region' }).of(code) ?? code
  } catch {
    return code
  }
}
