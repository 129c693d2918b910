package demo

import (
	"time"

	"throughline/message"
	"throughline/preference"
)

// The regulars are customers whose three months show how people want to be reached:
// they answer over one channel in minutes and over another never, say so themselves,
// or somebody notes it; one says STOP, one unsubscribes, one cannot be reached any more.

// The channels by the names that the hub has for them.
const (
	byMail = "email"
	byText = "sms"
	byApp  = "whatsapp"
)

// The purposes that the hub has from the start.
const (
	forSupport     = "support"
	forInvoice     = "invoice"
	forAppointment = "appointment"
	forDelivery    = "delivery"
	forOffer       = "offer"
)

// tempo is how long somebody takes to answer.
type tempo struct{ least, most time.Duration }

// regular is a customer with habits.
type regular struct {
	lang    int // index of the cast's languages
	person  int // index of the language's people
	hours   [2]int
	answers map[string]tempo // over which channels they answer
	zone    string
	story   []episode // oldest first
	says    []saying  // oldest first
}

// episode is one matter of a regular.
type episode struct {
	ago     int // days
	purpose string
	from    string // over which they begin, "" where we do
	by      string // over which we answer, or begin
}

// saying is what is known of how a regular wants to be reached, from a day on.
type saying struct {
	ago  int
	what preference.Statement // its customer and time are filled in
	// Instead of it: a text to us, or a click on the link below an offer.
	text        string
	unsubscribe string
}

// quickly and its like are how quick most people are.
var (
	quickly  = tempo{2 * time.Minute, 20 * time.Minute}
	slowly   = tempo{20 * time.Hour, 70 * time.Hour}
	steadily = tempo{40 * time.Minute, 5 * time.Hour}
)

// byPage, heard and noted are where a statement comes from.
func byPage(s preference.Statement) preference.Statement {
	s.Source, s.Proof = preference.Stated, preference.Proof{Form: "preference page"}
	return s
}

func heard(s preference.Statement, words string) preference.Statement {
	s.Source, s.Proof.Note = preference.Stated, words
	return s
}

func noted(s preference.Statement, why string) preference.Statement {
	s.Source, s.Proof.Note = preference.Set, why
	return s
}

func prefers(purpose, channel string) preference.Statement {
	return preference.Statement{Purpose: purpose, Channel: channel, Wish: preference.Prefer}
}

func never(channel string) preference.Statement {
	return preference.Statement{Channel: channel, Wish: preference.Never}
}

func quietHours(from, to int) preference.Statement {
	return preference.Statement{Wish: preference.Quiet, From: from * 60, To: to * 60}
}

