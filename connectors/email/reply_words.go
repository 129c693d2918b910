package email

import (
	"strings"
	"unicode/utf8"
)

// The words by which mail programs introduce quotes, forwarded mail and
// footers. All tables are in lower case.

// separators stand between dashes above a quoted mail.
var separators = [...]string{
	"original message", "original appointment", "reply message", "reply to message", "previous message",
	"original-nachricht", "originalnachricht", "ursprüngliche nachricht", "message d'origine", "message original", "message initial",
	"mensaje original", "messaggio originale", "oorspronkelijk bericht", "mensagem original",
	"ursprungligt meddelande", "originalmeddelande", "oprindelig meddelelse", "opprinnelig melding", "wiadomość oryginalna", "oryginalna wiadomość",
	"исходное сообщение", "пересланное исходное", "元のメッセージ", "原始邮件", "原始郵件", "原邮件", "الرسالة الأصلية",
	"orijinal mesaj", "özgün ileti", "پیام اصلی", "نامه اصلی", "ข้อความเดิม", "ข้อความต้นฉบับ", "ข้อความดั้งเดิม",
}

// forwards stand above a mail that was passed on.
var forwards = [...]string{
	"forwarded message", "forwarded by", "forwarded email", "begin forwarded message", "weitergeleitete nachricht", "anfang der weitergeleiteten",
	"message transféré", "début du message", "mensaje reenviado", "inicio del mensaje reenviado", "messaggio inoltrato", "inizio messaggio inoltrato",
	"doorgestuurd bericht", "begin doorgestuurd", "mensagem encaminhada", "início da mensagem", "vidarebefordrat", "videresendt", "przekazana wiadomość", "wiadomość przekazana",
	"пересылаемое сообщение", "пересланное сообщение", "начало переадресованного", "転送されたメッセージ", "転送メッセージ", "转发的邮件", "转发邮件", "轉寄郵件", "轉寄的郵件",
	"رسالة معاد توجيهها", "الرسالة المعاد توجيهها", "iletilen mesaj", "iletilmiş ileti", "پیام هدایت شده", "پیام ارسال‌شده", "پیام بازارسال", "ข้อความที่ส่งต่อ",
}

// marker returns a line in lower case if it can be a separator or forward
// marker, which begin with dashes or end with a colon, else "".
func marker(line string) string {
	line = strings.TrimSpace(line)
	if len(line) == 0 || len(line) > 200 || line[0] != '-' && line[0] != '_' && line[0] != '=' && line[len(line)-1] != ':' {
		return ""
	}
	return strings.ToLower(line)
}

// isSeparator reports whether a line is a separator between dashes.
func isSeparator(line string) bool {
	if line == "" || !strings.HasPrefix(line, "--") && !strings.HasPrefix(line, "__") && !strings.HasPrefix(line, "==") {
		return false
	}
	words := strings.Trim(line, "-_=* :")
	for _, s := range separators {
		if words == s {
			return true
		}
	}
	return false
}

func isForward(line string) bool {
	dashed := strings.HasPrefix(line, "--") || strings.HasPrefix(line, "__") || strings.HasPrefix(line, "==")
	if !dashed && !strings.HasSuffix(line, ":") {
		return false
	}
	words := strings.Trim(line, "-_=* :")
	if words == "" || len(words) > 120 {
		return false
	}
	for _, s := range forwards {
		if strings.HasPrefix(words, s) {
			return true
		}
	}
	return false
}

// isRule reports whether a line is a horizontal rule.
func isRule(line string) bool {
	t := strings.TrimSpace(line)
	return len(t) >= 5 && (strings.Trim(t, "_") == "" || strings.Trim(t, "-") == "" || strings.Trim(t, "=") == "" || strings.Trim(t, "*") == "")
}

// The labels of a quoted header.
const (
	labelFrom = iota
	labelDate
	labelTo
	labelSubject
	labelOther
)

