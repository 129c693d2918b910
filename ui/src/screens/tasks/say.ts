// The words of a task. A reminder of a document has none of its own until somebody
// writes some: it is said in the reader's language.
import type { Task } from '../../lib/api/card'
import { formatTel } from '../../lib/channels'
import { date } from '../../lib/format.svelte'
import { t } from '../../lib/i18n/index.svelte'
import { said } from '../../lib/said.svelte'

export function taskText(x: Task): string {
  // The hub names a caller by the bare number.
  if (!x.reminder) return x.words ? said(x.text, x.words).replace(/\+\d{7,15}/, formatTel) : x.text
  const time = date(x.reminder.expires + 'T12:00:00')
  return x.reminder.title ? t('task.expires', { title: x.reminder.title, time }) : t('task.expiresUnnamed', { time })
}
