import type { admin as en } from './en.admin'
import type { Texts } from './texts'

export const admin: Texts<typeof en> = {
  'signin.title': 'เข้าสู่ระบบ',
  'signin.email': 'อีเมล',
  'signin.password': 'รหัสผ่าน',
  'signin.submit': 'เข้าสู่ระบบ',
  'signin.wrong': 'อีเมลหรือรหัสผ่านไม่ถูกต้อง',
  'signin.entering': 'กำลังเข้าสู่ระบบ…',
  'signin.linkUsed': 'ลิงก์เข้าสู่ระบบนี้ถูกใช้แล้วหรือหมดอายุ',
}
