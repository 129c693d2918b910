import { describe, expect, it } from 'vitest'
import { parseAddress, splitAddresses, parseHandle } from './address'

describe('parseAddress', () => {
  it.each([
    ['ann@example.org', { address: 'ann@example.org' }],
    ['  <ann@example.org> ', { address: 'ann@example.org' }],
    ['Ann Lee <ann@example.org>', { name: 'Ann Lee', address: 'ann@example.org' }],
    ['"Lee, Ann" <ann@example.org>', { name: 'Lee, Ann', address: 'ann@example.org' }],
    ['آنا <ana@example.org>', { name: 'آنا', address: 'ana@example.org' }],
    ['ann@localhost', { address: 'ann@localhost' }],
  ])('%s', (text, want) => expect(parseAddress(text)).toEqual({ handle: `mailto:${want.address}`, ...want }))
  it.each(['ann', '@example.org', 'ann@', 'a b@example.org x', 'a@b@c', ''])('refuses %s', (text) => expect(parseAddress(text)).toBeUndefined())
})
it('splits lists outside quotes', () => {
  expect(splitAddresses('a@example.org, "Lee, Ann" <b@example.org>; c@example.org\nd@example.org')).toEqual(['a@example.org', '"Lee, Ann" <b@example.org>', 'c@example.org', 'd@example.org'])
})

it('reads what one types for a channel', () => {
  expect(parseHandle('mailto', 'Ann <ann@example.org>')?.handle).toBe('mailto:ann@example.org')
  expect(parseHandle('tel', '+44 (7700) 900-123')?.handle).toBe('tel:+447700900123')
  expect(parseHandle('tel', '0044 7700 900123')?.handle).toBe('tel:+447700900123')
  expect(parseHandle('tel', '+۹۸ ۹۱۲ ۱۲۳ ۴۵۶۷')?.handle).toBe('tel:+989121234567')
  expect(parseHandle('tel', '+๖๖ ๒ ๑๒๓ ๔๕๖๗')?.handle).toBe('tel:+6621234567')
  expect(parseHandle('tel', '07700 900123')).toBeUndefined()
  expect(parseHandle('tel', '12345')?.handle).toBe('tel:12345')
  expect(parseHandle('slack', 'ann')).toBeUndefined()
  expect(parseHandle('slack', 'slack:T1/U2')?.address).toBe('T1/U2')
})
