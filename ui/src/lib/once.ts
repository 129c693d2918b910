/**
 * A name for a message that no other has. crypto.randomUUID is there only over
 * https and on this machine, and a hub may be reached otherwise.
 */
export function newKey(): string {
  if (typeof crypto.randomUUID === 'function') return crypto.randomUUID()
  return [...crypto.getRandomValues(new Uint8Array(16))].map((b) => b.toString(16).padStart(2, '0')).join('')
}
