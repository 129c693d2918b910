import { describe, expect, it } from 'vitest'
import type { Advice, Verdict } from '../../lib/api/preferences'
import { advised, laterAt } from './advice'

const best = (channel: string): Verdict => ({ channel, account: 'a', handle: 'tel:+12025550100', address: '+12025550100', confidence: 1, source: 'stated', wish: 'prefer' })
const advice = (over: Partial<Advice>): Advice => ({ customer: 1, steer: false, ways: [], ...over })

describe('advised', () => {
  it('says nothing where nothing is known', () => {
    expect(advised(undefined, 'email')).toBe('none')
    expect(advised(advice({}), 'email')).toBe('none')
  })
  it('follows on the advised channel', () => expect(advised(advice({ best: best('sms'), steer: true }), 'sms')).toBe('follows'))
  it('warns only of what is sure', () => {
    expect(advised(advice({ best: best('sms'), steer: true }), 'email')).toBe('deviates')
    expect(advised(advice({ best: best('sms') }), 'email')).toBe('hint')
  })
})

describe('laterAt', () => {
  const now = Date.parse('2026-03-04T22:00:00Z')
  it('is the end of the quiet hours', () => expect(laterAt('2026-03-05T07:00:00Z', now)?.toISOString()).toBe('2026-03-05T07:00:00.000Z'))
  it('is nothing once they are over', () => {
    expect(laterAt('2026-03-04T21:00:00Z', now)).toBeUndefined()
    expect(laterAt(undefined, now)).toBeUndefined()
  })
})
