// The routes about purposes, preferences and consent.
import { call, client } from './client'
import type { components } from './schema'

type S = components['schemas']
export type Purpose = S['Purpose']
export type Purposes = S['Purposes']
export type PurposeRule = S['PurposeRule']
export type Guess = S['Guess']
export type GuessWord = S['GuessWord']
export type Advice = S['Advice']
export type Verdict = S['Verdict']
export type Habit = S['Habit']
export type Evidence = S['Evidence']
export type Statement = S['Statement']
export type StatementRequest = S['StatementRequest']
export type PreferenceCell = S['PreferenceCell']
export type CustomerPreferences = S['CustomerPreferences']

export const getPurposes = () => call(client.GET('/api/purposes'))
export const setPurposes = (body: Purposes) => call(client.PUT('/api/purposes', { body }))
export type LearnedPurposes = S['LearnedPurposes']
export type PurposeTrial = S['PurposeTrial']
export type PurposeTried = S['PurposeTried']
export const getLearnedPurposes = () => call(client.GET('/api/purposes/learned'))
export const tryPurpose = (body: PurposeTrial) => call(client.POST('/api/purposes/try', { body }))
export const guessPurpose = (id: number) => call(client.GET('/api/conversations/{id}/purpose', { params: { path: { id } } }))
export const adviseConversation = (id: number) => call(client.GET('/api/conversations/{id}/advice', { params: { path: { id } } }))
export const adviseCustomer = (id: number, purpose?: string) => call(client.GET('/api/customers/{id}/advice', { params: { path: { id }, query: { purpose } } }))
export const getPreferences = (id: number, signal?: AbortSignal) => call(client.GET('/api/customers/{id}/preferences', { params: { path: { id } }, signal }))
export const addPreference = (id: number, body: StatementRequest) => call(client.POST('/api/customers/{id}/preferences', { params: { path: { id } }, body }))
export const endPreference = (id: number, preference: number) => call(client.DELETE('/api/customers/{id}/preferences/{preference}', { params: { path: { id, preference } } }))

export const liftSuspension = (id: number, handle: string) => call(client.DELETE('/api/customers/{id}/handles/{handle}/suspension', { params: { path: { id, handle } } }))
/** The address of the page on which the person behind a handle chooses. */
export const choicesLink = async (id: number, handle: string) => new URL((await call(client.GET('/api/customers/{id}/handles/{handle}/choices', { params: { path: { id, handle } } }))).path, location.href).href
