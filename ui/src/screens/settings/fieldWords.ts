// What a custom field may tell of a person, in words.
import { words } from '../../lib/i18n/words.svelte'

const en = {
  label: 'Helps to tell who somebody is',
  help: 'What the field holds is then compared when the hub looks for duplicates. All customers are looked through again after a change.',
  row: 'tells who somebody is: {what}',
  none: 'No',
  born: 'Date of birth',
  address: 'Street and number',
  postcode: 'Postcode',
  city: 'Town',
  state: 'State or province',
  email: 'Email address',
  phone: 'Telephone number',
  username: 'Name at a service',
  own: 'A number only this person has',
}
export type FieldWord = keyof typeof en

export const w = words<FieldWord>({
  en,
  fa: {
    label: 'به شناختن آدم‌ها کمک می‌کند',
    help: 'آنچه در این خانه است، هنگام جستجوی تکراری‌ها سنجیده می‌شود. پس از تغییر، همهٔ مشتریان دوباره بررسی می‌شوند.',
    row: 'نشان می‌دهد کیست: {what}',
    none: 'نه',
    born: 'تاریخ تولد',
    address: 'خیابان و پلاک',
    postcode: 'کد پستی',
    city: 'شهر',
    state: 'استان',
    email: 'نشانی ایمیل',
    phone: 'شمارهٔ تلفن',
    username: 'نام در یک سرویس',
    own: 'شماره‌ای که فقط این شخص دارد',
  },
  th: {
    label: 'ช่วยบอกว่าเป็นใคร',
    help: 'สิ่งที่อยู่ในช่องนี้จะถูกนำมาเทียบเมื่อหารายชื่อซ้ำ หลังเปลี่ยนแปลงจะตรวจลูกค้าทั้งหมดใหม่',
    row: 'บอกว่าเป็นใคร: {what}',
    none: 'ไม่',
    born: 'วันเกิด',
    address: 'ถนนและเลขที่',
    postcode: 'รหัสไปรษณีย์',
    city: 'เมือง',
    state: 'จังหวัดหรือรัฐ',
    email: 'อีเมล',
    phone: 'หมายเลขโทรศัพท์',
    username: 'ชื่อในบริการอื่น',
    own: 'หมายเลขที่มีเพียงคนนี้',
  },
})
