// One function per route. Screens call these and never fetch by themselves.
import { call, client } from './client'
import type { ComposeRequest, ConversationChange, Draft, ReplyRequest, Preferences } from './types'

export { upload } from './client'

export type View = 'mine' | 'unassigned' | 'all' | 'snoozed' | 'resolved' | 'failed'
export type Sort = 'newest' | 'waiting'
interface Around {
  before?: number
  after?: number
  limit?: number
}

// Inbox
export const getCounts = () => call(client.GET('/api/counts'))
export const listConversations = (query: { view?: View; sort?: Sort; tag?: string; channel?: string; team?: number; customer?: number; limit?: number; cursor?: string }, signal?: AbortSignal) =>
  call(client.GET('/api/conversations', { params: { query }, signal }))
export const getConversation = (id: number, limit = 50, signal?: AbortSignal) => call(client.GET('/api/conversations/{id}', { params: { path: { id }, query: { limit } }, signal }))
export const getTimeline = (id: number, query: Around, signal?: AbortSignal) => call(client.GET('/api/conversations/{id}/timeline', { params: { path: { id }, query }, signal }))
export const patchConversation = (id: number, body: ConversationChange) => call(client.PATCH('/api/conversations/{id}', { params: { path: { id } }, body }))
export const patchConversations = (ids: number[], change: ConversationChange) => call(client.POST('/api/conversations/batch', { body: { ids, ...change } }))
export const markRead = (id: number, seq: number) => call(client.POST('/api/conversations/{id}/read', { params: { path: { id } }, body: { seq } }))
export const addNote = (id: number, text: string) => call(client.POST('/api/conversations/{id}/notes', { params: { path: { id } }, body: { text } }))
export const getRecipients = (id: number, mode: 'reply' | 'reply_all' | 'forward', message?: number) =>
  call(client.GET('/api/conversations/{id}/recipients', { params: { path: { id }, query: { mode, message } } }))
/** key names the message: asked for again under the same one, the hub sends nothing twice. */
export const sendReply = (id: number, body: ReplyRequest, key: string) =>
  call(client.POST('/api/conversations/{id}/replies', { params: { path: { id }, header: { 'Idempotency-Key': key } }, body }))
export const startConversation = (body: ComposeRequest, key: string) => call(client.POST('/api/conversations', { params: { header: { 'Idempotency-Key': key } }, body }))
export const listWays = (id: number) => call(client.GET('/api/conversations/{id}/ways', { params: { path: { id } } }))
export const listMentions = (id: number, account: string) => call(client.GET('/api/conversations/{id}/mentions', { params: { path: { id }, query: { account } } }))
export const listCustomerWays = (id: number) => call(client.GET('/api/customers/{id}/ways', { params: { path: { id } } }))
export const listTemplates = (account: string) => call(client.GET('/api/accounts/{id}/templates', { params: { path: { id: account } } }))
export const getDraft = (id: number) => call(client.GET('/api/conversations/{id}/draft', { params: { path: { id } } }))
export const putDraft = (id: number, body: Draft) => call(client.PUT('/api/conversations/{id}/draft', { params: { path: { id } }, body }))
export const deleteDraft = (id: number) => call(client.DELETE('/api/conversations/{id}/draft', { params: { path: { id } } }))
export const moveMessage = (id: number, message: number, to: number) => call(client.POST('/api/conversations/{id}/move', { params: { path: { id } }, body: { message, to } }))
export const mergeConversation = (id: number, into: number) => call(client.POST('/api/conversations/{id}/merge', { params: { path: { id } }, body: { into } }))
export const listTags = () => call(client.GET('/api/tags'))

// Messages
export const getMessage = (id: number) => call(client.GET('/api/messages/{id}', { params: { path: { id } } }))
export const undoMessage = (id: number) => call(client.POST('/api/messages/{id}/undo', { params: { path: { id } } }))
export const retryMessage = (id: number) => call(client.POST('/api/messages/{id}/retry', { params: { path: { id } } }))
export const dismissMessage = (id: number) => call(client.POST('/api/messages/{id}/dismiss', { params: { path: { id } } }))

// Customers
export const listCustomers = (query: { q?: string; cursor?: string; limit?: number }, signal?: AbortSignal) => call(client.GET('/api/customers', { params: { query }, signal }))
export const getCustomer = (id: number, signal?: AbortSignal) => call(client.GET('/api/customers/{id}', { params: { path: { id } }, signal }))
export const getCustomerTimeline = (id: number, query: Around & { channel?: string }, signal?: AbortSignal) => call(client.GET('/api/customers/{id}/timeline', { params: { path: { id }, query }, signal }))
export const listCustomerConversations = (id: number) => call(client.GET('/api/customers/{id}/conversations', { params: { path: { id } } }))
export const linkHandle = (id: number, handle: string, reason?: string) => call(client.POST('/api/customers/{id}/handles', { params: { path: { id } }, body: { handle, reason } }))
export const unlinkHandle = (id: number, handle: string, reason?: string) =>
  call(client.DELETE('/api/customers/{id}/handles/{handle}', { params: { path: { id, handle }, query: { reason } } }))
export const patchHandle = (id: number, handle: string, shared: boolean) => call(client.PATCH('/api/customers/{id}/handles/{handle}', { params: { path: { id, handle } }, body: { shared } }))
export const setConsent = (id: number, handle: string, body: { channel: string; purpose?: string; state: 'opt_in' | 'opt_out'; reason: string }) =>
  call(client.PUT('/api/customers/{id}/handles/{handle}/consent', { params: { path: { id, handle } }, body }))
export const mergeCustomer = (id: number, other: number, reason?: string, anyway?: boolean) => call(client.POST('/api/customers/{id}/merge', { params: { path: { id } }, body: { other, reason, anyway } }))
export const unmergeCustomer = (id: number, member: number, reason?: string) => call(client.POST('/api/customers/{id}/unmerge', { params: { path: { id } }, body: { member, reason } }))

// People and session
export const listAgents = () => call(client.GET('/api/agents'))
export const listAccounts = () => call(client.GET('/api/accounts'))
export const getSession = () => call(client.GET('/api/session'), true)
export const patchMe = (body: { name?: string; preferences?: Preferences }) => call(client.PATCH('/api/me', { body }))
export const signIn = (email: string, password: string) => call(client.POST('/api/session', { body: { email, password } }), true)
export const enter = (token: string) => call(client.POST('/api/session/link', { body: { token } }), true)
export const signOut = () => call(client.DELETE('/api/session'))
