// What conversations can be about, as administrators have it.
import { getPurposes } from './api/preferences'
import type { Purpose } from './api/preferences'
import { i18n } from './i18n/index.svelte'
import { connection } from './live/live.svelte'

let list = $state.raw<Purpose[]>([])
let asked = false

async function load() {
  try {
    list = (await getPurposes()).purposes ?? []
  } catch {
    asked = false // the next who looks asks again
  }
}

/** Loads them once, and again when somebody changed them. */
function want() {
  if (asked) return
  asked = true
  void load()
  connection.subscribe({ entry: (f) => f.entry.kind === 'purposes.changed' && void load(), reset: () => void load() })
}

export const purposes = {
  want,
  /** Those that are offered, in order. */
  get offered(): Purpose[] {
    return list.filter((p) => !p.archived)
  },
  name(key: string | undefined): string {
    if (!key) return ''
    const p = list.find((x) => x.key === key)
    return p?.names?.[i18n.language] || p?.names?.['en'] || key
  },
}
