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
  /** What a test of the settings does: the part of a step's name after "imap: ". */
  steps: Record<string, string>
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

/** A step of a test, "imap: open folder Archive": server and object keep their names. */
export function stepWords(name: string): string {
  const [, server = '', what = ''] = /^(\w+): (.*)$/s.exec(name) ?? []
  const known = here()?.steps ?? {}
  const at = Object.keys(known).find((k) => what === k || what.startsWith(`${k} `))
  if (!at) return name
  const object = what.slice(at.length).trim()
  return `${known[at]}${object && ` \u2068${object}\u2069`} (${server.toUpperCase()})`
}