func regulars() []regular {
	return []regular{
		// Ann Keller: texts for appointments, never the phone.
		{lang: 0, person: 0, hours: [2]int{17, 21}, zone: "Europe/London", answers: map[string]tempo{byText: quickly, byMail: slowly},
			story: []episode{{85, forAppointment, "", byMail}, {72, forSupport, byMail, byMail}, {57, forAppointment, "", byText}, {43, forDelivery, byText, byText},
				{36, forAppointment, "", byMail}, {24, forAppointment, "", byText}, {15, forInvoice, byMail, byMail}, {9, forAppointment, "", byMail}, {4, forAppointment, byText, byText}},
			says: []saying{{ago: 60, what: byPage(prefers(forAppointment, byText))}, {ago: 60, what: byPage(never(lineChannel))}}},
		// Julia Marsh: on the road all day, somebody noted it.
		{lang: 0, person: 6, hours: [2]int{11, 15}, zone: "Europe/London", answers: map[string]tempo{byText: steadily},
			story: []episode{{81, forDelivery, "", byMail}, {66, forDelivery, byMail, byText}, {47, forDelivery, "", byText}, {33, forOffer, "", byMail}, {20, forDelivery, "", byText}, {11, forDelivery, "", byMail}, {6, forSupport, byText, byText}},
			says:  []saying{{ago: 62, what: noted(prefers(forDelivery, byText), "drives all day, reads her mail on Sundays")}}},
		// Lucas Ferreira: nobody said a word, his answers do.
		{lang: 0, person: 9, hours: [2]int{9, 13}, zone: "Europe/Lisbon", answers: map[string]tempo{byText: quickly},
			story: []episode{{79, forAppointment, "", byMail}, {64, forSupport, byText, byText}, {52, forDelivery, "", byMail}, {41, forSupport, byText, byText}, {29, forAppointment, byText, byText}, {18, forDelivery, "", byText}, {12, forAppointment, "", byText}, {5, forSupport, byText, byText}}},
		// Hannah Lowe: mail in the morning, texts lie unread.
		{lang: 0, person: 12, hours: [2]int{7, 10}, zone: "Europe/London", answers: map[string]tempo{byMail: steadily},
			story: []episode{{83, forSupport, byMail, byMail}, {69, forDelivery, "", byText}, {55, forInvoice, byMail, byMail}, {40, forAppointment, "", byText}, {27, forSupport, byMail, byMail}, {17, forOffer, "", byMail}, {7, forInvoice, byMail, byMail}}},
		// Ben Ashworth: a school; invoices by mail, and nothing in the evening.
		{lang: 0, person: 15, hours: [2]int{8, 12}, zone: "Europe/London", answers: map[string]tempo{byMail: steadily, byText: slowly},
			story: []episode{{76, forInvoice, "", byMail}, {58, forInvoice, byMail, byMail}, {38, forAppointment, byMail, byText}, {22, forInvoice, "", byMail}, {10, forInvoice, "", byText}, {3, forSupport, byMail, byMail}},
			says:  []saying{{ago: 59, what: heard(prefers(forInvoice, byMail), "Please send all invoices by email, our office files them.")}, {ago: 59, what: heard(quietHours(16, 7), "Nobody is in the office after four.")}}},
		// Eleanor Voss: texts until she had enough of them.
		{lang: 0, person: 18, hours: [2]int{18, 22}, zone: "America/New_York", answers: map[string]tempo{byText: steadily, byMail: steadily},
			story: []episode{{74, forDelivery, byText, byText}, {49, forOffer, "", byText}, {31, forOffer, "", byText}, {14, forDelivery, byMail, byMail}, {8, forOffer, "", byMail}},
			says:  []saying{{ago: 30, text: "STOP"}}},
		// Noah Stern: something of everything, and no offers.
		{lang: 0, person: 21, hours: [2]int{12, 18}, zone: "Europe/Berlin", answers: map[string]tempo{byText: quickly, byMail: slowly, byApp: steadily},
			story: []episode{{82, forDelivery, byApp, byApp}, {68, forSupport, byText, byText}, {54, forDelivery, byApp, byApp}, {45, forInvoice, "", byMail}, {35, forDelivery, byApp, byText}, {26, forSupport, byMail, byText}, {19, forOffer, "", byMail}, {13, forInvoice, byMail, byMail}, {5, forDelivery, byApp, byApp}},
			says: []saying{{ago: 65, what: heard(prefers(forSupport, byText), "Just text me when something is wrong with the bike.")}, {ago: 50, what: noted(prefers(forInvoice, byMail), "needs the PDF for his tax adviser")},
				{ago: 42, what: byPage(never(lineChannel))}, {ago: 18, unsubscribe: forOffer}}},
		// Fiona Gallagher: writes mails and answers texts, so that matters change over.
		{lang: 0, person: 24, hours: [2]int{10, 16}, zone: "Europe/Dublin", answers: map[string]tempo{byText: quickly, byMail: slowly},
			story: []episode{{77, forSupport, byMail, byText}, {61, forDelivery, byMail, byText}, {46, forAppointment, byMail, byText}, {30, forSupport, byMail, byMail}, {16, forAppointment, byMail, byText}, {6, forDelivery, byMail, byText}}},
		// نرگس احمدی: WhatsApp for appointments, quiet at night.
		{lang: 1, person: 0, hours: [2]int{18, 22}, zone: "Asia/Tehran", answers: map[string]tempo{byApp: quickly, byMail: slowly},
			story: []episode{{80, forAppointment, byApp, byApp}, {63, forAppointment, "", byMail}, {48, forDelivery, byApp, byApp}, {34, forAppointment, byApp, byApp}, {21, forAppointment, "", byMail}, {7, forAppointment, byApp, byApp}},
			says:  []saying{{ago: 55, what: byPage(prefers(forAppointment, byApp))}, {ago: 55, what: byPage(quietHours(22, 8))}}},
		// آرش نیک‌پور: an office, mail does.
		{lang: 1, person: 3, hours: [2]int{9, 14}, zone: "Asia/Tehran", answers: map[string]tempo{byMail: steadily},
			story: []episode{{78, forInvoice, byMail, byMail}, {53, forOffer, "", byMail}, {39, forInvoice, "", byText}, {25, forDelivery, byMail, byMail}, {12, forInvoice, byMail, byMail}}},
		// الهام نوری: somebody noted it.
		{lang: 1, person: 6, hours: [2]int{15, 20}, zone: "Asia/Tehran", answers: map[string]tempo{byApp: steadily},
			story: []episode{{71, forDelivery, byApp, byApp}, {44, forDelivery, "", byMail}, {28, forDelivery, byApp, byApp}, {10, forSupport, byApp, byApp}},
			says:  []saying{{ago: 40, what: noted(prefers(forDelivery, byApp), "راننده‌ها را فقط در واتساپ می‌بیند")}}},
		// สมชาย ใจดี: WhatsApp in the evening.
		{lang: 2, person: 0, hours: [2]int{19, 23}, zone: "Asia/Bangkok", answers: map[string]tempo{byApp: quickly},
			story: []episode{{75, forSupport, byApp, byApp}, {59, forDelivery, "", byMail}, {42, forDelivery, byApp, byApp}, {23, forAppointment, byApp, byApp}, {9, forDelivery, byApp, byApp}}},
		// มาลี ทองคำ: no texts, please.
		{lang: 2, person: 3, hours: [2]int{8, 11}, zone: "Asia/Bangkok", answers: map[string]tempo{byMail: steadily},
			story: []episode{{73, forInvoice, byMail, byMail}, {51, forDelivery, "", byText}, {32, forDelivery, byMail, byMail}, {13, forInvoice, byMail, byMail}},
			says:  []saying{{ago: 49, what: heard(never(byText), "ไม่ต้องส่ง SMS นะคะ อ่านอีเมลทุกเช้าค่ะ")}, {ago: 49, what: heard(prefers(forDelivery, byMail), "แจ้งจัดส่งทางอีเมลค่ะ")}}},
		// วีระ สุขเกษม: his invoices are settled by mail.
		{lang: 2, person: 6, hours: [2]int{13, 17}, zone: "Asia/Bangkok", answers: map[string]tempo{byMail: steadily, byApp: quickly},
			story: []episode{{67, forInvoice, "", byMail}, {37, forSupport, byApp, byApp}, {19, forInvoice, "", byMail}, {4, forSupport, byApp, byApp}},
			says:  []saying{{ago: 56, what: noted(prefers(forInvoice, byMail), "ฝ่ายบัญชีต้องการ PDF")}}},
	}
}

