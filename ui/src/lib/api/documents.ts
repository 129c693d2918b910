// Calls of the documents; like calls.ts, one function per route.
import { call, client, uploadTo } from './client'
import type { DocumentRules, LibraryDocument } from './types'

/** Whose documents: a customer's or a company's. */
export interface DocumentPlace {
  customer?: number
  company?: number
}
export interface DocumentQuery extends DocumentPlace {
  q?: string
  /** With company: those of its people too. */
  people?: boolean
  type?: string
  tag?: string
  expiring?: number
  deleted?: boolean
  cursor?: string
  limit?: number
}
const at = (id: number) => ({ params: { path: { id } } })

export const listDocuments = (query: DocumentQuery, signal?: AbortSignal) => call(client.GET('/api/documents', { params: { query }, signal }))
export const getDocument = (id: number, signal?: AbortSignal) => call(client.GET('/api/documents/{id}', { ...at(id), signal }))
export const uploadDocument = (at: DocumentPlace, file: File, type: string, progress: (part: number) => void, signal?: AbortSignal) =>
  uploadTo<LibraryDocument>(`/api/documents?${at.company ? `company=${at.company}` : `customer=${at.customer ?? 0}`}&name=${encodeURIComponent(file.name)}&type=${encodeURIComponent(type)}`, file, progress, signal)
export const uploadVersion = (id: number, file: File, note: string, progress: (part: number) => void, signal?: AbortSignal) =>
  uploadTo<LibraryDocument>(`/api/documents/${id}/versions?name=${encodeURIComponent(file.name)}&note=${encodeURIComponent(note)}`, file, progress, signal)
export const fileAttachment = (body: DocumentPlace & { message: number; blob: string; document?: number; title?: string; type?: string }) => call(client.POST('/api/documents/from-message', { body }))
export const patchDocument = (id: number, body: { title?: string; type?: string; tags?: string[]; note?: string; expires?: string; remind?: number }) =>
  call(client.PATCH('/api/documents/{id}', { ...at(id), body }))
export const moveDocument = (id: number, body: DocumentPlace) => call(client.POST('/api/documents/{id}/move', { ...at(id), body }))
export const deleteDocument = (id: number) => call(client.DELETE('/api/documents/{id}', at(id)))
export const undeleteDocument = (id: number) => call(client.POST('/api/documents/{id}/undelete', at(id)))
export const purgeDocument = (id: number) => call(client.POST('/api/documents/{id}/purge', at(id)))
export const restoreVersion = (id: number, version: number) => call(client.POST('/api/documents/{id}/restore', { ...at(id), body: { version } }))
export const attachDocument = (id: number) => call(client.POST('/api/documents/{id}/attach', { ...at(id), body: {} }))
export const listOpenings = (id: number, cursor?: string) => call(client.GET('/api/documents/{id}/openings', { params: { path: { id }, query: { cursor, limit: 30 } } }))
export const listLinks = (id: number) => call(client.GET('/api/documents/{id}/links', at(id)))
export const shareDocument = (id: number, body: { days: number; password?: string; max?: number; note?: string; version?: number }) => call(client.POST('/api/documents/{id}/links', { ...at(id), body }))
export const revokeLink = (id: number, link: number) => call(client.DELETE('/api/documents/{id}/links/{link}', { params: { path: { id, link } } }))
export const rereadDocuments = () => call(client.POST('/api/documents/reread'))
export const getDocumentRules = () => call(client.GET('/api/documents/rules'))
export const putDocumentRules = (body: DocumentRules) => call(client.PUT('/api/documents/rules', { body }))
