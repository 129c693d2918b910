import { expect, it } from 'vitest'
import { channelIcon, channelName, formatTel, readable, schemeIcon } from './channels'

it('writes numbers in groups', () => {
  expect(formatTel('+447700900123')).toBe('+44 7700 900 123')
  expect(formatTel('+14155550100')).toBe('+1 415 555 0100')
  expect(formatTel('+989121234567')).toBe('+98 9121 234 567')
  expect(formatTel('+35312345678')).toBe('+353 12345 678')
  expect(formatTel('+6621234567')).toBe('+66 21234 567')
  expect(formatTel('12345')).toBe('12345')
  expect(formatTel('+447700900123;ext=5')).toBe('+44 7700 900 123;ext=5')
})
it('reads handles of every scheme', () => {
  expect(readable('mailto:ann@example.org')).toBe('ann@example.org')
  expect(readable('tel:+447700900123')).toBe('+44 7700 900 123')
  expect(readable('short:12345')).toBe('12345')
  expect(readable('alpha:My:Bank')).toBe('My:Bank')
  expect(readable('slack:T1/U2')).toBe('T1/U2')
  expect(readable(undefined)).toBe('')
})
it('has an icon and a name for what it does not know', () => {
  expect(channelIcon('pigeon')).toBe('chat')
  expect(channelName('pigeon')).toBe('pigeon')
  expect(channelName('sms')).toBe('SMS')
  expect(schemeIcon('pigeon')).toBe('chat')
})
