// All texts of the app. English is the type: a language that misses a key, has one
// too many or gives a plain text for a plural does not compile.
import { en } from './en'
import type { later } from './en.later'
import type { Plural, Texts } from './texts'
type English = typeof en & typeof later
export type Key = keyof English
export type Catalogue = Texts<English>
export type Language = 'en' | 'fa' | 'th'
type Params = Record<string, string | number>

export const languages: { id: Language; name: string }[] = [
  { id: 'en', name: 'English' },
  { id: 'fa', name: 'فارسی' },
  { id: 'th', name: 'ไทย' },
]

/** English, as far as it has been fetched. The other languages are whole. */
let english = en as unknown as Catalogue

let rest: Promise<void> | undefined
const restOfEnglish = () =>
  (rest ??= import('./en.later').then(
    ({ later }) => {
      english = { ...en, ...later }
      if (language === 'en') catalogue = english
    },
    (e) => {
      rest = undefined // to be asked for again
      throw e
    },
  ))

/** Fetches a part of the app, and with it the texts that it may show. */
export async function withTexts<T>(part: Promise<T>): Promise<T> {
  const [loaded] = await Promise.all([part, restOfEnglish()])
  return loaded
}

const load: Record<Language, () => Promise<Catalogue>> = {
  en: async () => english,
  fa: async () => (await import('./fa')).fa,
  th: async () => (await import('./th')).th,
}

let language = $state<Language>('en')
let catalogue = $state.raw<Catalogue>(en as unknown as Catalogue)
let plural = new Intl.PluralRules('en')
let number = new Intl.NumberFormat('en')

export const i18n = {
  get language() {
    return language
  },
  get dir(): 'ltr' | 'rtl' {
    return language === 'fa' ? 'rtl' : 'ltr'
  },
}

/** What the browser asks for, if we speak it. */
export function preferredLanguage(): Language {
  for (const l of navigator.languages ?? []) {
    const id = l.slice(0, 2)
    if (id === 'en' || id === 'fa' || id === 'th') return id
  }
  return 'en'
}

export async function setLanguage(id: Language) {
  const next = await load[id]()
  plural = new Intl.PluralRules(id)
  number = new Intl.NumberFormat(id)
  catalogue = next
  language = id
  document.documentElement.lang = id
  document.documentElement.dir = id === 'fa' ? 'rtl' : 'ltr'
}

const latin = /\p{Script=Latin}|\p{Script=Thai}|\p{Script=Cyrillic}|\p{Script=Greek}|\p{Script=Han}/u
const rightToLeft = /[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc]/
/** Digits in groups would change places in a sentence that runs from right to left. */
const telephone = /^\+?\d[\d ]+$/
/** A name that runs the other way stays a unit, and does not turn the sentence around it. */
const isolate = (s: string) =>
  telephone.test(s) ? (i18n.dir === 'rtl' ? `\u2066${s}\u2069` : s) : (i18n.dir === 'rtl' ? latin : rightToLeft).test(s) ? `\u2068${s}\u2069` : s

/** Tells whether there is a text of this key, for keys that are made of what the hub says. */
export const hasText = (key: string): key is Key => key in catalogue

/**
 * The text for a key. `{name}` is replaced by the parameter of that name; numbers
 * are written in the language's digits. Plurals choose by the parameter `n`.
 */
export function t(key: Key, params?: Params): string {
  const entry: string | Plural = catalogue[key]
  const text = typeof entry === 'string' ? entry : (entry[plural.select(Number(params?.n ?? 0))] ?? entry.other)
  if (!params) return text
  return text.replace(/\{(\w+)\}/g, (whole, name: string) => {
    const v = params[name]
    if (v === undefined) return whole
    return typeof v === 'number' ? number.format(v) : isolate(v)
  })
}
