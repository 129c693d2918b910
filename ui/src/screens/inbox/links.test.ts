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
  ])('%s', (text, want) => {
    expect(links(text)).toEqual(want)
    expect(split(text).map((p) => p.text).join('')).toBe(text)
  })
})
