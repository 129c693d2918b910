// Whom the keys of a line's menu ring, as it stands in the form.

export interface KeyOfMenu {
  key: string
  words: string
  /** Whom it rings first; nobody: everybody at once. */
  first: { name: string; agents: string[]; known: boolean }[]
}
interface Known {
  agents: readonly { id: number; name: string; email: string }[]
  teams: readonly { name: string; agents?: readonly number[] | undefined }[]
}

const lines = (text: string) =>
  text
    .split('\n')
    .map((l) => /^\s*([0-9*])\s+(.*\S)\s*$/.exec(l))
    .filter((m) => !!m)

/** The keys of a menu in their order; lines that the hub will refuse are left out. */
export function keysOf(menu: string, to: string, known: Known): KeyOfMenu[] {
  const same = (a: string, b: string) => a.toLowerCase() === b.toLowerCase()
  return lines(menu).map(([, key = '', words = '']) => {
    const names = lines(to)
      .filter((m) => m[1] === key)
      .flatMap((m) => m[2]!.split(','))
      .map((n) => n.trim())
      .filter(Boolean)
    const first = names.map((name) => {
      const agent = known.agents.find((a) => same(a.email, name))
      const team = known.teams.find((x) => same(x.name, name))
      const agents = [...(agent ? [agent.name] : []), ...(team?.agents ?? []).flatMap((id) => known.agents.find((a) => a.id === id)?.name ?? [])]
      return { name: team?.name ?? name, agents, known: agents.length > 0 }
    })
    return { key, words, first }
  })
}