var labels = map[string]int{
	"from": labelFrom, "von": labelFrom, "de": labelFrom, "da": labelFrom, "van": labelFrom, "från": labelFrom, "fra": labelFrom, "od": labelFrom, "nadawca": labelFrom,
	"от": labelFrom, "от кого": labelFrom, "差出人": labelFrom, "送信者": labelFrom, "发件人": labelFrom, "發件人": labelFrom, "寄件者": labelFrom, "من": labelFrom, "از": labelFrom, "فرستنده": labelFrom, "จาก": labelFrom, "kimden": labelFrom, "gönderen": labelFrom, "expéditeur": labelFrom,
	"sent": labelDate, "date": labelDate, "gesendet": labelDate, "datum": labelDate, "envoyé": labelDate, "envoyé le": labelDate, "enviado": labelDate, "enviado el": labelDate, "enviado em": labelDate, "fecha": labelDate, "inviato": labelDate, "data": labelDate,
	"verzonden": labelDate, "skickat": labelDate, "sendt": labelDate, "dato": labelDate, "wysłano": labelDate, "отправлено": labelDate, "дата": labelDate, "送信日時": labelDate, "日付": labelDate, "日時": labelDate, "发送时间": labelDate, "發送時間": labelDate, "日期": labelDate, "寄件日期": labelDate,
	"تاريخ": labelDate, "التاريخ": labelDate, "أرسلت": labelDate, "تم الإرسال": labelDate, "تاریخ": labelDate, "ارسال شده": labelDate, "ارسال‌شده": labelDate, "วันที่": labelDate, "ส่ง": labelDate, "ส่งเมื่อ": labelDate, "gönderildi": labelDate, "tarih": labelDate, "gönderme tarihi": labelDate,
	"to": labelTo, "an": labelTo, "à": labelTo, "para": labelTo, "a": labelTo, "aan": labelTo, "till": labelTo, "til": labelTo, "do": labelTo, "кому": labelTo, "宛先": labelTo, "收件人": labelTo, "收件者": labelTo, "إلى": labelTo, "به": labelTo, "گیرنده": labelTo, "ถึง": labelTo, "kime": labelTo, "alıcı": labelTo, "destinataire": labelTo,
	"subject": labelSubject, "betreff": labelSubject, "objet": labelSubject, "asunto": labelSubject, "oggetto": labelSubject, "onderwerp": labelSubject, "assunto": labelSubject, "ämne": labelSubject, "emne": labelSubject, "temat": labelSubject, "тема": labelSubject, "件名": labelSubject, "主题": labelSubject, "主旨": labelSubject, "主題": labelSubject, "الموضوع": labelSubject, "موضوع": labelSubject, "เรื่อง": labelSubject, "หัวเรื่อง": labelSubject, "konu": labelSubject, "re": labelSubject,
	"cc": labelOther, "kopie": labelOther, "copie": labelOther, "cc to": labelOther, "kopia": labelOther, "копия": labelOther, "抄送": labelOther, "reply-to": labelOther, "importance": labelOther, "attachments": labelOther, "organization": labelOther,
}

// headerLabel reads "Label: value" and "*Label:* value".
func headerLabel(line string) (int, bool) {
	t := strings.TrimLeft(line, " \t*>\u200e\u200f")
	i := strings.IndexByte(t[:min(len(t), 60)], ':')
	if j := strings.Index(t[:min(len(t), 60)], "："); j >= 0 && (i < 0 || j < i) {
		i = j
	}
	if i <= 0 {
		return 0, false
	}
	l, ok := labels[strings.ToLower(strings.Trim(t[:i], " *\t"))]
	return l, ok
}

// starters begin an attribution; wrote are its verbs.
var starters = [...]string{
	"on ", "am ", "le ", "el ", "il ", "op ", "em ", "den ", "w dniu ", "dnia ", "på ", "в ", "le\u00a0", "在", "于", "於", "في ", "بتاريخ ", "در تاریخ ", "در ", "เมื่อ", "ในวันที่", "vào ",
}

