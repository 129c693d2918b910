package email

import (
	"strings"
	"testing"
)

func TestSplitReply(t *testing.T) {
	const answer = "It has come, thank you.\n\nOne thing is missing."
	const q = "> We sent it on Monday.\n> Best wishes"
	for _, tt := range []struct {
		name, text               string
		reply, quoted, signature string
	}{
		{"nothing to cut", answer, answer, "", ""},
		{"empty", "", "", "", ""},
		{"only a quote", q, q, "", ""},
		{"only an attribution", "On 2 Nov 2026, Bob <bob@example.com> wrote:\n" + q, "On 2 Nov 2026, Bob <bob@example.com> wrote:\n" + q, "", ""},
		{"top", answer + "\n\nOn 2 Nov 2026 at 10:00, Bob <bob@example.com> wrote:\n\n" + q, answer, "On 2 Nov 2026 at 10:00, Bob <bob@example.com> wrote:\n\n" + q, ""},
		{"top, four lines", answer + "\n\nOn Mon, 2 Nov 2026 at 10:00,\nBob the Builder\n<bob@example.com>\nwrote:\n" + q, answer, "On Mon, 2 Nov 2026 at 10:00,\nBob the Builder\n<bob@example.com>\nwrote:\n" + q, ""},
		{"not marked by >", answer + "\n\nOn 2 Nov 2026, Bob <bob@example.com> wrote:\n\nWe sent it.\n\nBob", answer, "On 2 Nov 2026, Bob <bob@example.com> wrote:\n\nWe sent it.\n\nBob", ""},
		{"a sentence is no attribution", "On the phone you wrote:\nthat it was sent. It was not.", "On the phone you wrote:\nthat it was sent. It was not.", "", ""},
		{"bottom", "On 2 Nov 2026, Bob <bob@example.com> wrote:\n" + q + "\n\n" + answer, answer, "On 2 Nov 2026, Bob <bob@example.com> wrote:\n" + q, ""},
		{"bottom with signature", q + "\n\n" + answer + "\n-- \nAnn", answer, q, "-- \nAnn"},
		{"between", "Hi,\n> When?\nOn Monday.\n> Where?\nAt home.\n> Bye\n> Bob", "Hi,\n> When?\nOn Monday.\n> Where?\nAt home.", "> Bye\n> Bob", ""},
		{"between, from the top", "> When?\nOn Monday.\n> Where?\nAt home.\n> Bye", "> When?\nOn Monday.\n> Where?\nAt home.", "> Bye", ""},
		{"above and below", "Hello,\n> When?\nOn Monday.", "Hello,\n> When?\nOn Monday.", "", ""},
		{"initials", "Hello,\n\nOn 2 Nov 2026, Bob <bob@example.com> wrote:\n\n[cut]\nBL> When?\nOn Monday.\nBL> Bye", "Hello,\n\nOn 2 Nov 2026, Bob <bob@example.com> wrote:\n\n[cut]\nBL> When?\nOn Monday.", "BL> Bye", ""},
		{"signature below the quote", answer + "\n\n" + q + "\n\n-- \nAnn\nExample Ltd", answer, q, "-- \nAnn\nExample Ltd"},
		{"signature above the quote", answer + "\n\n-- \nAnn\n\nBob wrote on 2026-11-02:\n" + q, answer, "Bob wrote on 2026-11-02:\n" + q, "-- \nAnn"},
		{"dashes without a space", answer + "\n--\nAnn", answer, "", "--\nAnn"},
		{"dashes inside", "one -- two\n--\nthree\n" + strings.Repeat("more\n", 20) + "end", "one -- two\n--\nthree\n" + strings.Repeat("more\n", 20) + "end", "", ""},
		{"phone", answer + "\n\nSent from my iPhone\n\nOn 2 Nov 2026, Bob <bob@example.com> wrote:\n" + q, answer, "On 2 Nov 2026, Bob <bob@example.com> wrote:\n" + q, "Sent from my iPhone"},
		{"no phone", answer + "\n\nSent from my desk, which is better.", answer + "\n\nSent from my desk, which is better.", "", ""},
		{"a footer is all", "Sent from my iPhone", "Sent from my iPhone", "", ""},
		{"name after a dash", answer + "\n\n-Ann Lee", answer, "", "-Ann Lee"},
		{"a list is no name", "We need\n\n- Apples\n- Pears", "We need\n\n- Apples\n- Pears", "", ""},
		{"mailing list", answer + "\n\n_______________________________________________\ngardeners mailing list\ngardeners@example.net", answer, "", "_______________________________________________\ngardeners mailing list\ngardeners@example.net"},
		{"original message", answer + "\n\n-----Original Message-----\nFrom: Bob\nSent: Monday\nTo: Ann\nSubject: Order\n\nWe sent it.", answer, "-----Original Message-----\nFrom: Bob\nSent: Monday\nTo: Ann\nSubject: Order\n\nWe sent it.", ""},
		{"original message, quoted by line", "-----Original Message-----\nFrom: Bob\nSubject: Order\n\n> When?\nOn Monday.\n> Where?\nAt home.", "-----Original Message-----\nFrom: Bob\nSubject: Order\n\n> When?\nOn Monday.\n> Where?\nAt home.", "", ""},
		{"outlook", answer + "\n\n________________________________\nFrom: Bob <bob@example.com>\nSent: Monday, 2 November 2026 10:00\nTo: Ann <ann@example.org>\nSubject: Order\n\nWe sent it.", answer, "________________________________\nFrom: Bob <bob@example.com>\nSent: Monday, 2 November 2026 10:00\nTo: Ann <ann@example.org>\nSubject: Order\n\nWe sent it.", ""},
		{"outlook with stars", answer + "\n\n*From:* Bob\n*Sent:* Monday\n*To:* Ann\n*Subject:* Order\n\nWe sent it.", answer, "*From:* Bob\n*Sent:* Monday\n*To:* Ann\n*Subject:* Order\n\nWe sent it.", ""},
		{"a label is no header", "From: the shop\nI need three more.", "From: the shop\nI need three more.", "", ""},
		{"forward", "FYI\n\n---------- Forwarded message ---------\nFrom: Bob <bob@example.com>\nDate: Mon, 2 Nov 2026\nSubject: Order\nTo: Ann\n\nWe sent it.\n\nOn 1 Nov 2026, Ann <ann@example.org> wrote:\n> Where is it?", "FYI\n\n---------- Forwarded message ---------\nFrom: Bob <bob@example.com>\nDate: Mon, 2 Nov 2026\nSubject: Order\nTo: Ann\n\nWe sent it.\n\nOn 1 Nov 2026, Ann <ann@example.org> wrote:\n> Where is it?", "", ""},
	} {
		reply, quoted, signature := SplitReply(tt.text)
		if reply != tt.reply || quoted != tt.quoted || signature != tt.signature {
			t.Errorf("%s:\nreply     %q\nwant      %q\nquoted    %q\nwant      %q\nsignature %q\nwant      %q", tt.name, reply, tt.reply, quoted, tt.quoted, signature, tt.signature)
		}
	}
}

