// Countdowns: to the next try of a mailbox, to the next allowed sign-in.
import { createSubscriber } from 'svelte/reactivity'
import { i18n } from './i18n/index.svelte'

const subscribe = createSubscriber((update) => {
  const timer = setInterval(update, 1000)
  return () => clearInterval(timer)
})

/** The time to the second. It ticks only while something on the screen reads it. */
export const seconds = {
  get now() {
    subscribe()
    return Date.now()
  },
}

/** Whole seconds from now to then, 0 when it has passed or is no time at all. */
export function left(until: string | number | undefined, now: number): number {
  if (!until) return 0
  const s = Math.ceil((new Date(until).getTime() - now) / 1000)
  return s > 0 ? s : 0
}

/** 7 → "0:07", 65 → "1:05", 3725 → "1:02:05", in the digits of the language. */
export function countdown(s: number): string {
  const two = new Intl.NumberFormat(i18n.language, { minimumIntegerDigits: 2, useGrouping: false })
  const one = new Intl.NumberFormat(i18n.language, { useGrouping: false })
  const parts = [Math.floor(s / 3600), Math.floor(s / 60) % 60, s % 60]
  if (!parts[0]) parts.shift()
  return parts.map((p, i) => (i ? two : one).format(p)).join(':')
}
