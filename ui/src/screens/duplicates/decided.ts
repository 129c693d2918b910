// Who decided of a pair, and when, in words.
import type { Duplicate } from '../../lib/api/duplicates'
import { dateTime } from '../../lib/format.svelte'
import { t } from '../../lib/i18n/index.svelte'
import { people } from '../../lib/people.svelte'
import { agentOf } from '../customers/handles'

/** The name of a rule as it stands in a decision: "rule:signature". */
export function ruleName(by: string): string {
  switch (by) {
    case 'rule:directory':
      return t('dup.rule.directory')
    case 'rule:signature':
      return t('dup.rule.signature')
    case 'rule:confidence':
      return t('dup.rule.confidence')
  }
  return t('dup.rule.unknown')
}

export function decidedBy(d: Pick<Duplicate, 'by' | 'by_name' | 'time' | 'reason'>): string {
  const time = d.time ? dateTime(d.time) : ''
  if (!d.by) return time
  const who = d.by.startsWith('rule:') ? t('dup.by.rule', { rule: ruleName(d.by), time }) : t('dup.by.agent', { name: d.by_name || people.name(agentOf(d.by)), time })
  return d.reason ? `${who}: ${d.reason}` : who
}