// TestSplitReplyLanguages: what mail programs write above a quote in their
// languages. Each is tried with a quote marked by ">" and with one that is not.
func TestSplitReplyLanguages(t *testing.T) {
	for _, intro := range []string{
		"On Mon, Nov 2, 2026 at 10:00 AM Bob <bob@example.com> wrote:",
		"Am Mo., 2. Nov. 2026 um 10:00 Uhr schrieb Bob <bob@example.com>:",
		"Am 02.11.2026 um 10:00 schrieb Bob:",
		"Le lun. 2 nov. 2026 à 10:00, Bob <bob@example.com> a écrit :",
		"El lun, 2 nov 2026 a las 10:00, Bob (<bob@example.com>) escribió:",
		"Il giorno lun 2 nov 2026 alle ore 10:00 Bob <bob@example.com> ha scritto:",
		"Op ma 2 nov 2026 om 10:00 schreef Bob <bob@example.com>:",
		"Em seg., 2 de nov. de 2026 às 10:00, Bob <bob@example.com> escreveu:",
		"Den mån 2 nov. 2026 kl 10:00 skrev Bob <bob@example.com>:",
		"pon., 2 lis 2026 o 10:00 Bob <bob@example.com> napisał(a):",
		"W dniu 2.11.2026 o 10:00, Bob pisze:",
		"пн, 2 нояб. 2026 г. в 10:00, Bob <bob@example.com>:\n", // without a verb: only with ">"
		"2 ноября 2026 г., 10:00, Bob написал:",
		"2026年11月2日(月) 10:00 Bob <bob@example.com>さんは書きました:",
		"2026年11月2日(月) 10:00 Bob <bob@example.com>のメール:",
		"Bob <bob@example.com> 于2026年11月2日周一 10:00写道：",
		"في الاثنين، ٢ نوفمبر ٢٠٢٦ في ١٠:٠٠ كتب Bob <bob@example.com>:",
		"Bob <bob@example.com>, 2 Kas 2026 Pzt, 10:00 tarihinde şunu yazdı:",
		"در دوشنبه ۲ نوامبر ۲۰۲۶، ۱۰:۰۰ Bob <bob@example.com> نوشت:",
		"ในวันที่ จ. 2 พ.ย. 2026 เวลา 10:00 Bob <bob@example.com> เขียนว่า:",
		"-----Ursprüngliche Nachricht-----", "-----Message d'origine-----", "----- Mensaje original -----", "-----Messaggio originale-----",
		"-----Oorspronkelijk bericht-----", "-----Mensagem original-----", "-----Ursprungligt meddelande-----", "-----Oryginalna wiadomość-----",
		"-----Исходное сообщение-----", "-----元のメッセージ-----", "------------------ 原始邮件 ------------------", "-----الرسالة الأصلية-----",
		"-----Orijinal Mesaj-----", "-----پیام اصلی-----", "-----ข้อความต้นฉบับ-----",
		"Von: Bob\nGesendet: Montag\nAn: Ann\nBetreff: Bestellung",
		"De : Bob\nEnvoyé : lundi\nÀ : Ann\nObjet : Commande",
		"De: Bob\nEnviado el: lunes\nPara: Ann\nAsunto: Pedido",
		"Da: Bob\nInviato: lunedì\nA: Ann\nOggetto: Ordine",
		"От: Bob\nОтправлено: понедельник\nКому: Ann\nТема: Заказ",
		"差出人: Bob\n送信日時: 2026年11月2日\n宛先: Ann\n件名: 注文",
		"发件人： Bob\n发送时间： 2026年11月2日\n收件人： Ann\n主题： 订单",
		"از: Bob\nارسال شده: دوشنبه\nبه: Ann\nموضوع: سفارش",
		"จาก: Bob\nส่ง: วันจันทร์\nถึง: Ann\nเรื่อง: คำสั่งซื้อ",
		"Kimden: Bob\nGönderildi: Pazartesi\nKime: Ann\nKonu: Sipariş",
	} {
		marked, unmarked := "answer\n\n"+intro+"\n> quoted text\n", "answer\n\n"+intro+"\n\nquoted text\n"
		if reply, _, _ := SplitReply(marked); reply != "answer" && !strings.HasSuffix(intro, "\n") {
			t.Errorf("%s\nwith >: reply %q", intro, reply)
		}
		if reply, _, _ := SplitReply(unmarked); reply != "answer" && !strings.HasSuffix(intro, "\n") {
			t.Errorf("%s\nwithout >: reply %q", intro, reply)
		}
	}
	for _, footer := range []string{
		"Sent from my iPhone", "Sent from Outlook for iOS", "Get Outlook for Android", "Von meinem iPhone gesendet", "Gesendet von Mail für Windows", "Envoyé de mon iPhone", "Enviado desde mi iPhone",
		"Inviato da iPhone", "Verstuurd vanaf mijn iPhone", "Enviado do meu iPhone", "Skickat från min iPhone", "Wysłane z iPhone'a", "Отправлено с iPhone", "iPhoneから送信", "发自我的iPhone",
		"أرسلت من الـ iPhone", "iPhone'umdan gönderildi", "ارسال شده از آیفون من", "ส่งจาก iPhone ของฉัน",
	} {
		if reply, _, sig := SplitReply("answer\n\n" + footer); reply != "answer" || sig != footer {
			t.Errorf("%s: reply %q signature %q", footer, reply, sig)
		}
	}
}

