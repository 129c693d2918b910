import { describe, expect, it } from 'vitest'
import type { Entry, Message } from '../../lib/api/types'
import { addEntries, lines, noEntries } from './entries'

const time = (seq: number) => new Date(2026, 0, 5, 12, 0, seq).toISOString()
const message = (id: number, status?: string): Message => ({
  id,
  channel: 'email',
  account: 'support',
  direction: status ? 'out' : 'in',
  time: time(id),
  from: { handle: 'mailto:a@example.org', address: 'a@example.org' },
  to: [],
  reply: `text ${id}`,
  delivery: status ? { status: status as 'queued', attempts: [] } : undefined,
})
const e = (seq: number, kind: string, o: Partial<Entry> = {}): Entry => ({ seq, kind, time: time(seq), actor: 'customer:1', conversation: 1, ...o })
const show = (list: Entry[], o = { newAfter: 0, me: 7 }) => lines(addEntries(noEntries, list), o)
const types = (list: Entry[], o = { newAfter: 0, me: 7 }) => show(list, o).map((i) => i.type)

describe('entries', () => {
  it('takes the same entries in any order and more than once', () => {
    const list = [e(3, 'note.added', { note: { id: 1, agent: 7, text: '' } }), e(1, 'message.received', { message: message(1) }), e(2, 'conversation.status')]
    const a = addEntries(addEntries(noEntries, list), [...list].reverse())
    expect(a.list.map((x) => x.seq)).toEqual([1, 2, 3])
    expect(lines(a, { newAfter: 0, me: 7 }).map((i) => i.type)).toEqual(['day', 'message', 'system', 'note'])
  })
  it('shows a message once, in its newest state, also when older pages come later', () => {
    let a = addEntries(noEntries, [e(5, 'message.delivery', { message: message(9, 'sent') })])
    a = addEntries(a, [e(2, 'message.queued', { message: message(9, 'queued') })])
    const items = lines(a, { newAfter: 0, me: 7 })
    expect(items.map((i) => i.type)).toEqual(['day', 'message'])
    expect((items[1] as { message: Message }).message.delivery?.status).toBe('sent')
  })
  it('takes a message away that was taken back', () => {
    expect(types([e(1, 'message.queued', { message: message(9, 'queued') }), e(2, 'message.cancelled', { message: message(9, 'cancelled') })])).toEqual(['day', 'system'])
  })
  it('marks the first thing of somebody else that is new, not own ones and not the very first', () => {
    const list = [e(1, 'message.received', { message: message(1) }), e(2, 'message.queued', { message: message(2, 'sent'), actor: 'agent:7' }), e(3, 'message.received', { message: message(3) })]
    expect(types(list, { newAfter: 1, me: 7 })).toEqual(['day', 'message', 'message', 'new', 'message'])
    expect(types(list, { newAfter: 3, me: 7 })).not.toContain('new')
    expect(types(list.slice(2), { newAfter: 1, me: 7 })).toEqual(['day', 'message'])
  })
  it('gathers system events in a row and leaves silent kinds out', () => {
    const items = show([e(1, 'conversation.status'), e(2, 'conversation.read'), e(3, 'conversation.tags'), e(4, 'draft.changed'), e(5, 'message.received', { message: message(5) }), e(6, 'conversation.assigned')])
    expect(items.map((i) => (i.type === 'system' ? i.entries.length : i.type))).toEqual(['day', 2, 'message', 1])
  })
  it('draws a line for each day', () => {
    const later = e(9, 'message.received', { message: message(9), time: new Date(2026, 0, 6, 1).toISOString() })
    expect(types([e(1, 'message.received', { message: message(1) }), later])).toEqual(['day', 'message', 'day', 'message'])
  })
  it('shows edits, deletions and reactions in the message itself, also of one that was read whole', () => {
    const whole = { ...message(1), reply: 'a long text read whole', truncated: false }
    let a = addEntries(noEntries, [e(1, 'message.received', { message: whole })])
    a = addEntries(a, [e(2, 'message.edited', { message: { ...message(1), reply: 'new', truncated: true, edited: time(2), versions: 1 } })])
    a = addEntries(a, [e(3, 'message.reaction', { message: { ...message(1), reply: 'new', edited: time(2), reactions: [] } }), e(4, 'message.deleted', { message: { ...message(1), reply: '', edited: time(2), deleted: time(4) } })])
    const items = lines(a, { newAfter: 0, me: 7 })
    expect(items.map((i) => i.type)).toEqual(['day', 'message'])
    expect((items[1] as { message: Message }).message).toMatchObject({ reply: '', deleted: time(4) })
  })
  it('shows one channel only', () => {
    const list = [e(1, 'message.received', { message: message(1) }), e(2, 'conversation.status'), e(3, 'message.received', { message: { ...message(3), channel: 'sms' } }), e(4, 'note.added', { note: { id: 1, agent: 7, text: '' } })]
    const a = addEntries(noEntries, list)
    expect(lines(a, { newAfter: 0, me: 7, channel: 'sms' }).map((i) => i.type)).toEqual(['day', 'message'])
    expect(lines(a, { newAfter: 0, me: 7, channel: '' })).toHaveLength(5)
  })
})
