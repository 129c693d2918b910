// The card all teams share, custom fields and tasks: one function per route.
import { call, client } from './client'
import type { components } from './schema'

type S = components['schemas']
export type CustomerChange = S['CustomerChange']
export type CustomField = S['CustomField']
export type CardHistory = S['FieldHistory']
export type FieldVersion = S['FieldVersion']
export type FieldStamp = S['FieldStamp']
export type Clash = S['Clash']
export type Task = S['Task']
export type TaskView = 'mine' | 'unassigned' | 'all' | 'done'

export const patchCard = (id: number, body: CustomerChange) => call(client.PATCH('/api/customers/{id}', { params: { path: { id } }, body }))
export const listCardHistory = (id: number, field: string) => call(client.GET('/api/customers/{id}/history', { params: { path: { id }, query: { field } } }))

export const listFields = () => call(client.GET('/api/fields'))
export const createField = (body: { name: string; kind: CustomField['kind']; of: CustomField['of']; choices?: string[]; order?: number; tells?: CustomField['tells'] }) => call(client.POST('/api/fields', { body: body as CustomField }))
export const patchField = (id: number, body: S['CustomFieldChange']) => call(client.PATCH('/api/fields/{id}', { params: { path: { id } }, body }))

export const listTasks = (query: { view?: TaskView; customer?: number; conversation?: number; cursor?: string; limit?: number }, signal?: AbortSignal) =>
  call(client.GET('/api/tasks', { params: { query }, signal }))
export const addTask = (body: S['TaskRequest']) => call(client.POST('/api/tasks', { body }))
export const patchTask = (id: number, body: S['TaskChange']) => call(client.PATCH('/api/tasks/{id}', { params: { path: { id } }, body }))
export const removeTask = (id: number) => call(client.DELETE('/api/tasks/{id}', { params: { path: { id } } }))
