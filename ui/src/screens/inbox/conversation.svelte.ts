// The open conversation: its timeline, loaded in pages and followed live.
import * as calls from '../../lib/api/calls'
import type { Conversation, ConversationChange, Entry, Message, Page, Row } from '../../lib/api/types'
import { connection } from '../../lib/live/live.svelte'
import { pictureOf, repaint } from '../../lib/pictures'
import { session } from '../../lib/session.svelte'
import { type Entries, addEntries, lines, noEntries, setMessage, setPicture } from './entries'
import { preview } from './list.svelte'

const PAGE = 50
/** A channel is looked for in so many pages by itself, until there are so many lines. */
const FEW_PAGES = 8
const ENOUGH = 20
export type Scope = 'conversation' | 'customer'

export class Open {
  readonly id: number
  head = $state.raw<Conversation | undefined>()
  scope = $state<Scope>('conversation')
  /** Only messages of this channel; "" shows everything. */
  channel = $state('')
  entries = $state.raw<Entries>(noEntries)
  /** Where older entries go on; undefined at the beginning. */
  before = $state.raw<number | undefined>()
  loading = $state(true)
  loadingOlder = $state(false)
  error = $state.raw<unknown>()
  /** Up to where this agent had read when it was opened. */
  readSeq = $state(0)
  /** The last sequence number whose entries have been on the screen. */
  seen = 0
  /** Other open conversations of the customer. */
  siblings = $state.raw<Row[]>([])
  #off: () => void
  #closed = false

  constructor(id: number) {
    this.id = id
    this.#off = connection.subscribe({
      entry: (f) => {
        const picture = pictureOf(f.entry)
        if (picture) {
          this.entries = setPicture(this.entries, picture)
          if (this.head && f.entry.customer === this.head.customer.id) this.head = { ...this.head, customer: repaint(this.head.customer, picture) }
          return
        }
        if (f.row?.id === id && this.head) this.head = { ...this.head, ...f.row }
        else if (f.row && this.head && f.row.customer.id === this.head.customer.id) this.#sibling(f.row)
        if (!this.loading) this.#take([f.entry])
      },
      reset: () => void this.load({ quiet: true }),
    })
  }
  close() {
    this.#closed = true
    this.#off()
  }

  readonly lines = $derived.by(() => lines(this.entries, { newAfter: this.readSeq, me: session.me, channel: this.channel }))
  /** The channels of what has been read so far. */
  readonly channels = $derived([...new Set([this.head?.channel, ...[...this.entries.messages.values()].map((m) => m.channel), ...this.siblings.map((s) => s.channel), this.channel].filter((c): c is string => !!c))].sort())
  readonly last = $derived(this.entries.list.at(-1)?.seq ?? 0)
  /** The newest message, or the newest of the customer. */
  newest(direction?: 'in'): Message | undefined {
    for (const l of [...this.lines].reverse()) if (l.type === 'message' && (!direction || l.message.direction === direction)) return l.message
    return undefined
  }

  async load(o: { quiet?: boolean } = {}) {
    if (!o.quiet) this.loading = true
    try {
      const c = await calls.getConversation(this.id, PAGE)
      if (this.#closed) return
      if (!o.quiet) this.readSeq = c.read_seq
      this.head = c
      const page = this.scope === 'conversation' ? c.timeline : await calls.getCustomerTimeline(c.customer.id, this.#of({}))
      this.#show(page)
      this.seen = Math.max(this.seen, page.seq)
      this.error = undefined
      void this.loadSiblings()
    } catch (e) {
      if (!o.quiet || !this.head) this.error = e
    } finally {
      this.loading = false
    }
  }

  #show(page: Page) {
    this.entries = addEntries(noEntries, page.entries ?? [])
    this.before = page.before
    this.loading = false
    this.#take((connection.sequence.after(page.seq) ?? []).map((f) => f.entry))
  }

  async loadSiblings() {
    if (!this.head) return
    const rows = (await calls.listConversations({ customer: this.head.customer.id, limit: 20 }).catch(() => undefined))?.rows
    if (rows) this.siblings = rows.filter((r) => r.id !== this.id && r.status !== 'resolved')
  }
  #sibling(r: Row) {
    const others = this.siblings.filter((s) => s.id !== r.id)
    this.siblings = r.status === 'resolved' ? others : [r, ...others]
  }

  /** Shows one conversation or everything of the customer. */
  async setScope(s: Scope) {
    if (!this.head || s === this.scope) return
    this.scope = s
    this.loading = true
    try {
      this.#show(s === 'conversation' ? await calls.getTimeline(this.id, { limit: PAGE }) : await calls.getCustomerTimeline(this.head.customer.id, this.#of({})))
    } catch (e) {
      this.error = e
      this.loading = false
    }
  }

  /** The question for a page of everything, of the channel that is looked at. */
  #of(q: { before?: number }) {
    return { ...q, limit: PAGE, channel: this.channel || undefined }
  }
  /** Shows one channel only, or all with "". */
  async setChannel(channel: string) {
    if (!this.head || channel === this.channel) return
    this.channel = channel
    if (this.scope === 'customer') {
      this.loading = true
      try {
        this.#show(await calls.getCustomerTimeline(this.head.customer.id, this.#of({})))
      } catch (e) {
        this.error = e
        this.loading = false
      }
    }
    // A page may have few messages of the channel, or none.
    for (let n = 0; n < FEW_PAGES && this.channel === channel && channel && this.before && this.lines.length < ENOUGH; n++) await this.older()
  }

  async older() {
    if (!this.before || this.loadingOlder || !this.head) return
    this.loadingOlder = true
    const scope = this.scope
    try {
      const { before, channel } = this
      const page = scope === 'conversation' ? await calls.getTimeline(this.id, { before, limit: PAGE }) : await calls.getCustomerTimeline(this.head.customer.id, this.#of({ before }))
      if (scope !== this.scope || channel !== this.channel) return
      this.entries = addEntries(this.entries, page.entries ?? [])
      this.before = page.before
    } catch {
      // Scrolling up asks again.
    } finally {
      this.loadingOlder = false
    }
  }

  #take(list: Entry[]) {
    const mine = list.filter((e) => (this.scope === 'conversation' ? e.conversation === this.id : e.customer === this.head?.customer.id || e.conversation === this.id))
    if (!mine.length) return
    // Messages went elsewhere or came from there: read the page again.
    if (mine.some((e) => e.kind === 'message.moved' || e.kind === 'conversation.merged')) {
      void this.load({ quiet: true })
      return
    }
    this.entries = addEntries(this.entries, mine)
  }
  /** Adds what a call answered, ahead of the stream. */
  add(list: Entry[]) {
    this.#take(list)
  }
  setMessage(m: Message) {
    this.entries = setMessage(this.entries, m)
  }

  /** Changes this conversation's row at once; the caller has the hub do it. */
  show(c: ConversationChange) {
    if (this.head) this.head = { ...this.head, ...preview(this.head, c) }
  }
}
