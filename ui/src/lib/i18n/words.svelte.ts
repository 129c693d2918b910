// Texts of a part of the app that come with it, in all languages, and not with the
// first load.
import { i18n, type Language } from './index.svelte'

/** Makes the function that gives a text in the language of the screen; {name} are parameters. */
export function words<K extends string>(all: Record<Language, Record<K, string>>) {
  return (key: K, params: Record<string, string | number> = {}): string => all[i18n.language][key].replace(/\{(\w+)\}/g, (_, p: string) => String(params[p] ?? ''))
}
