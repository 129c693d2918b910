// The words of the teams in all languages: they come with the settings and not with
// the first load.
import { words } from '../../../lib/i18n/words.svelte'

const en = {
  title: 'Teams',
  text: 'Groups of colleagues. A conversation is with the team of whoever has it, and until somebody takes it with the team of its inbox. The board filters by them.',
  none: 'There are no teams yet.',
  add: 'Add a team',
  change: 'Change the team',
  name: 'Name',
  members: 'Members',
  membersHelp: 'Everybody is in one team at most.',
  inboxes: 'Inboxes',
  inboxesHelp: 'Their new conversations are this team’s until somebody takes them.',
  now: 'now in {team}',
  nobody: 'nobody yet',
  needName: 'Write a name.',
  retire: 'Retire',
  retired: 'retired',
  restore: 'Bring back',
  edit: 'Change {name}',
  keeps: 'Conversations keep the team they have: a change is for what comes from now on.',
  changed: 'Somebody else changed the teams meanwhile. This is how they are now: make your change again.',
  saved: 'Saved.',
}

const fa: typeof en = {
  title: 'گروه‌ها',
  text: 'گروه‌های همکاران. هر گفتگو با گروه کسی است که آن را دارد، و تا کسی آن را بردارد با گروه صندوقش. تابلو بر پایهٔ گروه‌ها پالایش می‌کند.',
  none: 'هنوز گروهی نیست.',
  add: 'افزودن گروه',
  change: 'تغییر گروه',
  name: 'نام',
  members: 'اعضا',
  membersHelp: 'هر کس حداکثر در یک گروه است.',
  inboxes: 'صندوق‌ها',
  inboxesHelp: 'گفتگوهای تازهٔ آن‌ها تا کسی برشان دارد از آنِ این گروه است.',
  now: 'اکنون در {team}',
  nobody: 'هنوز هیچ‌کس',
  needName: 'نامی بنویسید.',
  retire: 'کنار گذاشتن',
  retired: 'کنارگذاشته',
  restore: 'بازگرداندن',
  edit: 'تغییر {name}',
  keeps: 'گفتگوها گروهی را که دارند نگه می‌دارند؛ تغییر برای آنچه از این پس می‌آید است.',
  changed: 'کس دیگری در این میان گروه‌ها را تغییر داد. اکنون چنین‌اند: تغییرتان را دوباره انجام دهید.',
  saved: 'ذخیره شد.',
}

const th: typeof en = {
  title: 'ทีม',
  text: 'กลุ่มเพื่อนร่วมงาน การสนทนาอยู่กับทีมของผู้ที่รับไว้ และจนกว่าจะมีผู้รับจะอยู่กับทีมของกล่องข้อความ กระดานกรองตามทีมได้',
  none: 'ยังไม่มีทีม',
  add: 'เพิ่มทีม',
  change: 'แก้ไขทีม',
  name: 'ชื่อ',
  members: 'สมาชิก',
  membersHelp: 'แต่ละคนอยู่ได้ทีมเดียว',
  inboxes: 'กล่องข้อความ',
  inboxesHelp: 'การสนทนาใหม่ของกล่องนี้เป็นของทีมจนกว่าจะมีผู้รับ',
  now: 'ขณะนี้อยู่ใน {team}',
  nobody: 'ยังไม่มีใคร',
  needName: 'โปรดใส่ชื่อ',
  retire: 'เลิกใช้',
  retired: 'เลิกใช้แล้ว',
  restore: 'นำกลับมา',
  edit: 'แก้ไข {name}',
  keeps: 'การสนทนายังอยู่กับทีมเดิม การแก้ไขมีผลกับสิ่งที่จะมาต่อจากนี้',
  changed: 'มีคนอื่นแก้ไขทีมระหว่างนี้ นี่คือปัจจุบัน โปรดแก้ไขอีกครั้ง',
  saved: 'บันทึกแล้ว',
}

export const all = { en, fa, th }
export const w = words(all)
