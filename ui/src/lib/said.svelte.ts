// What the hub says to people, in the reader's language: the text's name and what
// stands in its gaps come beside the English, which is shown where there is no
// translation. The translations are fetched when the first one is needed.
import type { Words } from './api/types'
import { dateTime } from './format.svelte'
import { i18n, type Language } from './i18n/index.svelte'

type Texts = Record<string, string>
const load: Partial<Record<Language, () => Promise<{ default: Texts }>>> = {
  fa: () => import('./i18n/said.fa.json'),
  th: () => import('./i18n/said.th.json'),
}

let known = $state.raw<{ language: Language; texts: Texts }>()
let loading: Language | undefined

/** Fetches the translations of the present language, once. */
export async function loadSaid() {
  const language = i18n.language
  const fetch = load[language]
  if (!fetch || known?.language === language || loading === language) return
  loading = language
  try {
    known = { language, texts: (await fetch()).default }
  } finally {
    loading = undefined
  }
}

export function said(text: string | undefined, words: Words | null | undefined): string {
  if (i18n.language === 'en' || !words) return text ?? ''
  if (known?.language !== i18n.language) void loadSaid().catch(() => undefined) // the English text does
  const form = known?.language === i18n.language ? known.texts[words.code] : undefined
  if (!form) return text ?? ''
  return form.replace(/\{(\w+)\}/g, (_, gap: string) => {
    const value = words.with?.[gap] ?? ''
    // What was said elsewhere keeps its own direction.
    return words.parts?.[gap] ? said(value, words.parts[gap]) : `\u2068${when(value)}\u2069`
  })
}

/** A time as the hub writes it in a sentence. */
function when(value: string) {
  const [, day, time] = /^(\d{4}-\d\d-\d\d) (\d\d:\d\d) UTC$/.exec(value) ?? []
  return day ? dateTime(`${day}T${time}:00Z`) : value
}
