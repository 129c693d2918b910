// The composer's state: way, mode, recipients, text and files; drafts kept on the hub;
// sending once, with an undo window and with the question whether somebody was quicker.
import * as calls from '../../lib/api/calls'
import { type Advice, adviseConversation, adviseCustomer } from '../../lib/api/preferences'
import { ApiError } from '../../lib/api/client'
import type { Attachment, Draft, Entry, Mode, Person, Template, TemplateUse, Way, Writing } from '../../lib/api/types'
import { isLetter } from '../../lib/channels'
import { explain } from '../../lib/errors'
import { clock } from '../../lib/format.svelte'
import { t } from '../../lib/i18n/index.svelte'
import { session } from '../../lib/session.svelte'
import { toast } from '../../lib/toast.svelte'
import { fromWire, isEmpty, lineHTML, plainText, toText, toWire } from './html'
import { newKey } from '../../lib/once'
import { type Choice, asLetter, asTalk, blocked, findWay, obstacle, wayOf } from './ways'

export interface Pending {
  key: number
  name: string
  part: number
  abort: AbortController
}
/** The hub's limit for one file. */
export const MAX_FILE = 25 * 1024 * 1024
const SAVE_AFTER = 800
/** While the hub is away a draft is offered to it again this often. */
const SAVE_AGAIN = 4000

// Storage may be forbidden or full; then only the hub keeps drafts.
function keep(key: string, d: Draft | string | undefined) {
  try {
    if (d) sessionStorage.setItem(key, JSON.stringify(d))
    else sessionStorage.removeItem(key)
  } catch {
    // as said above
  }
}
function recall<T = Draft>(key: string): T | undefined {
  try {
    const text = sessionStorage.getItem(key)
    return text ? (JSON.parse(text) as T) : undefined
  } catch {
    return undefined
  }
}

export interface Sent {
  entry?: Entry
  conversation?: number
  undo?: () => Promise<Draft | undefined>
  /** Nothing new: an earlier version of it had gone out already. */
  earlier?: boolean
}

export class Composer {
  /** 0 is a new message. */
  readonly conversation: number
  mode = $state<Mode>('reply_all')
  account = $state('')
  to = $state.raw<Person[]>([])
  cc = $state.raw<Person[]>([])
  bcc = $state.raw<Person[]>([])
  subject = $state('')
  files = $state.raw<Attachment[]>([])
  uploads = $state.raw<Pending[]>([])
  inReplyTo = $state<number | undefined>()
  quote = $state('')
  warning = $state('')
  /** Over what one can write here; undefined until the hub has told. */
  ways = $state.raw<readonly Way[] | undefined>()
  /** How the customer is reached best, undefined until the hub has told. */
  advice = $state.raw<Advice | undefined>()
  /** Approved words instead of own ones; with the ID "" while one chooses. */
  template = $state.raw<TemplateUse | undefined>()
  templates = $state.raw<{ account: string; list?: Template[]; error?: unknown } | undefined>()
  /** The menu of ways is open. */
  choosing = $state(false)
  /** What is below the one line: open while it is written in. */
  open = $state(false)
  /** Counts up when the cursor should go to where one writes next: the agent wants to. */
  wanted = $state(0)
  sending = $state(false)
  /** Somebody wrote after the agent last looked; the reply is held back. */
  newer = $state.raw<Entry[]>([])
  saved = $state<'' | 'saving' | 'saved' | 'failed'>('')
  /** The editor's content; edited there, replaced through `content`. */
  html = ''
  /** The words of it as a channel without formats gets them. */
  text = $state('')
  empty = $state(true)
  /** Changes whenever the editor has to show other content. */
  content = $state.raw({ html: '' })
  #timer: ReturnType<typeof setTimeout> | undefined
  #hasDraft = false
  #left = false
  /** Where this tab keeps what the hub could not take: it is away, or the session has ended. */
  readonly #kept: string
  #prepared: Mode | undefined
  /** Recipients that are on their way; nothing is sent or saved before they are here. */
  #preparing = $state.raw<Promise<void> | undefined>()
  #asked = 0
  /** Blobs of the forwarded message: they leave when it is no longer forwarded. */
  #forwarded = new Set<string>()
  #next = 1
  /** The channel that is assumed until the ways are here. */
  #channel: string
  /** The agent chose the way: it stays through modes and news. */
  #chosen = false
  /** Whom a letter would go to, for the way back from a channel with one recipient. */
  #letter: Pick<Draft, 'to' | 'cc' | 'bcc'> | undefined
  #waysAsked = 0
  #demanded = false
  /** The name of what is being sent, so that trying again never sends it twice. */
  #key: string | undefined
  readonly #keyKept: string

