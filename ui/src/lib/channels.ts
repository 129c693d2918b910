// What a screen has to know of channels and of the addresses in them. A channel
// the app does not know works all the same: under its own name, with the icon for
// messages.
import type { IconName } from './components/icons'
import { hasText, type Key, t } from './i18n/index.svelte'

const channelIcons: Record<string, IconName> = { email: 'mail', sms: 'sms', whatsapp: 'whatsapp', slack: 'slack', voice: 'phone', call: 'phone' }

export const channelIcon = (channel: string): IconName => channelIcons[channel] ?? 'chat'

export const channelName = (channel: string) => (hasText(`channel.${channel}`) ? t(`channel.${channel}` as Key) : channel)

/** Letters have a subject, copies and quotes; all else is talk: short and quick. */
export const isLetter = (channel: string) => channel === 'email'

const schemes: Record<string, string> = { email: 'mailto', slack: 'slack' }

/** The scheme of the handles a channel leads to. */
export const schemeOf = (channel: string) => schemes[channel] ?? 'tel'

const schemeIcons: Record<string, IconName> = { mailto: 'mail', tel: 'phone', short: 'sms', alpha: 'tag', slack: 'slack' }

export const schemeIcon = (scheme: string): IconName => schemeIcons[scheme] ?? 'chat'

/** A handle without its scheme, for reading: mailto:ann@example.org → ann@example.org, tel:… in groups. */
export function readable(handle: string | undefined): string {
  const [, scheme = '', address = handle ?? ''] = /^([a-z][a-z0-9+.-]*):(.*)$/is.exec(handle ?? '') ?? []
  if (scheme === 'unknown') return t('call.withheld')
  return scheme === 'tel' ? formatTel(address) : address
}

/** Is the address only a provider's number for somebody, which tells a reader nothing? */
export const opaque = (handle: string) => !/^(mailto|tel|short|alpha):/.test(handle)

/** A handle as one may type it where any is taken: what says by itself what it is, without its scheme. */
export const typed = (handle: string) => (/^(mailto|tel):/.test(handle) ? readable(handle) : handle)

// Country codes of ITU-T E.164 are prefix-free: those of one digit and of two are
// these, all others have three.
const two = new Set('20 27 30 31 32 33 34 36 39 40 41 43 44 45 46 47 48 49 51 52 53 54 55 56 57 58 60 61 62 63 64 65 66 81 82 84 86 90 91 92 93 94 95 98'.split(' '))

/** +447700900123 → +44 7700 900 123: groups that can be read out, whatever the country's own habit. */
export function formatTel(number: string): string {
  const [, digits = '', rest = ''] = /^\+(\d{7,15})(.*)$/s.exec(number) ?? []
  if (!digits) return number
  const code = digits.slice(0, /^[17]/.test(digits) ? 1 : two.has(digits.slice(0, 2)) ? 2 : 3)
  let local = digits.slice(code.length)
  // North America: area, exchange, line.
  if (code === '1' && local.length === 10) return `+1 ${local.slice(0, 3)} ${local.slice(3, 6)} ${local.slice(6)}${rest}`
  const groups: string[] = []
  // The odd digits stand in the first group, which then has up to five.
  for (; local.length > 5; local = local.slice(0, -3)) groups.unshift(local.slice(-3))
  return `+${[code, local, ...groups].join(' ')}${rest}`
}
