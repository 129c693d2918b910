// Companies and relations: one function per route.
import { call, client } from './client'
import type { components } from './schema'

type S = components['schemas']
export type Company = S['Company']
export type CompanyBrief = S['CompanyBrief']
export type Ties = S['Ties']

const at = (id: number) => ({ params: { path: { id } } })
export const listCompanies = (query: { q?: string; cursor?: string; limit?: number }, signal?: AbortSignal) => call(client.GET('/api/companies', { params: { query }, signal }))
export const createCompany = (body: S['CompanyRequest']) => call(client.POST('/api/companies', { body }))
export const getCompany = (id: number, signal?: AbortSignal) => call(client.GET('/api/companies/{id}', { ...at(id), signal }))
export const patchCompany = (id: number, body: S['CompanyChange']) => call(client.PATCH('/api/companies/{id}', { ...at(id), body }))
export const listCompanyHistory = (id: number, field: string) => call(client.GET('/api/companies/{id}/history', { params: { path: { id }, query: { field } } }))
export const deleteCompany = (id: number) => call(client.DELETE('/api/companies/{id}', at(id)))
export const listCompanyConversations = (id: number) => call(client.GET('/api/companies/{id}/conversations', at(id)))
export const getTies = (id: number, signal?: AbortSignal) => call(client.GET('/api/customers/{id}/ties', { ...at(id), signal }))
export const joinCompany = (id: number, company: number, role = '') => call(client.PUT('/api/customers/{id}/companies/{company}', { params: { path: { id, company } }, body: { role } }))
export const leaveCompany = (id: number, company: number) => call(client.DELETE('/api/customers/{id}/companies/{company}', { params: { path: { id, company } } }))
export const relate = (id: number, other: number, kind: string) => call(client.POST('/api/customers/{id}/relations', { ...at(id), body: { other, kind } }))
export const unrelate = (id: number) => call(client.DELETE('/api/relations/{id}', at(id)))
