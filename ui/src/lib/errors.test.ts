import { afterEach, describe, expect, it } from 'vitest'
import { ApiError } from './api/client'
import { explain } from './errors'
import { setLanguage } from './i18n/index.svelte'

describe('explain', () => {
  afterEach(() => setLanguage('en'))
  const gone = new ApiError(404, 'Not Found', 'there is no such account: reload the list')

  it("is the hub's own words in English", () => expect(explain(gone)).toBe('there is no such account: reload the list'))
  it('says what the status says in other languages', async () => {
    await setLanguage('fa')
    expect(explain(gone)).not.toMatch(/[a-z]/)
    expect(explain(new ApiError(409, 'Conflict', 'somebody took it'))).toBe('somebody took it')
  })
  it('keeps the reference of an internal error', async () => {
    await setLanguage('th')
    expect(explain(new ApiError(500, '', 'give reference abc123'))).toMatch(/[\u0e00-\u0e7f].*abc123/)
  })
})
