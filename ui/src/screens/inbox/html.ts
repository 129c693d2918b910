// The little HTML that the composer writes: paragraphs, bold, italic, links, lists,
// quotes and own inline images. Whatever is pasted is brought down to that.
import type { Attachment } from '../../lib/api/types'

const drop = new Set(['SCRIPT', 'STYLE', 'HEAD', 'TITLE', 'META', 'LINK', 'TEMPLATE', 'NOSCRIPT', 'IFRAME', 'OBJECT', 'EMBED', 'SVG', 'MATH', 'INPUT', 'BUTTON', 'SELECT', 'TEXTAREA', 'AUDIO', 'VIDEO', 'CANVAS'])
const blocks = new Set(['P', 'DIV', 'H1', 'H2', 'H3', 'H4', 'H5', 'H6', 'PRE', 'SECTION', 'ARTICLE', 'HEADER', 'FOOTER', 'ADDRESS', 'TR', 'DT', 'DD', 'FIGURE', 'CENTER'])
const MAX_DEPTH = 60

export const escape = (s: string) => s.replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/>/g, '&gt;').replace(/"/g, '&quot;')

/** Somebody who is named: one piece, which the provider is told of. */
export const mentionHTML = (handle: string, name: string) => `<span data-mention="${escape(handle)}" contenteditable="false">@${escape(name)}</span>`

/** What is typed after an @ that stands by itself, up to the cursor; undefined if there is none. */
export const mentionQuery = (before: string) => /(?:^|[\s\u00a0(])@((?:[\p{L}\p{N}\p{M}._-]+ ?){0,3})$/u.exec(before)?.[1]

/** Only links that open something harmless: web and mail addresses, phone numbers. */
export function safeHref(href: string): string {
  const h = href.trim()
  return /^(https?:\/\/|mailto:|tel:)/i.test(h) ? h : ''
}

/** Brings foreign HTML down to what the composer writes. Never returns anything that runs. */
export function clean(html: string): string {
  // A parsed document runs no scripts and fetches no images.
  const doc = new DOMParser().parseFromString(html, 'text/html')
  lists(doc)
  const out = [...doc.body.childNodes].map((n) => render(n, 0, false)).join('')
  return out.replace(/(<p><br><\/p>)+$/, '').trim()
}

/** Word writes lists as paragraphs with a typed bullet or number: these become lists. */
function lists(doc: Document) {
  for (const p of doc.querySelectorAll('p[style*="mso-list"]')) {
    if (p.closest('ul, ol')) continue
    const bullet = /^[\s\u00a0]*(?:(\(?(?:\d+|[a-z]|[ivx]+)[.)])|[^\p{L}\p{N}\s]|o)[\s\u00a0]+/iu.exec(p.textContent ?? '')
    if (!bullet) continue
    const tag = bullet[1] ? 'OL' : 'UL'
    let left = bullet[0].length
    const walk = doc.createTreeWalker(p, NodeFilter.SHOW_TEXT)
    for (let n = walk.nextNode() as Text | null; n && left > 0; n = walk.nextNode() as Text | null) {
      const cut = Math.min(left, n.data.length)
      n.data = n.data.slice(cut)
      left -= cut
    }
    const before = p.previousElementSibling
    const list = before?.tagName === tag && before.hasAttribute('data-word') ? before : doc.createElement(tag)
    list.setAttribute('data-word', '')
    const item = doc.createElement('li')
    item.append(...p.childNodes)
    if (list !== before) p.before(list)
    list.append(item)
    p.remove()
  }
}

function render(node: Node, depth: number, pre: boolean): string {
  if (node.nodeType === Node.TEXT_NODE) {
    const text = node.textContent ?? ''
    return pre ? escape(text).replace(/\r?\n/g, '<br>') : escape(text.replace(/[ \t\r\n\f]+/g, ' '))
  }
  if (!(node instanceof Element) || drop.has(node.tagName.toUpperCase())) return ''
  const tag = node.tagName.toUpperCase()
  const children = () => (depth > MAX_DEPTH ? [escape(node.textContent ?? '')] : [...node.childNodes].map((n) => render(n, depth + 1, pre || tag === 'PRE')))
  const inner = () => children().join('')
  switch (tag) {
    case 'BR':
      return '<br>'
    case 'HR':
      return '<p><br></p>'
    case 'UL':
    case 'OL': {
      const items = [...node.children].map((c) => (c.tagName === 'LI' ? `<li>${unwrapParagraph(render(c, depth + 1, pre))}</li>` : `<li>${render(c, depth + 1, pre)}</li>`)).join('')
      return items && `<${tag.toLowerCase()}>${items}</${tag.toLowerCase()}>`
    }
    case 'BLOCKQUOTE': {
      const q = inner()
      return q.trim() && `<blockquote>${q}</blockquote>`
    }
    case 'A': {
      const href = safeHref(node.getAttribute('href') ?? '')
      const text = inner()
      return href && text.trim() ? `<a href="${escape(href)}">${text}</a>` : text
    }
    case 'IMG': {
      const src = node.getAttribute('src') ?? ''
      const cid = node.getAttribute('data-cid') ?? ''
      if (cid && /^\/api\/blobs\//.test(src)) return `<img src="${escape(src)}" data-cid="${escape(cid)}" alt="${escape(node.getAttribute('alt') ?? '')}">`
      if (/^cid:/i.test(src)) return `<img src="${escape(src)}" alt="${escape(node.getAttribute('alt') ?? '')}">`
      return ''
    }
    case 'SPAN': {
      const handle = node.getAttribute('data-mention') ?? ''
      const name = (node.textContent ?? '').trim()
      if (/^[a-z]+:[\w./+@-]{1,200}$/i.test(handle) && name.startsWith('@')) return mentionHTML(handle, name.slice(1))
      break
    }
    case 'TD':
    case 'TH':
      return inner() + ' '
  }
  const parts = children()
  let text = parts.join('')
  if (blocks.has(tag)) {
    if (/^H[1-6]$/.test(tag) && text.trim()) text = `<b>${text}</b>`
    // A block around blocks adds nothing but paragraphs around its loose text.
    if (isBlock.test(text)) return paragraphs(parts)
    return text.trim() ? `<p>${text.trim()}</p>` : text.includes('<br>') ? '<p><br></p>' : ''
  }
  if (!text.trim()) return text
  // Word processors write bold and italic as styles, and <b> that is not bold.
  const style = node.getAttribute('style') ?? ''
  const weight = /(?:^|;)\s*font-weight:\s*(\w+)/i.exec(style)?.[1]?.toLowerCase()
  const bold = weight ? weight === 'bold' || Number(weight) >= 600 : tag === 'B' || tag === 'STRONG'
  const slant = /(?:^|;)\s*font-style:\s*(\w+)/i.exec(style)?.[1]?.toLowerCase()
  const italic = slant ? slant === 'italic' || slant === 'oblique' : tag === 'I' || tag === 'EM'
  if (isBlock.test(text)) return text
  if (italic) text = `<i>${text}</i>`
  if (bold) text = `<b>${text}</b>`
  return text
}

const isBlock = /<(p|ul|ol|blockquote)>/

function paragraphs(parts: string[]): string {
  let out = ''
  let loose = ''
  const flush = () => {
    if (loose.trim()) out += `<p>${loose.trim()}</p>`
    loose = ''
  }
  for (const part of parts) {
    if (isBlock.test(part)) {
      flush()
      out += part
    } else loose += part
  }
  flush()
  return out
}

const unwrapParagraph = (s: string) => s.replace(/^<p>([^]*)<\/p>$/, (whole, inside: string) => (inside.includes('<p>') ? whole : inside))

/** Plain text as paragraphs and line breaks. */
export function fromText(text: string): string {
  return text
    .replace(/\r\n?/g, '\n')
    .split(/\n{2,}/)
    .map((p) => `<p>${escape(p).replace(/\n/g, '<br>') || '<br>'}</p>`)
    .join('')
}

/** The text of the composer's HTML, for notes and for asking whether there is any. */
export function toText(html: string): string {
  const doc = new DOMParser().parseFromString(html, 'text/html')
  const walk = (node: Node): string => {
    if (node.nodeType === Node.TEXT_NODE) return node.textContent ?? ''
    if (!(node instanceof Element)) return ''
    if (node.tagName === 'BR') return '\n'
    const inner = [...node.childNodes].map(walk).join('')
    if (node.tagName === 'LI') return `- ${inner.trim()}\n`
    if (/^(P|DIV|UL|OL|BLOCKQUOTE)$/.test(node.tagName)) return inner.replace(/\n$/, '') + '\n'
    return inner
  }
  return walk(doc.body)
    .replace(/\u00a0/g, ' ')
    .replace(/\n{3,}/g, '\n\n')
    .trim()
}

/**
 * The words of what was written, as a channel without formats sends them: links keep
 * their address, blanks are folded as the hub folds them. What is counted is this.
 */
export function plainText(html: string): string {
  const doc = new DOMParser().parseFromString(html, 'text/html')
  for (const a of doc.querySelectorAll('a[href^="http" i]')) {
    const href = a.getAttribute('href')!
    const text = a.textContent?.trim() ?? ''
    if (text && !href.includes(text.replace(/\/$/, ''))) a.append(` <${href}>`)
  }
  return toText(doc.body.innerHTML)
    .replace(/[ \t\u00a0\u034f\u00ad\ufeff]+/g, ' ')
    .replace(/ ?\n ?/g, '\n')
    .replace(/\n{3,}/g, '\n\n')
    .trim()
}

/** HTML that says a plain text line by line. */
export const lineHTML = (text: string) => (text ? `<p>${escape(text).replace(/\n/g, '<br>')}</p>` : '')

export const isEmpty = (html: string) => !/<img/i.test(html) && toText(html) === ''

/**
 * As it is stored and sent: only what the composer writes (browsers leave styles of the
 * page, its colours too, in what they insert), and inline images by their content ID.
 */
export function toWire(html: string): string {
  return clean(html).replace(/<img\b[^>]*>/gi, (tag) => {
    const cid = /data-cid="([^"]*)"/i.exec(tag)?.[1]
    if (!cid) return tag
    const alt = /alt="([^"]*)"/i.exec(tag)?.[1] ?? ''
    return `<img src="cid:${cid}" alt="${alt}">`
  })
}

/** As it is edited: inline images by their address at the hub. */
export function fromWire(html: string, files: readonly Attachment[]): string {
  return clean(html).replace(/<img src="cid:([^"]*)" alt="([^"]*)">/gi, (_, cid: string, alt: string) => {
    const f = files.find((x) => x.content_id === cid)
    return f ? `<img src="${escape(f.url)}" data-cid="${cid}" alt="${alt}">` : ''
  })
}
