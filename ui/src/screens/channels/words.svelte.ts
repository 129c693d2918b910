// The words of a setting in the language of the screen. The hub describes its
// settings in English; other languages have theirs here, by channel and key, and a
// setting they do not know yet is shown in the hub's words.
import type { Field, Preset } from '../../lib/api/types'
import { i18n, type Language } from '../../lib/i18n/index.svelte'

export interface Words {
  label: string
  help?: string
  choices?: Record<string, string>
}
export interface Dictionary {
  fields: Record<string, Words>
  presets: Record<string, { name?: string; help?: string }>
}

const load: Partial<Record<Language, () => Promise<Dictionary>>> = {
  fa: async () => (await import('./words.fa')).words,
  th: async () => (await import('./words.th')).words,
}

let dictionary = $state.raw<{ language: Language; words: Dictionary } | undefined>()

/** Fetches the words of the present language; call it in an effect. */
export async function loadWords(): Promise<void> {
  const language = i18n.language
  const fetch = load[language]
  if (!fetch || dictionary?.language === language) return
  const words = await fetch()
  if (i18n.language === language) dictionary = { language, words }
}

const here = () => (dictionary?.language === i18n.language ? dictionary.words : undefined)

export function words(channel: string, f: Field): Words {
  return here()?.fields[`${channel}.${f.key}`] ?? { label: f.label, help: f.help }
}

export function presetWords(channel: string, p: Preset): { name: string; help: string } {
  const known = here()?.presets[`${channel}.${p.name}`]
  return { name: known?.name ?? p.name, help: known?.help ?? p.help ?? '' }
}
