// What is written: kind, recipients, text and files. Where it goes out is outlet.svelte.ts.
import * as calls from '../../lib/api/calls'
import type { Attachment, Mode, Person } from '../../lib/api/types'
import { explain } from '../../lib/errors'
import { t } from '../../lib/i18n/index.svelte'
import { toast } from '../../lib/toast.svelte'
import { isEmpty, plainText } from './html'

export interface Pending {
  key: number
  name: string
  part: number
  abort: AbortController
}
/** The hub's limit for one file. */
export const MAX_FILE = 25 * 1024 * 1024

export abstract class Written {
  mode = $state<Mode>('reply_all')
  to = $state.raw<Person[]>([])
  cc = $state.raw<Person[]>([])
  bcc = $state.raw<Person[]>([])
  subject = $state('')
  files = $state.raw<Attachment[]>([])
  uploads = $state.raw<Pending[]>([])
  inReplyTo = $state<number | undefined>()
  quote = $state('')
  warning = $state('')
  /** The editor's content; edited there, replaced through `content`. */
  html = ''
  /** The words of it as a channel without formats gets them. */
  text = $state('')
  empty = $state(true)
  /** Changes whenever the editor has to show other content. */
  content = $state.raw({ html: '' })
  /** Blobs of the forwarded message: they leave when it is no longer forwarded. */
  protected forwarded = new Set<string>()
  #next = 1

  /** Keeps it, a moment after the last change. */
  abstract save(): void

  get note() {
    return this.mode === 'note'
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
  protected sentFiles(html: string, rich: boolean): Attachment[] {
    const files = this.files.filter((f) => !f.inline || html.includes(`cid:${f.content_id}`))
    return rich ? files : files.map((f) => ({ ...f, inline: false }))
  }
}
