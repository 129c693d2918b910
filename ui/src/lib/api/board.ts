// The routes of the managers' board.
import { call, client } from './client'
import type { components, operations } from './schema'

type S = components['schemas']
export type Board = S['Board']
export type BoardCell = S['BoardCell']
export type BoardSwitch = S['BoardSwitch']
export type BoardWeek = S['BoardWeek']
export type BoardContact = S['BoardContact']
export type Unheeded = S['Unheeded']
export type BoardNumber = NonNullable<operations['listBoardContacts']['parameters']['query']>['number']

export interface BoardQuery {
  from: string
  to: string
  agent?: number
  team?: number
  language?: string
  tag?: string
}
export interface BehindQuery {
  number: BoardNumber
  purpose?: string
  channel?: string
  over?: string
  customer?: number
  /** Other days than the board's: those of one bar. */
  from?: string
  to?: string
  hour?: number
  weekday?: number
}

export const getBoard = (query: BoardQuery, signal?: AbortSignal) => call(client.GET('/api/board', { params: { query }, signal }))
export const listBoardContacts = (query: BoardQuery & BehindQuery & { cursor?: string; limit?: number }, signal?: AbortSignal) => call(client.GET('/api/board/contacts', { params: { query }, signal }))
export const listUnheeded = (query: BoardQuery, signal?: AbortSignal) => call(client.GET('/api/board/unheeded', { params: { query }, signal }))
export const boardCSV = (q: BoardQuery) => '/api/board/csv?' + new URLSearchParams(Object.entries(q).filter(([, v]) => v !== undefined && v !== '').map(([k, v]) => [k, String(v)])).toString()
