// Saving fields of a customer's card: what somebody else changed meanwhile is never
// written over; both versions are shown and somebody decides.
import { type CustomerChange, type CustomField, listFields, patchCard } from '../../lib/api/card'
import { ApiError } from '../../lib/api/client'
import type { Clash, Customer } from '../../lib/api/types'
import { connection } from '../../lib/live/live.svelte'

/** What one wanted to save and what is there by now. */
export interface Conflict {
  field: string
  mine: string
  theirs: Clash
}

/** The text of a field; tags one in a line, the owner as a number. */
export function fieldText(c: Customer, field: string): string {
  if (field.startsWith('field:')) return c.fields?.[field.slice(6)] ?? ''
  if (field === 'tags') return (c.tags ?? []).join('\n')
  if (field === 'owner') return c.owner ? String(c.owner) : ''
  return (c[field as 'goals'] as string | undefined) ?? ''
}

/** The change that gives a field this text. */
export function fieldChange(field: string, value: string, rev: number): CustomerChange {
  const base = { [field]: rev }
  if (field.startsWith('field:')) return { fields: { [field.slice(6)]: value }, base }
  if (field === 'tags') return { tags: value ? value.split('\n') : [], base }
  if (field === 'owner') return { owner: Number(value), base }
  return { [field]: value, base }
}

export class Card {
  conflict = $state.raw<Conflict | undefined>()
  readonly #customer: () => Customer | undefined
  readonly #changed: (c: Customer) => void

  constructor(customer: () => Customer | undefined, changed: (c: Customer) => void) {
    this.#customer = customer
    this.#changed = changed
  }

  rev = (field: string): number => this.#customer()?.changed[field]?.rev ?? 0

  /** Saves a field over the version that its writer saw. */
  save = async (field: string, value: string, rev = this.rev(field)): Promise<void> => {
    const c = this.#customer()
    if (!c) return
    try {
      this.#changed(await patchCard(c.id, fieldChange(field, value, rev)))
    } catch (e) {
      const theirs = e instanceof ApiError ? e.conflicts.find((x) => x.field === field) : undefined
      if (!theirs) throw e
      this.conflict = { field, mine: value, theirs }
    }
  }
}

/** The custom fields there are, followed live. */
export class Fields {
  all = $state.raw<CustomField[]>([])
  constructor() {
    $effect(() => {
      void this.load()
      return connection.subscribe({ entry: (f) => f.entry.kind === 'fields.changed' && void this.load(), reset: () => void this.load() })
    })
  }
  async load() {
    try {
      this.all = (await listFields()).fields
    } catch {
      // What is shown stays; the next change or reset asks again.
    }
  }
}
