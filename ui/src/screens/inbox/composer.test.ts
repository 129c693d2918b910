import { beforeEach, describe, expect, it, vi } from 'vitest'
import * as calls from '../../lib/api/calls'
import { ApiError } from '../../lib/api/client'
import type { Draft, Entry, Recipients, Way } from '../../lib/api/types'
import { Composer } from './composer.svelte'
import { asLetter, asTalk } from './ways'

vi.mock('../../lib/api/calls')
const hub = vi.mocked(calls)

const ann = { handle: 'mailto:ann@example.org', address: 'ann@example.org', name: 'Ann' }
const ben = { handle: 'mailto:ben@example.org', address: 'ben@example.org' }
const number = { handle: 'tel:+447700900123', address: '+447700900123' }
const mail: Way = { account: 'support', name: 'Support', channel: 'email', address: 'support@example.com', writing: asLetter, templates: false, handles: [ann] }
const texts: Way = { account: 'texts', name: 'Texts', channel: 'sms', address: '+447700900900', writing: { ...asTalk, files: 10, text: 1600, segments: true }, templates: false, handles: [number] }
const chat: Way = { account: 'wa', name: 'WhatsApp', channel: 'whatsapp', address: '+447700900901', writing: { ...asTalk, window_seconds: 86400 }, templates: true, handles: [{ ...number, blocked: 'window' }] }
const proposal: Recipients = { account: 'support', to: [ann], cc: [ben], subject: 'Re: Bike', in_reply_to: 5, quote: '<p>before</p>' }
const entry: Entry = { seq: 9, kind: 'message.queued', time: '2026-03-01T12:00:00Z', actor: 'agent:1', conversation: 7 }

const shots = () => hub.sendReply.mock.calls.map(([, body, key]) => ({ ...body, key }))
let c: Composer

beforeEach(async () => {
  vi.resetAllMocks()
  sessionStorage.clear()
  hub.getRecipients.mockResolvedValue(proposal)
  hub.listWays.mockResolvedValue({ ways: [mail, texts, chat] })
  hub.listTemplates.mockResolvedValue({ templates: [{ id: 'HX1', name: 'ready', text: 'Hi {{1}}', gaps: ['1'] }] })
  hub.putDraft.mockImplementation(async (_, d) => d)
  hub.deleteDraft.mockResolvedValue(undefined as never)
  hub.sendReply.mockResolvedValue(entry)
  c = new Composer(7)
  await c.loadWays()
  await c.start('reply_all')
})

describe('the way of an answer', () => {
  it('begins with what is proposed', () => {
    expect([c.account, c.channel, c.writing.letter]).toEqual(['support', 'email', true])
    expect(c.to).toEqual([ann])
  })
  it('keeps what was written when the channel changes, and comes back to all recipients', async () => {
    c.setHTML('<p>Hello <b>you</b></p><p>bye</p>')
    c.choose({ way: texts, handle: number })
    expect([c.account, c.channel, c.to[0]?.handle, c.cc, c.html]).toEqual(['texts', 'sms', number.handle, [], '<p>Hello <b>you</b></p><p>bye</p>'])
    expect(c.text).toBe('Hello you\nbye')
    await c.send({ seen: 3 })
    expect(shots()[0]).toMatchObject({ account: 'texts', to: [number], cc: [], bcc: [], subject: undefined, html: '<p>Hello you<br>bye</p>', seen_seq: 3, in_reply_to: 5 })
  })
  it('goes back to the letter as it was', () => {
    c.choose({ way: texts, handle: number })
    c.choose({ way: chat, handle: number })
    c.choose({ way: mail, handle: ann })
    expect([c.to, c.cc, c.subject]).toEqual([[ann], [ben], 'Re: Bike'])
  })
  it('stays chosen through answer to one and to all, and through a note', async () => {
    c.choose({ way: texts, handle: number })
    await c.start('reply')
    await c.start('note')
    await c.start('reply_all')
    expect([c.account, c.to[0]?.handle]).toEqual(['texts', number.handle])
    expect(hub.getRecipients).toHaveBeenCalledTimes(1)
  })
  it('is kept in the draft and comes back with it', async () => {
    c.setHTML('<p>Hi</p>')
    c.choose({ way: texts, handle: number })
    await c.flush()
    const saved = hub.putDraft.mock.calls.at(-1)![1] as Draft
    expect(saved).toMatchObject({ account: 'texts', to: [{ handle: number.handle }] })
    const again = new Composer(7, saved)
    await again.loadWays()
    expect([again.channel, again.to[0]?.handle, again.text]).toEqual(['sms', number.handle, 'Hi'])
  })
  it('asks for a template once own words are refused, and sends that without them', async () => {
    c.setHTML('<p>own words</p>')
    c.choose({ way: chat, handle: chat.handles[0]! })
    expect(c.obstacle?.key).toBe('way.obstacle.template')
    c.useTemplate('HX1')
    await vi.waitFor(() => expect(c.approved?.name).toBe('ready'))
    expect(c.obstacle?.key).toBe('way.obstacle.gaps')
    c.fillGap('1', 'Ann')
    expect(c.obstacle).toBeUndefined()
    await c.send({ seen: 3 })
    expect(shots()[0]).toMatchObject({ account: 'wa', html: '', template: { id: 'HX1', values: { 1: 'Ann' } }, attachments: [] })
  })
  it('takes the demand for a template back once somebody has written', async () => {
    c.choose({ way: chat, handle: chat.handles[0]! })
    expect(c.template).toEqual({ id: '', values: {} })
    hub.listWays.mockResolvedValue({ ways: [mail, texts, { ...chat, handles: [{ ...number, until: new Date(Date.now() + 3600_000).toISOString() }] }] })
    await c.loadWays()
    expect([c.blocked, c.template]).toEqual(['', undefined])
    // One that the agent asked for stays.
    c.useTemplate('')
    await c.loadWays()
    expect(c.template?.id).toBe('')
  })
  it('sends pictures in the text as files where there is no formatted text', async () => {
    c.files = [{ blob: 'a', name: 'a.png', content_type: 'image/png', size: 1, url: '/api/blobs/a', inline: true, content_id: 'x@y' }]
    c.setHTML('<p>see</p><img src="/api/blobs/a" data-cid="x@y" alt="a.png">')
    c.choose({ way: texts, handle: number })
    await c.send({ seen: 3 })
    expect(shots()[0]?.attachments).toMatchObject([{ blob: 'a', inline: false }])
  })
  it('says nothing it cannot: forwarding ends where there are no letters', async () => {
    await c.start('forward')
    c.choose({ way: texts, handle: number })
    expect(c.mode).toBe('reply')
  })
})

