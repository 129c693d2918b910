// What a tab keeps of a composer for when the hub cannot take it.
import type { Draft } from '../../lib/api/types'

// Storage may be forbidden or full; then only the hub keeps drafts.
export function keep(key: string, d: Draft | string | undefined) {
  try {
    if (d) sessionStorage.setItem(key, JSON.stringify(d))
    else sessionStorage.removeItem(key)
  } catch {
    // as said above
  }
}
export function recall<T = Draft>(key: string): T | undefined {
  try {
    const text = sessionStorage.getItem(key)
    return text ? (JSON.parse(text) as T) : undefined
  } catch {
    return undefined
  }
}
