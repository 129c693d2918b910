// What conversations can be about, as administrators have it.
import { getPurposes, type Purpose } from './api/preferences'
import { Followed } from './followed.svelte'
import { i18n } from './i18n/index.svelte'

const all = new Followed<Purpose>(async () => (await getPurposes()).purposes ?? [], 'purposes.changed')

export const purposes = {
  want: all.want,
  /** Those that are offered, in order. */
  get offered(): Purpose[] {
    return all.list.filter((p) => !p.archived)
  },
  name(key: string | undefined): string {
    if (!key) return ''
    const p = all.list.find((x) => x.key === key)
    return p?.names?.[i18n.language] || p?.names?.['en'] || key
  },
}
