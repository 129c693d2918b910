import { afterEach, describe, expect, it } from 'vitest'
import { setLanguage } from './i18n/index.svelte'
import { loadSaid, said } from './said.svelte'

afterEach(() => setLanguage('en'))

describe('said', () => {
  const words = { code: 'delivery.gave_up', with: { reason: 'x: y' }, parts: { reason: { code: 'twilio.unreachable', with: { cause: '<y>' } } } }
  it('leaves English as it is', () => expect(said('given up', words)).toBe('given up'))
  it('says it in the language of the screen, what stands in gaps too', async () => {
    await setLanguage('fa')
    await loadSaid()
    const text = said('given up', words)
    expect(text).toMatch(/سه روز/)
    expect(text).toMatch(/در دسترس نیست/)
    expect(text).toContain('\u2068<y>\u2069')
    expect(text).not.toContain('{')
  })
  it('falls back to English', async () => {
    await setLanguage('th')
    await loadSaid()
    expect(said('hm', { code: 'nothing.known' })).toBe('hm')
    expect(said('hm', undefined)).toBe('hm')
    expect(said(undefined, null)).toBe('')
  })
})
