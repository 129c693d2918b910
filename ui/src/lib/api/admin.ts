// Calls of sign-in, settings, channel health and the customer book; like calls.ts,
// one function per route.
import { call, client } from './client'
import type { NoticeRuleRequest, Role } from './types'

// First run, invitations
export const getSetup = () => call(client.GET('/api/setup'), true)
export const setUp = (body: { token: string; name: string; email: string; password: string }) => call(client.POST('/api/setup', { body }), true)
export const getInvitation = (token: string) => call(client.GET('/api/invitations/{token}', { params: { path: { token } } }), true)
export const acceptInvitation = (token: string, body: { password: string; name?: string }) => call(client.POST('/api/invitations/{token}', { params: { path: { token } }, body }), true)

// Oneself
export const listSessions = () => call(client.GET('/api/sessions'))
export const endSession = (id: string) => call(client.DELETE('/api/sessions/{id}', { params: { path: { id } } }))
export const changePassword = (old: string, fresh: string) => call(client.POST('/api/me/password', { body: { old, new: fresh } }))
export const listKeys = () => call(client.GET('/api/keys'))
export const createKey = (name: string) => call(client.POST('/api/keys', { body: { name } }))
export const deleteKey = (id: number) => call(client.DELETE('/api/keys/{id}', { params: { path: { id } } }))

// People
export const inviteAgent = (body: { name: string; email: string; role: Role }) => call(client.POST('/api/agents', { body }))
export const patchAgent = (id: number, body: { name?: string; role?: Role; disabled?: boolean }) => call(client.PATCH('/api/agents/{id}', { params: { path: { id } }, body }))
export const renewInvitation = (id: number) => call(client.POST('/api/agents/{id}/invitation', { params: { path: { id } } }))
export const listSecurityLog = (query: { cursor?: string; limit?: number }, signal?: AbortSignal) => call(client.GET('/api/audit', { params: { query }, signal }))

// Notices to colleagues
export const listNotices = () => call(client.GET('/api/notices'))
export const createNotice = (body: NoticeRuleRequest) => call(client.POST('/api/notices', { body }))
export const changeNotice = (id: number, body: NoticeRuleRequest) => call(client.PUT('/api/notices/{id}', { params: { path: { id } }, body }))
export const deleteNotice = (id: number) => call(client.DELETE('/api/notices/{id}', { params: { path: { id } } }))
export const testNotice = (id: number) => call(client.POST('/api/notices/{id}/test', { params: { path: { id } } }))

// Channel health
export const listChannels = () => call(client.GET('/api/channels'))
export const createAccount = (body: { id: string; channel: string; name: string; settings: Record<string, unknown> }) => call(client.POST('/api/accounts', { body }))
export const patchAccount = (id: string, body: { name?: string; disabled?: boolean; settings?: Record<string, unknown> }) =>
  call(client.PATCH('/api/accounts/{id}', { params: { path: { id } }, body }))
export const deleteAccount = (id: string) => call(client.DELETE('/api/accounts/{id}', { params: { path: { id } } }))
export const testAccount = (body: { id?: string; new_id?: string; channel: string; settings: Record<string, unknown> }) => call(client.POST('/api/accounts/test', { body }))
export const kickAccount = (id: string) => call(client.POST('/api/accounts/{id}/kick', { params: { path: { id } } }))

export const listHeld = (query: { account?: string; cursor?: string; limit?: number }, signal?: AbortSignal) => call(client.GET('/api/held', { params: { query }, signal }))
export const getHeldRaw = (id: number) => call(client.GET('/api/held/{id}/raw', { params: { path: { id } }, parseAs: 'text' }))
export const heldRawURL = (id: number) => `/api/held/${id}/raw`
export const retryHeld = (id: number) => call(client.POST('/api/held/{id}/retry', { params: { path: { id } } }))
export const dropHeld = (id: number) => call(client.DELETE('/api/held/{id}', { params: { path: { id } } }))

export const getMailboxAudit = (id: string) => call(client.GET('/api/accounts/{id}/audit', { params: { path: { id } } }))
export const startMailboxAudit = (id: string) => call(client.POST('/api/accounts/{id}/audit', { params: { path: { id } } }))
export const importMissing = (id: string, sources?: string[]) => call(client.POST('/api/accounts/{id}/audit/import', { params: { path: { id } }, body: { sources } }))

// Customers
export const createCustomer = (body: { name: string; handles: string[] }) => call(client.POST('/api/customers', { body }))
