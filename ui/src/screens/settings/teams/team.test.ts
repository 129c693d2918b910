import { describe, expect, it } from 'vitest'
import type { Teams } from '../../../lib/api/teams'
import { restored, withTeam } from './team'
import { all } from './words'

const teams: Teams = {
  version: 1,
  teams: [
    { id: 1, name: 'Desk', agents: [7, 8], accounts: ['mail'] },
    { id: 2, name: 'Shop', agents: [9] },
    { id: 3, name: 'Old', agents: [7], retired: true },
  ],
}

describe('teams', () => {
  it('takes members and inboxes from other teams', () => {
    const next = withTeam(teams, { id: 2, name: 'Shop', agents: [8, 9], accounts: ['mail'] })
    expect(next.teams!.map((x) => [x.id, x.agents, x.accounts ?? []])).toEqual([
      [1, [7], []],
      [2, [8, 9], ['mail']],
      [3, [7], []],
    ])
    expect(withTeam(teams, { name: 'New', agents: [9] }).teams!.map((x) => x.agents)).toEqual([[7, 8], [], [7], [9]])
  })
  it('brings one back without those who are elsewhere now', () => expect(restored(teams, teams.teams![2]!).teams![2]).toMatchObject({ agents: [] }))
  it.each(['fa', 'th'] as const)('%s has the gaps of English', (l) => {
    for (const [k, text] of Object.entries(all.en)) {
      const gaps = (s: string) => [...s.matchAll(/\{\w+\}/g)].map(String).sort()
      expect(gaps(all[l][k as keyof typeof all.en]), k).toEqual(gaps(text))
    }
  })
})
