import { describe, expect, it } from 'vitest'
import { segments, shown } from './segments'

const see = (text: string) => {
  const s = segments(text)
  return [s.alphabet, s.units, s.parts, s.left]
}

describe('segments', () => {
  it('counts septets up to one part and then parts of 153', () => {
    expect(see('')).toEqual(['gsm7', 0, 0, 160])
    expect(see('a'.repeat(160))).toEqual(['gsm7', 160, 1, 0])
    expect(see('a'.repeat(161))).toEqual(['gsm7', 161, 2, 145])
    expect(see('a'.repeat(306))).toEqual(['gsm7', 306, 2, 0])
    expect(see('a'.repeat(307))).toEqual(['gsm7', 307, 3, 152])
  })
  it('counts extension characters twice and never cuts them', () => {
    expect(see('€'.repeat(80))).toEqual(['gsm7', 160, 1, 0])
    expect(see('€'.repeat(81))).toEqual(['gsm7', 162, 2, 143])
    // 152 and an escape: the pair goes to the next part, so the first ends one short.
    expect(see('a'.repeat(152) + '€' + 'a'.repeat(152))).toEqual(['gsm7', 306, 3, 152])
    expect(see('^{}\\[~]|€\f')).toEqual(['gsm7', 20, 1, 140])
  })
  it('knows the letters of the default alphabet, also Greek capitals', () => {
    expect(segments('@£$¥èéùìòÇØøÅåΔΦΓΛΩΠΨΣΘΞÆæßÉ¤¡ÄÖÑÜ§¿äöñüà\r\n').alphabet).toBe('gsm7')
    for (const c of ['ç', 'ê', 'Ê', 'α', 'ş', '`', '’', '–', '…', '\u00a0', '\t']) expect(segments(c).alphabet, c).toBe('ucs2')
  })
  it('counts UTF-16 where a letter is outside, 70 and then 67', () => {
    const fa = 'سلام، بستهٔ شما رسید. '
    expect(segments(fa).alphabet).toBe('ucs2')
    expect(see('ก'.repeat(70))).toEqual(['ucs2', 70, 1, 0])
    expect(see('ก'.repeat(71))).toEqual(['ucs2', 71, 2, 63])
    expect(see('ش'.repeat(134))).toEqual(['ucs2', 134, 2, 0])
    expect(see('ش'.repeat(135))).toEqual(['ucs2', 135, 3, 66])
    // A Thai syllable is one for the eye and three units.
    expect(see('ที่')).toEqual(['ucs2', 3, 1, 67])
    expect(see('😀'.repeat(35))).toEqual(['ucs2', 70, 1, 0])
    // 66 and a pair: it is not cut.
    expect(see('ก'.repeat(66) + '😀' + 'ก'.repeat(66))).toEqual(['ucs2', 134, 3, 66])
    // In UCS-2 nothing counts twice.
    expect(see('€ง')).toEqual(['ucs2', 2, 1, 68])
  })
  it('tells which characters force it, each once and whole', () => {
    expect(segments('Today’s price – 5 €, today’s').outside).toEqual(['’', '–'])
    expect(segments('👍🏽 ok').outside).toEqual(['👍🏽'])
    expect(segments('ที่นี่').outside[0]).toBe('ที่')
    expect(segments('абвгде').outside).toHaveLength(4)
    expect(segments('plain').outside).toEqual([])
    expect(shown('\u00a0')).toBe('U+00A0')
    expect(shown('\u200c')).toBe('U+200C')
    expect(shown('’')).toBe('’')
  })
})
