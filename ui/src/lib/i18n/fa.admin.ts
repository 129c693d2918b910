import type { admin as en } from './en.admin'
import type { Texts } from './texts'

export const admin: Texts<typeof en> = {
  'signin.title': 'ورود',
  'signin.email': 'ایمیل',
  'signin.password': 'گذرواژه',
  'signin.submit': 'ورود',
  'signin.wrong': 'ایمیل یا گذرواژه نادرست است.',
  'signin.entering': 'در حال ورود…',
  'signin.linkUsed': 'این پیوند ورود استفاده شده یا منقضی شده است.',
}