// lost is somebody whose address does not exist any more.
var lost = person{"Walter Pryce", "walter.pryce" + bounceDomain, ""}

// lostAgo is when we found out, in days.
const lostAgo = 21

// isRegular tells whether somebody's texts of the past are told with his habits.
func isRegular(lang, person int) bool {
	for _, r := range regulars() {
		if r.lang == lang && r.person == person {
			return true
		}
	}
	return false
}

// purposeOf is what a matter of a tag is about.
func purposeOf(tag string) string {
	switch tag {
	case "delivery":
		return forDelivery
	case "invoice", "payment":
		return forInvoice
	case "service", "test ride", "pickup", "workshop", "visit":
		return forAppointment
	case "quote", "wholesale":
		return forOffer
	case "newsletter", "feedback", "praise", "suspicious":
		return ""
	}
	return forSupport
}

// rules give a purpose to what has a tag; the others are set by hand.
func rules() []preference.Rule {
	return []preference.Rule{
		{Purpose: forDelivery, Tag: "delivery"}, {Purpose: forInvoice, Tag: "invoice"}, {Purpose: forInvoice, Tag: "payment"},
		{Purpose: forInvoice, Words: []string{"invoice", "فاکتور", "ใบแจ้งหนี้"}}, {Purpose: forOffer, Account: accountIDs[sales], Words: []string{"dealer", "quote", "discount"}},
	}
}

