// Where it goes out: the ways there are, the one that is advised, and approved words
// where own ones are refused.
import { type Advice, adviseConversation, adviseCustomer } from '../../lib/api/preferences'
import * as calls from '../../lib/api/calls'
import type { Draft, Mode, Template, TemplateUse, Way, Writing } from '../../lib/api/types'
import { isLetter } from '../../lib/channels'
import { clock } from '../../lib/format.svelte'
import { type Choice, asLetter, asTalk, blocked, findWay, obstacle, wayOf } from './ways'
import { Written } from './written.svelte'

export abstract class Outlet extends Written {
  /** 0 is a new message. */
  readonly conversation: number
  account = $state('')
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
  /** The channel that is assumed until the ways are here. */
  #channel: string
  /** The agent chose the way: it stays through modes and news. */
  protected chosen = false
  /** Whom a letter would go to, for the way back from a channel with one recipient. */
  protected letter: Pick<Draft, 'to' | 'cc' | 'bcc'> | undefined
  /** The mode whose recipients are here. */
  protected prepared: Mode | undefined
  /** The hub keeps a draft of it. */
  protected hasDraft = false
  #waysAsked = 0
  #demanded = false

  constructor(conversation: number, channel: string) {
    super()
    this.conversation = conversation
    this.#channel = channel
  }

  /** Recipients are on their way. */
  protected abstract get preparing(): boolean
  /** There is nothing worth keeping. */
  abstract get blank(): boolean

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
      this.steer()
    } catch {
      // Advice is a help, nothing more.
    }
  }
  /** A composer in which nothing was chosen or written starts where the customer is reached best. */
  protected steer() {
    const a = this.advice
    if (!a?.steer || !a.best || this.chosen || !this.empty || this.files.length || this.hasDraft || this.preparing || !(this.mode === 'reply' || this.mode === 'reply_all')) return
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
    this.chosen = true
    this.prepared = this.mode
    this.open = true
    this.wanted++
    if (!this.blank) this.save()
  }
  #over({ way, handle }: Choice) {
    const to = handle && [{ handle: handle.handle, address: handle.address, name: handle.name, customer: handle.customer }]
    if (this.writing.letter && !this.note) this.letter = { to: this.to, cc: this.cc, bcc: this.bcc }
    if (this.note) this.mode = 'reply_all'
    const was = this.letter
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
    if (id !== undefined && (this.templates?.account !== this.account || this.templates.error)) void this.loadTemplates()
    if (id || id === undefined) this.save()
  }
  fillGap(gap: string, value: string) {
    if (!this.template) return
    this.template = { ...this.template, values: { ...this.template.values, [gap]: value } }
    this.save()
  }
  protected async loadTemplates() {
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
    void this.loadTemplates()
  }
}
