// Hash routes: #/inbox/mine/123. The server needs to know none of them.
let path = $state(read())

function read() {
  const raw = location.hash.replace(/^#/, '') || '/'
  try {
    return decodeURI(raw)
  } catch {
    return raw // a hash somebody mistyped
  }
}
addEventListener('hashchange', () => (path = read()))

export const router = {
  get path() {
    return path
  },
  /** The parts between slashes: ['inbox', 'mine', '123']. */
  get parts() {
    return path.split('?')[0]!.split('/').filter(Boolean)
  },
  /** The parts while the path is of this screen, none else: a screen that is being left must not take the number of the next one for its own. */
  of(screen: string) {
    return this.parts[0] === screen ? this.parts : []
  },
  get query() {
    return new URLSearchParams(path.split('?')[1] ?? '')
  },
}

/** Go to a path such as /inbox/mine/12. Replace leaves no step for the back button. */
export function go(to: string, o: { replace?: boolean } = {}) {
  if (to === path) return
  if (o.replace) {
    history.replaceState(history.state, '', '#' + to)
    path = to
  } else {
    location.hash = to
    path = to
  }
}
