import { describe, expect, it } from 'vitest'
import { agentOf, bare, languageName, localTime, schemeIcon } from './handles'

describe('handles', () => {
  it.each([
    ['mailto:ann@example.org', 'ann@example.org'],
    ['tel:+442079460000', '+442079460000'],
    ['slack:T1/U2', 'T1/U2'],
    ['ann@example.org', 'ann@example.org'],
    [undefined, ''],
  ])('%s reads %s', (h, want) => expect(bare(h)).toBe(want))

  it('knows who decided', () => {
    expect([agentOf('agent:12'), agentOf('exact'), agentOf('agent:x')]).toEqual([12, 0, 0])
  })
  it('has an icon for any scheme', () => {
    expect(['mailto', 'tel', 'slack'].map(schemeIcon)).toEqual(['mail', 'phone', 'chat'])
  })
  it('tells the time elsewhere, and nothing for a zone nobody knows', () => {
    const noon = Date.parse('2026-03-01T12:00:00Z')
    expect(localTime('Asia/Bangkok', noon, 'en-GB')).toContain('19:00')
    expect(localTime('Atlantis/Port', noon, 'en-GB')).toBeUndefined()
    expect(localTime('', noon, 'en-GB')).toBeUndefined()
  })
  it('names languages', () => {
    expect(languageName('de', 'en')).toBe('German')
    expect(languageName('not a tag', 'en')).toBe('not a tag')
  })
})
