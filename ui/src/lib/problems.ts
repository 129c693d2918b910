// Which field of a form a refusal blames.
import { ApiError } from './api/client'
import { explain } from './errors'
import { said } from './said.svelte'

export interface Blame {
  /** Message by field: "email", "settings.imap_host". */
  fields: Record<string, string>
  /** What belongs to no field of this form, "" if nothing. */
  rest: string
}

export const nobody: Blame = { fields: {}, rest: '' }

/**
 * Spreads the errors of a problem over the fields of a form. `known` are the
 * locations the form can show; errors elsewhere come together in `rest`, so that
 * nothing the server said is swallowed.
 */
export function blame(e: unknown, known: readonly string[]): Blame {
  if (!(e instanceof ApiError) || !e.errors.length) return { fields: {}, rest: explain(e) }
  const fields: Record<string, string> = {}
  const rest: string[] = []
  for (const one of e.errors) {
    const at = (one.location ?? '').replace(/^body\./, '')
    const text = said(one.message, one.words)
    if (!text) continue
    if (known.includes(at)) fields[at] = fields[at] ? `${fields[at]} ${text}` : text
    else rest.push(at ? `${at}: ${text}` : text)
  }
  if (!Object.keys(fields).length && !rest.length) return { fields, rest: explain(e) }
  return { fields, rest: rest.join(' ') }
}