// openings are what we begin with, by language and purpose; the customer's answer is
// one of the language's thanks.
var openings = map[string]map[string]string{
	"en": {
		forAppointment: "your {model} is due for its service. Does {day} at nine suit you?", forDelivery: "your order {order} leaves us today and is with you by {day}.",
		forInvoice: "the invoice for order {order} is attached to your account. Is the address on it still right?", forOffer: "until {day} all spare parts for the {model} are a fifth cheaper. Shall we put something aside for you?",
		forSupport: "did the repair of the {part} hold?",
	},
	"fa": {
		forAppointment: "زمان سرویس {model} شما رسیده است. {day} ساعت ۹ خوب است؟", forDelivery: "سفارش {order} شما امروز فرستاده می‌شود و تا {day} می‌رسد.",
		forInvoice: "فاکتور سفارش {order} آماده است. نشانی همان است؟", forOffer: "تا {day} قطعه‌های {model} یک‌پنجم ارزان‌تر است. چیزی برایتان کنار بگذاریم؟",
		forSupport: "تعمیر {part} خوب ماند؟",
	},
	"th": {
		forAppointment: "{model} ของคุณถึงรอบตรวจเช็คแล้ว {day}เก้าโมงสะดวกไหมคะ", forDelivery: "คำสั่งซื้อ {order} จัดส่งวันนี้ ถึงภายใน{day}ค่ะ",
		forInvoice: "ใบแจ้งหนี้ของคำสั่งซื้อ {order} พร้อมแล้ว ที่อยู่ยังเหมือนเดิมไหมคะ", forOffer: "ถึง{day} อะไหล่ {model} ลดหนึ่งในห้า ให้เก็บไว้ให้ไหมคะ",
		forSupport: "ซ่อม{part}แล้วใช้ได้ดีไหมคะ",
	},
}

// subjects of mails that we begin.
var subjects = map[string]map[string]string{
	"en": {forAppointment: "Time for a service", forDelivery: "Order {order} is on its way", forInvoice: "Your invoice for order {order}", forOffer: "A fifth off spare parts", forSupport: "How is your {model}?"},
	"fa": {forAppointment: "زمان سرویس", forDelivery: "سفارش {order} در راه است", forInvoice: "فاکتور سفارش {order}", forOffer: "تخفیف قطعه‌ها", forSupport: "حال {model} شما"},
	"th": {forAppointment: "ถึงเวลาตรวจเช็ค", forDelivery: "คำสั่งซื้อ {order} ออกจัดส่งแล้ว", forInvoice: "ใบแจ้งหนี้ {order}", forOffer: "ส่วนลดอะไหล่", forSupport: "{model} เป็นอย่างไรบ้าง"},
}

// letters are templates that WhatsApp has approved, by language: of one and of two gaps.
var letters = map[string]string{"en": templateSID + "1", "fa": templateSID + "3", "th": templateSID + "4"}

// telOf is a customer's number as a handle.
func telOf(number string) message.Handle { return message.NewHandle("tel", number) }
