import type { Dictionary } from './words.svelte'

const security = { tls: 'TLS از آغاز', starttls: 'STARTTLS', none: 'بدون رمزنگاری' }
const auth = { password: 'گذرواژه', login: 'LOGIN', plain: 'PLAIN', xoauth2: 'XOAUTH2', oauthbearer: 'OAUTHBEARER' }

export const words: Dictionary = {
  fields: {
    'email.address': { label: 'نشانی ایمیل', help: 'نشانی‌ای که نامه از آن فرستاده می‌شود و مشتریان به آن می‌نویسند.' },
    'email.name': { label: 'نام نمایشی', help: 'کنار نشانی به مشتریان نشان داده می‌شود، برای نمونه نام گروه.' },
    'email.imap_host': { label: 'سرور IMAP' },
    'email.imap_port': { label: 'درگاه IMAP', help: 'خالی یعنی ۹۹۳ با TLS و در غیر آن ۱۴۳.' },
    'email.imap_security': { label: 'امنیت IMAP', help: 'بدون رمزنگاری، همه‌چیز و حتی گذرواژه در راه برای هر کسی خواناست.', choices: security },
    'email.imap_user': { label: 'کاربر IMAP', help: 'خالی یعنی نشانی ایمیل.' },
    'email.imap_auth': { label: 'ورود IMAP', help: 'XOAUTH2 و OAUTHBEARER به تنظیمات OAuth نیاز دارند؛ «گذرواژه» بهترین روش سرور را به کار می‌برد.', choices: auth },
    'email.imap_password': { label: 'گذرواژهٔ IMAP', help: 'بسیاری از ارائه‌دهندگان اینجا گذرواژهٔ برنامه می‌خواهند.' },
    'email.folders': { label: 'پوشه‌ها', help: 'نخستین پوشه همیشه زیر نظر است، بقیه در هر دور بررسی.' },
    'email.start': { label: 'آوردن', help: '«همه» نامه‌های موجود را هم می‌خواند تا خط زمان با پیشینهٔ مشتری آغاز شود؛ «از اکنون» با نامهٔ بعدی آغاز می‌کند.', choices: { all: 'همه', now: 'از اکنون' } },
    'email.smtp_host': { label: 'سرور SMTP' },
    'email.smtp_port': { label: 'درگاه SMTP', help: 'خالی یعنی ۴۶۵ با TLS، ۵۸۷ با STARTTLS و ۲۵ بدون رمزنگاری.' },
    'email.smtp_security': { label: 'امنیت SMTP', choices: security },
    'email.smtp_auth': { label: 'ورود SMTP', choices: { ...auth, same: 'مانند IMAP', none: 'بدون ورود' } },
    'email.smtp_user': { label: 'کاربر SMTP', help: 'خالی یعنی کاربر IMAP.' },
    'email.smtp_password': { label: 'گذرواژهٔ SMTP', help: 'خالی یعنی گذرواژهٔ IMAP.' },
    'email.signature': { label: 'امضا', help: 'زیر نوشتهٔ کارشناسان می‌آید.' },
    'email.acknowledge': { label: 'رسید خودکار', help: 'یک بار به کسی که گفت‌وگویی را آغاز می‌کند فرستاده می‌شود. خالی یعنی هیچ. به نامه‌های خودکار، فهرست‌ها و فرستندگان تأییدنشده هرگز نمی‌رود.' },
    'email.after': { label: 'نامهٔ آورده‌شده روی سرور', help: '«دست‌نخورده» هیچ‌چیز را تغییر نمی‌دهد.', choices: { leave: 'دست‌نخورده می‌ماند', mark_seen: 'خوانده‌شده می‌شود', move: 'جابه‌جا می‌شود' } },
    'email.move_to': { label: 'پوشهٔ مقصد' },
    'email.sent_folder': { label: 'پوشهٔ ارسال‌شده', help: 'رونوشتی از هر پاسخ آنجا گذاشته می‌شود. اگر ارائه‌دهنده خودش این کار را می‌کند (Google، Microsoft) خالی بگذارید.' },
    'email.poll_interval': { label: 'فاصلهٔ بررسی', help: 'برای پوشه‌های پس از نخستین، و سرورهایی که رسیدن نامه را خبر نمی‌دهند (بدون IDLE).' },
    'email.default_charset': { label: 'رمزگذاری پیش‌فرض', help: 'برای نامه‌ای که رمزگذاری خود را نمی‌گوید، برای نمونه windows-1256.' },
    'email.authserv_id': { label: 'نام سرورهای اصالت‌سنجی', help: 'نام‌هایی که سرور دریافت‌کنندهٔ خودتان در آغاز Authentication-Results می‌نویسد؛ تنها به آن‌ها اعتماد می‌شود.' },
    'email.ca_file': { label: 'پروندهٔ CA', help: 'پروندهٔ PEM مرجع صدور گواهی، برای سروری که گواهی‌اش همگانی پذیرفته نیست.' },
    'email.oauth_client_id': { label: 'شناسهٔ کارخواه OAuth' },
    'email.oauth_client_secret': { label: 'رمز کارخواه OAuth' },
    'email.oauth_refresh_token': { label: 'توکن نوسازی OAuth', help: 'اگر ارائه‌دهنده توکن تازه بدهد خودبه‌خود جایگزین می‌شود.' },
    'email.oauth_token_url': { label: 'نشانی توکن OAuth' },
    'email.oauth_scopes': { label: 'دامنه‌های OAuth' },
    'email.dkim_domain': { label: 'دامنهٔ DKIM', help: 'تنها وقتی سرور SMTP خودش امضا نمی‌کند. دامنه، گزینشگر و کلید با هم‌اند.' },
    'email.dkim_selector': { label: 'گزینشگر DKIM' },
    'email.dkim_key': { label: 'کلید خصوصی DKIM', help: 'PEM، RSA (۱۰۲۴ بیت یا بیشتر) یا Ed25519.' },
  },
  presets: {
    'email.Google': { help: 'به کارخواه OAuth در پروژهٔ Google Cloud خودتان و توکن نوسازی صندوق نیاز دارد؛ یا ورود «گذرواژه» را با گذرواژهٔ برنامه برگزینید. Google نامه‌های فرستاده را خودش نگه می‌دارد.' },
    'email.Microsoft 365': { help: 'به ثبت برنامه در Entra ID با مجوزهای واگذارشدهٔ پایین و توکن نوسازی صندوق نیاز دارد؛ SMTP AUTH باید برایش مجاز باشد. Exchange نامه‌های فرستاده را خودش نگه می‌دارد.' },
    'email.Fastmail': { help: 'به گذرواژهٔ برنامه با دسترسی IMAP و SMTP نیاز دارد.' },
    'email.Any provider': { name: 'هر ارائه‌دهنده', help: 'دو سرور را همان‌گونه که ارائه‌دهنده نام می‌برد بنویسید.' },
  },
  steps: { connect: 'اتصال', tls: 'رمزنگاری TLS', 'log in': 'ورود', 'open folder': 'باز کردن پوشهٔ', 'move mail': 'جابه‌جا کردن نامه' },
}
