// A list of tasks that follows the live stream.
import { listTasks, patchTask, type Task, type TaskView } from '../../lib/api/card'
import { attempt } from '../../lib/errors'
import { t } from '../../lib/i18n/index.svelte'
import { connection } from '../../lib/live/live.svelte'
import { session } from '../../lib/session.svelte'
import { toast } from '../../lib/toast.svelte'
import { taskText } from './say'

export interface TaskQuery {
  view?: TaskView
  customer?: number
  conversation?: number
}

const FAR = 8.64e15
const when = (x: Task) => (x.due ? Date.parse(x.due) : FAR)

/** Open ones by their time, then done ones, newest first. */
export function order(a: Task, b: Task): number {
  if (!a.done !== !b.done) return a.done ? 1 : -1
  if (a.done && b.done) return Date.parse(b.done) - Date.parse(a.done) || a.id - b.id
  return when(a) - when(b) || a.id - b.id
}

/** Does a task belong on a list? */
export function on(x: Task, q: TaskQuery, me: number): boolean {
  if (q.customer) return x.customer?.id === q.customer
  if (q.conversation) return x.conversation === q.conversation
  if (q.view === 'done') return !!x.done
  if (x.done) return false
  return q.view === 'all' || (q.view === 'unassigned' ? !x.assignee : x.assignee === me)
}

export type Slot = 'overdue' | 'today' | 'tomorrow' | 'later' | 'someday' | 'done'
/** Under which heading a task stands. */
export function slot(x: Task, now: number): Slot {
  if (x.done) return 'done'
  if (!x.due) return 'someday'
  const due = Date.parse(x.due)
  if (due < now) return 'overdue'
  const d = new Date(now)
  const midnight = (days: number) => new Date(d.getFullYear(), d.getMonth(), d.getDate() + days).getTime()
  return due < midnight(1) ? 'today' : due < midnight(2) ? 'tomorrow' : 'later'
}

export class TaskList {
  items = $state.raw<Task[] | undefined>()
  error = $state.raw<unknown>()
  next = $state<string | undefined>()
  busy = $state(false)
  #query: () => TaskQuery

  constructor(query: () => TaskQuery) {
    this.#query = query
    $effect(() => {
      const q = query()
      this.items = undefined
      void this.load(q)
      return connection.subscribe({
        entry: (f) => {
          if (!f.entry.kind.startsWith('task.')) return
          if (f.entry.task) this.take(f.entry.task)
          else if (f.entry.task_id) this.drop(f.entry.task_id)
        },
        reset: () => void this.load(),
      })
    })
  }
  load = async (q = this.#query()) => {
    try {
      const r = await listTasks({ ...q, limit: 100 })
      this.items = r.tasks
      this.next = r.next || undefined
      this.error = undefined
    } catch (e) {
      this.error = e
    }
  }
  more = async () => {
    if (!this.next || this.busy) return
    this.busy = true
    const r = await attempt(listTasks({ ...this.#query(), cursor: this.next, limit: 100 }))
    this.busy = false
    if (!r) return
    const have = new Set((this.items ?? []).map((x) => x.id))
    this.items = [...(this.items ?? []), ...r.tasks.filter((x) => !have.has(x.id))]
    this.next = r.next || undefined
  }
  take(x: Task) {
    const rest = (this.items ?? []).filter((o) => o.id !== x.id)
    const old = this.items?.find((o) => o.id === x.id)
    if (old && old.rev > x.rev) return
    this.items = on(x, this.#query(), session.me) ? [...rest, x].sort(order) : rest
  }
  drop(id: number) {
    this.items = this.items?.filter((o) => o.id !== id)
  }
  /** Marks as done or not, on the screen at once; can be taken back. */
  async done(x: Task, done: boolean) {
    this.take({ ...x, done: done ? new Date().toISOString() : undefined })
    const r = await attempt(patchTask(x.id, { done }))
    this.take(r ?? { ...x, rev: x.rev })
    if (r && done) toast(t('task.doneToast', { text: taskText(x) }), { tone: 'good', action: { label: t('undo'), run: () => void this.done(r, false) } })
  }
}
