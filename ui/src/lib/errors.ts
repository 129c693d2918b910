import { ApiError } from './api/client'
import { i18n, type Key, t } from './i18n/index.svelte'
import { said } from './said.svelte'
import { toast } from './toast.svelte'

/** Where the status alone says what happened; the server's detail, in English, adds little. */
const byStatus: Record<number, Key> = { 404: 'error.notFound', 413: 'error.tooLarge', 429: 'error.tooMany', 503: 'error.busy' }

/** What to tell people about a failed call. The server's detail says what to do. */
export function explain(e: unknown): string {
  if (e instanceof ApiError) {
    if (e.unreachable) return t('error.unreachable')
    if (e.words && i18n.language !== 'en') return said(e.detail, e.words)
    // Of one field alone its name adds nothing: "teams[0].name: give it a name".
    const one = e.errors.length === 1 ? e.errors[0]! : undefined
    if (one?.message && e.detail === `${(one.location ?? '').replace(/^body\./, '')}: ${one.message}`) return said(one.message, one.words)
    const known = byStatus[e.status]
    if (known && i18n.language !== 'en') return t(known)
    if (e.detail) return e.status >= 500 && i18n.language !== 'en' ? `${t('error.unknown')} (\u2068${e.detail}\u2069)` : e.detail
    if (known) return t(known)
    if (e.status === 403) return t('error.forbidden')
    return e.title || t('error.unknown')
  }
  return e instanceof Error && e.message ? e.message : t('error.unknown')
}

/** Runs a call and shows its failure as a toast; undefined when it failed. */
export async function attempt<T>(call: Promise<T>): Promise<T | undefined> {
  try {
    return await call
  } catch (e) {
    toast(explain(e), { tone: 'bad' })
    return undefined
  }
}
