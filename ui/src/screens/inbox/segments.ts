// In how many parts a text goes out, and what makes it dear: 3GPP TS 23.038 (the
// alphabets) and TS 23.040 section 9.2.3.24 (parts that are put together again).

/** The default alphabet, TS 23.038 section 6.2.1, without its escape. */
const basic = new Set('@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !"#¤%&\'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà')
/** Its extension, section 6.2.1.1: behind an escape, so each counts twice. */
const extended = new Set('\f^{}\\[~]|€')

/** Units of a text that fits one part, and of each part of a longer one, whose header takes the rest. */
const sizes = { gsm7: { single: 160, part: 153 }, ucs2: { single: 70, part: 67 } }

export interface Segments {
  alphabet: 'gsm7' | 'ucs2'
  /** In septets, or in UTF-16 code units. */
  units: number
  parts: number
  /** How many units still fit into the last part. */
  left: number
  /** What forces UCS-2: the first few characters that GSM-7 has not, each once. */
  outside: string[]
}

/** So many of them say that it is another script, not a slip. */
export const SHOWN = 4
const graphemes = new Intl.Segmenter(undefined, { granularity: 'grapheme' })

export function segments(text: string): Segments {
  const outside: string[] = []
  for (const { segment } of graphemes.segment(text)) {
    if ([...segment].every((c) => basic.has(c) || extended.has(c)) || outside.includes(segment)) continue
    if (outside.push(segment) === SHOWN) break
  }
  const alphabet = outside.length ? 'ucs2' : 'gsm7'
  const cost = (c: string) => (alphabet === 'ucs2' ? c.length : extended.has(c) ? 2 : 1)
  let units = 0
  for (const c of text) units += cost(c)
  const size = sizes[alphabet]
  if (units <= size.single) return { alphabet, units, parts: units ? 1 : 0, left: size.single - units, outside }
  // No part ends within an escape or a surrogate pair, so it may end one short.
  let parts = 1
  let filled = 0
  for (const c of text) {
    const n = cost(c)
    if (filled + n > size.part) {
      parts++
      filled = 0
    }
    filled += n
  }
  return { alphabet, units, parts, left: size.part - filled, outside }
}

/** A character as it can be read: what cannot be seen is named by its code. */
export const shown = (c: string) => (/^[\p{Z}\p{C}\p{M}]/u.test(c) ? `U+${c.codePointAt(0)!.toString(16).toUpperCase().padStart(4, '0')}` : c)
