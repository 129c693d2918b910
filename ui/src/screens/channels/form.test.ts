import { describe, expect, it } from 'vitest'
import type { Field, Preset } from '../../lib/api/types'
import { applyPreset, astray, check, idPattern, initial, secretsOf, slug, standsFor, toSettings } from './form'

const fields: Field[] = [
  { key: 'address', type: 'string', label: 'Address', required: true },
  { key: 'port', type: 'int', label: 'Port', default: 0 },
  { key: 'security', type: 'choice', label: 'Security', choices: ['tls', 'none'], default: 'tls' },
  { key: 'password', type: 'secret', label: 'Password', required: true, sent_to: ['address', 'port'] },
  { key: 'token', type: 'secret', label: 'Token', advanced: true },
  { key: 'folders', type: 'list', label: 'Folders', default: ['INBOX'] },
  { key: 'poll', type: 'duration', label: 'Poll', default: '1m0s' },
  { key: 'greet', type: 'bool', label: 'Greet' },
  { key: 'signature', type: 'text', label: 'Signature' },
]
const fresh = initial(fields)

describe('initial', () => {
  it('starts from the defaults', () => {
    expect(fresh).toEqual({ address: '', port: '', security: 'tls', password: '', token: '', folders: 'INBOX', poll: '1m0s', greet: false, signature: '' })
  })
  it('shows what is set, and of secrets only that they are', () => {
    const settings = { address: 'a@example.org', port: 1143, password: true, folders: ['INBOX', 'Orders, old'], greet: true }
    expect(initial(fields, settings)).toMatchObject({ address: 'a@example.org', port: '1143', password: '', folders: 'INBOX\nOrders, old', greet: true, security: 'tls' })
    expect([...secretsOf(fields, settings)]).toEqual(['password'])
  })
})

describe('applyPreset', () => {
  const one: Preset = { name: 'One', values: { port: 993, folders: ['A', 'B'] } }
  const two: Preset = { name: 'Two', values: { port: 143, security: 'none' } }
  it('fills in its values and leaves what was typed', () => {
    expect(applyPreset(fields, { ...fresh, address: 'a@example.org' }, one)).toMatchObject({ address: 'a@example.org', port: '993', folders: 'A\nB' })
  })
  it('takes the values of the one before back', () => {
    const a = applyPreset(fields, fresh, one)
    expect(applyPreset(fields, a, two, one)).toMatchObject({ port: '143', security: 'none', folders: 'INBOX' })
    expect(applyPreset(fields, a, undefined, one)).toEqual(fresh)
  })
  it('keeps a value of the one before that somebody changed', () => {
    expect(applyPreset(fields, { ...applyPreset(fields, fresh, one), folders: 'Mine' }, two, one).folders).toBe('Mine')
  })
})

describe('toSettings', () => {
  it('leaves out what is empty in a new account', () => {
    expect(toSettings(fields, { ...fresh, address: ' a@example.org ', password: ' s p ', poll: '' }, { change: false })).toEqual({
      address: 'a@example.org',
      security: 'tls',
      password: ' s p ',
      folders: ['INBOX'],
      greet: false,
    })
  })
  it('clears what was emptied in a changed one and keeps secrets', () => {
    const sent = toSettings(fields, { ...fresh, address: 'a@example.org', folders: ' \n', poll: '' }, { change: true, secrets: { set: new Set(['password', 'token']), cleared: new Set(['token']) } })
    expect(sent).toMatchObject({ folders: null, poll: null, signature: null, token: null })
    expect('password' in sent).toBe(false)
  })
  it('lets a typed secret win over its removal', () => {
    expect(toSettings(fields, { ...fresh, token: 'new' }, { change: true, secrets: { set: new Set(['token']), cleared: new Set(['token']) } }).token).toBe('new')
  })
  it('reads numbers in other digits', () => {
    for (const port of ['993', '۹۹۳', '٩٩٣', '๙๙๓']) expect(toSettings(fields, { ...fresh, port }, { change: false }).port).toBe(993)
  })
  it('keeps the lines of a text and trims those of a list', () => {
    const v = { ...fresh, signature: ' -- \nThe team\n', folders: ' A \n\nB b\n' }
    expect(toSettings(fields, v, { change: false })).toMatchObject({ signature: ' -- \nThe team\n', folders: ['A', 'B b'] })
  })
})

