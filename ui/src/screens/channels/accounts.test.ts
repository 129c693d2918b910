import { describe, expect, it } from 'vitest'
import type { Account } from '../../lib/api/types'
import { condition, fresher, inOrder } from './accounts.svelte'

const account = (name: string, phase: string, more: Partial<Account> = {}, paused = ''): Account => ({
  id: name.toLowerCase(),
  channel: 'email',
  writing: { letter: true, rich: true, files: 50, file_bytes: 0, text: 0, segments: false, window_seconds: 0, mentions: false },
  name,
  address: '',
  from_file: false,
  health: { state: { phase, lag: 0 }, stored: 0, duplicate: 0, held: 0, today: 0, queued: 0, send_paused: paused },
  ...more,
})

describe('condition', () => {
  it.each([
    ['live', '', 'well'],
    ['catching_up', '', 'well'],
    ['connecting', '', 'starting'],
    ['retrying', '', 'trouble'],
    ['blocked', '', 'trouble'],
    ['stopped', '', 'off'],
    ['live', 'the password was refused', 'trouble'],
    ['a phase of tomorrow', '', 'trouble'],
  ])('%s %s', (phase, paused, want) => expect(condition(account('A', phase, {}, paused))).toBe(want))
  it('is off when switched off, whatever the last phase was', () => {
    expect(condition(account('A', 'blocked', { disabled: true }))).toBe('off')
  })
})

describe('inOrder', () => {
  it('puts what needs somebody first', () => {
    const list = [account('Well', 'live'), account('Off', 'stopped'), account('Zed', 'blocked'), account('Bad', 'retrying'), account('New', 'connecting')]
    expect(inOrder(list).map((a) => a.name)).toEqual(['Bad', 'Zed', 'New', 'Well', 'Off'])
  })
})

describe('fresher', () => {
  const health = (since: string | undefined, last: string | undefined, stored: number) => ({ ...account('A', 'live').health, since, last, stored })
  const ten = '2026-03-01T10:00:00Z'
  const eleven = '2026-03-01T11:00:00.5Z'
  it.each([
    ['the later phase', health(eleven, ten, 1), health(ten, ten, 9)],
    ['the later success of one phase', health(ten, eleven, 9), health(ten, ten, 1)],
    ['a first success', health(ten, ten, 1), health(ten, undefined, 0)],
    ['a first phase', health(ten, undefined, 0), health(undefined, undefined, 0)],
  ])('%s', (_, newer, older) => {
    expect(fresher(newer, older)).toBe(newer)
    expect(fresher(older, newer)).toBe(newer)
  })
})
