// What the parts of the inbox share: list, open conversation, composer, and the
// acts on conversations with their undo.
import { getContext, setContext } from 'svelte'
import * as calls from '../../lib/api/calls'
import type { View } from '../../lib/api/calls'
import { type Guess, guessPurpose } from '../../lib/api/preferences'
import type { ConversationChange, Draft, Mode, Priority, Row, Way } from '../../lib/api/types'
import { attempt, explain } from '../../lib/errors'
import { dateTime } from '../../lib/format.svelte'
import { t } from '../../lib/i18n/index.svelte'
import { people } from '../../lib/people.svelte'
import { purposes } from '../../lib/purposes.svelte'
import { go } from '../../lib/router.svelte'
import { session } from '../../lib/session.svelte'
import { stored } from '../../lib/stored.svelte'
import { teams } from '../../lib/teams.svelte'
import { toast } from '../../lib/toast.svelte'
import { typeAhead } from '../../lib/typeahead'
import { Composer } from './composer.svelte'
import { obstacleText } from './obstacles'
import { Open } from './conversation.svelte'
import { List } from './list.svelte'

/** How many own changes can be taken back with z. */
const UNDO_DEPTH = 20

export class Desk {
  readonly list = new List()
  /** The list beside the conversation is that of the tasks. */
  tasks = $state(false)
  open = $state.raw<Open | undefined>()
  composer = $state.raw<Composer | undefined>()
  readonly pane = stored<boolean>('inbox.pane', true)
  /** The customer sheet of narrow screens. */
  sheet = $state(false)
  /** Which picker of the header is open: opened by its key. */
  picker = $state<'' | 'assign' | 'priority' | 'tags' | 'snooze' | 'merge' | 'purpose'>('')
  /** What the open conversation seems to be about, while nobody has said. */
  guess = $state.raw<Guess | undefined>()
  #undo: { run: () => Promise<void> }[] = []
  /** How to begin to write once the composer is there. */
  #write: Mode | undefined

  /** Where a conversation or the list alone is; what narrows the list down stays. */
  path(id?: number | 'new', o: { view?: View; tag?: string; channel?: string; team?: number } = {}) {
    const { view = this.list.view, tag = this.list.tag, channel = this.list.channel, team = this.list.team } = o
    const query = Object.entries({ tag, channel, team }).filter(([, v]) => v).map(([k, v]) => `${k}=${encodeURIComponent(v)}`).join('&')
    if (this.tasks && !o.view) return '/inbox/tasks' + (id ? `/${id}` : '')
    return `/inbox/${view}` + (id ? `/${id}` : '') + (query && `?${query}`)
  }

