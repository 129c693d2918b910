import type { IconName } from './components/icons'

/** The icon of a channel; a channel the app does not know gets the one for messages. */
export function channelIcon(channel: string): IconName {
  if (channel === 'email') return 'mail'
  if (channel === 'voice' || channel === 'call') return 'phone'
  return 'chat'
}
