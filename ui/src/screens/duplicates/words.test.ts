import { describe, expect, it } from 'vitest'
import type { DuplicateSide } from '../../lib/api/duplicates'
import { bits, compareCards, factTitle, factValues, sharesHandle } from './words'

const side = (fields: Record<string, string>, handles: string[] = [], hints: string[] = []): DuplicateSide =>
  ({ id: 1, record: 1, name: '', created: '', conversations: 0, fields, handles: handles.map((handle) => ({ handle, hints: hints.map((h) => ({ handle: h })) })) }) as unknown as DuplicateSide

describe('two people side by side', () => {
  it('tells what is equal, what differs and what only one has', () => {
    expect(compareCards(side({ name: 'Ann Lee', company: 'Acme', note: 'x' }), side({ name: 'ann lee', company: 'Other' }))).toEqual([
      { field: 'name', a: 'Ann Lee', b: 'ann lee', how: 'equal' },
      { field: 'company', a: 'Acme', b: 'Other', how: 'differ' },
      { field: 'note', a: 'x', b: '', how: 'one' },
    ])
  })
  it('finds addresses that one names and the other has', () => {
    const a = side({}, ['mailto:a@example.org'], ['tel:+447700900123'])
    const b = side({}, ['tel:+447700900123'])
    expect(sharesHandle(a.handles[0]!, b)).toBe(true)
    expect(sharesHandle(b.handles[0]!, a)).toBe(true)
    expect(sharesHandle(a.handles[0]!, side({}, ['mailto:b@example.org']))).toBe(false)
  })
})

describe('evidence', () => {
  it('is worded from its code, and shows equal values once', () => {
    expect(factTitle({ code: 'phone.same', field: 'phone', level: 'same', weight: 12, text: '' })).toBe('Number: the same')
    expect(factTitle({ code: 'household', weight: -12, text: '' })).not.toBe('household')
    expect(factTitle({ code: 'attribute.same', field: 'attribute tax', level: 'same', weight: 8, text: '' })).toBe('tax: the same')
    expect(factValues({ code: 'x', a: '1', b: '1', weight: 1, text: '' })).toEqual(['1'])
    expect(factValues({ code: 'x', a: '1', b: '2', weight: 1, text: '' })).toEqual(['1', '2'])
    expect(bits(-3.14)).toBe('−3.1')
    expect(bits(12)).toBe('+12')
  })
})
