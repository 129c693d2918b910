// From the hub's messages to what the telephone knows of a call.
import type { Message, Row } from '../api/types'
import type { HubCall } from './state'

export type CallFacts = NonNullable<Message['call']>
export type CallLeg = NonNullable<CallFacts['legs']>[number]

/** What a message tells of a call; before is what was known, for names that an entry leaves out. */
export function hubCall(m: Message, place: { conversation?: number; customer?: Pick<Row['customer'], 'id' | 'name'> }, before?: HubCall): HubCall {
  const c = m.call ?? {}
  const theirs = m.direction === 'out' ? m.to?.[0] : m.from
  const transfer = pendingTransfer(c)
  const open = (c.legs ?? []).filter((l) => !l.ended)
  return {
    message: m.id,
    conversation: place.conversation ?? before?.conversation ?? 0,
    customer: place.customer ?? before?.customer ?? { id: theirs?.customer ?? 0, name: theirs?.name ?? '' },
    account: m.account,
    handle: theirs?.handle ?? '',
    line: m.address ?? '',
    lineName: m.account_name ?? '',
    direction: m.direction === 'out' ? 'out' : 'in',
    // An old entry, or one that the machine had: over as soon as it has an outcome.
    state: (c.state as HubCall['state'] | undefined) ?? (c.outcome ? 'ended' : ''),
    since: Date.parse(c.since ?? m.time),
    ringing: c.ringing ?? [],
    agent: c.agent ?? 0,
    choice: c.choice ?? '',
    closed: !!c.closed,
    refs: open.flatMap((l) => (l.ref && l.role !== 'customer' ? [l.ref] : [])),
    consult:
      transfer?.warm && c.state === 'held'
        ? { agent: transfer.agent ?? 0, number: transfer.number ?? '', open: open.some((l) => l.role === 'consult' && !!l.answered) }
        : undefined,
    passing: transfer && !transfer.warm && c.state === 'talking' ? { agent: transfer.agent ?? 0, number: transfer.number ?? '' } : undefined,
    wrapped: !!c.wrapup,
  }
}

/** A transfer that has not come to its end. */
export const pendingTransfer = (c: CallFacts) => (c.transfers ?? []).find((t) => !t.result)
