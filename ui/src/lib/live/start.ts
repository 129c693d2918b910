import { listConversations } from '../api/calls'
import { connection } from './live.svelte'

/** Starts the live connection from screens whose own pages carry no sequence number. */
export async function startLive(): Promise<void> {
  if (connection.phase !== 'off') return
  connection.start((await listConversations({ view: 'all', limit: 1 })).seq)
}
