// Which screen a path shows. Those outside `shell` need no session. Every screen
// except the inbox is a file of its own, fetched when first needed.
import type { Component } from 'svelte'
import { withTexts } from '../lib/i18n/index.svelte'

export interface Screen {
  /** First part of the path. */
  at: string
  load: () => Promise<{ default: Component }>
}

/** Shown inside the frame with the rail, to those who are signed in. */
export const inside: Screen[] = [
  { at: 'inbox', load: () => import('./inbox/Inbox.svelte') },
  { at: 'companies', load: () => withTexts(import('./companies/Companies.svelte')) },
  { at: 'customers', load: () => withTexts(import('./customers/Customers.svelte')) },
  { at: 'duplicates', load: () => withTexts(import('./duplicates/Duplicates.svelte')) },
  { at: 'documents', load: () => withTexts(import('./documents/Documents.svelte')) },
  { at: 'channels', load: () => withTexts(import('./channels/Channels.svelte')) },
  { at: 'board', load: () => withTexts(import('./board/Board.svelte')) },
  { at: 'settings', load: () => withTexts(import('./settings/Settings.svelte')) },
]

/** Shown alone, without a session: links from mails, invitations and the first run. */
export const outside: Screen[] = [
  { at: 'enter', load: () => withTexts(import('./signin/Enter.svelte')) },
  { at: 'setup', load: () => withTexts(import('./signin/Setup.svelte')) },
  { at: 'invite', load: () => withTexts(import('./signin/Invite.svelte')) },
]

/** Shown for any other path when nobody is signed in. */
export const signin: Screen = { at: 'signin', load: () => withTexts(import('./signin/SignIn.svelte')) }
