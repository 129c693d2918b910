// The list of conversations as a value: pages and live changes go in, and out comes
// what is shown now and what waits behind the "3 new" bar. Pure, so that it can be
// tested without a screen.
import type { Sort, View } from '../../lib/api/calls'
import type { Row } from '../../lib/api/types'
import { type PictureChange, repaint } from '../../lib/pictures'

export interface RowList {
  rows: ReadonlyMap<number, Row>
  /** IDs shown, in order. */
  order: readonly number[]
  /** Came or moved while the agent was reading; placed when asked for. */
  held: ReadonlySet<number>
  /** Still shown, but no longer on this list: somebody else took it. */
  gone: ReadonlySet<number>
  /** Everything there is has been loaded. */
  end: boolean
}

export interface ListQuery {
  view: View
  sort: Sort
  tag: string
  channel: string
  /** 0 is any. */
  team: number
  me: number
}

export const emptyList: RowList = { rows: new Map(), order: [], held: new Set(), gone: new Set(), end: false }

/** Does the conversation stand on this list? The same rule as the hub's. */
export function belongs(row: Row, q: ListQuery): boolean {
  if (q.tag && !row.tags?.includes(q.tag)) return false
  if (q.channel && !row.channels?.includes(q.channel)) return false
  if (q.team && row.team !== q.team) return false
  switch (q.view) {
    case 'mine':
      return row.status === 'open' && row.assignee === q.me
    case 'unassigned':
      return row.status === 'open' && !row.assignee
    case 'all':
      return row.status === 'open'
    case 'failed':
      return row.status === 'open' && !!row.undelivered
    default:
      return row.status === q.view
  }
}

/** The order of a list; longest waiting first puts those that nobody waits in last. */
export function compare(sort: Sort): (a: Row, b: Row) => number {
  const newest = (a: Row, b: Row) => Date.parse(b.last) - Date.parse(a.last) || b.id - a.id
  if (sort === 'newest') return newest
  const wait = (r: Row) => (r.waiting ? Date.parse(r.waiting) : Infinity)
  return (a, b) => {
    const [x, y] = [wait(a), wait(b)]
    return x === y ? newest(a, b) : x - y
  }
}

/** Adds a page read from the hub; first replaces everything. */
export function addPage(list: RowList, page: Row[], o: { first: boolean; end: boolean }): RowList {
  const rows = new Map(o.first ? [] : list.rows)
  for (const r of page) {
    const have = rows.get(r.id)
    // The live stream may have been quicker than the page.
    if (!have || have.last_seq <= r.last_seq) rows.set(r.id, r)
  }
  const order = o.first ? page.map((r) => r.id) : [...list.order, ...page.map((r) => r.id).filter((id) => !list.order.includes(id))]
  const held = new Set(o.first ? [] : list.held)
  for (const id of order) held.delete(id)
  return { rows, order, held, gone: o.first ? new Set() : list.gone, end: o.end }
}

/** Shows a customer's new picture. */
export function setPicture(list: RowList, customer: number, p: PictureChange): RowList {
  const rows = new Map(list.rows)
  for (const [id, r] of rows) if (r.customer.id === customer) rows.set(id, { ...r, customer: repaint(r.customer, p) })
  return { ...list, rows }
}

/** Merges one changed row. Reading: nothing on the screen may move. Own: one's own act, shown at once. */
export function merge(list: RowList, row: Row, q: ListQuery, o: { reading: boolean; own?: boolean }): RowList {
  const shown = list.order.includes(row.id)
  const before = list.rows.get(row.id)
  if (before && before.last_seq > row.last_seq) return list
  const rows = new Map(list.rows).set(row.id, row)
  const held = new Set(list.held)
  const gone = new Set(list.gone)

  if (!belongs(row, q)) {
    held.delete(row.id)
    if (!shown) {
      rows.delete(row.id)
      return { ...list, rows, held }
    }
    if (o.reading && !o.own) {
      gone.add(row.id)
      return { ...list, rows, held, gone }
    }
    rows.delete(row.id)
    gone.delete(row.id)
    return { ...list, rows, held, gone, order: list.order.filter((id) => id !== row.id) }
  }

  gone.delete(row.id)
  const others = list.order.filter((id) => id !== row.id)
  const at = place(others, rows, row, q)
  if (shown) {
    if (!o.reading) return { ...list, rows, held, gone, order: [...others.slice(0, at), row.id, ...others.slice(at)] }
    // Something new in a row further down: it would come up.
    if (!o.own && at < list.order.indexOf(row.id) && before && row.messages > before.messages) held.add(row.id)
    return { ...list, rows, held, gone }
  }
  // Below what has been loaded: a later page brings it.
  if (at === others.length && !list.end) {
    rows.delete(row.id)
    return { ...list, rows: before ? list.rows : rows }
  }
  if (o.reading && !o.own && at < others.length) {
    held.add(row.id)
    return { ...list, rows, held, gone }
  }
  return { ...list, rows, held, gone, order: [...others.slice(0, at), row.id, ...others.slice(at)] }
}

function place(order: readonly number[], rows: ReadonlyMap<number, Row>, row: Row, q: ListQuery): number {
  const cmp = compare(q.sort)
  const i = order.findIndex((id) => cmp(row, rows.get(id)!) < 0)
  return i < 0 ? order.length : i
}

/** Places what was held back, takes away what is gone: the bar was clicked or the reading is over. */
export function settle(list: RowList, q: ListQuery): RowList {
  const rows = new Map(list.rows)
  for (const id of list.gone) rows.delete(id)
  const ids = new Set([...list.order, ...list.held].filter((id) => rows.has(id)))
  const cmp = compare(q.sort)
  return { rows, order: [...ids].sort((a, b) => cmp(rows.get(a)!, rows.get(b)!)), held: new Set(), gone: new Set(), end: list.end }
}

export interface Group {
  customer: number
  /** The first in the list's order leads. */
  rows: Row[]
}

/** One group per customer, at the place of its first conversation. */
export function byCustomer(rows: Row[]): Group[] {
  const groups = new Map<number, Group>()
  for (const r of rows) {
    const g = groups.get(r.customer.id)
    if (g) g.rows.push(r)
    else groups.set(r.customer.id, { customer: r.customer.id, rows: [r] })
  }
  return [...groups.values()]
}
