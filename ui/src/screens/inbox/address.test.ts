import { describe, expect, it } from 'vitest'
import { parseAddress, splitAddresses } from './address'

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
