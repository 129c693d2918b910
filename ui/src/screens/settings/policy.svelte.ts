// What administrators decide as a whole: each change is kept at once, under the version
// that was read.
import { ApiError } from '../../lib/api/client'
import { explain } from '../../lib/errors'
import { connection } from '../../lib/live/live.svelte'
import { Loader } from '../../lib/load.svelte'
import { toast } from '../../lib/toast.svelte'

/** The words of its screen: that it is kept, and that somebody else was quicker. */
type Say = (key: 'saved' | 'changed') => string

/** A policy, read and followed while its screen is there. */
export class Policy<T> extends Loader<T> {
  /** Is it being kept just now? */
  keeping = $state(false)
  #write: (next: T) => Promise<T>
  #say: Say

  /** kind is that of the event which tells of a change. */
  constructor(read: () => Promise<T>, write: (next: T) => Promise<T>, kind: string, say: Say) {
    super(read)
    this.#write = write
    this.#say = say
    void this.again()
    $effect(() => connection.subscribe({ entry: (f) => f.entry.kind === kind && void this.again(), reset: () => void this.again() }))
  }

  /** Keeps the next policy; what is wrong with it, "" if nothing. */
  keep = async (next: T): Promise<string> => {
    this.keeping = true
    try {
      this.data = await this.#write(next)
      toast(this.#say('saved'), { tone: 'good' })
      return ''
    } catch (e) {
      if (!(e instanceof ApiError && e.errors.some((x) => x.location === 'body.version'))) return explain(e)
      await this.again()
      return this.#say('changed')
    } finally {
      this.keeping = false
    }
  }

  /** Keeps it, and says what is wrong where nothing else shows it. */
  change = async (next: T) => {
    const wrong = await this.keep(next)
    if (wrong) toast(wrong, { tone: 'bad' })
  }
}
