// A picture of somebody that came while the page was open takes the place of the
// former one, wherever that stands.
import type { Entry } from './api/types'

export interface PictureChange {
  handle: string
  url: string
  was?: string
}

/** The picture that an entry tells of, if it does. */
export function pictureOf(e: Entry): PictureChange | undefined {
  if (e.kind !== 'customer.changed') return undefined
  const p = (e.data as { picture?: Partial<PictureChange> } | undefined)?.picture
  return p?.handle && p.url ? { handle: p.handle, url: p.url, was: p.was } : undefined
}

/** The same thing with the new picture, if it showed the former one. */
export function repaint<T extends { picture?: string }>(of: T, p: PictureChange): T {
  return (of.picture ?? '') === (p.was ?? '') ? { ...of, picture: p.url } : of
}
