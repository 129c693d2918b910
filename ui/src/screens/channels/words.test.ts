import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { setLanguage } from '../../lib/i18n/index.svelte'
import { loadWords, stepWords } from './words.svelte'

describe('stepWords', () => {
  it('leaves the words of the hub in English', () => expect(stepWords('imap: log in')).toBe('imap: log in'))
  describe('in Persian', () => {
    beforeAll(async () => {
      await setLanguage('fa')
      await loadWords()
    })
    afterAll(() => setLanguage('en'))
    it.each([
      ['imap: connect', 'اتصال (IMAP)'],
      ['imap: open folder Old mail', 'باز کردن پوشهٔ \u2068Old mail\u2069 (IMAP)'],
      ['smtp: connection of a newer hub', 'smtp: connection of a newer hub'],
      ['something else', 'something else'],
    ])('%s', (name, want) => expect(stepWords(name)).toBe(want))
  })
})
