// Which screen a path shows. Those outside `shell` need no session. Every screen
// except the inbox is a file of its own, fetched when first needed.
import type { Component } from 'svelte'

export interface Screen {
  /** First part of the path. */
  at: string
  load: () => Promise<{ default: Component }>
}

/** Shown inside the frame with the rail, to those who are signed in. */
export const inside: Screen[] = [
  { at: 'inbox', load: () => import('./inbox/Inbox.svelte') },
  { at: 'companies', load: () => import('./companies/Companies.svelte') },
  { at: 'customers', load: () => import('./customers/Customers.svelte') },
  { at: 'duplicates', load: () => import('./duplicates/Duplicates.svelte') },
  { at: 'documents', load: () => import('./documents/Documents.svelte') },
  { at: 'channels', load: () => import('./channels/Channels.svelte') },
  { at: 'board', load: () => import('./board/Board.svelte') },
  { at: 'settings', load: () => import('./settings/Settings.svelte') },
]

/** Shown alone, without a session: links from mails, invitations and the first run. */
export const outside: Screen[] = [
  { at: 'enter', load: () => import('./signin/Enter.svelte') },
  { at: 'setup', load: () => import('./signin/Setup.svelte') },
  { at: 'invite', load: () => import('./signin/Invite.svelte') },
]

/** Shown for any other path when nobody is signed in. */
export const signin: Screen = { at: 'signin', load: () => import('./signin/SignIn.svelte') }
