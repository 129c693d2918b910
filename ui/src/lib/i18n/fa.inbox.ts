import type { inbox as en } from './en.inbox'
import type { Texts } from './texts'

export const inbox: Texts<typeof en> = {
  'view.mine': 'من',
  'view.unassigned': 'بی‌مسئول',
  'view.all': 'همه',
  'view.snoozed': 'به‌تعویق',
  'view.resolved': 'حل‌شده',
  'view.failed': 'نرسیده',
}