  /**
   * Opens a conversation, 0 for the new message, undefined for none. With `write` what
   * is typed from now on goes into the composer, as soon as there is one.
   */
  show(id: number | undefined, write?: Mode) {
    if (id === (this.open?.id ?? this.composer?.conversation)) return
    if (write) typeAhead.wait()
    else typeAhead.take()
    this.#write = write
    this.composer?.leave()
    this.open?.close()
    this.open = undefined
    this.composer = undefined
    this.sheet = false
    this.picker = ''
    this.guess = undefined
    if (id === undefined) return
    if (id === 0) {
      const c = new Composer(0)
      void c.loadWays()
      c.open = true
      c.wanted++
      this.composer = c
      calls.getDraft(0).then(
        (d) => this.composer === c && c.blank && worth(d) && c.restore(d),
        () => undefined, // no draft
      )
      return
    }
    const open = new Open(id)
    this.open = open
    void open.load().then(() => {
      if (this.open !== open) return
      if (!open.head) {
        typeAhead.take()
        return
      }
      const c = new Composer(id, open.head.draft_text, open.head.channel)
      void c.loadWays()
      if (!open.head.purpose) guessPurpose(id).then((g) => this.open === open && (this.guess = g), () => undefined)
      // On a phone an open composer would hide what it answers.
      if (matchMedia('(max-width: 40rem)').matches) c.open = false
      this.composer = c
      if (this.#write) void c.start(this.#write)
    })
  }
  close() {
    this.show(undefined)
    this.list.close()
  }

  /** What an act is about: the chosen rows, else the open conversation, else the row the keys are at. */
  get targets(): number[] {
    if (this.list.chosen.size) return [...this.list.chosen]
    if (this.open) return [this.open.id]
    const row = this.list.lines[this.list.at]?.row
    return row ? [row.id] : []
  }
  rowOf(id: number): Row | undefined {
    return this.open?.id === id && this.open.head ? this.open.head : this.list.row(id)
  }

  async change(ids: number[], c: ConversationChange, text: (n: number) => string) {
    if (!ids.length) return
    const before = ids.map((id) => this.rowOf(id)).filter((r): r is Row => !!r)
    if (this.open && ids.includes(this.open.id)) this.open.show(c)
    this.list.chosen = new Set()
    const rows = await this.list.change(ids, c)
    if (!rows) {
      for (const r of before) if (this.open?.id === r.id) this.open.show(inverse(r, c))
      return
    }
    const undo = {
      run: async () => {
        this.#undo = this.#undo.filter((u) => u !== undo)
        for (const r of before) {
          if (this.open?.id === r.id) this.open.show(inverse(r, c))
          await this.list.change([r.id], inverse(r, c))
        }
        toast(t('done.undone'), { seconds: 2 })
      },
    }
    this.#undo = [...this.#undo.slice(1 - UNDO_DEPTH), undo]
    toast(text(ids.length), { action: { label: t('undo'), testid: 'undo-act', run: () => undo.run() } })
  }
  async undoLast() {
    const last = this.#undo.at(-1)
    if (last) await last.run()
    else toast(t('done.nothingToUndo'), { seconds: 2 })
  }

  async resolve(ids = this.targets) {
    const open = this.open && ids.includes(this.open.id) && this.open
    const reopen = ids.length === 1 && this.rowOf(ids[0]!)?.status === 'resolved'
    if (reopen) return this.change(ids, { status: 'open' }, (n) => t('done.reopened', { n }))
    const next = open ? this.neighbour(1) ?? this.neighbour(-1) : undefined
    const done = this.change(ids, { status: 'resolved' }, (n) => t('done.resolved', { n }))
    if (open) this.#after(next)
    return done
  }
  async snooze(until: Date, ids = this.targets) {
    this.picker = ''
    const open = this.open && ids.includes(this.open.id) && this.open
    const next = open ? this.neighbour(1) ?? this.neighbour(-1) : undefined
    const done = this.change(ids, { status: 'snoozed', snoozed_until: until.toISOString() }, (n) => t('done.snoozed', { n, until: dateTime(until) }))
    if (open) this.#after(next)
    return done
  }
  wake(ids = this.targets) {
    return this.change(ids, { status: 'open' }, (n) => t('done.reopened', { n }))
  }
  assign(agent: number, ids = this.targets) {
    this.picker = ''
    return this.change(ids, { assignee: agent }, (n) => (agent ? t('done.assigned', { n, name: agent === session.me ? t('agent.you') : people.name(agent) }) : t('done.unassigned', { n })))
  }
  /** Gives conversations to a team, until one of them takes each. */
  assignTeam(team: number, ids = this.targets) {
    this.picker = ''
    return this.change(ids, { team }, (n) => t('done.assigned', { n, name: teams.name(team) }))
  }
  prioritise(priority: Priority, ids = this.targets) {
    this.picker = ''
    return this.change(ids, { priority }, (n) => t('done.priority', { n, priority: t(`priority.${priority}`) }))
  }
  /** Says what conversations are about; "" takes it away. */
  purpose(key: string, ids = this.targets) {
    this.picker = ''
    return this.change(ids, { purpose: key }, () => t('purpose.done', { name: purposes.name(key) || t('purpose.none') }))
  }
  acceptGuess() {
    const { open, guess } = this
    if (!open?.head || open.head.purpose || !guess?.purpose) return false
    return void this.purpose(guess.purpose, [open.id])
  }
  /** Adds the tag to all, or takes it from all that have it if every one does. */
  async tag(tag: string, ids = this.targets) {
    const rows = ids.map((id) => this.rowOf(id)).filter((r): r is Row => !!r)
    const every = rows.every((r) => r.tags?.includes(tag))
    for (const r of rows) {
      const tags = every ? r.tags.filter((x) => x !== tag) : [...new Set([...(r.tags ?? []), tag])]
      if (this.open?.id === r.id) this.open.show({ tags })
      await this.list.change([r.id], { tags })
    }
  }
  /** Where one goes after a conversation is done: the agent's own setting. */
  #after(next: number | undefined) {
    const how = session.preferences.after_resolve || 'next'
    if (how === 'stay') return
    if (how === 'next' && next && matchMedia('(min-width: 64rem)').matches) go(this.path(next), { replace: true })
    else go(this.path(), { replace: true })
  }

  neighbour(step: 1 | -1): number | undefined {
    const ids = this.list.lines.map((l) => l.row.id)
    const i = this.open ? this.list.place(this.open.id) : -1
    return i < 0 ? undefined : ids[i + step]
  }

