import { describe, expect, it, vi } from 'vitest'
import { agentOf, languageName, localTime } from './handles'

describe('handles', () => {
  it('knows who decided', () => {
    expect([agentOf('agent:12'), agentOf('exact'), agentOf('agent:x')]).toEqual([12, 0, 0])
  })
  it('tells the time elsewhere as the browser writes times, and nothing for a zone nobody knows', () => {
    const noon = Date.parse('2026-03-01T12:00:00Z')
    vi.spyOn(navigator, 'languages', 'get').mockReturnValue(['de', 'en-GB'])
    expect(localTime('Asia/Bangkok', noon)).toBe('Sun 19:00')
    expect(localTime('Atlantis/Port', noon)).toBeUndefined()
    expect(localTime(undefined, noon)).toBeUndefined()
  })
  it('names languages', () => {
    expect(languageName('de', 'en')).toBe('German')
    expect(languageName('not a tag', 'en')).toBe('not a tag')
  })
})
