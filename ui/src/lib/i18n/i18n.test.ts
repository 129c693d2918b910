import { describe, expect, it } from 'vitest'
import { en as first } from './en'
import { later } from './en.later'
import { fa } from './fa'
import { setLanguage, t } from './index.svelte'
import { th } from './th'

const en = { ...first, ...later }
type Entry = string | Record<string, string>
const all: Record<string, Record<string, Entry>> = { en, fa, th }
const texts = (e: Entry) => (typeof e === 'string' ? [e] : Object.values(e))
const params = (s: string) => [...s.matchAll(/\{(\w+)\}/g)].map((m) => m[1]!).sort()

describe('catalogues', () => {
  it.each(['fa', 'th'])('%s has exactly the keys of English', (l) => {
    expect(Object.keys(all[l]!).sort()).toEqual(Object.keys(en).sort())
  })
  it.each(['en', 'fa', 'th'])('%s has no empty text and only the parameters of English', (l) => {
    for (const [key, entry] of Object.entries(all[l]!)) {
      const known = new Set(texts((en as Record<string, Entry>)[key]!).flatMap(params))
      for (const text of texts(entry)) {
        expect(text.trim(), `${l} ${key}`).not.toBe('')
        for (const p of params(text)) expect(known, `${l} ${key}`).toContain(p)
      }
      if (typeof entry === 'string') expect(new Set(params(entry)), `${l} ${key}`).toEqual(known)
    }
  })
  it.each(['en', 'fa', 'th'])('%s has the plural forms its rules can choose', (l) => {
    const forms = new Intl.PluralRules(l).resolvedOptions().pluralCategories
    for (const [key, entry] of Object.entries(all[l]!)) {
      if (typeof entry !== 'string') expect(Object.keys(entry).sort(), `${l} ${key}`).toEqual([...forms].sort())
    }
  })
  it.each([
    ['fa', /[\u0600-\u06ff]/],
    ['th', /[\u0e00-\u0e7f]/],
  ] as const)('%s is written in its own script', (l, script) => {
    const foreign = Object.entries(all[l]!).filter(([key, e]) => key !== 'app.name' && texts(e).some((s) => !script.test(s)))
    expect(foreign.map(([k]) => k)).toEqual([])
  })
})

describe('t', () => {
  it('fills in parameters and chooses plurals in the digits of the language', async () => {
    expect(t('rail.trouble', { n: 1 })).toBe('1 mailbox is not working')
    expect(t('rail.trouble', { n: 1200 })).toBe('1,200 mailboxes are not working')
    await setLanguage('fa')
    expect(t('rail.trouble', { n: 12 })).toBe('۱۲ صندوق پستی کار نمی‌کنند')
    expect(document.documentElement.dir).toBe('rtl')
    await setLanguage('en')
    expect(document.documentElement.dir).toBe('ltr')
  })
})
