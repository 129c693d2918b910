import type { Dictionary } from './words.svelte'

const security = { tls: 'TLS ตั้งแต่เริ่ม', starttls: 'STARTTLS', none: 'ไม่เข้ารหัส' }
const auth = { password: 'รหัสผ่าน', login: 'LOGIN', plain: 'PLAIN', xoauth2: 'XOAUTH2', oauthbearer: 'OAUTHBEARER' }

export const words: Dictionary = {
  fields: {
    'email.address': { label: 'ที่อยู่อีเมล', help: 'ที่อยู่ที่ใช้ส่งอีเมลและที่ลูกค้าเขียนถึง' },
    'email.name': { label: 'ชื่อที่แสดง', help: 'แสดงให้ลูกค้าเห็นข้างที่อยู่ เช่น ชื่อทีม' },
    'email.imap_host': { label: 'เซิร์ฟเวอร์ IMAP' },
    'email.imap_port': { label: 'พอร์ต IMAP', help: 'เว้นว่างหมายถึง 993 เมื่อใช้ TLS นอกนั้น 143' },
    'email.imap_security': { label: 'ความปลอดภัย IMAP', help: 'หากไม่เข้ารหัส ทุกอย่างรวมถึงรหัสผ่านอ่านได้ระหว่างทาง', choices: security },
    'email.imap_user': { label: 'ผู้ใช้ IMAP', help: 'เว้นว่างหมายถึงที่อยู่อีเมล' },
    'email.imap_auth': { label: 'การเข้าสู่ระบบ IMAP', help: 'XOAUTH2 และ OAUTHBEARER ต้องใช้การตั้งค่า OAuth ส่วน “รหัสผ่าน” ใช้วิธีที่ดีที่สุดที่เซิร์ฟเวอร์มี', choices: auth },
    'email.imap_password': { label: 'รหัสผ่าน IMAP', help: 'ผู้ให้บริการหลายรายต้องใช้รหัสผ่านสำหรับแอปที่นี่' },
    'email.folders': { label: 'โฟลเดอร์', help: 'โฟลเดอร์แรกถูกเฝ้าดูตลอดเวลา โฟลเดอร์อื่นถูกดูตามรอบเวลา' },
    'email.start': { label: 'รับเข้า', help: '“ทั้งหมด” อ่านอีเมลที่มีอยู่แล้วด้วย เพื่อให้ไทม์ไลน์เริ่มจากประวัติของลูกค้า “ตั้งแต่ตอนนี้” เริ่มจากฉบับถัดไป', choices: { all: 'ทั้งหมด', now: 'ตั้งแต่ตอนนี้' } },
    'email.smtp_host': { label: 'เซิร์ฟเวอร์ SMTP' },
    'email.smtp_port': { label: 'พอร์ต SMTP', help: 'เว้นว่างหมายถึง 465 เมื่อใช้ TLS, 587 เมื่อใช้ STARTTLS และ 25 เมื่อไม่เข้ารหัส' },
    'email.smtp_security': { label: 'ความปลอดภัย SMTP', choices: security },
    'email.smtp_auth': { label: 'การเข้าสู่ระบบ SMTP', choices: { ...auth, same: 'เหมือน IMAP', none: 'ไม่เข้าสู่ระบบ' } },
    'email.smtp_user': { label: 'ผู้ใช้ SMTP', help: 'เว้นว่างหมายถึงผู้ใช้ IMAP' },
    'email.smtp_password': { label: 'รหัสผ่าน SMTP', help: 'เว้นว่างหมายถึงรหัสผ่าน IMAP' },
    'email.signature': { label: 'ลายเซ็น', help: 'วางไว้ใต้ข้อความที่เจ้าหน้าที่เขียน' },
    'email.acknowledge': { label: 'ตอบรับอัตโนมัติ', help: 'ส่งครั้งเดียวให้ผู้ที่เริ่มการสนทนา เว้นว่างคือไม่ส่ง อีเมลอัตโนมัติ รายชื่อส่ง และผู้ส่งที่ยังไม่ยืนยันจะไม่ได้รับเลย' },
    'email.after': { label: 'อีเมลที่รับเข้าแล้วบนเซิร์ฟเวอร์', help: '“คงไว้” ไม่เปลี่ยนแปลงสิ่งใดเลย', choices: { leave: 'คงไว้', mark_seen: 'ทำเครื่องหมายว่าอ่านแล้ว', move: 'ย้าย' } },
    'email.move_to': { label: 'โฟลเดอร์ปลายทาง' },
    'email.sent_folder': { label: 'โฟลเดอร์จดหมายที่ส่ง', help: 'เก็บสำเนาคำตอบทุกฉบับไว้ที่นั่น เว้นว่างหากผู้ให้บริการทำให้เอง (Google, Microsoft)' },
    'email.poll_interval': { label: 'รอบเวลาตรวจสอบ', help: 'สำหรับโฟลเดอร์ที่ไม่ใช่โฟลเดอร์แรก และเซิร์ฟเวอร์ที่ไม่แจ้งอีเมลใหม่ (ไม่มี IDLE)' },
    'email.default_charset': { label: 'รหัสอักขระเริ่มต้น', help: 'สำหรับอีเมลที่ไม่บอกรหัสอักขระ เช่น windows-874' },
    'email.authserv_id': { label: 'ชื่อเซิร์ฟเวอร์ตรวจสอบสิทธิ์', help: 'ชื่อที่เซิร์ฟเวอร์รับของคุณเขียนไว้ต้น Authentication-Results จะเชื่อเฉพาะชื่อเหล่านี้' },
    'email.ca_file': { label: 'ไฟล์ CA', help: 'ไฟล์ PEM ของผู้ออกใบรับรอง สำหรับเซิร์ฟเวอร์ที่ใบรับรองไม่เป็นที่เชื่อถือทั่วไป' },
    'email.oauth_client_id': { label: 'รหัสไคลเอนต์ OAuth' },
    'email.oauth_client_secret': { label: 'ความลับของไคลเอนต์ OAuth' },
    'email.oauth_refresh_token': { label: 'โทเคนต่ออายุ OAuth', help: 'ถูกแทนที่เองเมื่อผู้ให้บริการออกโทเคนใหม่' },
    'email.oauth_token_url': { label: 'URL โทเคน OAuth' },
    'email.oauth_scopes': { label: 'ขอบเขต OAuth' },
    'email.dkim_domain': { label: 'โดเมน DKIM', help: 'เฉพาะเมื่อเซิร์ฟเวอร์ SMTP ไม่ลงนามเอง โดเมน ตัวเลือก และคีย์ใช้ด้วยกัน' },
    'email.dkim_selector': { label: 'ตัวเลือก DKIM' },
    'email.dkim_key': { label: 'คีย์ส่วนตัว DKIM', help: 'PEM แบบ RSA (1024 บิตขึ้นไป) หรือ Ed25519' },
  },
  presets: {
    'email.Google': { help: 'ต้องมีไคลเอนต์ OAuth ในโครงการ Google Cloud ของคุณและโทเคนต่ออายุของกล่องจดหมาย หรือเลือกเข้าสู่ระบบด้วย “รหัสผ่าน” โดยใช้รหัสผ่านสำหรับแอป Google เก็บจดหมายที่ส่งให้เอง' },
    'email.Microsoft 365': { help: 'ต้องลงทะเบียนแอปใน Entra ID พร้อมสิทธิ์ที่มอบหมายด้านล่างและโทเคนต่ออายุของกล่องจดหมาย และต้องอนุญาต SMTP AUTH ด้วย Exchange เก็บจดหมายที่ส่งให้เอง' },
    'email.Fastmail': { help: 'ต้องใช้รหัสผ่านสำหรับแอปที่เข้าถึง IMAP และ SMTP ได้' },
    'email.Any provider': { name: 'ผู้ให้บริการใดก็ได้', help: 'กรอกเซิร์ฟเวอร์ทั้งสองตามที่ผู้ให้บริการระบุ' },
  },
  steps: { connect: 'เชื่อมต่อ', tls: 'เข้ารหัส TLS', 'log in': 'เข้าสู่ระบบ', 'open folder': 'เปิดโฟลเดอร์', 'move mail': 'ย้ายจดหมาย' },
}
