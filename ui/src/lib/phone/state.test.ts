import { describe, expect, it } from 'vitest'
import { renewAfter } from './device'
import { acts, type Card, cards, dialable, going, type HubCall, type Leg, legs, type Mine, newlyRinging, target, toAnswer } from './state'

const me = 7
const call = (o: Partial<HubCall> = {}): HubCall => ({
  message: 1, conversation: 10, customer: { id: 5, name: 'Ann Example' }, account: 'line', handle: 'tel:+12025550143', line: '+12025550122', lineName: 'Line',
  direction: 'in', state: 'ringing', since: 1000, ringing: [me, 8], agent: 0, choice: '', closed: false, refs: ['CA1', 'CA2'], wrapped: false, ...o,
})
const leg = (o: Partial<Leg> = {}): Leg => ({ id: 'CA1', phase: 'open', muted: false, words: '', ...o })
const mine = (o: Partial<Mine> = {}): Mine => ({ me, declined: new Set(), wanted: new Set(), over: new Set(), ...o })
const one = (c: Partial<HubCall>, l: Leg[] = [], m: Partial<Mine> = {}): Card | undefined => cards([call(c)], l, mine(m))[0]
const it1 = new Set([1])

describe('legs', () => {
  it('follow the device', () => {
    let l = legs([], { type: 'ring', id: 'CA1' })
    expect(l).toMatchObject([{ id: 'CA1', phase: 'ringing', muted: false }])
    expect(legs(l, { type: 'ring', id: 'CA1' })).toBe(l)
    l = legs(l, { type: 'accept', id: 'CA1' })
    expect(l[0]!.phase).toBe('accepting')
    l = legs(l, { type: 'open', id: 'CA1' })
    l = legs(l, { type: 'mute', id: 'CA1', on: true })
    l = legs(l, { type: 'heard', id: 'CA1', words: 'Hello?' })
    expect(l[0]).toMatchObject({ phase: 'open', muted: true, words: 'Hello?' })
    // An answer that crosses the end of another changes nothing.
    expect(legs(l, { type: 'accept', id: 'CA1' })).toBe(l)
    expect(legs(l, { type: 'end', id: 'CA2' })).toHaveLength(1)
    expect(legs(l, { type: 'end', id: 'CA1' })).toEqual([])
    expect(legs(l, { type: 'lost' })).toEqual([])
  })
  it('are picked up by themselves where the call was taken or begun here', () => {
    const ringing = [leg({ phase: 'ringing' })]
    expect(toAnswer([call()], ringing, mine({ wanted: it1 }))).toEqual(['CA1'])
    expect(toAnswer([call()], ringing, mine({ wanted: new Set([2]) }))).toEqual([])
    expect(toAnswer([call({ refs: [] })], ringing, mine({ wanted: it1 }))).toEqual([])
    expect(toAnswer([call()], [leg({ phase: 'accepting' })], mine({ wanted: it1 }))).toEqual([])
  })
})

describe('a call begun here', () => {
  const out = (o: Partial<HubCall> = {}) => call({ direction: 'out', agent: me, ringing: [me], refs: [], ...o })
  const ringing = leg({ id: 'CA9', phase: 'ringing' })
  it('has the leg that no other call claims, until the hub has heard its name', () => {
    expect(toAnswer([out()], [ringing], mine({ wanted: it1 }))).toEqual(['CA9'])
    expect(toAnswer([out()], [ringing], mine())).toEqual([])
    expect(toAnswer([out(), call({ message: 2, refs: ['CA9'] })], [ringing], mine({ wanted: it1 }))).toEqual([])
    expect(toAnswer([out({ refs: ['CA8'] })], [ringing], mine({ wanted: it1 }))).toEqual([])
    expect(toAnswer([out({ state: 'ended' })], [ringing], mine({ wanted: it1 }))).toEqual([])
    expect(cards([out({ state: 'dialling', ringing: [] })], [leg({ id: 'CA9' })], mine({ wanted: it1 }))[0]).toMatchObject({ stage: 'dialling', leg: { id: 'CA9' } })
  })
})

