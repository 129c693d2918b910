// The telephone in the frame: fetched after the first sight, shown where there is a line.
export { default as CallBar } from './CallBar.svelte'
export { default as RailPhone } from './RailPhone.svelte'