var wrote = [...]string{
	"wrote", "writes", "schrieb", "a écrit", "escribió", "ha scritto", "scrive", "schreef", "geschreven", "escreveu", "skrev", "napisał", "pisze",
	"написал", "пишет", "писал", "のメール", "は書きました", "さんは", "が書き", "のメッセージ", "写道", "寫道", "كتب", "yazdı", "şunu yazdı", "نوشت", "เขียนว่า", "เขียน", "تمت كتابة ما يلي", "님이 작성", "đã viết", "מאת",
}

func attributionStart(line string) bool {
	if line == "" {
		return false
	}
	low := strings.ToLower(line[:min(len(line), 40)])
	for _, s := range starters {
		if strings.HasPrefix(low, s) {
			return true
		}
	}
	return false
}

// isAttribution judges the joined lines of what ends with a colon: it has to
// hold a verb of writing near its end, and either begin as attributions do or
// hold an address or a date; over several lines it has to begin so. A sentence
// like "He wrote:" is none.
func isAttribution(s string, oneLine bool) bool {
	low := strings.ToLower(s)
	tail := low
	if len(tail) > 200 {
		tail = tail[len(tail)-200:]
	}
	verb := false
	for _, w := range wrote {
		if strings.Contains(tail, w) {
			verb = true
			break
		}
	}
	if !verb {
		return false
	}
	evidence := strings.ContainsRune(low, '@') || digits(low) >= 2
	if attributionStart(low) {
		return evidence
	}
	return evidence && (oneLine || strings.ContainsRune(low, '@')) && (strings.ContainsAny(low, "@<") || digits(low) >= 4)
}

// digits counts the digits of any script in s.
func digits(s string) int {
	n := 0
	for _, r := range s {
		if r >= '0' && r <= '9' || r >= '۰' && r <= '۹' || r >= '٠' && r <= '٩' || r >= '๐' && r <= '๙' {
			n++
		}
	}
	return n
}

// mobileFooters begin the line that a phone or a web mailer adds.
var mobileFooters = [...]string{
	"sent from ", "sent via ", "sent with ", "sent using ", "get outlook for ", "von meinem ", "gesendet von ", "gesendet mit ", "gesendet über ", "diese nachricht wurde von mein",
	"envoyé de mon ", "envoyé depuis ", "envoyé à partir ", "télécharger outlook", "enviado desde ", "enviado con ", "obtener outlook", "inviato da ", "ottieni outlook",
	"verzonden vanaf ", "verstuurd vanaf ", "verzonden met ", "enviado do ", "enviado pelo ", "enviado a partir", "obter o outlook", "skickat från ", "sendt fra ", "hämta outlook",
	"wysłane z ", "wysłano z ", "отправлено с ", "отправлено из ", "iphoneから送信", "ipadから送信", "発信元", "发自我的", "从我的", "從我的", "發自我的", "أرسلت من ", "مرسل من ", "أُرسلت من ",
	"iphone'umdan gönderildi", "iphone’umdan gönderildi", "ارسال شده از ", "ارسال‌شده از ", "فرستاده شده از ", "از آیفون من", "ส่งจาก", "ส่งมาจาก",
}

// isMobileFooter reports whether a line is such a footer and not a sentence
// that begins alike.
func isMobileFooter(line string) bool {
	t := strings.ToLower(strings.Trim(line, " \t*_<>[]()"))
	if t == "" || len(t) > 160 || utf8.RuneCountInString(t) > 60 || strings.HasSuffix(t, ".") || strings.ContainsAny(t, ",;?!") {
		return false
	}
	for _, p := range mobileFooters {
		if strings.HasPrefix(t, p) && len(strings.Fields(t)) <= 9 {
			return true
		}
	}
	return false
}
