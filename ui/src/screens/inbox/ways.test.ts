import { describe, expect, it } from 'vitest'
import type { Template, Way, WayHandle, Writing } from '../../lib/api/types'
import { asLetter, asTalk, blocked, closed, fill, groups, obstacle } from './ways'

const now = Date.parse('2026-03-01T12:00:00Z')
const sms: Writing = { ...asTalk, files: 2, file_bytes: 1000, text: 10, segments: true }
const windowed: Writing = { ...asTalk, text: 100, window_seconds: 86400 }
const handle = (h: string, more: Partial<WayHandle> = {}): WayHandle => ({ handle: h, address: h.split(':')[1]!, ...more })
const way = (account: string, channel: string, writing: Writing, handles: WayHandle[] = [], more: Partial<Way> = {}): Way => ({ account, name: account, channel, address: '', writing, templates: false, handles, ...more })
const message = (o: Partial<Parameters<typeof obstacle>[2]> = {}) => ({ note: false, recipients: 1, text: 'hello', files: [], ...o })

describe('ways', () => {
  it('gathers accounts by channel, in the order they come', () => {
    const list = [
      way('texts', 'sms', sms, [handle('tel:+1'), handle('tel:+2')]),
      way('support', 'email', asLetter, [handle('mailto:a@example.org')]),
      way('alerts', 'sms', sms, [handle('tel:+1')]),
      way('chat', 'slack', asTalk),
    ]
    const see = (open: boolean) => groups(list, { open }).map((g) => [g.channel, g.choices.map((c) => `${c.way.account} ${c.handle?.handle ?? '-'}`)])
    expect(see(false)).toEqual([
      ['sms', ['texts tel:+1', 'texts tel:+2', 'alerts tel:+1']],
      ['email', ['support mailto:a@example.org']],
    ])
    expect(see(true)[2]).toEqual(['slack', ['chat -']])
  })
  it('knows when own words are refused, also when the time ends while one writes', () => {
    const open = handle('tel:+1', { until: '2026-03-01T12:00:01Z' })
    const w = way('wa', 'whatsapp', windowed, [open], { templates: true })
    expect(blocked(w, open, now)).toBe('')
    expect(blocked(w, open, now + 1000)).toBe('window')
    expect(closed({ way: w, handle: open }, now + 1000)).toBe(false)
    expect(closed({ way: { ...w, templates: false }, handle: open }, now + 1000)).toBe(true)
    const stopped = handle('tel:+1', { blocked: 'opted_out' })
    expect(closed({ way: w, handle: stopped }, now)).toBe(true)
    expect(closed({ way: w }, now)).toBe(false)
  })
  it('tells what keeps a message back', () => {
    const h = handle('tel:+1')
    const w = way('texts', 'sms', sms, [h])
    const key = (m: Parameters<typeof message>[0], at: Way = w, to: WayHandle | undefined = h) => obstacle(at, to, message(m), now)?.key
    expect(key({})).toBeUndefined()
    expect(key({ text: 'ก'.repeat(10) })).toBeUndefined()
    expect(obstacle(w, h, message({ text: '😀'.repeat(11) }), now)).toEqual({ key: 'way.obstacle.text', params: { n: 10 } })
    expect(key({ text: '😀'.repeat(10) })).toBeUndefined()
    expect(key({ files: [{ size: 1 }, { size: 1 }, { size: 1 }] })).toBe('way.obstacle.files')
    expect(key({ files: [{ size: 999 }, { size: 2 }] })).toBe('way.obstacle.bytes')
    expect(key({ files: [{ size: 1 }] }, way('x', 'y', asTalk, [h]))).toBe('way.obstacle.noFiles')
    expect(key({ recipients: 2 })).toBe('way.obstacle.one')
    expect(key({ recipients: 2 }, way('support', 'email', asLetter))).toBeUndefined()
    expect(key({}, w, handle('tel:+1', { blocked: 'opted_out' }))).toBe('way.obstacle.optedOut')
    expect(key({ note: true, text: 'long enough for none' }, w, handle('tel:+1', { blocked: 'opted_out' }))).toBeUndefined()
    expect(obstacle(undefined, undefined, message(), now)).toBeUndefined()
  })
  it('wants a whole template once the time for own words is over', () => {
    const h = handle('tel:+1', { blocked: 'window' })
    const w = way('wa', 'whatsapp', windowed, [h], { templates: true })
    const approved: Template = { id: 'HX1', name: 'ready', text: 'Hi {{1}}, order {{2}}', gaps: ['1', '2'] }
    expect(obstacle(w, h, message(), now)?.key).toBe('way.obstacle.template')
    expect(obstacle({ ...w, templates: false }, h, message(), now)?.key).toBe('way.obstacle.window')
    expect(obstacle(w, h, message({ template: { id: '' } }), now)?.key).toBe('way.obstacle.template')
    expect(obstacle(w, h, message({ template: { id: 'HX1', values: { 1: 'Ann', 2: ' ' } }, approved }), now)?.key).toBe('way.obstacle.gaps')
    expect(obstacle(w, h, message({ template: { id: 'HX1', values: { 1: 'Ann', 2: '42' } }, approved }), now)).toBeUndefined()
    expect(obstacle(w, h, message({ template: { id: 'HX1', values: { 1: 'Ann', 2: '42' } }, approved, files: [{ size: 1 }] }), now)?.key).toBe('way.obstacle.templateFiles')
    // Who opted out gets no template either.
    expect(obstacle(w, handle('tel:+1', { blocked: 'opted_out' }), message({ template: { id: 'HX1' } }), now)?.key).toBe('way.obstacle.optedOut')
  })
  it('fills gaps, twice where they stand twice, and leaves other braces alone', () => {
    const t: Template = { id: 'x', name: 'x', text: '{{1}}: {{ 1 }} and {{2}}, {{3}}', gaps: ['1', '2'] }
    expect(fill(t, { 1: ' Ann ' }).map((p) => (p.gap ? `[${p.gap}=${p.text}]` : p.text)).join('')).toBe('[1=Ann]: [1=Ann] and [2=], {{3}}')
    expect(fill({ ...t, text: 'plain', gaps: [] })).toEqual([{ text: 'plain' }])
  })
})
