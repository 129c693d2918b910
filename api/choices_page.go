package api

// choicesHTML is the page on which a person chooses how to be reached.
const choicesHTML = `<!doctype html>
<html lang="{{.Language}}" dir="{{.Dir}}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>{{.T.title}}</title>
<style>
:root { color-scheme: light dark; --line: #d5dae3; --ink: #1b2130; --soft: #5b6475; --page: #fff; --back: #f5f7fa; --accent: #3050c8; --good: #dff3e6; --goodink: #14653a }
@media (prefers-color-scheme: dark) { :root { --line: #3a4252; --ink: #e8ebf2; --soft: #a3acbd; --page: #1b2029; --back: #12161d; --accent: #8fa6ff; --good: #1c3a29; --goodink: #9fe0ba } }
* { box-sizing: border-box }
body { margin: 0; background: var(--back); color: var(--ink); font: 16px/1.5 system-ui, sans-serif }
main { max-width: 42rem; margin: 0 auto; padding: 1.5rem 1rem 3rem }
section, form.card { background: var(--page); border: 1px solid var(--line); border-radius: 12px; padding: 1.25rem; margin: 1rem 0 }
h1 { font-size: 1.4rem; margin: .5rem 0 } h2 { font-size: 1.05rem; margin: 1.5rem 0 .5rem } h2:first-child { margin-top: 0 }
p { margin: .4rem 0 } .soft { color: var(--soft) } .done { background: var(--good); color: var(--goodink) }
.row { display: grid; grid-template-columns: 1fr auto; gap: .4rem 1rem; align-items: center; padding: .6rem 0; border-top: 1px solid var(--line) }
.row label.stop { grid-column: 1 / -1; color: var(--soft); font-size: .9rem }
select, input[type=time] { font: inherit; padding: .4rem .5rem; border: 1px solid var(--line); border-radius: 8px; background: var(--page); color: inherit; max-width: 100% }
label { display: inline-flex; gap: .5rem; align-items: center; margin-inline-end: 1rem }
button { font: inherit; font-weight: 600; padding: .6rem 1.2rem; border: 0; border-radius: 8px; background: var(--accent); color: var(--page); cursor: pointer }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px }
nav a { color: var(--soft); margin-inline-end: 1rem } nav [aria-current] { color: var(--ink); text-decoration: none; font-weight: 600 }
bdi { overflow-wrap: anywhere }
@media (max-width: 26rem) { .row { grid-template-columns: 1fr } }
</style>
</head>
<body><main>
{{if .Gone}}<h1>{{.T.title}}</h1><section role="alert">{{.Gone}}</section>{{else}}
<nav>{{range .Languages}}<a href="?lang={{.Key}}" lang="{{.Key}}"{{if .On}} aria-current="true"{{end}}>{{.Name}}</a>{{end}}</nav>
<h1>{{.T.title}}</h1>
<p class="soft">{{.T.for}} <bdi>{{.Address}}</bdi></p>
{{if .Done}}<section class="done" role="status">{{.Done}}</section>{{end}}
{{if .Unsubscribe}}<form class="card" method="post"><h2>{{.T.unsubscribeTitle}}</h2><p>{{.T.unsubscribeText}} <b><bdi>{{.Unsubscribe}}</bdi></b></p><button name="unsubscribe" value="1">{{.T.unsubscribe}}</button></form>{{end}}
<form class="card" method="post" action="?lang={{.Language}}">
<h2>{{.T.purposes}}</h2>
{{$v := .}}
{{range .Rows}}{{$row := .}}<div class="row"><b id="p-{{.Key}}"><bdi>{{.Name}}</bdi></b>
{{if $v.Shared}}<input type="hidden" name="channel.{{.Key}}" value="">{{else}}<select name="channel.{{.Key}}" aria-labelledby="p-{{.Key}}"><option value="">{{$v.T.any}}</option>{{range $v.Channels}}<option value="{{.Key}}"{{if eq .Key $row.Channel}} selected{{end}}>{{.Name}}</option>{{end}}</select>{{end}}
<label class="stop"><input type="checkbox" name="stop.{{.Key}}"{{if .Stop}} checked{{end}}> {{$v.T.stop}}</label></div>{{end}}
{{if not .Shared}}
<h2>{{.T.never}}</h2>
<p>{{range .Channels}}<label><input type="checkbox" name="never" value="{{.Key}}"{{if .On}} checked{{end}}> {{.Name}}</label>{{end}}</p>
<h2>{{.T.quiet}}</h2>
<p><label><input type="checkbox" name="quiet"{{if .Quiet}} checked{{end}}> {{.T.quietOn}}</label>
<label>{{.T.from}} <input type="time" name="from" value="{{.From}}"></label><label>{{.T.to}} <input type="time" name="to" value="{{.To}}"></label></p>
{{end}}
<h2>{{.T.all}}</h2>
<p><label><input type="checkbox" name="stop-all"{{if .StopAll}} checked{{end}}> {{.T.stopAll}}</label></p>
<p><button name="save" value="1">{{.T.save}}</button></p>
</form>
{{end}}
</main></body></html>
`

