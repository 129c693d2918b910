import { describe, expect, it } from 'vitest'
import { ApiError } from './api/client'
import { blame } from './problems'

const refusal = (...errors: { location?: string; message?: string }[]) => new ApiError(422, 'Unprocessable Entity', 'Correct the fields.', '', errors)

describe('blame', () => {
  const known = ['name', 'settings.imap_host', 'settings.imap_port']
  it('finds fields with and without the body prefix', () => {
    expect(blame(refusal({ location: 'settings.imap_host', message: 'is missing' }, { location: 'body.name', message: 'is too long' }), known)).toEqual({
      fields: { 'settings.imap_host': 'is missing', name: 'is too long' },
      rest: '',
    })
  })
  it('keeps every message about one field', () => {
    expect(blame(refusal({ location: 'name', message: 'one.' }, { location: 'name', message: 'two.' }), known).fields.name).toBe('one. two.')
  })
  it('shows what no field can show', () => {
    expect(blame(refusal({ location: 'settings.other', message: 'is unknown' }), known)).toEqual({ fields: {}, rest: 'settings.other: is unknown' })
  })
  it('falls back to the detail', () => {
    expect(blame(refusal({ location: 'name' }), known)).toEqual({ fields: {}, rest: 'Correct the fields.' })
    expect(blame(new ApiError(409, 'Conflict', 'Taken.'), known).rest).toBe('Taken.')
    expect(blame(new ApiError(0), known).rest).toContain('cannot be reached')
  })
})
