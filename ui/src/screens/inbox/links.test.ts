import { describe, expect, it } from 'vitest'
import { split } from './links'

const links = (s: string) => split(s).filter((p) => p.href).map((p) => p.href)

describe('split', () => {
  it.each([
    ['see https://example.org/a?b=c#d.', ['https://example.org/a?b=c#d']],
    ['(https://example.org/x)', ['https://example.org/x']],
    ['https://example.org/a_(b)', ['https://example.org/a_(b)']],
    ['write to ann@example.org, please', ['mailto:ann@example.org']],
    ['www.example.net/x', ['https://www.example.net/x']],
    ['javascript:alert(1)', []],
    ['no link', []],
    ['ring +44 7700 900123.', ['tel:+447700900123']],
    ['+1 (202) 555-0143, or mail', ['tel:+12025550143']],
    ['2 + 447700900123 is a sum; order +12 is none', []],
    ['https://example.org/+447700900123', ['https://example.org/+447700900123']],
    ['\u062a\u0645\u0627\u0633: +44\u20107700\u2010900124', ['tel:+447700900124']],
  ])('%s', (text, want) => {
    expect(links(text)).toEqual(want)
    expect(split(text).map((p) => p.text).join('')).toBe(text)
  })
})
