import type { inbox as en } from './en.inbox'
import type { Texts } from './texts'

export const inbox: Texts<typeof en> = {
  'view.mine': 'ของฉัน',
  'view.unassigned': 'ยังไม่มีผู้รับ',
  'view.all': 'ทั้งหมด',
  'view.snoozed': 'เลื่อนไว้',
  'view.resolved': 'เสร็จแล้ว',
  'view.failed': 'ส่งไม่ถึง',
}
