import { beforeEach, describe, expect, it, vi } from 'vitest'
import { Later } from './later.svelte'

describe('Later', () => {
  let idle: (() => void)[] = []
  beforeEach(() => {
    idle = []
    vi.stubGlobal('requestIdleCallback', (f: () => void) => idle.push(f))
  })
  const settled = () => new Promise((r) => setTimeout(r))

  it('fetches when there is time for it', async () => {
    const load = vi.fn(async () => 'part')
    const l = new Later(load)
    expect(load).not.toHaveBeenCalled()
    idle.forEach((f) => f())
    await settled()
    expect(l.now).toBe('part')
    l.need()
    expect(load).toHaveBeenCalledOnce()
  })
  it('fetches at once when needed', async () => {
    const l = new Later(async () => 'part')
    l.need()
    await settled()
    expect([l.now, l.error]).toEqual(['part', undefined])
  })
  it('is silent about a failure until the part is needed, and tries again', async () => {
    const load = vi.fn<() => Promise<string>>().mockRejectedValueOnce(new Error('away')).mockRejectedValueOnce(new Error('still away')).mockResolvedValueOnce('part')
    const l = new Later(load)
    idle.forEach((f) => f())
    await settled()
    expect(l.error).toBeUndefined()
    l.need()
    await settled()
    expect(String(l.error)).toContain('still away')
    l.need()
    await settled()
    expect([l.now, l.error]).toEqual(['part', undefined])
  })
})
