import { ApiError } from './api/client'
import { t } from './i18n/index.svelte'
import { toast } from './toast.svelte'

/** What to tell people about a failed call. The server's detail says what to do. */
export function explain(e: unknown): string {
  if (e instanceof ApiError) {
    if (e.unreachable) return t('error.unreachable')
    if (e.detail) return e.detail
    if (e.status === 429) return t('error.tooMany')
    if (e.status === 403) return t('error.forbidden')
    if (e.status === 404) return t('error.notFound')
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
