import type { Catalogue } from './index.svelte'
import { admin } from './fa.admin'
import { channels } from './fa.channels'
import { customers } from './fa.customers'
import { ways } from './fa.ways'
import { calls } from './fa.calls'
import { notices } from './fa.notices'
import { documents } from './fa.documents'
import { duplicates } from './fa.duplicates'
import { people } from './fa.people'
import { inbox } from './fa.inbox'
import { phone } from './fa.phone'
import { preference } from './fa.preference'

export const fa: Catalogue = {
  'app.name': 'Throughline',
  close: 'بستن',
  cancel: 'انصراف',
  save: 'ذخیره',
  edit: 'ویرایش',
  remove: 'برداشتن',
  retry: 'تلاش دوباره',
  undo: 'واگرد',
  confirm: 'تأیید',
  more: 'بیشتر',
  loading: 'در حال بارگذاری…',
  'picker.none': 'چیزی پیدا نشد',
  'picker.create': 'ساختن «{name}»',

  'error.unreachable': 'سرور در دسترس نیست. اتصال خود را بررسی کنید؛ ما همچنان تلاش می‌کنیم.',
  'error.tooMany': 'تلاش‌ها بیش از اندازه بود. کمی صبر کنید و دوباره امتحان کنید.',
  'error.tooLarge': 'این بیش از اندازه بزرگ است. کمتر بفرستید یا پیوندی به آن بدهید.',
  'error.busy': 'سامانه مشغول است. کمی بعد دوباره تلاش کنید.',
  'error.forbidden': 'نقش شما اجازهٔ این کار را ندارد. از مدیر سامانه بخواهید.',
  'error.notFound': 'این مورد دیگر وجود ندارد.',
  'error.unknown': 'مشکلی پیش آمد. دوباره تلاش کنید؛ اگر تکرار شد به مدیر سامانه بگویید.',
  'error.screen': 'این صفحه نمایش داده نشد',
  'screen.notFound': 'چنین صفحه‌ای وجود ندارد',
  'screen.toInbox': 'رفتن به صندوق ورودی',

  'agent.unknown': 'همکار پیشین',
  'agent.you': 'شما',

  'rail.label': 'اصلی',
  'rail.inbox': 'صندوق ورودی',
  'rail.customers': 'مشتریان',
  'rail.channels': 'کانال‌ها',
  'rail.settings': 'تنظیمات',
  'rail.expand': 'نمایش نام‌ها',
  'rail.collapse': 'پنهان کردن نام‌ها',
  'rail.trouble': { one: '{n} صندوق پستی کار نمی‌کند', other: '{n} صندوق پستی کار نمی‌کنند' },
  'rail.me': 'شما و تنظیماتتان',
  'rail.commands': 'فرمان‌ها',
  'rail.keys': 'میان‌برهای صفحه‌کلید',
  'rail.signOut': 'خروج',
  'rail.skip': 'رفتن به محتوا',
  'availability.online': 'آنلاین',
  'availability.busy': 'مشغول',
  'availability.away': 'دور از میز',
  'theme.system': 'پوسته: مانند سیستم',
  'theme.light': 'پوسته: روشن',
  'theme.dark': 'پوسته: تیره',

  'pill.connecting': 'در حال اتصال…',
  'pill.catchingUp': 'در حال به‌روز شدن…',
  'pill.live': 'زنده',
  'pill.waiting': 'آفلاین – داده‌ها مربوط به {time} است. در حال اتصال دوباره…',
  'pill.tryNow': 'همین حالا',

  'palette.title': 'فرمان‌ها',
  'palette.placeholder': 'فرمان، نام یا نشانی را بنویسید…',
  'palette.commands': 'فرمان‌ها',
  'palette.customers': 'مشتریان',
  'palette.go': 'رفتن به',
  'palette.none': 'چیزی پیدا نشد. نام، نشانی یا فرمان دیگری را امتحان کنید.',

  'keys.title': 'میان‌برهای صفحه‌کلید',
  'keys.or': 'یا',
  'keys.note': 'روی هر چیدمان صفحه‌کلید کار می‌کنند و هنگام نوشتن خاموش‌اند.',
  'keys.list': 'فهرست',
  'keys.conversation': 'گفت‌وگو',
  'keys.write': 'نوشتن',
  'keys.go': 'رفتن به',
  'keys.phone': 'تلفن',
  'keys.everywhere': 'همه‌جا',

  'view.tasks': 'کارها',
  'task.due': 'موعد',
  'task.dueCount': { one: '{n} کار گذشته از موعد یا برای امروز', other: '{n} کار گذشته از موعد یا برای امروز' },
  'task.nowDue': 'موعدش رسید: {text}',
  'task.open': 'باز کردن',
  'dup.title': 'تکراری‌ها',

  'setup.pending': 'در حال راه‌اندازی…',

  ...inbox,
  ...admin,
  ...channels,
  ...customers,
  ...ways, ...calls, ...notices, ...documents,
  ...phone, ...people, ...duplicates, ...preference,
}
