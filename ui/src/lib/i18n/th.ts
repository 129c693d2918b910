import type { Catalogue } from './index.svelte'
import { admin } from './th.admin'
import { channels } from './th.channels'
import { customers } from './th.customers'
import { ways } from './th.ways'
import { calls } from './th.calls'
import { notices } from './th.notices'
import { documents } from './th.documents'
import { duplicates } from './th.duplicates'
import { people } from './th.people'
import { inbox } from './th.inbox'
import { phone } from './th.phone'
import { preference } from './th.preference'

export const th: Catalogue = {
  'app.name': 'Throughline',
  close: 'ปิด',
  cancel: 'ยกเลิก',
  save: 'บันทึก',
  edit: 'แก้ไข',
  remove: 'นำออก',
  retry: 'ลองอีกครั้ง',
  undo: 'เลิกทำ',
  confirm: 'ยืนยัน',
  more: 'เพิ่มเติม',
  loading: 'กำลังโหลด…',
  'picker.none': 'ไม่พบรายการ',
  'picker.create': 'สร้าง “{name}”',

  'error.unreachable': 'ติดต่อเซิร์ฟเวอร์ไม่ได้ โปรดตรวจสอบการเชื่อมต่อ ระบบกำลังลองใหม่ให้',
  'error.tooMany': 'ลองหลายครั้งเกินไป โปรดรอสักครู่แล้วลองใหม่',
  'error.tooLarge': 'ข้อมูลใหญ่เกินไป โปรดส่งให้น้อยลงหรือส่งเป็นลิงก์แทน',
  'error.busy': 'ระบบกำลังยุ่ง โปรดลองอีกครั้งในอีกสักครู่',
  'error.forbidden': 'บทบาทของคุณไม่มีสิทธิ์ทำรายการนี้ โปรดติดต่อผู้ดูแลระบบ',
  'error.notFound': 'ไม่มีรายการนี้แล้ว',
  'error.unknown': 'เกิดข้อผิดพลาด โปรดลองอีกครั้ง หากยังพบอยู่ให้แจ้งผู้ดูแลระบบ',
  'error.screen': 'แสดงหน้านี้ไม่ได้',
  'screen.notFound': 'ไม่มีหน้านี้',
  'screen.toInbox': 'ไปที่กล่องข้อความ',

  'agent.unknown': 'อดีตเพื่อนร่วมงาน',
  'agent.you': 'คุณ',

  'rail.label': 'เมนูหลัก',
  'rail.inbox': 'กล่องข้อความ',
  'rail.customers': 'ลูกค้า',
  'rail.channels': 'ช่องทาง',
  'rail.settings': 'การตั้งค่า',
  'rail.expand': 'แสดงชื่อเมนู',
  'rail.collapse': 'ซ่อนชื่อเมนู',
  'rail.trouble': { other: 'กล่องจดหมาย {n} กล่องใช้งานไม่ได้' },
  'rail.me': 'คุณและการตั้งค่าของคุณ',
  'rail.commands': 'คำสั่ง',
  'rail.keys': 'แป้นพิมพ์ลัด',
  'rail.signOut': 'ออกจากระบบ',
  'rail.skip': 'ข้ามไปยังเนื้อหา',
  'availability.online': 'พร้อมทำงาน',
  'availability.busy': 'ไม่ว่าง',
  'availability.away': 'ไม่อยู่',
  'theme.system': 'ธีม: ตามระบบ',
  'theme.light': 'ธีม: สว่าง',
  'theme.dark': 'ธีม: มืด',

  'pill.connecting': 'กำลังเชื่อมต่อ…',
  'pill.catchingUp': 'กำลังอัปเดต…',
  'pill.live': 'สด',
  'pill.waiting': 'ออฟไลน์ – ข้อมูล ณ {time} กำลังเชื่อมต่อใหม่…',
  'pill.tryNow': 'ลองเดี๋ยวนี้',

  'palette.title': 'คำสั่ง',
  'palette.placeholder': 'พิมพ์คำสั่ง ชื่อ หรือที่อยู่อีเมล…',
  'palette.commands': 'คำสั่ง',
  'palette.customers': 'ลูกค้า',
  'palette.go': 'ไปที่',
  'palette.none': 'ไม่พบรายการ ลองชื่อ ที่อยู่ หรือคำสั่งอื่น',

  'keys.title': 'แป้นพิมพ์ลัด',
  'keys.or': 'หรือ',
  'keys.note': 'ใช้ได้กับทุกผังแป้นพิมพ์ และไม่ทำงานขณะพิมพ์ข้อความ',
  'keys.list': 'รายการ',
  'keys.conversation': 'การสนทนา',
  'keys.write': 'การเขียน',
  'keys.go': 'ไปที่',
  'keys.phone': 'โทรศัพท์',
  'keys.everywhere': 'ทุกหน้า',

  'view.tasks': 'งาน',
  'task.due': 'กำหนด',
  'task.dueCount': { other: 'เกินกำหนดหรือครบกำหนดวันนี้ {n} งาน' },
  'task.nowDue': 'ถึงกำหนดแล้ว: {text}',
  'task.open': 'เปิด',
  'dup.title': 'รายการซ้ำ',

  'setup.pending': 'กำลังตั้งค่า…',

  ...inbox,
  ...admin,
  ...channels,
  ...customers,
  ...ways, ...calls, ...notices, ...documents,
  ...phone, ...people, ...duplicates, ...preference,
}
