// Import of people: one function per route.
import { call, client, uploadTo } from './client'
import type { components } from './schema'

type S = components['schemas']
export type Import = S['Import']
export type ImportRow = S['ImportRow']

const at = (id: number) => ({ params: { path: { id } } })
export const listImports = () => call(client.GET('/api/imports'))
export const getImport = (id: number, signal?: AbortSignal) => call(client.GET('/api/imports/{id}', { ...at(id), signal }))
export const patchImport = (id: number, body: S['ImportChange']) => call(client.PATCH('/api/imports/{id}', { ...at(id), body }))
export const checkImport = (id: number) => call(client.POST('/api/imports/{id}/check', at(id)))
export const startImport = (id: number) => call(client.POST('/api/imports/{id}/start', at(id)))
export const stopImport = (id: number) => call(client.POST('/api/imports/{id}/stop', at(id)))
export const deleteImport = (id: number) => call(client.DELETE('/api/imports/{id}', at(id)))
export const listImportRows = (id: number, query: { outcome?: ImportRow['outcome'] | ''; cursor?: string; limit?: number }, signal?: AbortSignal) =>
  call(client.GET('/api/imports/{id}/rows', { params: { path: { id }, query }, signal }))
export const uploadImport = (file: Blob, name: string, progress: (part: number) => void) => uploadTo<Import>(`/api/imports?name=${encodeURIComponent(name)}`, file, progress)
export const eraseCustomer = (id: number, confirm: string) => call(client.POST('/api/customers/{id}/erase', { ...at(id), body: { confirm } }))
