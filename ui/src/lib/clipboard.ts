/**
 * Copies a text. Browsers lend the clipboard only to secure pages; a hub on the
 * local network without TLS has to take the old way.
 */
export async function copy(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text)
    return true
  } catch {
    // not secure, or not allowed: the old way below
  }
  const box = document.createElement('textarea')
  box.value = text
  box.setAttribute('readonly', '')
  box.style.position = 'fixed'
  box.style.opacity = '0'
  // Inside an open dialog the focus may not leave it.
  const home = document.activeElement?.closest('[role="dialog"]') ?? document.body
  home.append(box)
  const before = document.activeElement as HTMLElement | null
  box.select()
  try {
    return document.execCommand('copy')
  } catch {
    return false
  } finally {
    box.remove()
    before?.focus()
  }
}
