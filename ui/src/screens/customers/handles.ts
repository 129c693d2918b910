import { timeIn } from '../../lib/format.svelte'

/** The agent's ID in "agent:12"; 0 for "exact" and others. */
export const agentOf = (by: string) => Number(/^agent:(\d+)$/.exec(by)?.[1] ?? 0)

/** Weekday and time of day in a zone; undefined where the zone is not known to the browser. */
export function localTime(zone: string | undefined, now: number): string | undefined {
  try {
    return zone && timeIn(now, zone, 'short')
  } catch {
    return undefined
  }
}

/** The name of a language in another one: de → German. The tag itself where it has none. */
export function languageName(tag: string, language: string): string {
  try {
    return new Intl.DisplayNames(language, { type: 'language' }).of(tag) ?? tag
  } catch {
    return tag
  }
}

/** Languages to choose from: the most spoken ones in writing. */
export const languageTags = 'ar bg bn ca cs da de el en es et fa fi fr he hi hr hu id it ja ko lt lv ms nl no pl pt ro ru sk sl sr sv sw ta te th tl tr uk ur vi zh'.split(' ')
