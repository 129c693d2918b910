package notify

import (
	"strconv"
	"strings"
	"time"
)

// The texts of notices. They are written where colleagues read, in the language of
// the rule.

var languages = []string{"en", "fa", "th"}

// words are the texts in one language; {name}, {agent} and {time} are filled in.
type words struct {
	title                        map[string]string
	assigned, answered, resolved string
	sent                         string
	open                         string
	test                         string
	erased                       string // what is left of a notice
	minutes, hours, days         string // {time}
	oneMinute, oneHour, oneDay   string
}

var catalogue = map[string]words{
	"en": {
		title: map[string]string{
			OnNew: "New conversation: {name}", OnWaiting: "{name} has waited for {time}", OnMention: "{agent} is mentioned in a note about {name}",
			OnMissed: "Missed call: {name}", OnFailed: "A message to {name} did not arrive",
		},
		assigned: "Assigned to {agent}", answered: "Answered", resolved: "Resolved ✓", sent: "Sent after all", open: "Open",
		erased:  "The customer of this notice was erased",
		test:    "This is a test: notices of Throughline come here",
		minutes: "{time} minutes", hours: "{time} hours", days: "{time} days", oneMinute: "a minute", oneHour: "an hour", oneDay: "a day",
	},
	"fa": {
		title: map[string]string{
			OnNew: "گفت‌وگوی تازه: {name}", OnWaiting: "{name} {time} است که منتظر است", OnMention: "در یادداشتی دربارهٔ {name} از {agent} نام برده شد",
			OnMissed: "تماس بی‌پاسخ: {name}", OnFailed: "پیامی به {name} نرسید",
		},
		assigned: "سپرده به {agent}", answered: "پاسخ داده شد", resolved: "حل شد ✓", sent: "سرانجام فرستاده شد", open: "باز کردن",
		erased:  "مشتری این اعلان پاک شده است",
		test:    "این یک آزمایش است: اعلان‌های Throughline به اینجا می‌آیند",
		minutes: "{time} دقیقه", hours: "{time} ساعت", days: "{time} روز", oneMinute: "یک دقیقه", oneHour: "یک ساعت", oneDay: "یک روز",
	},
	"th": {
		title: map[string]string{
			OnNew: "การสนทนาใหม่: {name}", OnWaiting: "{name} รอมาแล้ว {time}", OnMention: "มีการกล่าวถึง {agent} ในบันทึกเกี่ยวกับ {name}",
			OnMissed: "สายที่ไม่ได้รับ: {name}", OnFailed: "ข้อความถึง {name} ส่งไม่ถึง",
		},
		assigned: "มอบหมายให้ {agent}", answered: "ตอบแล้ว", resolved: "แก้ไขแล้ว ✓", sent: "ส่งได้ในที่สุด", open: "เปิด",
		erased:  "ลูกค้าของการแจ้งเตือนนี้ถูกลบแล้ว",
		test:    "นี่คือการทดสอบ: การแจ้งเตือนจาก Throughline จะมาที่นี่",
		minutes: "{time} นาที", hours: "{time} ชั่วโมง", days: "{time} วัน", oneMinute: "หนึ่งนาที", oneHour: "หนึ่งชั่วโมง", oneDay: "หนึ่งวัน",
	},
}

func (r *Rule) words() words {
	if w, ok := catalogue[r.Language]; ok {
		return w
	}
	return catalogue["en"]
}

// span puts a length of time into words, in its largest whole unit.
func (w words) span(d time.Duration) string {
	for _, u := range []struct {
		unit      time.Duration
		one, many string
	}{{24 * time.Hour, w.oneDay, w.days}, {time.Hour, w.oneHour, w.hours}, {time.Minute, w.oneMinute, w.minutes}} {
		switch n := d / u.unit; {
		case d%u.unit != 0:
		case n == 1:
			return u.one
		case n > 1:
			return fill(u.many, "time", strconv.Itoa(int(n)))
		}
	}
	return fill(w.minutes, "time", strconv.Itoa(int(d/time.Minute)))
}

// fill puts values into the gaps of a text.
func fill(text string, pairs ...string) string {
	for i := 0; i < len(pairs); i += 2 {
		pairs[i] = "{" + pairs[i] + "}"
	}
	return strings.NewReplacer(pairs...).Replace(text)
}
