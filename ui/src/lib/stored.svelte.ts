/** A value of this browser only (pane widths and the like), kept in localStorage. */
export function stored<T extends string | number | boolean>(key: string, initial: T) {
  let value = $state<T>(read())
  function read(): T {
    try {
      const raw = localStorage.getItem(key)
      if (raw !== null) {
        const v: unknown = JSON.parse(raw)
        if (typeof v === typeof initial) return v as T
      }
    } catch {
      // Unreadable or forbidden storage: the initial value will do.
    }
    return initial
  }
  return {
    get value(): T {
      return value
    },
    set value(v: T) {
      value = v
      try {
        localStorage.setItem(key, JSON.stringify(v))
      } catch {
        // as above
      }
    },
  }
}
