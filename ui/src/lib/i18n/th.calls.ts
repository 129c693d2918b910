import type { Texts } from './texts'
import type { calls as en } from './en.calls'

export const calls: Texts<typeof en> = {
  'call.ringing': 'สายเรียกเข้า',
  'call.missed': 'สายที่ไม่ได้รับ',
  'call.voicemail': 'ข้อความเสียง',
  'call.busy': 'สายถูกปฏิเสธเพราะไม่ว่าง',
  'call.failed': 'เชื่อมต่อสายไม่ได้',
  'call.length': 'เปิดสายนาน {time}',
  'call.choice': 'เลือก “{words}”',
  'call.closed': 'นอกเวลาทำการ',
  'call.withheld': 'ไม่แสดงหมายเลข',
  'call.transcript': 'ข้อความถอดเสียง',
  'call.noRecording': 'กำลังรอไฟล์บันทึกเสียง',
}
