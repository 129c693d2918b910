// The English texts that the first sight of the inbox does not show. They come with
// the first part of the app that is fetched later: withTexts in index.svelte.ts.
import { admin } from './en.admin'
import { channels } from './en.channels'
import { customers } from './en.customers'
import { documentsLater } from './en.documents.later'
import { duplicates } from './en.duplicates'
import { notices } from './en.notices'
import { people } from './en.people'
import { phone } from './en.phone'

export const later = {
  ...admin,
  ...channels,
  ...customers,
  ...documentsLater,
  ...duplicates,
  ...notices,
  ...people,
  ...phone,
}
