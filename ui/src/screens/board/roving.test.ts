import { describe, expect, it } from 'vitest'
import { toward } from './roving'

describe('an arrow key', () => {
  // Two rows of three, the middle of the second cannot be pressed.
  const places = [
    { x: 10, y: 10 },
    { x: 20, y: 10 },
    { x: 30, y: 10 },
    { x: 10, y: 20 },
    { x: 30, y: 20 },
  ]
  it.each([
    [0, 'ArrowRight', 1],
    [2, 'ArrowLeft', 1],
    [2, 'ArrowRight', -1],
    [0, 'ArrowDown', 3],
    [1, 'ArrowDown', -1],
    [3, 'ArrowRight', 4],
    [4, 'ArrowUp', 2],
    [0, 'Enter', -1],
    [-1, 'ArrowDown', -1],
  ])('from %i %s', (from, key, to) => expect(toward(places, from, key)).toBe(to))
})
