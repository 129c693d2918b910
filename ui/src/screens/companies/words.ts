// Texts of companies, in all languages: they come with their screens.
import { words } from '../../lib/i18n/words.svelte'

const en = {
  changed: 'Last changed by {name}, {time}',
  addPerson: 'Add a person',
  who: 'Name or address',
  nobody: 'Nobody found',
  leave: '{name} does not belong here',
}
const fa: Record<keyof typeof en, string> = {
  changed: 'آخرین تغییر از {name}، {time}',
  addPerson: 'افزودن فرد',
  who: 'نام یا نشانی',
  nobody: 'کسی یافت نشد',
  leave: '{name} از این شرکت نیست',
}
const th: Record<keyof typeof en, string> = {
  changed: 'แก้ไขล่าสุดโดย {name}, {time}',
  addPerson: 'เพิ่มบุคคล',
  who: 'ชื่อหรือที่อยู่ติดต่อ',
  nobody: 'ไม่พบใคร',
  leave: '{name} ไม่ได้อยู่ที่นี่',
}
export const w = words({ en, fa, th })
