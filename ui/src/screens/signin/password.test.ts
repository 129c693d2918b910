import { describe, expect, it } from 'vitest'
import { rules, strong } from './password'

describe('rules', () => {
  it.each([
    ['', { length: false, variety: false, own: false }],
    ['kite', { length: false, variety: true, own: true }],
    ['four quiet words here', { length: true, variety: true, own: true }],
    ['1234567890', { length: true, variety: false, own: true }],
    ['aaaaaaaaaaaa', { length: true, variety: false, own: true }],
    ['abababababab', { length: true, variety: false, own: true }],
    ['nila.park@example.org', { length: true, variety: true, own: false }],
    ['NilaPark99', { length: true, variety: true, own: false }],
    ['nila likes green tea', { length: true, variety: true, own: true }],
    ['باران آرام پاییزی', { length: true, variety: true, own: true }],
    // Letters with a mark count once, however they were typed.
    ['e\u0301e\u0301e\u0301e\u0301e\u0301', { length: false, variety: false, own: true }],
  ])('%j', (password, want) => expect(rules(password, 'nila.park@example.org', 'Nila Park')).toEqual(want))

  it('does not mind short parts of a name', () => {
    expect(rules('boat on a lake', 'bo@example.org', 'Bo Li').own).toBe(true)
  })
  it('needs all of them', () => {
    expect(strong(rules('four quiet words here', '', ''))).toBe(true)
    expect(strong(rules('short one', '', ''))).toBe(false)
  })
})
