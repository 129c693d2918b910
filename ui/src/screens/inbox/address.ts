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
