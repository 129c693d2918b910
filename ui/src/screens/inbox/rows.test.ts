import { describe, expect, it } from 'vitest'
import type { Row } from '../../lib/api/types'
import { type ListQuery, type RowList, addPage, belongs, byCustomer, emptyList, merge, settle } from './rows'

const at = (minute: number) => new Date(Date.UTC(2026, 0, 1, 12, minute)).toISOString()
const row = (id: number, minute: number, o: Partial<Row> = {}): Row => ({
  id,
  customer: { id: 100 + id, name: `C${id}`, handles: [] },
  account: 'support',
  channel: 'email',
  channels: ['email'],
  subject: '',
  preview: '',
  direction: 'in',
  status: 'open',
  priority: 'normal',
  tags: [],
  last: at(minute),
  last_seq: minute,
  messages: 1,
  unread: 0,
  ...o,
})
const q: ListQuery = { view: 'all', sort: 'newest', tag: '', channel: '', team: 0, me: 7 }
const list = (rows: Row[], end = true): RowList => addPage(emptyList, rows, { first: true, end })
const three = () => list([row(3, 30), row(2, 20), row(1, 10)])

describe('belongs', () => {
  it.each([
    ['mine', row(1, 1, { assignee: 7 }), true],
    ['mine', row(1, 1, { assignee: 8 }), false],
    ['mine', row(1, 1, { assignee: 7, status: 'resolved' }), false],
    ['unassigned', row(1, 1), true],
    ['unassigned', row(1, 1, { assignee: 7 }), false],
    ['all', row(1, 1, { assignee: 8 }), true],
    ['snoozed', row(1, 1, { status: 'snoozed' }), true],
    ['resolved', row(1, 1), false],
    ['failed', row(1, 1, { undelivered: 1 }), true],
    ['failed', row(1, 1, { undelivered: 1, status: 'resolved' }), false],
  ] as const)('%s %#', (view, r, want) => expect(belongs(r, { ...q, view })).toBe(want))
  it('looks at the tag', () => {
    expect(belongs(row(1, 1, { tags: ['vip'] }), { ...q, tag: 'vip' })).toBe(true)
    expect(belongs(row(1, 1), { ...q, tag: 'vip' })).toBe(false)
  })
  it('looks at the team', () => {
    expect(belongs(row(1, 1, { team: 5 }), { ...q, team: 5 })).toBe(true)
    expect(belongs(row(1, 1, { team: 6 }), { ...q, team: 5 })).toBe(false)
    expect(belongs(row(1, 1), { ...q, team: 5 })).toBe(false)
  })
  it('looks at all channels of the conversation', () => {
    expect(belongs(row(1, 1, { channels: ['email', 'sms'] }), { ...q, channel: 'sms' })).toBe(true)
    expect(belongs(row(1, 1), { ...q, channel: 'sms' })).toBe(false)
  })
})

describe('merge', () => {
  it('puts a new row in its place when nobody is reading', () => {
    expect(merge(three(), row(4, 25), q, { reading: false }).order).toEqual([3, 4, 2, 1])
  })
  it('moves a changed row up when nobody is reading', () => {
    expect(merge(three(), row(1, 40), q, { reading: false }).order).toEqual([1, 3, 2])
  })
  it('holds new and moving rows back while reading, but shows their new content', () => {
    let l = merge(three(), row(4, 40), q, { reading: true })
    l = merge(l, row(1, 41, { messages: 2, preview: 'new words' }), q, { reading: true })
    expect(l.order).toEqual([3, 2, 1])
    expect([...l.held]).toEqual([4, 1])
    expect(l.rows.get(1)!.preview).toBe('new words')
    const s = settle(l, q)
    expect(s.order).toEqual([1, 4, 3, 2])
    expect(s.held.size).toBe(0)
  })
  it('does not count a change that brings nothing new to read', () => {
    expect(merge(three(), row(1, 41, { assignee: 9 }), q, { reading: true }).held.size).toBe(0)
  })
  it('adds at the end without a jump, even while reading', () => {
    expect(merge(three(), row(9, 1), q, { reading: true }).order).toEqual([3, 2, 1, 9])
  })
  it('leaves what is below the loaded part to a later page', () => {
    const l = merge(list([row(3, 30), row(2, 20)], false), row(9, 1), q, { reading: false })
    expect(l.order).toEqual([3, 2])
    expect(l.rows.has(9)).toBe(false)
  })
  it('keeps a row that another agent took in sight until the reading ends', () => {
    const l = merge(three(), row(2, 20, { status: 'resolved', last_seq: 50 }), q, { reading: true })
    expect(l.order).toEqual([3, 2, 1])
    expect(l.gone.has(2)).toBe(true)
    expect(settle(l, q).order).toEqual([3, 1])
  })
  it('takes a row away at once after an own act', () => {
    expect(merge(three(), row(2, 20, { status: 'resolved', last_seq: 50 }), q, { reading: true, own: true }).order).toEqual([3, 1])
  })
  it('forgets a held row that left the list meanwhile', () => {
    let l = merge(three(), row(4, 40), q, { reading: true })
    l = merge(l, row(4, 41, { status: 'resolved' }), q, { reading: true })
    expect(l.held.size).toBe(0)
    expect(settle(l, q).order).toEqual([3, 2, 1])
  })
  it('brings a row back that had gone', () => {
    let l = merge(three(), row(2, 20, { status: 'resolved', last_seq: 50 }), q, { reading: true })
    l = merge(l, row(2, 20, { last_seq: 51 }), q, { reading: true })
    expect(l.gone.size).toBe(0)
  })
  it('ignores what is older than what it has', () => {
    const l = three()
    expect(merge(l, row(2, 5), q, { reading: false })).toBe(l)
  })
  it('sorts by waiting with those nobody waits in last', () => {
    const w: ListQuery = { ...q, sort: 'waiting' }
    let l = addPage(emptyList, [row(1, 50, { waiting: at(5) }), row(2, 40)], { first: true, end: true })
    l = merge(l, row(3, 60, { waiting: at(6) }), w, { reading: false })
    expect(l.order).toEqual([1, 3, 2])
    l = merge(l, row(1, 61), w, { reading: false })
    expect(l.order).toEqual([3, 1, 2])
  })
})

describe('addPage', () => {
  it('appends without doubles and keeps what the stream knows better', () => {
    let l = list([row(3, 30), row(2, 20)], false)
    l = merge(l, row(2, 35, { preview: 'live' }), q, { reading: true })
    l = addPage(l, [row(2, 20), row(1, 10)], { first: false, end: true })
    expect(l.order).toEqual([3, 2, 1])
    expect(l.rows.get(2)!.preview).toBe('live')
    expect(l.end).toBe(true)
  })
})

it('groups by customer at the place of the first conversation', () => {
  const customer = { id: 1, name: 'A', handles: [] }
  const groups = byCustomer([row(3, 30, { customer }), row(2, 20), row(1, 10, { customer })])
  expect(groups.map((g) => g.rows.map((r) => r.id))).toEqual([[3, 1], [2]])
})
