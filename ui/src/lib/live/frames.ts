import type { Counts, Entry, Health, Row, Viewer } from '../api/types'

/** What the hub sends over the live connection. */
export type Frame =
  | { type: 'hello'; seq: number; agent: number }
  | { type: 'entry'; seq: number; entry: Entry; row?: Row }
  | { type: 'live'; seq: number }
  | { type: 'reset'; seq: number }
  | { type: 'counts'; counts: Counts }
  | { type: 'presence'; viewers: Viewer[]; online: number[]; ready?: number[] }
  | { type: 'account'; id: string; health: Health }
  | { type: 'pong' }

export type EntryFrame = Extract<Frame, { type: 'entry' }>
