import { dialable } from '../../lib/phone/state'

export interface Piece {
  text: string
  href?: string
}

/** A number with its country code: what can be called without guessing where it is. */
const telephone = /(?<![\w+/.-])\+[1-9](?:[ .()\u2010-\u2013/-]{0,2}\d){6,14}(?![\w])/g
const address = /\bhttps?:\/\/[^\s<>"'`\u200e\u200f]+|\bwww\.[^\s<>"'`]+\.[^\s<>"'`]+|\b[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63})+\b/gi

/** Cuts a text into plain pieces, links and telephone numbers (`tel:`). Signs that end a sentence stay outside. */
export const split = (text: string): Piece[] => addresses(text).flatMap((p) => (p.href ? [p] : numbers(p.text)))

function numbers(text: string): Piece[] {
  const out: Piece[] = []
  let at = 0
  for (const m of text.matchAll(telephone)) {
    const number = dialable(m[0])
    if (!number) continue
    if (m.index > at) out.push({ text: text.slice(at, m.index) })
    out.push({ text: m[0], href: `tel:${number}` })
    at = m.index + m[0].length
  }
  if (at < text.length) out.push({ text: text.slice(at) })
  return out
}

function addresses(text: string): Piece[] {
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
