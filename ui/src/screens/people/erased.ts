// Texts of what is left of an erased customer.
import { words } from '../../lib/i18n/words.svelte'

export const w = words({
  en: { title: 'This customer was erased', text: 'On {time}. Who it was and what was said is gone; the numbers it counted in stay.' },
  fa: { title: 'این مشتری پاک شده است', text: 'در {time}. اینکه که بود و چه گفته شد دیگر نیست؛ شمارش‌ها مانده‌اند.' },
  th: { title: 'ลูกค้ารายนี้ถูกลบแล้ว', text: 'เมื่อ {time} ไม่เหลือว่าเป็นใครหรือพูดอะไร เหลือเพียงตัวเลขสถิติ' },
})