// choicesWords are the texts of the page by language.
var choicesWords = map[string]map[string]string{
	"en": {
		"self": "English", "language": "en", "dir": "ltr",
		"title": "How may we reach you?", "for": "Your choices for",
		"saved": "Your choices are saved. Thank you.", "unsubscribed": "You are unsubscribed. Nothing more of this comes to this address.",
		"unsubscribeTitle": "Unsubscribe", "unsubscribeText": "Nothing more to this address about:", "unsubscribe": "Unsubscribe",
		"purposes": "What about, and how?", "any": "No preference", "stop": "nothing about this to this address",
		"never": "Please never use", "quiet": "Quiet hours", "quietOn": "nothing between", "from": "from", "to": "until",
		"all": "Everything", "stopAll": "no messages at all to this address", "save": "Save",
		"gone": "This link is not valid. Use the link from our latest message, or tell us what you want.", "broken": "Something went wrong. Please try again in a moment.",
		"channel.email": "Email", "channel.sms": "Text message", "channel.whatsapp": "WhatsApp", "channel.slack": "Slack", "channel.voice": "Phone call",
	},
	"fa": {
		"self": "فارسی", "language": "fa", "dir": "rtl",
		"title": "چگونه با شما در تماس باشیم؟", "for": "گزینش‌های شما برای",
		"saved": "گزینش‌های شما ذخیره شد. سپاسگزاریم.", "unsubscribed": "اشتراک شما لغو شد. دیگر در این باره چیزی به این نشانی نمی‌آید.",
		"unsubscribeTitle": "لغو اشتراک", "unsubscribeText": "دیگر چیزی به این نشانی نیاید دربارهٔ:", "unsubscribe": "لغو اشتراک",
		"purposes": "دربارهٔ چه، و چگونه؟", "any": "فرقی نمی‌کند", "stop": "در این باره چیزی به این نشانی نیاید",
		"never": "لطفاً هرگز از این‌ها استفاده نکنید", "quiet": "ساعت‌های آرام", "quietOn": "چیزی نیاید", "from": "از", "to": "تا",
		"all": "همه چیز", "stopAll": "هیچ پیامی به این نشانی نیاید", "save": "ذخیره",
		"gone": "این پیوند معتبر نیست. پیوند تازه‌ترین پیام ما را به کار ببرید، یا به ما بگویید چه می‌خواهید.", "broken": "چیزی درست پیش نرفت. لطفاً کمی بعد دوباره تلاش کنید.",
		"channel.email": "ایمیل", "channel.sms": "پیامک", "channel.whatsapp": "واتساپ", "channel.slack": "اسلک", "channel.voice": "تماس تلفنی",
	},
	"th": {
		"self": "ไทย", "language": "th", "dir": "ltr",
		"title": "ให้เราติดต่อคุณอย่างไร", "for": "ตัวเลือกของคุณสำหรับ",
		"saved": "บันทึกตัวเลือกของคุณแล้ว ขอบคุณ", "unsubscribed": "ยกเลิกการรับแล้ว จะไม่มีเรื่องนี้ส่งมายังที่อยู่นี้อีก",
		"unsubscribeTitle": "ยกเลิกการรับ", "unsubscribeText": "ไม่ต้องส่งเรื่องนี้มายังที่อยู่นี้อีก:", "unsubscribe": "ยกเลิกการรับ",
		"purposes": "เรื่องอะไร และทางใด", "any": "ทางใดก็ได้", "stop": "ไม่ต้องส่งเรื่องนี้มายังที่อยู่นี้",
		"never": "โปรดอย่าใช้", "quiet": "ช่วงงดติดต่อ", "quietOn": "ไม่ต้องส่งอะไร", "from": "ตั้งแต่", "to": "ถึง",
		"all": "ทั้งหมด", "stopAll": "ไม่ต้องส่งข้อความใดมายังที่อยู่นี้", "save": "บันทึก",
		"gone": "ลิงก์นี้ใช้ไม่ได้ โปรดใช้ลิงก์ในข้อความล่าสุดของเรา หรือบอกเราว่าคุณต้องการอะไร", "broken": "เกิดข้อผิดพลาด โปรดลองใหม่ในอีกสักครู่",
		"channel.email": "อีเมล", "channel.sms": "ข้อความ SMS", "channel.whatsapp": "WhatsApp", "channel.slack": "Slack", "channel.voice": "โทรศัพท์",
	},
}
