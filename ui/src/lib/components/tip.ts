// One tooltip for the whole app: {@attach tip('Reply', 'r')}. Shown after a moment
// of hovering or at keyboard focus; the label is never the only name of a control.
import type { Attachment } from 'svelte/attachments'

let box: HTMLElement | undefined
let timer: ReturnType<typeof setTimeout> | undefined

function show(anchor: HTMLElement, label: string, key?: string) {
  if (!anchor.isConnected) return
  if (!box) {
    box = document.createElement('div')
    box.className = 'tooltip'
    box.setAttribute('aria-hidden', 'true')
    document.body.append(box)
  }
  box.textContent = label
  for (const k of key ? key.split(' ') : []) {
    const kbd = document.createElement('kbd')
    kbd.textContent = k
    box.append(kbd)
  }
  box.hidden = false
  const a = anchor.getBoundingClientRect()
  const b = box.getBoundingClientRect()
  const above = a.bottom + b.height + 8 > innerHeight
  const left = Math.max(6, Math.min(innerWidth - b.width - 6, a.left + a.width / 2 - b.width / 2))
  box.style.insetInlineStart = 'auto'
  box.style.left = `${left}px`
  box.style.top = `${above ? a.top - b.height - 6 : a.bottom + 6}px`
}
export function hideTip() {
  clearTimeout(timer)
  if (box) box.hidden = true
}

export function tip(label: string, key?: string): Attachment<HTMLElement> {
  return (node) => {
    const enter = (e: PointerEvent) => {
      if (e.pointerType === 'touch') return
      clearTimeout(timer)
      timer = setTimeout(() => show(node, label, key), 450)
    }
    const focus = () => node.matches(':focus-visible') && show(node, label, key)
    node.addEventListener('pointerenter', enter)
    node.addEventListener('pointerleave', hideTip)
    node.addEventListener('pointerdown', hideTip)
    node.addEventListener('focus', focus)
    node.addEventListener('blur', hideTip)
    return () => {
      hideTip()
      node.removeEventListener('pointerenter', enter)
      node.removeEventListener('pointerleave', hideTip)
      node.removeEventListener('pointerdown', hideTip)
      node.removeEventListener('focus', focus)
      node.removeEventListener('blur', hideTip)
    }
  }
}
