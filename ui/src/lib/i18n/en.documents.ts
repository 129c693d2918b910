// Texts about documents that the inbox and the frame show; the others come with the
// screens of documents (en.documents.later.ts).
export const documents = {
  'rail.documents': 'Documents',
  'docs.title': 'Documents',
  'composer.documents': 'From documents',
  'file.toDocuments': 'Put into documents',
  'file.filed': '{name} is in the documents.',
  'file.open': 'Open',
  'event.doc.added': '{who} added the document {title}',
  'event.doc.version': '{who} added a version of {title}',
  'event.doc.moved': '{who} moved the document {title}',
  'event.doc.deleted': '{who} deleted the document {title}',
  'event.doc.restored': '{who} took {title} out of the bin',
  'event.doc.shared': '{who} shared {title} by link',
  'event.doc.revoked': '{who} took a link to {title} back',
  'event.doc.opened': 'Somebody opened the link to {title}',
  'event.doc.expiring': '{title} expires soon',
  'event.doc.unnamed': 'a document',
} as const