describe('cards', () => {
  const table: [name: string, call: Partial<HubCall>, legs: Leg[], mine: Partial<Mine>, stage: string | undefined][] = [
    ['rings for me', {}, [], {}, 'rings'],
    ['rings for others', { ringing: [8] }, [], {}, undefined],
    ['rings at a colleague to whom I pass it on', { state: 'held', ringing: [8], agent: me, consult: { agent: 8, number: '', open: false } }, [leg()], {}, 'consulting'],
    ['I do not want it', {}, [], { declined: it1 }, undefined],
    ['I take it', {}, [leg({ phase: 'accepting' })], {}, 'connecting'],
    ['I have taken it and my device does not ring yet', {}, [], { wanted: it1 }, 'connecting'],
    ['my device rings for a call of mine to somebody', { direction: 'out', agent: me }, [leg({ phase: 'ringing' })], { wanted: it1 }, 'connecting'],
    ['my telephone rings for a call that I began elsewhere', { direction: 'out', agent: me }, [], {}, 'rings'],
    ['it rings at the one I call', { direction: 'out', state: 'dialling', agent: me, ringing: [] }, [leg()], {}, 'dialling'],
    ['somebody else took it', { state: 'talking', agent: 8, ringing: [] }, [], {}, undefined],
    ['it waits', { state: 'waiting', ringing: [] }, [], {}, undefined],
    ['the caller hears the menu', { state: '', ringing: [] }, [], {}, undefined],
    ['I talk', { state: 'talking', agent: me, ringing: [] }, [leg()], {}, 'talking'],
    ['it is held', { state: 'held', agent: me, ringing: [] }, [leg()], {}, 'held'],
    ['it comes back to ring at me after I had passed it on', { state: 'ringing', agent: me, ringing: [me] }, [], {}, 'rings'],
    ['it is over', { state: 'ended', agent: me, ringing: [] }, [], { over: it1 }, 'wrapup'],
    ['it was over before I looked', { state: 'ended', agent: me, ringing: [] }, [], {}, undefined],
    ['it is over and written down', { state: 'ended', agent: me, ringing: [], wrapped: true }, [], { over: it1 }, undefined],
    ['a call of another is over', { state: 'ended', agent: 8, ringing: [] }, [], { over: it1 }, undefined],
    ['missed', { state: 'ended', agent: 0, ringing: [] }, [], { over: it1 }, undefined],
  ]
  it.each(table)('%s', (_, c, l, m, stage) => expect(one(c, l, m)?.stage).toBe(stage))

  it('stand with the talk first, then what rings longest', () => {
    const list = cards(
      [call({ message: 3, since: 30 }), call({ message: 2, since: 20 }), call({ message: 4, state: 'ended', agent: me }), call({ message: 1, state: 'talking', agent: me, since: 99, ringing: [] })],
      [],
      mine({ over: new Set([4]) }),
    )
    expect(list.map((c) => c.call.message)).toEqual([1, 2, 3, 4])
  })
  it('say when the voice is elsewhere', () => {
    expect(one({ state: 'talking', agent: me, ringing: [] }, [leg()])!.elsewhere).toBe(false)
    expect(one({ state: 'talking', agent: me, ringing: [] })!.elsewhere).toBe(true)
    expect(acts(one({ state: 'talking', agent: me, ringing: [] })!)).not.toContain('mute')
    expect(one({})!.elsewhere).toBe(false)
  })
})

describe('acts', () => {
  it('are those that make sense', () => {
    expect(acts(one({})!)).toEqual(['take', 'decline'])
    expect(acts(one({ state: 'talking', agent: me, ringing: [] }, [leg()])!)).toEqual(['hold', 'mute', 'keypad', 'transfer', 'hangup'])
    const passing = { state: 'talking' as const, agent: me, ringing: [], passing: { agent: 8, number: '' } }
    expect(acts(one(passing, [leg()])!)).toEqual(['cancel', 'mute', 'keypad', 'transfer', 'hangup'])
    expect(acts(one(passing)!)).toEqual(['cancel', 'transfer', 'hangup'])
    expect(acts(one({ state: 'held', agent: me, ringing: [] }, [leg()])!)).toEqual(['resume', 'transfer', 'hangup'])
    expect(acts(one({ state: 'held', agent: me, ringing: [], consult: { agent: 8, number: '', open: true } }, [leg()])!)).toEqual(['complete', 'cancel', 'mute', 'hangup'])
    expect(acts(one({ state: 'ended', agent: me }, [], { over: it1 })!)).toEqual([])
  })
  it('of a key go to the first call that allows them', () => {
    const list = cards([call({ message: 1, state: 'talking', agent: me, ringing: [] }), call({ message: 2, refs: [] })], [leg()], mine())
    expect(target(list, 'take')!.call.message).toBe(2)
    expect(target(list, 'hangup')!.call.message).toBe(1)
    expect(target(list, 'resume')).toBeUndefined()
  })
  it('announce each ringing once', () => {
    const list = cards([call({ message: 1 }), call({ message: 2 })], [], mine())
    expect(newlyRinging(new Set([1]), list).map((c) => c.call.message)).toEqual([2])
  })
})

describe('dialable', () => {
  it.each([
    ['+1 (202) 555-0143', '+12025550143'],
    ['0044 7700 900123', '+447700900123'],
    ['+44\u20107700\u2010900\u2010123', '+447700900123'],
    ['2025550143', ''],
    ['+12', ''],
    ['ann@example.org', ''],
    ['+1202555014300000', ''],
  ])('%s', (typed, number) => expect(dialable(typed)).toBe(number))
})

describe('renewAfter', () => {
  it.each([
    [3600, 3300],
    [400, 300],
    [0, 0],
    [-10, 0],
  ])('a token of %i s after %i s', (life, after) => expect(renewAfter(new Date(1_000_000 + life * 1000).toISOString(), 1_000_000)).toBe(after * 1000))
})

describe('the calls of the house', () => {
  it('are those that go on: who waits first, the longest first', () => {
    const list = [
      call({ message: 1, state: 'talking', since: 1 }),
      call({ message: 2, state: 'waiting', since: 9 }),
      call({ message: 3, state: 'ended', since: 2 }),
      call({ message: 4, state: 'ringing', since: 5 }),
      call({ message: 5, state: '', since: 3 }),
      call({ message: 6, state: 'ringing', direction: 'out', since: 4 }),
      call({ message: 7, state: 'held', since: 0 }),
    ]
    expect(going(list).map((c) => c.message)).toEqual([4, 2, 7, 1, 6])
  })
})