  /** Is there something to answer: an open conversation, or the row the keys are at? */
  get answerable(): boolean {
    if (this.open) return !this.open.error
    return !this.composer && !this.list.chosen.size && !!this.list.lines[this.list.at]
  }
  async start(mode: Mode, message?: number) {
    if (!this.answerable) return
    if (this.composer) return this.composer.start(mode, message)
    if (this.open) {
      // It is still on its way.
      this.#write = mode
      typeAhead.wait()
      return
    }
    const { id } = this.list.lines[this.list.at]!.row
    this.show(id, mode)
    go(this.path(id))
  }
  /** Answers over another account, at the first of its addresses. */
  async over(way: Way) {
    const c = this.composer
    if (!c) return
    if (!c.open) await c.start('reply_all')
    c.choose({ way, handle: way.handles?.[0] })
  }
  compose() {
    if (this.composer?.conversation === 0) this.composer.wanted++
    else {
      this.show(0, 'new')
      go(this.path('new'))
    }
  }

  async mergeInto(into: number) {
    const id = this.open?.id
    this.picker = ''
    if (!id) return
    try {
      await calls.mergeConversation(id, into)
      toast(t('done.merged'), { tone: 'good' })
      go(this.path(into), { replace: true })
      void this.list.load({ quiet: true })
    } catch (e) {
      toast(explain(e), { tone: 'bad' })
    }
  }
  async moveOut(message: number) {
    if (!this.open) return
    const c = await attempt(calls.moveMessage(this.open.id, message, 0))
    if (!c) return
    toast(t('done.moved'), { action: { label: t('act.open'), run: () => go(this.path(c.id)) } })
    void this.open?.load({ quiet: true })
  }

  /** Sends what is in the composer; on success the entry is shown and can be taken back. */
  async send(o: { then?: 'resolve' | 'snooze'; until?: Date; anyway?: boolean; at?: Date } = {}) {
    const { composer, open } = this
    if (!composer || composer.blank || composer.sending) return
    await composer.ready
    if (composer.obstacle) {
      toast(obstacleText(composer.obstacle), { tone: 'bad' })
      return
    }
    if (!composer.note && composer.to.length + composer.cc.length + composer.bcc.length === 0) {
      toast(t('composer.needRecipient'), { tone: 'bad' })
      return
    }
    const note = composer.note
    const next = this.neighbour(1) ?? this.neighbour(-1)
    const r = await composer.send({ seen: open?.seen ?? 0, then: o.then, until: o.until?.toISOString(), anyway: o.anyway, at: o.at?.toISOString() })
    if (!r) {
      // Those held back have to be seen before it goes out.
      open?.add(composer.newer)
      return
    }
    if (r.earlier) {
      void open?.load({ quiet: true })
      return
    }
    if (r.entry && open) {
      open.add([r.entry])
      open.seen = Math.max(open.seen, r.entry.seq)
    }
    const undo = r.undo
    toast(note ? t('composer.noted') : o.at ? t('advice.laterDone', { time: dateTime(o.at) }) : o.then === 'resolve' ? t('composer.sentResolved') : o.until ? t('composer.sentSnoozed', { until: dateTime(o.until) }) : t('composer.sent'), {
      tone: 'good',
      seconds: undo ? session.now.undo_seconds : 3,
      action: undo && { label: t('undo'), testid: 'undo', run: () => this.#takeBack(composer, undo) },
    })
    if (r.conversation) go(this.path(r.conversation), { replace: true })
    else if (o.then && open) this.#after(next)
  }
  async #takeBack(composer: Composer, undo: () => Promise<Draft | undefined>) {
    const draft = await undo()
    if (!draft) return
    if (composer.conversation === 0) {
      await attempt(calls.putDraft(0, draft))
      go(this.path('new'))
      return
    }
    const here = this.open?.id === composer.conversation && this.composer
    if (here) here.restore(draft)
    else go(this.path(composer.conversation))
    if (this.open?.id === composer.conversation) void this.open.load({ quiet: true })
  }
}

const worth = (d: Draft) => !!(d.html || d.subject || d.to?.length || d.cc?.length || d.bcc?.length || d.attachments?.length)

/** The change that brings a row back to what it was. */
export function inverse(r: Row, c: ConversationChange): ConversationChange {
  const back: ConversationChange = {}
  if (c.status) {
    back.status = r.status
    if (r.status === 'snoozed') back.snoozed_until = r.snoozed_until
  }
  if (c.assignee !== undefined || c.team !== undefined) {
    back.assignee = r.assignee ?? 0
    back.team = r.team ?? 0
  }
  if (c.priority) back.priority = r.priority
  if (c.tags) back.tags = r.tags ?? []
  if (c.purpose !== undefined) back.purpose = r.purpose ?? ''
  return back
}

const key = Symbol('desk')
export const provideDesk = (d: Desk) => setContext(key, d)
export const useDesk = () => getContext<Desk>(key)
