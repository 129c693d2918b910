// How the columns of a file can be called.
import type { CustomField } from '../../lib/api/card'
import { type Key, t } from '../../lib/i18n/index.svelte'
import { labels } from '../customers/labels'

const own: Record<string, Key> = { '': 'import.nothing', id: 'import.target.id', first: 'import.target.first', last: 'import.target.last', email: 'import.target.email', phone: 'import.target.phone', handles: 'handles.title' }

export const targetName = (target: string, fields: CustomField[]): string => (target in own ? t(own[target]!) : labels(fields).name(target))

/** The name of a country in the language of the screen. */
export function countryName(code: string, language: string): string {
  try {
    return new Intl.DisplayNames(language, { type: 'region' }).of(code) ?? code
  } catch {
    return code
  }
}
