// The form of an account, made from the fields its channel describes: what the
// inputs hold, what is sent, what is wrong before asking the server.
import type { Field, Preset } from '../../lib/api/types'
import type { Key } from '../../lib/i18n/index.svelte'

/** What the inputs hold: text as typed, or a tick. */
export type Values = Record<string, string | boolean>

/** A secret as shown is `true` when set; typing replaces it, clearing removes it. */
export interface Secrets {
  set: ReadonlySet<string>
  cleared: ReadonlySet<string>
  /** Those of `set` that the hub will not keep: see `astray`. */
  again?: ReadonlySet<string>
}
export const noSecrets: Secrets = { set: new Set(), cleared: new Set() }

/** A setting as an input shows it. Lists have one item in a line. */
export function toInput(f: Field, v: unknown): string | boolean {
  if (f.type === 'bool') return v === true
  if (f.type === 'secret') return typeof v === 'string' ? v : ''
  if (v === undefined || v === null) return ''
  // A number that is 0 unless given, such as a port, is not given.
  if (f.type === 'int' && v === 0 && !f.default) return ''
  if (Array.isArray(v)) return v.map(String).join('\n')
  return String(v)
}

/** The inputs of a new account, or of one that has settings. */
export function initial(fields: readonly Field[], settings: Record<string, unknown> = {}): Values {
  const out: Values = {}
  for (const f of fields) out[f.key] = toInput(f, f.key in settings ? settings[f.key] : f.default)
  return out
}

export function secretsOf(fields: readonly Field[], settings: Record<string, unknown> = {}): ReadonlySet<string> {
  return new Set(fields.filter((f) => f.type === 'secret' && settings[f.key] === true).map((f) => f.key))
}

/** What two values have to differ in to be different places: not in the case of a host. */
const place = (v: string | boolean | undefined) => {
  const text = String(v ?? '').trim()
  return text.includes('/') ? text : text.toLowerCase()
}

/**
 * The stored secrets that would go to another server than they were meant for, because
 * a setting changed that decides which: the hub wants them typed in again.
 */
export function astray(fields: readonly Field[], was: Values, now: Values, set: ReadonlySet<string>): ReadonlySet<string> {
  const moved = new Set(fields.filter((f) => place(was[f.key]) !== place(now[f.key])).map((f) => f.key))
  return new Set(fields.filter((f) => set.has(f.key) && f.sent_to?.some((k) => moved.has(k))).map((f) => f.key))
}

/** What an empty field stands for, where that depends on the others. */
export function standsFor(channel: string, key: string, values: Values): string | undefined {
  if (channel !== 'email') return undefined
  if (key === 'imap_port') return values.imap_security === 'tls' ? '993' : '143'
  if (key === 'smtp_port') return values.smtp_security === 'tls' ? '465' : values.smtp_security === 'starttls' ? '587' : '25'
  if (key === 'imap_user') return String(values.address ?? '') || undefined
  if (key === 'smtp_user') return String(values.imap_user || values.address || '') || undefined
  return undefined
}

/**
 * Choosing a provider: its values go in, those of the provider chosen before go
 * out, and what somebody typed stays unless the provider has its own.
 */
export function applyPreset(fields: readonly Field[], values: Values, to: Preset | undefined, from?: Preset): Values {
  const out = { ...values }
  for (const f of fields) {
    if (to && f.key in to.values) out[f.key] = toInput(f, to.values[f.key])
    else if (from && f.key in from.values && out[f.key] === toInput(f, from.values[f.key])) out[f.key] = toInput(f, f.default)
  }
  return out
}

const lines = (s: string) =>
  s
    .split('\n')
    .map((l) => l.trim())
    .filter(Boolean)

/**
 * The settings to send. A new account leaves out what is empty, so that defaults
 * apply; a changed one sends null for it, which clears. Secrets are sent only when
 * typed or to be removed: the others keep their value.
 */
export function toSettings(fields: readonly Field[], values: Values, o: { change: boolean; secrets?: Secrets }): Record<string, unknown> {
  const out: Record<string, unknown> = {}
  for (const f of fields) {
    const v = values[f.key]
    if (f.type === 'bool') {
      out[f.key] = v === true
      continue
    }
    const text = typeof v === 'string' ? v : ''
    if (f.type === 'secret') {
      if (text) out[f.key] = text
      else if (o.change && o.secrets?.cleared.has(f.key)) out[f.key] = null
      continue
    }
    // Line ends and spaces at the ends matter in a text such as a signature, nowhere else.
    const bare = f.type === 'text' ? text : text.trim()
    if (!bare) {
      if (o.change) out[f.key] = null
    } else if (f.type === 'int') out[f.key] = Number(digits(bare))
    else if (f.type === 'list') out[f.key] = lines(text)
    else out[f.key] = bare
  }
  return out
}

/** Persian and Arabic digits are digits, too. */
function digits(s: string): string {
  return s.replace(/[\u06f0-\u06f9\u0660-\u0669\u0e50-\u0e59]/g, (c) => {
    const n = c.charCodeAt(0)
    return String(n >= 0x0e50 && n <= 0x0e59 ? n - 0x0e50 : (n & 0xf) % 10)
  })
}

const duration = /^(\d+(\.\d+)?(ms|s|m|h))+$/

/** What can be seen to be wrong without the server: messages by key. */
export function check(fields: readonly Field[], values: Values, secrets: Secrets = noSecrets): Record<string, Key> {
  const out: Record<string, Key> = {}
  for (const f of fields) {
    const v = values[f.key]
    const text = typeof v === 'string' ? v.trim() : ''
    const stored = f.type === 'secret' && secrets.set.has(f.key) && !secrets.cleared.has(f.key)
    const kept = stored && !secrets.again?.has(f.key)
    if (stored && !kept && !text) out[f.key] = 'editor.secretAgain'
    else if (f.required && f.type !== 'bool' && !text && !kept) out[f.key] = 'form.required'
    else if (f.type === 'int' && text && !/^-?\d+$/.test(digits(text))) out[f.key] = 'editor.intBad'
    else if (f.type === 'duration' && text && !duration.test(text) && text !== '0') out[f.key] = 'editor.durationBad'
  }
  return out
}

/** The ID of an account: it is part of addresses and files, so it is plain. */
export const idPattern = /^[a-z0-9][a-z0-9-]{0,39}$/

/** A short name out of a longer one, unlike those there are: "Support Team" → support-team. Where nothing of it can be used, it is the other one. */
export function slug(name: string, other: string, taken: readonly string[] = []): string {
  const base =
    name
      .normalize('NFKD')
      .toLowerCase()
      .replace(/\p{M}/gu, '')
      .replace(/[^a-z0-9]+/g, '-')
      .replace(/^-+|-+$/g, '')
      .slice(0, 36)
      .replace(/-+$/, '') || other
  let id = base
  for (let n = 2; taken.includes(id); n++) id = `${base}-${n}`
  return id
}
