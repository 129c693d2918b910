import { beforeEach, describe, expect, it, vi } from 'vitest'
import { Keys, chord, typing } from './keys'

const press = (key: string, code = '', mods: Partial<KeyboardEventInit> = {}) => new KeyboardEvent('keydown', { key, code, bubbles: true, cancelable: true, ...mods })

describe('chord', () => {
  it.each([
    ['a letter', press('j', 'KeyJ'), 'j'],
    ['a letter with caps lock', press('J', 'KeyJ'), 'j'],
    ['shift', press('X', 'KeyX', { shiftKey: true }), 'shift+x'],
    ['control', press('k', 'KeyK', { ctrlKey: true }), 'mod+k'],
    ['a sign that needs shift', press('?', 'Slash', { shiftKey: true }), '?'],
    ['a named key', press('Enter', 'Enter', { ctrlKey: true, shiftKey: true }), 'mod+shift+Enter'],
    ['Persian letter in the place of j', press('ت', 'KeyJ'), 'j'],
    ['Thai letter in the place of r', press('พ', 'KeyR'), 'r'],
    ['Persian question mark', press('؟', 'Slash', { shiftKey: true }), '?'],
    ['Thai letter in the place of [', press('บ', 'BracketLeft'), '['],
    ['Persian with control', press('ن', 'KeyK', { ctrlKey: true }), 'mod+k'],
    ['Dvorak: the letter counts, not the place', press('j', 'KeyC'), 'j'],
    ['a lone modifier', press('Shift', 'ShiftLeft', { shiftKey: true }), ''],
  ])('%s', (_, e, want) => expect(chord(e)).toBe(want))
})

describe('Keys', () => {
  let keys: Keys
  const run = vi.fn()
  beforeEach(() => {
    keys = new Keys()
    run.mockReset()
    document.body.innerHTML = '<input id="i"><div id="e" contenteditable="true"></div><button id="b"></button><input type="checkbox" id="c"><div role="dialog"><p id="d" tabindex="0"></p></div>'
  })
  const from = (id: string, e: KeyboardEvent) => {
    document.getElementById(id)!.addEventListener('keydown', (x) => keys.handle(x as KeyboardEvent), { once: true })
    document.getElementById(id)!.dispatchEvent(e)
    return e
  }

  it('fires plain keys and prevents their default', () => {
    keys.bind({ j: run })
    const e = press('j', 'KeyJ')
    keys.handle(e)
    expect(run).toHaveBeenCalledOnce()
    expect(e.defaultPrevented).toBe(true)
  })
  it('never fires plain keys while typing or inside a dialog, but chords yes', () => {
    keys.bind({ j: run, 'mod+k': run })
    for (const id of ['i', 'e', 'd']) from(id, press('j', 'KeyJ'))
    expect(run).not.toHaveBeenCalled()
    from('i', press('k', 'KeyK', { ctrlKey: true }))
    expect(run).toHaveBeenCalledOnce()
    from('c', press('j', 'KeyJ'))
    expect(run).toHaveBeenCalledTimes(2)
  })
  it('leaves Enter to a focused button', () => {
    keys.bind({ Enter: run })
    from('b', press('Enter', 'Enter'))
    expect(run).not.toHaveBeenCalled()
  })
  it('understands sequences and forgets half of one', () => {
    vi.useFakeTimers()
    const i = vi.fn()
    keys.bind({ 'g i': run, i })
    keys.handle(press('g', 'KeyG'))
    keys.handle(press('i', 'KeyI'))
    expect([run.mock.calls.length, i.mock.calls.length]).toEqual([1, 0])
    keys.handle(press('g', 'KeyG'))
    vi.advanceTimersByTime(2000)
    keys.handle(press('i', 'KeyI'))
    expect([run.mock.calls.length, i.mock.calls.length]).toEqual([1, 1])
    vi.useRealTimers()
  })
  it('asks the newest first, lets it pass on, and unbinds', () => {
    const upper = vi.fn(() => false as const)
    keys.bind({ j: run })
    const off = keys.bind({ j: upper })
    keys.handle(press('j', 'KeyJ'))
    expect([upper.mock.calls.length, run.mock.calls.length]).toEqual([1, 1])
    off()
    keys.handle(press('j', 'KeyJ'))
    expect([upper.mock.calls.length, run.mock.calls.length]).toEqual([1, 2])
  })
  it('is quiet while an input method composes', () => {
    keys.bind({ j: run })
    keys.handle(press('j', 'KeyJ', { isComposing: true }))
    expect(run).not.toHaveBeenCalled()
  })
  it('knows what takes text', () => {
    expect(['i', 'e', 'b', 'c'].map((id) => typing(document.getElementById(id)))).toEqual([true, true, false, false])
  })
})
