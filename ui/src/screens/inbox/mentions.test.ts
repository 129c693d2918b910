import { describe, expect, it, vi } from 'vitest'
import { Mentions } from './mentions.svelte'

const people = [
  { handle: 'slack:T1/U1', name: 'Ann Example' },
  { handle: 'slack:T1/U2', name: 'Lena Example' },
  { handle: 'slack:T1/U3', name: 'رضا نمونه' },
]
const press = (key: string, more = {}) => ({ key, shiftKey: false, ctrlKey: false, metaKey: false, altKey: false, isComposing: false, ...more })

async function opened(before = '@') {
  const ask = vi.fn(async () => people)
  const m = new Mentions(ask)
  m.look(before)
  await vi.waitFor(() => expect(m.offered.length).toBeGreaterThan(0))
  return { m, ask }
}
const names = (m: Mentions) => m.offered.map((p) => p.name)

describe('naming people', () => {
  it('narrows down by the beginning of any word of a name', async () => {
    const { m, ask } = await opened()
    expect(m.offered).toEqual(people)
    for (const [typed, want] of [
      ['Hello @le', ['Lena Example']],
      ['Hello @EXAM', ['Ann Example', 'Lena Example']],
      ['@lena ', ['Lena Example']],
      ['سلام @نم', ['رضا نمونه']],
      ['@na', []],
      ['le', []],
    ] as const) {
      m.look(typed)
      expect(names(m), typed).toEqual(want)
    }
    expect(ask).toHaveBeenCalledTimes(1)
  })

  it('goes round with the arrows and begins at the top when more is typed', async () => {
    const { m } = await opened()
    expect(m.key(press('ArrowUp'))).toBe(true)
    expect(m.at).toBe(2)
    m.key(press('ArrowDown'))
    m.key(press('ArrowDown'))
    expect(m.at).toBe(1)
    m.look('@ex')
    expect(m.at).toBe(0)
  })

  it.each(['Enter', 'Tab'])('%s picks who is marked', async (key) => {
    const { m } = await opened()
    m.key(press('ArrowDown'))
    expect(m.key(press(key))).toBe(people[1])
  })

  it('leaves a key to the text with a modifier, while a word is composed, and where nobody is offered', async () => {
    const { m } = await opened()
    for (const more of [{ shiftKey: true }, { ctrlKey: true }, { metaKey: true }, { altKey: true }, { isComposing: true }]) expect(m.key(press('Enter', more))).toBe(false)
    expect(m.key(press('Home'))).toBe(false)
    m.look('@nobody')
    expect(m.key(press('Enter'))).toBe(false)
  })

  it('stays shut after Escape until another name is begun', async () => {
    const { m } = await opened('@l')
    expect(m.key(press('Escape'))).toBe(true)
    m.look('@le')
    expect(m.offered).toEqual([])
    m.look('@le and @')
    expect(m.offered).toEqual(people)
  })

  it('asks again where nobody answered', async () => {
    const ask = vi.fn(async () => people)
    ask.mockRejectedValueOnce(new Error('away'))
    const m = new Mentions(ask)
    m.look('@')
    await vi.waitFor(() => {
      m.look('@l')
      expect(names(m)).toEqual(['Lena Example'])
    })
    expect(ask).toHaveBeenCalledTimes(2)
  })
})
