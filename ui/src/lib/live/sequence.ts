// The order of the stream, as a pure state machine: what came last, what is still
// at hand, and what to do about each frame.
import type { EntryFrame, Frame } from './frames'

/** How many entries are kept so that a page read a moment ago can be completed. */
export const KEEP = 1000

export type Verdict =
  /** New and next in order: show it. */
  | 'apply'
  /** Already seen, e.g. sent again after a reconnect. */
  | 'ignore'
  /** Something between is missing: connect again from `seq`. */
  | 'gap'
  /** The hub cannot go back that far: reload what is on the screen. */
  | 'reset'
  /** Not part of the order: counts, presence and the like. */
  | 'pass'

export class Sequence {
  /** Number of the last entry applied; 0 before anything is known. */
  seq = 0
  #recent: EntryFrame[] = []
  /** The entries after this one are all in #recent. */
  #floor = 0
  #gapAt = 0

  /** Start from a page's seq. */
  start(seq: number) {
    this.seq = seq
    this.#floor = seq
    this.#recent = []
  }

  take(f: Frame): Verdict {
    if (f.type === 'reset') {
      this.start(f.seq)
      return 'reset'
    }
    if (f.type === 'live') {
      // Caught up: numbers that were not sent (they are not for us) are passed too.
      if (f.seq > this.seq) this.seq = f.seq
      return 'pass'
    }
    if (f.type !== 'entry') return 'pass'
    if (f.seq <= this.seq) return 'ignore'
    // The same gap twice is no loss on the way: the hub does not send those numbers.
    if (this.seq > 0 && f.seq > this.seq + 1 && this.#gapAt !== f.seq) {
      this.#gapAt = f.seq
      return 'gap'
    }
    this.seq = f.seq
    this.#recent.push(f)
    if (this.#recent.length > KEEP) this.#floor = this.#recent.splice(0, this.#recent.length - KEEP).at(-1)!.seq
    return 'apply'
  }

  /**
   * The entries after seq, to complete a page that was read at seq while the stream
   * went on. undefined if they are no longer at hand: read the page again.
   */
  after(seq: number): EntryFrame[] | undefined {
    if (seq < this.#floor) return undefined
    return this.#recent.filter((f) => f.seq > seq)
  }
}
