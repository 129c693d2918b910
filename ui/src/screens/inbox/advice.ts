// How a composer stands to what is advised: as values, so that it can be tested
// without a screen.
import type { Advice } from '../../lib/api/preferences'

export type Advised = 'none' | 'hint' | 'follows' | 'deviates'

/** follows and deviates where something was stated or set, or behaviour shows it clearly; a hint where little is known. */
export function advised(a: Advice | undefined, channel: string): Advised {
  if (!a?.best) return 'none'
  if (a.best.channel === channel) return 'follows'
  return a.steer ? 'deviates' : 'hint'
}

/** When what waits for the end of quiet hours goes out; undefined if they are over. */
export function laterAt(until: string | undefined, now: number): Date | undefined {
  const at = until ? Date.parse(until) : NaN
  return at > now ? new Date(at) : undefined
}
