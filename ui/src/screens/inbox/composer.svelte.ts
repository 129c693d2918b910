// The composer: its modes; drafts kept on the hub; sending once, with an undo window and
// with the question whether somebody was quicker. What is written and where it goes out
// are in written.svelte.ts and outlet.svelte.ts.
import * as calls from '../../lib/api/calls'
import { ApiError } from '../../lib/api/client'
import type { Draft, Entry, Mode } from '../../lib/api/types'
import { explain } from '../../lib/errors'
import { t } from '../../lib/i18n/index.svelte'
import { newKey } from '../../lib/once'
import { session } from '../../lib/session.svelte'
import { toast } from '../../lib/toast.svelte'
import { fromWire, lineHTML, toText, toWire } from './html'
import { keep, recall } from './kept'
import { Outlet } from './outlet.svelte'

const SAVE_AFTER = 800
/** While the hub is away a draft is offered to it again this often. */
const SAVE_AGAIN = 4000

export interface Sent {
  entry?: Entry
  conversation?: number
  undo?: () => Promise<Draft | undefined>
  /** Nothing new: an earlier version of it had gone out already. */
  earlier?: boolean
}

export class Composer extends Outlet {
  sending = $state(false)
  /** Somebody wrote after the agent last looked; the reply is held back. */
  newer = $state.raw<Entry[]>([])
  saved = $state<'' | 'saving' | 'saved' | 'failed'>('')
  #timer: ReturnType<typeof setTimeout> | undefined
  #left = false
  /** Where this tab keeps what the hub could not take: it is away, or the session has ended. */
  readonly #kept: string
  /** Recipients that are on their way; nothing is sent or saved before they are here. */
  #preparing = $state.raw<Promise<void> | undefined>()
  #asked = 0
  /** The name of what is being sent, so that trying again never sends it twice. */
  #key: string | undefined
  readonly #keyKept: string

