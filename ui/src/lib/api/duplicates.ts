// Who may be the same person: one function per route.
import { call, client } from './client'
import type { components } from './schema'

type S = components['schemas']
export type Duplicate = S['Duplicate']
export type DuplicateSide = S['DuplicateSide']
export type Evidence = S['MatchFact']
export type DuplicateRules = S['DuplicateRules']
export type DuplicateLook = S['DuplicateLook']
export type DuplicateState = 'open' | 'later' | 'same' | 'not_same'

export const listDuplicates = (query: { state?: DuplicateState; cursor?: string; limit?: number }, signal?: AbortSignal) => call(client.GET('/api/duplicates', { params: { query }, signal }))
export const getDuplicate = (id: number, signal?: AbortSignal) => call(client.GET('/api/duplicates/{id}', { params: { path: { id } }, signal }))
export const decideDuplicate = (id: number, body: { state: DuplicateState; into?: number; take?: string[]; reason?: string }) =>
  call(client.POST('/api/duplicates/{id}', { params: { path: { id } }, body }))
export const listCustomerDuplicates = (id: number, signal?: AbortSignal) => call(client.GET('/api/customers/{id}/duplicates', { params: { path: { id } }, signal }))
export const chooseValues = (id: number, member: number, fields: string[]) => call(client.POST('/api/customers/{id}/choose', { params: { path: { id } }, body: { member, fields } }))
export const refileMessage = (id: number, customer: number) => call(client.POST('/api/messages/{id}/sender', { params: { path: { id } }, body: { customer } }))
export const getRules = () => call(client.GET('/api/duplicate-rules'))
export const putRules = (body: DuplicateRules) => call(client.PUT('/api/duplicate-rules', { body }))
export const getLook = () => call(client.GET('/api/duplicate-look'))
export const startLook = () => call(client.POST('/api/duplicate-look'))
export type RuleEffects = S['RuleEffects']
export const stopLook = () => call(client.DELETE('/api/duplicate-look'))
export const tryRules = (body: DuplicateRules) => call(client.POST('/api/duplicate-rules/try', { body }))
export const compareCustomers = (id: number, other: number, signal?: AbortSignal) => call(client.GET('/api/customers/{id}/compare/{other}', { params: { path: { id, other } }, signal }))
export const decidePair = (id: number, other: number, body: S['PairVerdict']) => call(client.POST('/api/customers/{id}/compare/{other}', { params: { path: { id, other } }, body }))