// TestSplitReplyPathological: texts that make backtracking matchers stand still.
// Each has megabytes; work that grew with the square of it would not end within
// the time of the test.
func TestSplitReplyPathological(t *testing.T) {
	n := 200000
	if raceDetector {
		n /= 20
	}
	for name, text := range map[string]string{
		"On":             strings.Repeat("On ", n),
		"On lines":       strings.Repeat("On Monday 2026 at\n", n),
		"colons":         strings.Repeat("On 2026 ann@example.org :\n", n),
		"labels":         strings.Repeat("From: a\nTo: b\n", n),
		"rules":          strings.Repeat("--------\n\n", n),
		"quotes":         strings.Repeat("> a\nb\n", n),
		"blank":          strings.Repeat("\n", 10*n) + "x",
		"dashes":         strings.Repeat("--\n", n),
		"footers":        strings.Repeat("Sent from my iPhone\n", n),
		"one long line":  strings.Repeat("wrote: ", n),
		"arrows":         strings.Repeat(">", 10*n),
		"spaces":         strings.Repeat(" ", 10*n) + "wrote:",
		"rules, blanks":  strings.Repeat("-----", n) + strings.Repeat("\n", n),
		"names":          strings.Repeat("-Ann\n\n", n),
		"nested headers": strings.Repeat("-----Original Message-----\nFrom: a\nSent: b\n> c\n", n/2),
	} {
		reply, quoted, signature := SplitReply(text)
		if len(reply) == 0 || len(reply)+len(quoted)+len(signature) > 2*len(text)+10 {
			t.Errorf("%s: %d bytes became %d, %d and %d", name, len(text), len(reply), len(quoted), len(signature))
		}
	}
}