  constructor(conversation: number, draft?: Draft, channel = 'email') {
    super(conversation, channel)
    this.#kept = `draft.${session.me}.${conversation}`
    this.#keyKept = `sending.${session.me}.${conversation}`
    this.#key = recall<string>(this.#keyKept)
    if (draft) this.restore(draft)
    else if (conversation === 0) this.mode = 'new'
    const kept = recall(this.#kept)
    if (kept) {
      this.restore(kept)
      this.save()
    }
  }

  restore(d: Draft) {
    this.forwarded.clear()
    this.mode = d.mode
    this.account = d.account ?? ''
    this.to = d.to ?? []
    this.cc = d.cc ?? []
    this.bcc = d.bcc ?? []
    this.subject = d.subject ?? ''
    this.files = d.attachments ?? []
    this.inReplyTo = d.in_reply_to
    this.hasDraft = true
    this.prepared = d.mode
    this.quote = ''
    this.warning = ''
    this.chosen = !!d.account
    this.template = undefined
    this.setHTML(fromWire(d.html, this.files))
    if (d.template) {
      this.template = d.template
      void this.loadTemplates()
    }
    this.open = true
    void this.#recallBelow()
  }
  /**
   * Opens in a mode. One can write at once; recipients come from the hub, text already
   * written stays.
   */
  async start(mode: Mode, message?: number) {
    // Where there is one recipient, an answer to all is the same as one.
    const same = this.chosen && !this.writing.letter && (mode === 'reply' || mode === 'reply_all')
    const again = message === undefined && (this.prepared === mode || same)
    this.mode = mode
    this.open = true
    this.newer = []
    if (mode === 'note' || mode === 'new' || again) {
      this.wanted++
      return
    }
    if (mode === 'forward') this.to = this.cc = [] // those of a reply are not meant
    this.wanted++
    const prepare = this.#prepare(mode, message)
    this.#preparing = prepare
    await prepare
    if (this.#preparing !== prepare) return
    this.#preparing = undefined
    if (message === undefined) this.steer()
    if (!this.empty) this.save()
  }
  async #prepare(mode: 'reply' | 'reply_all' | 'forward', message?: number) {
    const asked = ++this.#asked
    try {
      const r = await calls.getRecipients(this.conversation, mode, message)
      if (this.mode !== mode || asked !== this.#asked) return
      this.prepared = mode
      this.account = r.account
      this.chosen = false
      this.template = undefined
      // Whoever forwards may have begun to say to whom.
      this.to = mode === 'forward' ? [...(r.to ?? []), ...this.to] : (r.to ?? [])
      this.cc = mode === 'forward' ? [...(r.cc ?? []), ...this.cc] : (r.cc ?? [])
      this.subject = r.subject
      this.inReplyTo = r.in_reply_to
      this.#below(r)
      const forwarded = r.attachments ?? []
      this.files = [...this.files.filter((f) => !this.forwarded.has(f.blob)), ...forwarded.filter((f) => !this.files.some((x) => x.blob === f.blob && !this.forwarded.has(x.blob))).map((f) => ({ ...f, inline: false }))]
      this.forwarded = new Set(forwarded.map((f) => f.blob))
    } catch (e) {
      // Those of the mode before must not get what is written now.
      if (this.mode === mode && mode !== 'forward') this.to = this.cc = []
      toast(explain(e), { tone: 'bad' })
    }
  }
  /** What will stand below the text, and what should be known before sending. */
  #below(r: { quote?: string; warning?: string }) {
    this.quote = r.quote ?? ''
    this.warning = r.warning ?? ''
  }
  /** A draft has the text but not what stands below it: the message is still at the hub. */
  async #recallBelow() {
    const { mode, inReplyTo } = this
    if (!this.conversation || mode === 'note' || mode === 'new') return
    try {
      const r = await calls.getRecipients(this.conversation, mode, inReplyTo)
      if (this.mode !== mode || this.inReplyTo !== inReplyTo || this.#preparing) return
      this.#below(r)
      this.forwarded = new Set((r.attachments ?? []).map((f) => f.blob).filter((b) => this.files.some((f) => f.blob === b)))
    } catch {
      // The draft is whole without it.
    }
  }

  protected get preparing() {
    return !!this.#preparing
  }
  /** Until then the recipients may be those of another mode. */
  get ready(): Promise<void> | undefined {
    return this.#preparing
  }

  get draft(): Draft {
    return {
      mode: this.mode,
      account: this.account || undefined,
      to: this.to,
      cc: this.cc,
      bcc: this.bcc,
      subject: this.subject,
      html: toWire(this.html),
      attachments: this.files,
      in_reply_to: this.inReplyTo,
      template: this.template?.id ? this.template : undefined,
    }
  }
  get blank() {
    if (this.template?.id) return false
    return this.empty && !this.files.length && !(this.mode === 'new' && (this.to.length || this.subject)) && !(this.mode === 'forward' && this.to.length)
  }

  /** Keeps the draft on the hub, a moment after the last change. */
  save() {
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => void this.flush(), SAVE_AFTER)
  }
  /** Nothing is written here that the hub does not have. */
  get clean() {
    return this.#timer === undefined && !this.#preparing && !this.sending && !this.uploads.length && this.saved !== 'saving' && this.saved !== 'failed'
  }
  /** Takes over what was written elsewhere meanwhile: another browser, another tab. */
  async refresh() {
    if (!this.clean) return
    const d = await calls.getDraft(this.conversation).catch(() => undefined)
    if (!d?.html || !this.clean || d.html === toWire(this.html)) return
    this.restore(d)
    this.saved = 'saved'
  }
  async flush() {
    clearTimeout(this.#timer)
    this.#timer = undefined
    if (this.sending) return
    await this.#preparing
    if (this.blank) {
      if (this.hasDraft) await this.#forget()
      return
    }
    this.saved = 'saving'
    try {
      await calls.putDraft(this.conversation, this.draft)
      this.hasDraft = true
      this.saved = 'saved'
      keep(this.#kept, undefined)
    } catch {
      this.saved = 'failed'
      keep(this.#kept, this.draft)
      if (!this.#left) this.#timer ??= setTimeout(() => void this.flush(), SAVE_AGAIN)
    }
  }
  /** On leaving: what is not yet saved is saved. */
  leave() {
    this.#left = true
    if (this.#timer !== undefined) void this.flush()
    for (const u of this.uploads) u.abort.abort()
  }
  async #forget() {
    this.hasDraft = false
    this.saved = ''
    keep(this.#kept, undefined)
    await calls.deleteDraft(this.conversation).catch(() => undefined)
  }
  /** Throws everything away; the toast brings it back. */
  discard() {
    const d = this.draft
    const worth = !this.blank
    this.#reset()
    this.#renew()
    void this.#forget()
    if (worth) toast(t('composer.discarded'), { action: { label: t('undo'), run: () => (this.restore(d), this.flush()) } })
  }
  #reset() {
    clearTimeout(this.#timer)
    this.#timer = undefined
    this.setHTML('')
    this.files = []
    this.bcc = []
    this.newer = []
    this.warning = ''
    this.quote = ''
    this.template = undefined
    this.chosen = false
    this.letter = undefined
    this.forwarded.clear()
    this.saved = ''
    this.prepared = undefined
    this.open = false
    if (this.mode === 'new') {
      this.to = this.cc = []
      this.subject = ''
    } else this.mode = 'reply_all'
  }

  /** The next message gets a name of its own. */
  #renew() {
    this.#key = undefined
    keep(this.#keyKept, undefined)
  }

  /**
   * Sends. Answers the entry that was made; undefined when it was held back or
   * refused, and then everything is still in the composer.
   */
  async send(o: { seen: number; then?: 'resolve' | 'snooze'; until?: string; anyway?: boolean; at?: string }): Promise<Sent | undefined> {
    if (this.sending || this.uploads.length) return undefined
    clearTimeout(this.#timer)
    this.#timer = undefined
    this.sending = true
    await this.#preparing
    const wire = toWire(this.html)
    const attachments = this.template ? [] : this.sentFiles(wire, this.writing.rich)
    const html = this.template ? '' : this.writing.rich ? wire : lineHTML(this.text)
    const template = this.template
    const key = (this.#key ??= newKey())
    keep(this.#keyKept, key)
    try {
      if (this.mode === 'note') {
        const entry = await calls.addNote(this.conversation, toText(this.html))
        this.#sent()
        return { entry }
      }
      if (this.mode === 'new') {
        const c = await calls.startConversation({ account: this.account, to: this.to, cc: this.cc, bcc: this.bcc, subject: this.writing.letter ? this.subject : undefined, html, attachments, template, send_at: o.at }, key)
        this.#sent()
        const entry = c.timeline.entries?.findLast((e) => e.message)
        return { conversation: c.id, entry, undo: entry?.message && this.#undo(entry.message.id) }
      }
      const entry = await calls.sendReply(this.conversation, {
        mode: this.mode,
        account: this.account || undefined,
        to: this.to,
        cc: this.cc,
        bcc: this.bcc,
        subject: (this.writing.letter && this.subject) || undefined,
        html,
        attachments,
        template,
        in_reply_to: this.inReplyTo,
        seen_seq: o.seen,
        anyway: o.anyway || undefined,
        then: o.then ?? '',
        snoozed_until: o.until,
        send_at: o.at,
      }, key)
      this.#sent()
      return { entry, undo: entry.message && this.#undo(entry.message.id) }
    } catch (e) {
      if (e instanceof ApiError && e.status === 409 && (e.newer.length || e.type.endsWith('newer'))) this.newer = e.newer
      else if (e instanceof ApiError && e.errors.some((x) => x.location === 'header.Idempotency-Key')) {
        // It went out at the first try, whose answer was lost; what is here now was changed since.
        this.#renew()
        toast(t('composer.wentOut'), { tone: 'bad', seconds: 12 })
        this.sending = false
        this.save()
        return { earlier: true }
      } else toast(explain(e), { tone: 'bad' })
      this.sending = false
      this.save()
      return undefined
    } finally {
      this.sending = false
    }
  }
  #sent() {
    this.#reset()
    this.#renew()
    keep(this.#kept, undefined)
    // The hub throws the draft away with the send; this is for one saved in between.
    if (this.hasDraft) void this.#forget()
  }
  #undo(message: number) {
    if (!session.now.undo_seconds) return undefined
    return async () => {
      try {
        return await calls.undoMessage(message)
      } catch (e) {
        toast(explain(e), { tone: 'bad' })
        return undefined
      }
    }
  }
}
