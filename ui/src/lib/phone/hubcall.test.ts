import { describe, expect, it } from 'vitest'
import type { Message } from '../api/types'
import { hubCall } from './hubcall'

const message = (o: Partial<Message> = {}) =>
  ({
    id: 9, channel: 'voice', account: 'line', account_name: 'Line', address: '+12025550122', direction: 'in', kind: 'human', time: '2026-03-01T10:00:00Z', reply: '',
    from: { name: 'Ann', handle: 'tel:+12025550143', address: '+12025550143', customer: 5 }, to: [{ name: '', handle: 'tel:+447700900123', address: '+447700900123' }], attachments: [], ...o,
  }) as unknown as Message
const of = (call: object, o: Partial<Message> = {}) => hubCall(message({ call: call as Message['call'], ...o }), { conversation: 3, customer: { id: 5, name: 'Ann Example' } })
const leg = (o: object) => ({ id: 'l', ref: 'CA1', agent: 7, role: 'agent', began: '2026-03-01T10:00:01Z', ...o })

describe('hubCall', () => {
  it('names the other side and the state, with the time from which it counts', () => {
    expect(of({ state: 'ringing', since: '2026-03-01T10:00:05Z', ringing: [7], choice: 'Orders' })).toMatchObject({
      message: 9, conversation: 3, customer: { name: 'Ann Example' }, handle: 'tel:+12025550143', line: '+12025550122', state: 'ringing', since: Date.parse('2026-03-01T10:00:05Z'), ringing: [7], choice: 'Orders', agent: 0, wrapped: false,
    })
    expect(of({ state: 'dialling' }, { direction: 'out' })).toMatchObject({ direction: 'out', handle: 'tel:+447700900123', since: Date.parse('2026-03-01T10:00:00Z') })
  })
  it('is over with an outcome, and not while the machine has it', () => {
    expect(of({ outcome: 'missed' }).state).toBe('ended')
    expect(of({}).state).toBe('')
    expect(of({ state: 'ended', wrapup: { agent: 7, time: '' } }).wrapped).toBe(true)
  })
  it('keeps the names of the legs to agents that are not over', () => {
    expect(of({ state: 'talking', legs: [leg({}), leg({ ref: 'CA2', ended: '2026-03-01T10:00:09Z' }), leg({ ref: 'CA3', role: 'customer' }), leg({ ref: '' })] }).refs).toEqual(['CA1'])
  })
  it('knows who is asked before the call is passed on', () => {
    const transfers = [{ time: '', by: 7, agent: 8, warm: true }]
    const held = { state: 'held', transfers, legs: [leg({}), leg({ ref: 'CA2', agent: 8, role: 'consult' })] }
    expect(of(held).consult).toEqual({ agent: 8, number: '', open: false })
    expect(of({ ...held, legs: [leg({ ref: 'CA2', agent: 8, role: 'consult', answered: '2026-03-01T10:00:09Z' })] }).consult?.open).toBe(true)
    expect(of({ ...held, transfers: [{ ...transfers[0], result: 'cancelled' }] }).consult).toBeUndefined()
    expect(of({ state: 'held', transfers: [] }).consult).toBeUndefined()
  })
  it('knows to whom it is being passed on while it is still here', () => {
    const transfers = [{ time: '', by: 7, number: '+12025550177' }]
    expect(of({ state: 'talking', transfers }).passing).toEqual({ agent: 0, number: '+12025550177' })
    expect(of({ state: 'ringing', transfers }).passing).toBeUndefined()
    expect(of({ state: 'talking', transfers: [{ ...transfers[0], result: 'cancelled' }] }).passing).toBeUndefined()
    expect(of({ state: 'talking', transfers: [{ ...transfers[0], warm: true }] }).passing).toBeUndefined()
  })
  it('remembers what a later entry leaves out', () => {
    const first = of({ state: 'ringing' })
    expect(hubCall(message({ call: { state: 'talking' } as Message['call'] }), {}, first)).toMatchObject({ conversation: 3, customer: { name: 'Ann Example' }, state: 'talking' })
  })
})
