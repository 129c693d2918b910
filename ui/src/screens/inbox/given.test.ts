import { describe, expect, it } from 'vitest'
import type { ConversationChange, Row } from '../../lib/api/types'
import { inverse } from './desk.svelte'
import { preview } from './list.svelte'

const row = { id: 1, assignee: 7, team: 5 } as Row

describe('who has it', () => {
  it.each([
    ['an agent', { assignee: 8 }, { assignee: 8, team: 5 }],
    ['nobody', { assignee: 0 }, { assignee: undefined, team: 5 }],
    ['a team', { team: 6 }, { assignee: undefined, team: 6 }],
    ['no team', { team: 0 }, { assignee: undefined, team: undefined }],
    ['both', { assignee: 8, team: 6 }, { assignee: 8, team: 6 }],
  ] as [string, ConversationChange, Partial<Row>][])('%s', (_, c, want) => {
    const after = preview(row, c)
    expect({ assignee: after.assignee, team: after.team }).toEqual(want)
    // Taken back it is as it was, also where it was a team's that nobody of has it.
    const back = preview(after, inverse(row, c))
    expect({ assignee: back.assignee, team: back.team }).toEqual({ assignee: 7, team: 5 })
  })
})
