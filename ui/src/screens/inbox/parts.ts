// What an open conversation needs and the list does not: one file, fetched after it.
export { default as Dialog } from '../../lib/components/Dialog.svelte'
export { default as BatchBar } from './BatchBar.svelte'
export { default as ComposerPane } from './ComposerPane.svelte'
export { default as CustomerPane } from './CustomerPane.svelte'
export { default as Timeline } from './Timeline.svelte'
