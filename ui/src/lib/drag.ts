/** What is dragged when it is an attachment of a message: JSON {message, blob}. */
export const ATTACHMENT = 'application/x-throughline-attachment'

export interface DraggedAttachment {
  message: number
  blob: string
}

/** Does a drag carry files, or an attachment? */
export const carries = (e: DragEvent) => !!e.dataTransfer?.types.some((type) => type === 'Files' || type === ATTACHMENT)

/** The attachment that was dropped, if it was one. */
export function droppedAttachment(e: DragEvent): DraggedAttachment | undefined {
  const text = e.dataTransfer?.getData(ATTACHMENT)
  if (!text) return undefined
  try {
    return JSON.parse(text) as DraggedAttachment
  } catch {
    return undefined // something else under our name
  }
}
