// The list beside the timeline: loads pages, follows the live stream, and changes
// conversations with the result shown at once.
import { type Sort, type View, listAccounts, listConversations, patchConversation, patchConversations } from '../../lib/api/calls'
import type { ConversationChange, Row } from '../../lib/api/types'
import { channelName } from '../../lib/channels'
import { explain } from '../../lib/errors'
import { connection } from '../../lib/live/live.svelte'
import { pictureOf } from '../../lib/pictures'
import { session } from '../../lib/session.svelte'
import { stored } from '../../lib/stored.svelte'
import { toast } from '../../lib/toast.svelte'
import { type ListQuery, type RowList, addPage, byCustomer, emptyList, merge, setPicture, settle } from './rows'

const PAGE = 40

export class List {
  view = $state<View>('mine')
  readonly sort = stored<Sort>('list.sort', 'newest')
  tag = $state('')
  channel = $state('')
  /** 0 is any. */
  team = $state(0)
  /** Those of our accounts. */
  channels = $state.raw<string[]>([])
  /** The menu of channels is open. */
  choosing = $state(false)
  /** The menu of teams is open. */
  choosingTeam = $state(false)
  readonly grouped = stored<boolean>('list.grouped', true)
  #list = $state.raw<RowList>(emptyList)
  cursor = $state.raw<string | undefined>()
  loading = $state(true)
  loadingMore = $state(false)
  error = $state.raw<unknown>()
  /** Rows chosen with x. */
  chosen = $state.raw<ReadonlySet<number>>(new Set())
  /** The keyboard's place. */
  at = $state(0)
  /** The keys have been used here; the first press stays at the first row. */
  moved = false
  /** Groups that are opened. */
  opened = $state.raw<ReadonlySet<number>>(new Set())
  /** The screen tells whether somebody reads here, so that nothing may move. */
  reading = () => false
  #abort: AbortController | undefined
  #off: () => void

  constructor() {
    this.#off = connection.subscribe({
      entry: (f) => {
        if (f.row) this.take(f.row, f.entry.actor === `agent:${session.me}`)
        const picture = f.entry.customer && pictureOf(f.entry)
        if (picture) this.#list = setPicture(this.#list, f.entry.customer!, picture)
      },
      reset: () => void this.load({ quiet: true }),
    })
  }
  close() {
    this.#off()
    this.#abort?.abort()
  }

  /** What there is to choose from; asked again when the screen opens. */
  async loadChannels() {
    const { accounts } = await listAccounts()
    this.channels = [...new Set((accounts ?? []).map((a) => a.channel))].sort((a, b) => channelName(a).localeCompare(channelName(b)))
  }

  get query(): ListQuery {
    return { view: this.view, sort: this.sort.value, tag: this.tag, channel: this.channel, team: this.team, me: session.me }
  }
  /** The rows shown, in order. */
  readonly rows: Row[] = $derived.by(() => this.#list.order.map((id) => this.#list.rows.get(id)!).filter(Boolean))
  /** What the list draws: rows, of groups the first, and the others of opened ones. */
  readonly lines: { row: Row; others: Row[]; inner: boolean }[] = $derived.by(() => {
    if (!this.grouped.value) return this.rows.map((row) => ({ row, others: [], inner: false }))
    return byCustomer(this.rows).flatMap((g) => [
      { row: g.rows[0]!, others: g.rows.slice(1), inner: false },
      ...(this.opened.has(g.customer) ? g.rows.slice(1).map((row) => ({ row, others: [], inner: true })) : []),
    ])
  })
  /** The line a conversation stands in, by itself or inside a closed group. */
  place(id: number | undefined): number {
    const own = this.lines.findIndex((l) => l.row.id === id)
    return own >= 0 ? own : this.lines.findIndex((l) => l.others.some((o) => o.id === id))
  }
  get held() {
    return this.#list.held.size
  }
  isGone(id: number) {
    return this.#list.gone.has(id)
  }
  row(id: number) {
    return this.#list.rows.get(id)
  }

  async load(o: { quiet?: boolean } = {}) {
    this.#abort?.abort()
    const abort = (this.#abort = new AbortController())
    if (!o.quiet) {
      this.loading = true
      this.#list = emptyList
    }
    try {
      const q = this.query
      const page = await listConversations({ view: q.view, sort: q.sort, tag: q.tag || undefined, channel: q.channel || undefined, team: q.team || undefined, limit: PAGE }, abort.signal)
      this.#list = addPage(emptyList, page.rows ?? [], { first: true, end: !page.next })
      this.cursor = page.next
      this.error = undefined
      connection.start(page.seq)
      // What came between the page and now.
      for (const f of connection.sequence.after(page.seq) ?? []) if (f.row) this.#list = merge(this.#list, f.row, q, { reading: false })
      this.loading = false
    } catch (e) {
      if (abort.signal.aborted) return
      if (!o.quiet || !this.#list.order.length) this.error = e
      this.loading = false
    }
  }

  async more() {
    if (!this.cursor || this.loadingMore || this.loading) return
    this.loadingMore = true
    const q = this.query
    const abort = this.#abort
    try {
      const page = await listConversations({ view: q.view, sort: q.sort, tag: q.tag || undefined, channel: q.channel || undefined, team: q.team || undefined, limit: PAGE, cursor: this.cursor }, abort?.signal)
      if (abort !== this.#abort) return
      this.#list = addPage(this.#list, page.rows ?? [], { first: false, end: !page.next })
      this.cursor = page.next
    } catch {
      // The next scroll asks again.
    } finally {
      this.loadingMore = false
    }
  }

  take(row: Row, own: boolean) {
    this.#list = merge(this.#list, row, this.query, { reading: this.reading(), own })
  }
  /** The agent wants to see what was held back. */
  settle() {
    if (this.#list.held.size || this.#list.gone.size) this.#list = settle(this.#list, this.query)
  }

  /** Opens or closes the group of a customer. */
  toggle(customer: number) {
    const next = new Set(this.opened)
    if (!next.delete(customer)) next.add(customer)
    this.opened = next
  }

  choose(id: number, on = !this.chosen.has(id)) {
    const next = new Set(this.chosen)
    if (on) next.add(id)
    else next.delete(id)
    this.chosen = next
  }

  /** Changes conversations: on the screen at once, taken back if the hub refuses. */
  async change(ids: number[], c: ConversationChange): Promise<Row[] | undefined> {
    const before = ids.map((id) => this.row(id)).filter((r): r is Row => !!r)
    for (const r of before) this.take(preview(r, c), true)
    try {
      const rows = ids.length === 1 ? [await patchConversation(ids[0]!, c)] : (await patchConversations(ids, c)).rows
      for (const r of rows) this.take(r, true)
      return rows
    } catch (e) {
      for (const r of before) this.take(r, true)
      toast(explain(e), { tone: 'bad' })
      return undefined
    }
  }
}

/** How a row will look after a change. */
export function preview(r: Row, c: ConversationChange): Row {
  const next = { ...r }
  if (c.status) {
    next.status = c.status
    next.snoozed_until = c.status === 'snoozed' ? c.snoozed_until : undefined
    if (c.status === 'resolved') {
      next.waiting = undefined
      next.unread = 0
    }
  }
  if (c.assignee !== undefined || c.team !== undefined) next.assignee = c.assignee || undefined
  if (c.team !== undefined) next.team = c.team || undefined
  if (c.priority) next.priority = c.priority
  if (c.tags) next.tags = c.tags
  return next
}
