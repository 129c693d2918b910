// What the hub asks of a password, for the marks that change while typing. The
// hub decides: it also refuses passwords that are guessed first.

/** As in the hub. */
export const MIN_PASSWORD = 10

export interface Rules {
  length: boolean
  variety: boolean
  own: boolean
}

export function rules(password: string, email: string, name: string): Rules {
  const p = [...password.normalize('NFC').toLowerCase()]
  return { length: p.length >= MIN_PASSWORD, variety: varied(p), own: p.length > 0 && !isOwn(p.join(''), email, name) }
}

export const strong = (r: Rules) => r.length && r.variety && r.own

/** Four different characters, and not each the same step from the one before: 1111, 1234, abcd. */
function varied(p: string[]): boolean {
  if (new Set(p).size < 4) return false
  const steps = new Map<number, number>()
  for (let i = 1; i < p.length; i++) {
    const d = p[i]!.codePointAt(0)! - p[i - 1]!.codePointAt(0)!
    steps.set(d, (steps.get(d) ?? 0) + 1)
  }
  return Math.max(...steps.values()) < p.length - 2
}

/** Little is left of it without the parts of the name and of the address. */
function isOwn(p: string, email: string, name: string): boolean {
  const mail = email.trim().normalize('NFC').toLowerCase()
  const at = mail.indexOf('@')
  const words = [...name.normalize('NFC').toLowerCase().split(/\s+/), mail, ...(at < 0 ? [mail] : [mail.slice(0, at), mail.slice(at + 1)])]
  let rest = p
  for (const w of words) if ([...w].length >= 3) rest = rest.replaceAll(w, '')
  return rest !== p && [...rest].length < 6
}
