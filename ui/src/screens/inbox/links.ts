export interface Piece {
  text: string
  href?: string
}

const address = /\bhttps?:\/\/[^\s<>"'`\u200e\u200f]+|\bwww\.[^\s<>"'`]+\.[^\s<>"'`]+|\b[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63})+\b/gi

/** Cuts a text into plain pieces and links. Signs that end a sentence stay outside. */
export function split(text: string): Piece[] {
  const out: Piece[] = []
  let at = 0
  for (const m of text.matchAll(address)) {
    let found = m[0].replace(/[.,;:!?»”’…]+$/, '')
    // A bracket that was opened before the link ends it.
    for (const [a, b] of ['()', '[]']) if (found.endsWith(b!) && !found.includes(a!)) found = found.slice(0, -1)
    if (!found) continue
    if (m.index > at) out.push({ text: text.slice(at, m.index) })
    const href = /^https?:/i.test(found) ? found : found.includes('@') && !/^www\./i.test(found) ? `mailto:${found}` : `https://${found}`
    out.push({ text: found, href })
    at = m.index + found.length
  }
  if (at < text.length) out.push({ text: text.slice(at) })
  return out
}
