import { expect, it } from 'vitest'
import { keysOf } from './menu'

const known = {
  agents: [
    { id: 1, name: 'Ann Agent', email: 'ann@example.com' },
    { id: 2, name: 'Ben Agent', email: 'ben@example.com' },
  ],
  teams: [
    { name: 'Repairs', agents: [2, 9] },
    { name: 'Empty', agents: [] },
  ],
}

it('tells whom each key rings', () => {
  expect(keysOf('1 Orders\n 2  Repairs \n\nno key\n* Rest', '2 repairs, ann@EXAMPLE.com\n* Empty, Gone\n7 Repairs', known)).toEqual([
    { key: '1', words: 'Orders', first: [] },
    {
      key: '2',
      words: 'Repairs',
      first: [
        { name: 'Repairs', agents: ['Ben Agent'], known: true },
        { name: 'ann@EXAMPLE.com', agents: ['Ann Agent'], known: true },
      ],
    },
    {
      key: '*',
      words: 'Rest',
      first: [
        { name: 'Empty', agents: [], known: false },
        { name: 'Gone', agents: [], known: false },
      ],
    },
  ])
  expect(keysOf('', '1 Repairs', known)).toEqual([])
})
