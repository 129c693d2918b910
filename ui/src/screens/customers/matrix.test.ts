import { describe, expect, it } from 'vitest'
import type { CustomerPreferences } from '../../lib/api/preferences'
import { hour, look, matrix, minutes, ofDay, statementOf } from './matrix'

const p: CustomerPreferences = {
  customer: 1,
  channels: ['email', 'sms'],
  cells: [
    { purpose: '', channel: 'email', confidence: 0 },
    { purpose: '', channel: 'sms', confidence: 0 },
    { purpose: 'appointment', channel: 'email', confidence: 0 },
    { purpose: 'appointment', channel: 'sms', confidence: 1, source: 'stated', wish: 'prefer', statement: 7 },
    { purpose: 'invoice', channel: 'email', confidence: 0.6, source: 'learned' },
    { purpose: 'invoice', channel: 'sms', confidence: 1, source: 'set', wish: 'never', statement: 8 },
    { purpose: 'offer', channel: 'email', confidence: 0 },
  ],
  statements: [
    { id: 7, purpose: 'appointment', channel: 'sms', wish: 'prefer', source: 'stated', by: 'agent:1', proof: {}, time: '2026-03-03T00:00:00Z' },
    { id: 8, purpose: 'invoice', channel: 'sms', wish: 'never', source: 'set', by: 'agent:1', proof: {}, time: '2026-03-03T00:00:00Z' },
  ],
  former: [],
}

describe('matrix', () => {
  it('has a row for every purpose, all of them together first', () => {
    const rows = matrix(p, ['appointment', 'invoice', 'offer'])
    expect(rows.map((r) => r.purpose)).toEqual(['', 'appointment', 'invoice', 'offer'])
    expect(rows[1]!.cells.map(look)).toEqual(['none', 'stated'])
    expect(rows[2]!.cells.map(look)).toEqual(['learned', 'never'])
    expect(rows[3]!.cells.map(look)).toEqual(['none', 'none'])
  })
  it('keeps only what says more, where there is little room', () => expect(matrix(p, ['appointment', 'invoice', 'offer'], false).map((r) => r.purpose)).toEqual(['', 'appointment', 'invoice']))
  it('finds what decides', () => {
    expect(statementOf(p, p.cells![3])?.id).toBe(7)
    expect(statementOf(p, p.cells![0])).toBeUndefined()
  })
})

describe('times of the day', () => {
  it.each([
    ['00:00', 0],
    ['22:00', 1320],
    ['9:05', 545],
    ['24:00', NaN],
    ['12:60', NaN],
    ['noon', NaN],
  ])('%s', (text, n) => expect(minutes(text)).toBe(n))
  it('are written with two digits', () => expect(ofDay(545)).toContain('09:05'))
  it('begin again at midnight', () => expect([ofDay(1440), hour(24)]).toEqual([ofDay(0), hour(0)]))
})