func FuzzSplitReply(f *testing.F) {
	for _, s := range []string{"", "a\n> b", "On 2 Nov 2026, Bob <b@example.com> wrote:\n> a\nb\n-- \nc", "-----Original Message-----\nFrom: a\nSent: b\nTo: c\n", "Sent from my iPhone", "a\n\n---------- Forwarded message\n> b"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		reply, quoted, signature := SplitReply(s)
		if strings.TrimSpace(s) != "" && strings.TrimSpace(reply) == "" {
			t.Fatalf("%q: the reply is empty", s)
		}
		// No line is made up: each came from the text.
		lines := map[string]bool{}
		for _, l := range strings.Split(s, "\n") {
			lines[l] = true
		}
		for _, part := range []string{reply, quoted, signature} {
			for _, l := range strings.Split(part, "\n") {
				if l != "" && !lines[l] {
					t.Fatalf("%q: line %q was made up", s, l)
				}
			}
		}
		// Every line that is neither blank nor in the quote or footer is in the
		// reply: together they hold as many lines as the text.
		count := func(s string) (n int) {
			for _, l := range strings.Split(s, "\n") {
				if strings.TrimSpace(l) != "" {
					n++
				}
			}
			return n
		}
		if got, want := count(reply)+count(quoted)+count(signature), count(s); got != want {
			t.Fatalf("%q: %d lines became %d", s, want, got)
		}
	})
}

// TestAttributions: what mail programs of many languages write above a quote.
func TestAttributions(t *testing.T) {
	for _, intro := range []string{
		"2026年11月2日(月) 10:00 Ann Example <ann@example.org>:",
		"2026년 11월 2일 (월) 오전 10:00, Ann Example <ann@example.org>님이 작성:",
		"пн, 2 нояб. 2026 г. в 10:00, Ann Example <ann@example.org>:",
		"пн, 2 нояб. 2026 г. в 10:00, Ann Example With A Long Name\n<ann@example.org>:",
		"Понедельник, 2 ноября 2026, 10:00 +03:00 от Ann Example <ann@example.org>:",
		"في الاثنين، 2 نوفمبر 2026 في 10:00 ص تمت كتابة ما يلي بواسطة \u202aAnn Example\u202c\u200f <\u202aann@example.org\u202c\u200f>:\u202c",
		"בתאריך יום ב׳, 2 בנוב׳ 2026 ב-10:00 מאת \u202aAnn Example\u202c\u200f <\u202aann@example.org\u202c\u200f>:\u202c",
		"Vào Th 2, 2 thg 11, 2026 vào lúc 10:00 Ann Example <ann@example.org> đã viết:",
		"2026-11-02 10:00 UTC, Example Support <support@example.com>:",
	} {
		reply, quoted, _ := SplitReply("New.\n\n" + intro + "\n\n> old\n")
		if reply != "New." || !strings.HasSuffix(quoted, "> old") {
			t.Errorf("%s: %q %q", intro, reply, quoted)
		}
	}
	const list = "Our numbers for 2026 are with ann@example.org and below:\nred"
	if reply, _, _ := SplitReply(list); reply != list {
		t.Errorf("a sentence was taken for an attribution: %q", reply)
	}
}
