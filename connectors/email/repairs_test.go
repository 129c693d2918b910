package email

import (
	"strings"
	"testing"
	"time"

	"golang.org/x/text/encoding/charmap"

	"throughline/message"
)

// readMail parses a mail with LF line ends.
func readMail(t *testing.T, raw string) message.Message {
	t.Helper()
	m, err := Parse(message.Bytes(strings.ReplaceAll(raw, "\n", "\r\n")), Options{TempDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestGuessedCharsets(t *testing.T) {
	persian := strings.Repeat("سلام، حال شما چطور است؟ لطفا پاسخ دهيد ", 2)
	thai := strings.Repeat("สวัสดีครับ ขอบคุณมากครับ ขอใบเสนอราคา ", 3)
	russian := strings.Repeat("Здравствуйте, где мой заказ? Спасибо большое за помощь. ", 2)
	greek := strings.Repeat("Καλημέρα, πού είναι η παραγγελία μου; Ευχαριστώ πολύ. ", 2)
	french := "Où est ma commande ? Elle a été payée à la réception, déjà il y a un mois."
	for _, tt := range []struct {
		text     string
		cm       *charmap.Charmap
		declared string
	}{
		{persian, charmap.Windows1256, ""},
		{persian, charmap.Windows1256, "iso-8859-1"},
		{thai, charmap.Windows874, ""},
		{thai, charmap.Windows874, "iso-8859-1"},
		{russian, charmap.Windows1251, ""},
		{russian, charmap.KOI8R, ""},
		{greek, charmap.ISO8859_7, ""},
		{french, charmap.Windows1252, ""},
		{french, charmap.Windows1252, "iso-8859-1"},
	} {
		b, err := tt.cm.NewEncoder().Bytes([]byte(tt.text))
		if err != nil {
			t.Fatal(err)
		}
		if got, _ := decodeText(b, tt.declared, ""); got != tt.text {
			t.Errorf("%s declared %q: %q", tt.cm, tt.declared, got)
		}
	}
}

// TestHeaderCharset: bytes in the header are read in the body's charset.
func TestHeaderCharset(t *testing.T) {
	b, _ := charmap.Windows1256.NewEncoder().String("From: علي <ali@example.org>\nSubject: سلام\nContent-Type: text/plain; charset=windows-1256\n\nسلام\n")
	m := readMail(t, b)
	if m.Subject != "سلام" || m.From.Name != "علي" || m.Text != "سلام" {
		t.Errorf("%q %q %q", m.Subject, m.From.Name, m.Text)
	}
}

func TestUUEncoded(t *testing.T) {
	const cat = "begin 644 cat.txt\n#0V%T\n`\nend\n"
	const head = "From: a@example.org\n"
	m := readMail(t, head+"\nHello\n\n"+cat+"bye\n\nbegin 644 of something\nelse\n")
	if len(m.Parts) != 1 || m.Parts[0].Name != "cat.txt" || string(m.Parts[0].Content.(message.Bytes)) != "Cat" {
		t.Errorf("parts %+v", m.Parts)
	}
	if m.Text != "Hello\n\nbye\n\nbegin 644 of something\nelse" {
		t.Errorf("text %q", m.Text)
	}
	m = readMail(t, head+"Content-Type: multipart/mixed; boundary=b\n\n--b\n\nx\n--b\nContent-Type: application/octet-stream; name=cat.txt\nContent-Transfer-Encoding: x-uuencode\n\n"+cat+"--b--\n")
	if len(m.Parts) != 1 || string(m.Parts[0].Content.(message.Bytes)) != "Cat" {
		t.Errorf("parts %+v", m.Parts)
	}
	for _, bad := range []string{"begin 644 x\n", "begin 644 x\n!!!!!!!!!\nend\n", "begin 999 x\n`\nend\n", "begin 644 x\nThis is no data\nend\n"} {
		if rest, files := splitUU(bad); rest != bad || files != nil {
			t.Errorf("%q: %q %v", bad, rest, files)
		}
	}
}

func TestProseCalledBase64(t *testing.T) {
	m := readMail(t, "From: a@example.org\nContent-Type: text/plain\nContent-Transfer-Encoding: base64\n\nHello dear support team,\nmy order has not come yet.\n")
	if m.Text != "Hello dear support team,\nmy order has not come yet." {
		t.Errorf("%q", m.Text)
	}
	if got := string(decodeBase64(" SGVs bG8s\r\n IHdv\r\n cmxk\r\n")); got != "Hello, world" {
		t.Errorf("%q", got)
	}
}

func TestObsoleteSpaces(t *testing.T) {
	for in, want := range map[string]string{
		"jdoe@test  . example":                        "mailto:jdoe@test.example",
		"ann @ example . org":                         "mailto:ann@example.org",
		"Mary <m@example.net>, , jdoe@test . example": "mailto:m@example.net mailto:jdoe@test.example",
	} {
		list, _ := parseAddresses(in, "")
		var got []string
		for _, p := range list {
			got = append(got, string(p.Handle))
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%q: %q", in, got)
		}
	}
	if d, ok := parseDate("Mon, 02 Nov 2026 10:00:00 +03:30"); !ok || !d.Equal(time.Date(2026, 11, 2, 6, 30, 0, 0, time.UTC)) {
		t.Errorf("zone with a colon: %v", d)
	}
}

// TestNoticeAsStatus: a report whose notice wrongly calls itself a delivery
// status still names its recipient.
func TestNoticeAsStatus(t *testing.T) {
	m := readMail(t, `From: MAILER-DAEMON@example.net
Subject: failure notice
Content-Type: multipart/report; report-type=delivery-status; boundary=b

--b
Content-Type: message/delivery-status

This message was undeliverable.
--b
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example.net

Final-Recipient: rfc822; <ann@example.org>
Action: failed
Status: 5.3.0
--b--
`)
	if m.Kind != message.Bounce || len(m.Reports) != 1 || m.Reports[0].Handle != "mailto:ann@example.org" || m.Reports[0].Code != "5.3.0" {
		t.Errorf("%s %+v", m.Kind, m.Reports)
	}
}

// TestNoticesInSentences: notices that name the recipient within a sentence.
func TestNoticesInSentences(t *testing.T) {
	const nobody = "mailto:nobody@example.org"
	for _, tt := range []struct {
		name, from, subject, text string
		code                      string // "" for a notice of a delay
		permanent                 bool
	}{
		{"address not found", "Mail Delivery Subsystem <mailer-daemon@mail.example>", "Delivery Status Notification (Failure)",
			"** Address not found **\n\nYour message wasn't delivered to nobody@example.org because the address couldn't be found.\n\nThe response was:\n\n550 5.1.1 The account does not exist.\n", "5.1.1", true},
		{"did not reach", "System Administrator <postmaster@example.net>", "Undeliverable: Hello",
			"Your message\n\n  To:      nobody@example.org\n  Subject: Hello\n\ndid not reach the following recipient(s):\n\nnobody@example.org on Mon, 2 Nov 2026 10:00:01 +0000\n    The e-mail account does not exist.\n    <mx.example.net #5.1.1>\n", "5.1.1", true},
		{"quota", "postmaster@example.net", "Undeliverable mail",
			"Failed to deliver to 'nobody@example.org'\n host mx.example.org says:\n 550 5.2.2 Over quota\nAsk postmaster@example.net or help@example.com.\n", "5.2.2", false},
		{"a line that goes on", "mailer-daemon@mail.example", "Undelivered Mail Returned to Sender",
			"Your message could not be delivered. This is a permanent error.\n\nnobody@example.org Invalid Address, ERROR_CODE :5.1.1 <nobody@example.org>... unknown\n", "5.1.1", true},
		{"in German", "postmaster@example.net", "Unzustellbar: Hallo",
			"Ihre Nachricht an nobody@example.org konnte nicht zugestellt werden.\n\nRemote Server returned '550 5.1.10 RESOLVER.ADR.RecipientNotFound'\n", "5.1.10", true},
		{"no address in From", "\"Courier mail server at mx.example.net\" <@>", "NOTICE: mail delivery status.",
			"Your message to the following recipients cannot be delivered:\n\n<nobody@example.org>:\n    mx.example.org [192.0.2.1]:\n<<< 550 5.1.1 <nobody@example.org>: User Unknown\n", "5.1.1", true},
		{"delay", "Mail Delivery System <mailer-daemon@mx.example.net>", "Warning: message 1abc delayed 24 hours",
			"A message that you sent has not yet been delivered to:\n\n  nobody@example.org\n    Delay reason: connection timed out\n\nNo action is required on your part.\n", "", false},
	} {
		m := readMail(t, "From: "+tt.from+"\nTo: help@example.com\nSubject: "+tt.subject+"\n\n"+tt.text)
		if m.Kind != message.Bounce {
			t.Errorf("%s: kind %q", tt.name, m.Kind)
		}
		if tt.code == "" {
			if len(m.Reports) > 0 {
				t.Errorf("%s: a delay is no failure: %+v", tt.name, m.Reports)
			}
			continue
		}
		if len(m.Reports) != 1 || m.Reports[0].Handle != nobody || m.Reports[0].Code != tt.code || m.Reports[0].Permanent != tt.permanent {
			t.Errorf("%s: %+v", tt.name, m.Reports)
		}
	}
	if m := readMail(t, "From: Ann <ann@example.org>\nSubject: Undeliverable mail\n\nMy mail to bob@example.org could not be delivered. User unknown it says.\n"); m.Kind != message.Human {
		t.Errorf("a person's question is a %s", m.Kind)
	}
}

func TestTextOfHTML(t *testing.T) {
	for _, tt := range []struct{ html, want string }{
		{`<a href="https://example.com/order/7">your order</a>`, "your order ( https://example.com/order/7 )"},
		{`<a href="mailto:ann@example.org">Ann</a>`, "Ann ( ann@example.org )"},
		{`<a href="javascript:parent.x=1">click</a>`, "click"},
		{`<a href=" JavaScript:x()">click</a>`, "click"},
		{`<a href="data:text/html,x">click</a>`, "click"},
		{`<a href="#top">up</a>`, "up"},
		{`<a name="top">here</a>`, "here"},
		{`See <b>this</b>: <i>a</i><u>b</u>!`, "See this: ab!"},
		{`สวัส<span>ดี<!-- x --></span><font color="red">ค<wbr>รับ</font>`, "สวัสดีครับ"},
		{"می<span>\u200cخواهم</span>", "می\u200cخواهم"},
		{`<b>one</b> <b><i>two</i></b>`, "one two"},
		{`a<b></b>b`, "ab"},
		{`Order<table><tr><td>Bell</td><td>2</td></tr><tr><td>Lamp</td><td>1</td></tr></table>`, "Order\n\nBell 2\nLamp 1"},
	} {
		m := readMail(t, "From: ann@example.org\nMessage-ID: <a@example.org>\nMIME-Version: 1.0\nContent-Type: text/html; charset=utf-8\n\n<p>"+tt.html+"</p>\n")
		if m.Text != tt.want {
			t.Errorf("%s: text %q, want %q", tt.html, m.Text, tt.want)
		}
	}
}
