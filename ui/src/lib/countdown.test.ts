import { afterEach, describe, expect, it } from 'vitest'
import { countdown, left } from './countdown.svelte'
import { setLanguage } from './i18n/index.svelte'

describe('left', () => {
  const now = Date.parse('2026-03-01T10:00:00Z')
  it.each([
    ['a full minute', '2026-03-01T10:01:00Z', 60],
    ['a part of a second counts as one', '2026-03-01T10:00:00.200Z', 1],
    ['now', '2026-03-01T10:00:00Z', 0],
    ['the past', '2026-03-01T09:00:00Z', 0],
    ['no time', undefined, 0],
    ['milliseconds', now + 5000, 5],
    ['nonsense', 'soon', 0],
  ])('%s', (_, until, want) => expect(left(until, now)).toBe(want))
})

describe('countdown', () => {
  afterEach(() => setLanguage('en'))
  it.each([
    [0, '0:00'],
    [7, '0:07'],
    [65, '1:05'],
    [600, '10:00'],
    [3725, '1:02:05'],
  ])('%d s', (s, want) => expect(countdown(s)).toBe(want))
  it('writes Persian digits', async () => {
    await setLanguage('fa')
    expect(countdown(65)).toBe('۱:۰۵')
  })
})
