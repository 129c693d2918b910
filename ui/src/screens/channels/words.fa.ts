import type { Dictionary } from './words.svelte'
export const words: Dictionary = { fields: {}, presets: {} }
