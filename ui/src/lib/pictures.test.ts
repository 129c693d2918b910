import { expect, it } from 'vitest'
import type { Entry } from './api/types'
import { pictureOf, repaint } from './pictures'

const entry = (kind: string, data?: unknown) => ({ seq: 1, kind, data }) as unknown as Entry
const change = { handle: 'slack:T1/U1', url: '/api/blobs/b/picture', was: '/api/blobs/a/picture' }

it.each([
  ['a picture', entry('customer.changed', { picture: change }), change],
  ['a name', entry('customer.changed', { name: 'Ann' }), undefined],
  ['no data', entry('customer.changed'), undefined],
  ['a picture that never came', entry('customer.changed', { picture: { handle: 'slack:T1/U1' } }), undefined],
  ['another kind', entry('customer.merged', { picture: change }), undefined],
])('%s', (_, e, want) => expect(pictureOf(e)).toEqual(want))

it('replaces the former picture and no other', () => {
  expect(repaint({ picture: change.was }, change).picture).toBe(change.url)
  expect(repaint({ picture: '/other' }, change).picture).toBe('/other')
  expect(repaint<{ picture?: string }>({}, { ...change, was: undefined }).picture).toBe(change.url)
  expect(repaint<{ picture?: string }>({}, change).picture).toBeUndefined()
})
