// What opens over the screen: fetched after it.
export { default as KeySheet } from './KeySheet.svelte'
export { default as Palette } from './Palette.svelte'
