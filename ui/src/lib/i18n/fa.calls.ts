import type { Texts } from './texts'
import type { calls as en } from './en.calls'

export const calls: Texts<typeof en> = {
  'call.ringing': 'تماس ورودی',
  'call.missed': 'تماس بی‌پاسخ',
  'call.voicemail': 'پیام صوتی',
  'call.busy': 'تماس با بوق اشغال رد شد',
  'call.failed': 'تماس برقرار نشد',
  'call.length': 'خط {time} باز بود',
  'call.choice': '«{words}» را برگزید',
  'call.closed': 'بیرون از ساعت کاری',
  'call.withheld': 'شماره پنهان',
  'call.transcript': 'متن گفته‌ها',
  'call.noRecording': 'صدای ضبط‌شده در راه است.',
}
