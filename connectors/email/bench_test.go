package email

import (
	"fmt"
	"strings"
	"testing"

	"throughline/message"
)

// plainMail is a mail of about 2.5 KB as most of them are.
func plainMail() []byte {
	var b strings.Builder
	b.WriteString("Return-Path: <ann@example.org>\r\nReceived: from mx.example.org (mx.example.org [192.0.2.7])\r\n\tby mail.example.com with ESMTPS id 4F1A2B3C\r\n\tfor <help@example.com>; Mon, 2 Nov 2026 10:00:02 +0000\r\n")
	b.WriteString("Authentication-Results: mail.example.com; dkim=pass header.d=example.org; spf=pass smtp.mailfrom=ann@example.org; dmarc=pass header.from=example.org\r\n")
	b.WriteString("From: =?utf-8?q?Ann_M=C3=BCller?= <ann@example.org>\r\nTo: Help Desk <help@example.com>\r\nSubject: Order 1234 has not arrived\r\nDate: Mon, 2 Nov 2026 10:00:00 +0000\r\nMessage-ID: <a1b2c3@example.org>\r\nIn-Reply-To: <tl.17.abcdefghijklmnop@example.com>\r\nReferences: <first@example.org> <tl.17.abcdefghijklmnop@example.com>\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n")
	for i := range 14 {
		fmt.Fprintf(&b, "Line %d of what Ann has to say about the order, the caf=C3=A9 and the parcel.\r\n", i)
	}
	b.WriteString("\r\n-- \r\nAnn M=C3=BCller\r\n\r\nOn Sun, 1 Nov 2026 at 09:00, Help Desk <help@example.com> wrote:\r\n")
	for range 6 {
		b.WriteString("> We are looking into it and will write again as soon as we know more.\r\n")
	}
	return []byte(b.String())
}

// alternativeMail is the same with an HTML form.
func alternativeMail() []byte {
	s := string(plainMail())
	head, body, _ := strings.Cut(s, "Content-Type: ")
	_, text, _ := strings.Cut(body, "\r\n\r\n")
	return []byte(head + "Content-Type: multipart/alternative; boundary=\"=-x1\"\r\n\r\n--=-x1\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n" + text[:len(text)/2] +
		"\r\n--=-x1\r\nContent-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n<p>" + text[:len(text)/2] + "</p>\r\n--=-x1--\r\n")
}

func BenchmarkParse(b *testing.B) {
	for name, raw := range map[string][]byte{"plain": plainMail(), "alternative": alternativeMail()} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(raw)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := Parse(message.Bytes(raw), Options{AuthServID: []string{"mail.example.com"}}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkSplitReply(b *testing.B) {
	m, err := Parse(message.Bytes(plainMail()), Options{})
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(m.Text)))
	b.ReportAllocs()
	for b.Loop() {
		SplitReply(m.Text)
	}
}
