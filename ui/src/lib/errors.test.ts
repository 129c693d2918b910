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
  it('leaves out where a fault stands if it is one', () => {
    const fault = { location: 'body.teams[1].name', message: 'a name has 1 to 60 characters' }
    expect(explain(new ApiError(422, '', `teams[1].name: ${fault.message}`, '', [fault]))).toBe(fault.message)
    expect(explain(new ApiError(422, '', 'two things are wrong', '', [fault, fault]))).toBe('two things are wrong')
  })
  it('keeps the reference of an internal error', async () => {
    await setLanguage('th')
    expect(explain(new ApiError(500, '', 'give reference abc123'))).toMatch(/[\u0e00-\u0e7f].*abc123/)
  })
})
