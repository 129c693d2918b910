import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { Keys } from './keys'
import { TypeAhead } from './typeahead'

describe('TypeAhead', () => {
  const ahead = new TypeAhead()
  const resolve = vi.fn()
  const off: (() => void)[] = []
  beforeEach(() => {
    ahead.take()
    resolve.mockReset()
    document.body.innerHTML = '<input id="i">'
    const keys = new Keys()
    // As the app does: r asks for a place to write, e does something at once.
    keys.bind({ r: () => ahead.wait(), e: resolve, Enter: resolve, 'mod+k': resolve, Escape: resolve })
    const early = (e: KeyboardEvent) => ahead.handle(e)
    const late = (e: KeyboardEvent) => keys.handle(e)
    addEventListener('keydown', early, true)
    addEventListener('keydown', late)
    off.push(() => (removeEventListener('keydown', early, true), removeEventListener('keydown', late)))
  })
  afterEach(() => off.splice(0).forEach((f) => f()))

  const press = (key: string, o: KeyboardEventInit & { on?: Element } = {}) => {
    const e = new KeyboardEvent('keydown', { key, bubbles: true, cancelable: true, ...o })
    ;(o.on ?? document.body).dispatchEvent(e)
    return e
  }
  const type = (text: string, on?: Element) => [...text].forEach((c) => press(c, { on }))

  it('leaves keys alone while nobody waits', () => {
    expect(press('e').defaultPrevented).toBe(true)
    expect(press('x').defaultPrevented).toBe(false)
    expect([resolve.mock.calls.length, ahead.waiting, ahead.take()]).toEqual([1, false, ''])
  })
  it('keeps what is typed after r and lets none of it act', () => {
    type('r')
    type('here e r')
    press('Enter')
    type('?')
    expect(resolve).not.toHaveBeenCalled()
    expect(ahead.take()).toBe('here e r\n?')
  })
  it('gives keys back once the place is there', () => {
    type('ra')
    ahead.take()
    type('e')
    expect(resolve).toHaveBeenCalledOnce()
    expect(ahead.take()).toBe('')
  })
  it('takes keys from a field that is about to go, such as that of the palette', () => {
    type('r')
    const events = [...'hi'].map((c) => press(c, { on: document.getElementById('i')! }))
    expect(events.every((e) => e.defaultPrevented)).toBe(true)
    expect(ahead.take()).toBe('hi')
  })
  it('corrects itself: whole signs, not halves of them', () => {
    type('r')
    type('a🙂')
    press('Backspace')
    type('ب')
    expect(ahead.take()).toBe('aب')
  })
  it('types signs that need AltGr', () => {
    type('r')
    press('@', { ctrlKey: true, altKey: true, modifierAltGraph: true })
    expect(ahead.take()).toBe('@')
  })
  it.each([
    ['Escape', {}],
    ['k', { ctrlKey: true }],
  ])('ends with %s %o, which then does what it does', (key, o) => {
    type('ra')
    press(key, o)
    expect([ahead.waiting, resolve.mock.calls.length]).toEqual([false, 1])
  })
  it('swallows keys that are neither text nor a wish for something else', () => {
    type('r')
    for (const key of ['ArrowDown', 'Tab', 'Shift']) expect(press(key).defaultPrevented).toBe(true)
    expect(press('Enter', { ctrlKey: true }).defaultPrevented).toBe(true)
    expect(press('F5').defaultPrevented).toBe(false)
    expect([ahead.waiting, ahead.take()]).toEqual([true, ''])
  })
  it('does not grow without end', () => {
    type('r')
    type('x'.repeat(5000))
    expect(ahead.take().length).toBe(4000)
  })
})
