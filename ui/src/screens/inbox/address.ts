import type { Person } from '../../lib/api/types'

/** Reads "Ann <ann@example.org>" or a bare address; undefined if it is neither. */
export function parseAddress(text: string): Person | undefined {
  const m = /^\s*(?:"?([^"<>]*?)"?\s*<\s*([^\s<>@]+@[^\s<>@]+)\s*>|<?([^\s<>@,;]+@[^\s<>@,;]+)>?)\s*$/.exec(text)
  const address = m?.[2] ?? m?.[3]
  if (!address || !/@[^.@]+(\.[^.@]+)*$/.test(address)) return undefined
  const name = m?.[1]?.trim()
  return { handle: `mailto:${address}`, address, ...(name ? { name } : {}) }
}

/** Cuts a pasted list of addresses at commas, semicolons and line ends outside quotes. */
export function splitAddresses(text: string): string[] {
  return (text.match(/(?:"[^"]*"|[^",;\n])+/g) ?? []).map((s) => s.trim()).filter(Boolean)
}

/** A person by an address of the given scheme, as one types it; undefined if it is none. */
export function parseHandle(scheme: string, text: string): Person | undefined {
  if (scheme === 'mailto') return parseAddress(text)
  const bare = text.trim()
  if (scheme === 'tel') {
    const number = bare.replace(/[\s().\u00a0-]/g, '').replace(/^00/, '+').replace(/[\u06f0-\u06f9\u0660-\u0669\u0e50-\u0e59]/g, (c) => String(c.charCodeAt(0) >= 0xe50 && c.charCodeAt(0) <= 0xe59 ? c.charCodeAt(0) - 0xe50 : (c.charCodeAt(0) & 15) % 10))
    return /^\+\d{7,15}$/.test(number) || /^\d{3,6}$/.test(number) ? { handle: `tel:${number}`, address: number } : undefined
  }
  // Others have no form that one would type: they are chosen from those that are known.
  return bare.startsWith(`${scheme}:`) ? { handle: bare, address: bare.slice(scheme.length + 1) } : undefined
}