describe('sending once', () => {
  it('has a name that stays through failed attempts and through “send anyway”, and is new afterwards', async () => {
    c.setHTML('<p>Hi</p>')
    hub.sendReply.mockRejectedValueOnce(new ApiError(0))
    expect(await c.send({ seen: 3 })).toBeUndefined()
    hub.sendReply.mockRejectedValueOnce(new ApiError(409, '', '', 'newer', [], [entry]))
    expect(await c.send({ seen: 3 })).toBeUndefined()
    expect(c.newer).toHaveLength(1)
    await c.send({ seen: 9, anyway: true })
    c.setHTML('<p>Another</p>')
    await c.send({ seen: 9 })
    const [a, b, d, e] = shots().map((s) => s.key)
    expect(a).toMatch(/^[\da-f-]{32,36}$/)
    expect([b, d]).toEqual([a, a])
    expect(e).not.toBe(a)
  })
  it('is the same after the page was loaded again in the middle, and new after a discard', async () => {
    c.setHTML('<p>Hi</p>')
    hub.sendReply.mockRejectedValueOnce(new ApiError(0))
    await c.send({ seen: 3 })
    const again = new Composer(7, c.draft)
    await again.send({ seen: 3 })
    const [a, b] = shots().map((s) => s.key)
    expect(b).toBe(a)
    again.setHTML('<p>x</p>')
    hub.sendReply.mockRejectedValueOnce(new ApiError(0))
    await again.send({ seen: 3 })
    again.discard()
    again.setHTML('<p>y</p>')
    await again.send({ seen: 3 })
    const [, , d, e] = shots().map((s) => s.key)
    expect(e).not.toBe(d)
  })
  it('gets a new name after an undo, since the old one stands for what was taken back', async () => {
    c.setHTML('<p>Hi</p>')
    await c.send({ seen: 3 })
    c.restore({ mode: 'reply', html: '<p>Hi</p>', account: 'support', to: [ann] })
    await c.send({ seen: 3 })
    const [a, b] = shots().map((s) => s.key)
    expect(b).not.toBe(a)
  })
  it('tells that an earlier version went out, and sends the changed one only when asked again', async () => {
    c.setHTML('<p>Hi</p>')
    hub.sendReply.mockRejectedValueOnce(new ApiError(422, '', '', '', [{ location: 'header.Idempotency-Key', message: 'used' }]))
    expect(await c.send({ seen: 3 })).toEqual({ earlier: true })
    expect(c.text).toBe('Hi')
    await c.send({ seen: 3 })
    const [a, b] = shots().map((s) => s.key)
    expect(b).not.toBe(a)
  })
})