describe('check', () => {
  it('finds what is missing', () => {
    expect(check(fields, fresh)).toEqual({ address: 'form.required', password: 'form.required' })
  })
  it('knows that a secret which is set need not be typed, unless it is to be removed', () => {
    const v = { ...fresh, address: 'a@example.org' }
    expect(check(fields, v, { set: new Set(['password']), cleared: new Set() })).toEqual({})
    expect(check(fields, v, { set: new Set(['password']), cleared: new Set(['password']) })).toEqual({ password: 'form.required' })
  })
  it.each([
    ['port', '99x', 'editor.intBad'],
    ['port', '1.5', 'editor.intBad'],
    ['port', '۹۹۳', undefined],
    ['poll', '5 minutes', 'editor.durationBad'],
    ['poll', '90', 'editor.durationBad'],
    ['poll', '1h30m', undefined],
    ['poll', '0', undefined],
    ['poll', '', undefined],
  ])('%s %j', (key, text, want) => expect(check(fields, { ...fresh, address: 'x', password: 'x', [key]: text })[key]).toBe(want))
})

describe('stored secrets and the server they are meant for', () => {
  const set = new Set(['password', 'token'])
  const was = initial(fields, { address: 'mail.example.org', port: 0, password: true, token: true })
  it.each<[string, Record<string, string>, string[]]>([
    ['nothing changed', {}, []],
    ['something else changed', { signature: 'x', security: 'none' }, []],
    ['only the case of the host', { address: ' Mail.Example.ORG ' }, []],
    ['another host', { address: 'mail.example.net' }, ['password']],
    ['another port', { port: '1143' }, ['password']],
  ])('%s', (_, change, want) => expect([...astray(fields, was, { ...was, ...change }, set)]).toEqual(want))
  it('asks for them again, unless they are typed or to be removed', () => {
    const now = { ...was, address: 'mail.example.net' }
    const again = astray(fields, was, now, set)
    expect(check(fields, now, { set, cleared: new Set(), again })).toEqual({ password: 'editor.secretAgain' })
    expect(check(fields, { ...now, password: 'new' }, { set, cleared: new Set(), again })).toEqual({})
    expect(check(fields, now, { set, cleared: new Set(['password']), again })).toEqual({ password: 'form.required' })
  })
})

describe('standsFor', () => {
  it('tells the port that the security means', () => {
    const port = (security: string) => [standsFor('email', 'imap_port', { imap_security: security }), standsFor('email', 'smtp_port', { smtp_security: security })]
    expect(['tls', 'starttls', 'none'].map(port)).toEqual([['993', '465'], ['143', '587'], ['143', '25']])
  })
  it('tells the user', () => {
    expect(standsFor('email', 'smtp_user', { address: 'a@example.org', imap_user: '' })).toBe('a@example.org')
    expect(standsFor('sms', 'imap_port', {})).toBeUndefined()
  })
})

describe('slug', () => {
  it.each([
    ['Support Team', 'support-team'],
    ['  Ünïcode & Söhne ', 'unicode-sohne'],
    ['پشتیبانی', 'sms'],
    ['', 'sms'],
    ['-a-', 'a'],
    ['x'.repeat(60), 'x'.repeat(36)],
  ])('%j', (name, want) => {
    expect(slug(name, 'sms')).toBe(want)
    expect(want).toMatch(idPattern)
  })
  it('evades those there are', () => expect(slug('Support', 'email', ['support', 'support-2'])).toBe('support-3'))
})
