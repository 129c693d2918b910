// The ring tone, made in the browser: two soft tones, twice, then a rest. Browsers let
// a page sound only after somebody has touched it; until then ringing is silent.

const GAIN = 0.12
/** Start and length of each tone in seconds, and its two frequencies in Hz. */
const tones: [at: number, length: number, low: number, high: number][] = [
  [0, 0.35, 587, 740],
  [0.45, 0.35, 587, 740],
]
const EVERY_MS = 2600

type Context = Pick<AudioContext, 'createOscillator' | 'createGain' | 'currentTime' | 'destination' | 'resume' | 'state'>

export class Ringer {
  #context: Context | undefined
  #timer: ReturnType<typeof setInterval> | undefined
  readonly #make: () => Context

  constructor(make: () => Context = () => new AudioContext()) {
    this.#make = make
  }

  get ringing() {
    return this.#timer !== undefined
  }

  /** Call it when somebody presses something: from then on it may sound. */
  allow() {
    try {
      this.#context ??= this.#make()
      if (this.#context.state === 'suspended') void this.#context.resume().catch(() => undefined)
    } catch {
      // A browser without sound: it rings for the eyes.
    }
  }

  start() {
    if (this.#timer !== undefined) return
    this.allow()
    this.#once()
    this.#timer = setInterval(() => this.#once(), EVERY_MS)
  }

  stop() {
    clearInterval(this.#timer)
    this.#timer = undefined
  }

  #once() {
    const c = this.#context
    // What is scheduled on a sleeping context would all sound at once later.
    if (!c || c.state !== 'running') return
    for (const [at, length, ...pair] of tones) {
      const from = c.currentTime + at
      const gain = c.createGain()
      gain.connect(c.destination)
      // Without a short rise and fall it clicks.
      gain.gain.setValueAtTime(0, from)
      gain.gain.linearRampToValueAtTime(GAIN, from + 0.03)
      gain.gain.setValueAtTime(GAIN, from + length - 0.08)
      gain.gain.linearRampToValueAtTime(0, from + length)
      for (const f of pair) {
        const o = c.createOscillator()
        o.frequency.value = f
        o.connect(gain)
        o.start(from)
        o.stop(from + length)
      }
    }
  }
}