  constructor(conversation: number, draft?: Draft, channel = 'email') {
    this.conversation = conversation
    this.#channel = channel
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

  get note() {
    return this.mode === 'note'
  }

  /** Where it goes out; undefined while nobody knows, or where the account is gone. */
  get way(): Way | undefined {
    return findWay(this.ways, this.account)
  }
  get channel(): string {
    return this.way?.channel ?? this.#channel
  }
  get writing(): Writing {
    return this.way?.writing ?? (isLetter(this.#channel) ? asLetter : asTalk)
  }
  /** The address it goes to as the hub knows it. */
  get target() {
    return this.way?.handles?.find((h) => h.handle === this.to[0]?.handle)
  }
  get blocked() {
    return this.note ? '' : blocked(this.way, this.target, clock.now)
  }
  get approved(): Template | undefined {
    return this.templates?.account === this.account ? this.templates.list?.find((t) => t.id === this.template?.id) : undefined
  }
  /** What keeps it from going out. */
  get obstacle() {
    return obstacle(
      this.way,
      this.target,
      { note: this.note, recipients: this.to.length, text: this.text, files: this.writing.rich ? this.files.filter((f) => !f.inline) : this.files, template: this.template, approved: this.approved },
      clock.now,
    )
  }
  /** Asks the hub for the ways; with a customer, for those to somebody new. */
  async loadWays(customer = 0) {
    const asked = ++this.#waysAsked
    try {
      let ways: Way[]
      if (this.conversation) ways = (await calls.listWays(this.conversation)).ways
      else {
        const [accounts, known] = await Promise.all([calls.listAccounts(), customer ? calls.listCustomerWays(customer) : undefined])
        ways = (accounts.accounts ?? []).filter((a) => !a.disabled && !a.writing.none).map((a) => findWay(known?.ways, a.id) ?? wayOf(a))
      }
      if (asked !== this.#waysAsked) return
      this.ways = ways
      if (!this.account) this.account = (ways.find((w) => w.proposed) ?? ways[0])?.account ?? ''
      this.demand()
      await this.loadAdvice(customer)
    } catch {
      // Without them one writes as before; the hub has the last word anyway.
    }
  }
  /** Asks how the customer is reached best; what is still empty goes over there. */
  async loadAdvice(customer = this.to[0]?.customer ?? 0) {
    if (!this.conversation && !customer) {
      this.advice = undefined
      return
    }
    try {
      this.advice = this.conversation ? await adviseConversation(this.conversation) : await adviseCustomer(customer)
      this.#steer()
    } catch {
      // Advice is a help, nothing more.
    }
  }
  /** A composer in which nothing was chosen or written starts where the customer is reached best. */
  #steer() {
    const a = this.advice
    if (!a?.steer || !a.best || this.#chosen || !this.empty || this.files.length || this.#hasDraft || this.#preparing || !(this.mode === 'reply' || this.mode === 'reply_all')) return
    const choice = this.#advisedWay()
    if (choice && choice.way.channel !== this.channel) this.#over(choice)
  }
  #advisedWay(): Choice | undefined {
    const best = this.advice?.best
    const way = best && (findWay(this.ways, best.account) ?? this.ways?.find((w) => w.channel === best.channel))
    const handle = way?.handles?.find((h) => h.handle === best?.handle)
    return way && handle && { way, handle }
  }
  /** Goes over to the channel that is advised, because the agent wants to. */
  follow() {
    const choice = this.#advisedWay()
    if (choice) this.choose(choice)
  }
  /** Goes over to another account or address; what was written stays. */
  choose(choice: Choice) {
    this.#over(choice)
    this.#chosen = true
    this.#prepared = this.mode
    this.open = true
    this.wanted++
    if (!this.blank) this.save()
  }
  #over({ way, handle }: Choice) {
    const to = handle && [{ handle: handle.handle, address: handle.address, name: handle.name, customer: handle.customer }]
    if (this.writing.letter && !this.note) this.#letter = { to: this.to, cc: this.cc, bcc: this.bcc }
    if (this.note) this.mode = 'reply_all'
    const was = this.#letter
    const had = (d: Pick<Draft, 'to'> | undefined) => !!d?.to?.some((p) => p.handle === handle?.handle)
    if (!way.writing.letter) {
      if (this.mode === 'forward') this.mode = 'reply'
      this.to = to ?? []
      this.cc = this.bcc = []
    } else if (this.writing.letter ? !handle || had(was) : had(was)) {
      this.to = was?.to ?? []
      this.cc = was?.cc ?? []
      this.bcc = was?.bcc ?? []
    } else {
      this.to = to ?? []
      this.cc = this.bcc = []
    }
    this.account = way.account
    this.template = undefined
    this.demand()
  }
  /** Where own words are refused a template is asked for; and no longer once they are allowed. */
  demand() {
    if (this.blocked === 'window' && this.way?.templates) {
      if (this.template) return
      this.useTemplate('')
      this.#demanded = true
    } else if (this.#demanded && this.template?.id === '') {
      this.template = undefined
      if (this.open) this.wanted++
    }
  }
  /** Approved words instead of own ones; undefined goes back to those. */
  useTemplate(id: string | undefined) {
    this.#demanded = false
    this.template = id === undefined ? undefined : { id, values: this.template?.id === id ? this.template.values : {} }
    if (id !== undefined && (this.templates?.account !== this.account || this.templates.error)) void this.#loadTemplates()
    if (id || id === undefined) this.save()
  }
  fillGap(gap: string, value: string) {
    if (!this.template) return
    this.template = { ...this.template, values: { ...this.template.values, [gap]: value } }
    this.save()
  }
  async #loadTemplates() {
    const { account } = this
    this.templates = { account }
    try {
      const { templates } = await calls.listTemplates(account)
      if (this.account === account) this.templates = { account, list: templates ?? [] }
    } catch (error) {
      if (this.account === account) this.templates = { account, error }
    }
  }
  retryTemplates() {
    void this.#loadTemplates()
  }

  restore(d: Draft) {
    this.#forwarded.clear()
    this.mode = d.mode
    this.account = d.account ?? ''
    this.to = d.to ?? []
    this.cc = d.cc ?? []
    this.bcc = d.bcc ?? []
    this.subject = d.subject ?? ''
    this.files = d.attachments ?? []
    this.inReplyTo = d.in_reply_to
    this.#hasDraft = true
    this.#prepared = d.mode
    this.quote = ''
    this.warning = ''
    this.#chosen = !!d.account
    this.template = undefined
    this.setHTML(fromWire(d.html, this.files))
    if (d.template) {
      this.template = d.template
      void this.#loadTemplates()
    }
    this.open = true
    void this.#recallBelow()
  }
  setHTML(html: string) {
    this.html = html
    this.empty = isEmpty(html)
    this.text = plainText(html)
    this.content = { html }
  }
  edited(html: string) {
    this.html = html
    this.empty = isEmpty(html)
    this.text = plainText(html)
    this.save()
  }

  /**
   * Opens in a mode. One can write at once; recipients come from the hub, text already
   * written stays.
   */
  async start(mode: Mode, message?: number) {
    // Where there is one recipient, an answer to all is the same as one.
    const same = this.#chosen && !this.writing.letter && (mode === 'reply' || mode === 'reply_all')
    const again = message === undefined && (this.#prepared === mode || same)
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
    if (message === undefined) this.#steer()
    if (!this.empty) this.save()
  }
  async #prepare(mode: 'reply' | 'reply_all' | 'forward', message?: number) {
    const asked = ++this.#asked
    try {
      const r = await calls.getRecipients(this.conversation, mode, message)
      if (this.mode !== mode || asked !== this.#asked) return
      this.#prepared = mode
      this.account = r.account
      this.#chosen = false
      this.template = undefined
      // Whoever forwards may have begun to say to whom.
      this.to = mode === 'forward' ? [...(r.to ?? []), ...this.to] : (r.to ?? [])
      this.cc = mode === 'forward' ? [...(r.cc ?? []), ...this.cc] : (r.cc ?? [])
      this.subject = r.subject
      this.inReplyTo = r.in_reply_to
      this.#below(r)
      const forwarded = r.attachments ?? []
      this.files = [...this.files.filter((f) => !this.#forwarded.has(f.blob)), ...forwarded.filter((f) => !this.files.some((x) => x.blob === f.blob && !this.#forwarded.has(x.blob))).map((f) => ({ ...f, inline: false }))]
      this.#forwarded = new Set(forwarded.map((f) => f.blob))
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
      this.#forwarded = new Set((r.attachments ?? []).map((f) => f.blob).filter((b) => this.files.some((f) => f.blob === b)))
    } catch {
      // The draft is whole without it.
    }
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
      if (this.#hasDraft) await this.#forget()
      return
    }
    this.saved = 'saving'
    try {
      await calls.putDraft(this.conversation, this.draft)
      this.#hasDraft = true
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
    this.#hasDraft = false
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
    this.#chosen = false
    this.#letter = undefined
    this.#forwarded.clear()
    this.saved = ''
    this.#prepared = undefined
    this.open = false
    if (this.mode === 'new') {
      this.to = this.cc = []
      this.subject = ''
    } else this.mode = 'reply_all'
  }

  /** Attaches what the hub already has. */
  add(a: Attachment) {
    this.files = [...this.files, a]
    this.save()
  }
  /** Uploads files; images that are pasted or dropped into the text stand in it. */
  async attach(list: Iterable<File>, o: { inline?: (a: Attachment) => void } = {}) {
    for (const f of list) {
      if (f.size > MAX_FILE) {
        toast(t('composer.tooLarge', { name: f.name }), { tone: 'bad' })
        continue
      }
      const pending: Pending = { key: this.#next++, name: f.name || 'image.png', part: 0, abort: new AbortController() }
      this.uploads = [...this.uploads, pending]
      calls
        .upload(f, pending.name, (part) => (this.uploads = this.uploads.map((u) => (u.key === pending.key ? { ...u, part } : u))), pending.abort.signal)
        .then((a) => {
          if (o.inline && a.content_type.startsWith('image/')) {
            const file: Attachment = { ...a, inline: true, content_id: `${crypto.getRandomValues(new Uint32Array(2)).join('')}@throughline` }
            this.files = [...this.files, file]
            o.inline(file)
          } else this.files = [...this.files, a]
          this.save()
        })
        .catch((e: unknown) => {
          if (!(e instanceof DOMException)) toast(`${f.name}: ${explain(e)}`, { tone: 'bad' })
        })
        .finally(() => (this.uploads = this.uploads.filter((u) => u.key !== pending.key)))
    }
  }
  detach(a: Attachment) {
    this.files = this.files.filter((f) => f !== a)
    this.save()
  }

  /** Files of the message: inline ones only if their image is still in the text. */
  #sentFiles(html: string): Attachment[] {
    const files = this.files.filter((f) => !f.inline || html.includes(`cid:${f.content_id}`))
    return this.writing.rich ? files : files.map((f) => ({ ...f, inline: false }))
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
    const attachments = this.template ? [] : this.#sentFiles(wire)
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
    if (this.#hasDraft) void this.#forget()
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
