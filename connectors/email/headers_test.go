package email

import (
	"strings"
	"testing"
	"time"

	"throughline/message"
)

func TestDecodeWords(t *testing.T) {
	for in, want := range map[string]string{
		"plain":                               "plain",
		"=?utf-8?q?Gr=C3=BC=C3=9Fe?=":         "Grüße",
		"=?UTF-8?B?2LPZhNin2YU=?=":            "سلام",
		"=?utf-8?b?2LPZhNin2YU?=":             "سلام", // no padding
		"=?utf-8?q?a?= =?utf-8?q?b?=":         "ab",   // space between words is not shown
		"=?utf-8?q?Gr=C3?=\t=?utf-8?q?=BC?=n": "Grün", // one character in two words
		"=?utf-8?q?a?= and =?utf-8?q?b?=":     "a and b",
		"=?iso-8859-1*de?q?Gr=FC=DFe?=":       "Grüße", // with a language
		"=?windows-1256?Q?=D3=E1=C7=E3?=":     "سلام",
		"=?tis-620?B?ysfRyrTV?=":              "สวัสดี",
		"=?iso-2022-jp?B?GyRCMllKKhsoQg==?=":  "荷物",
		"=?gb2312?B?xOO6ww==?=":               "你好",
		"=?utf-8?q?with space?=":              "with space",
		"=?utf-8?q?=3F=?=":                    "?=", // an escape right before the end
		"=?unknown?q?x=41?=":                  "xA",
		"=?utf-8?x?y?= stays":                 "=?utf-8?x?y?= stays",
		"=?utf-8?q?no end":                    "=?utf-8?q?no end",
		"raw \xfc\xdf":                        "raw üß",
		"raw ü":                               "raw ü",
		"bell\aand \u202Ereverse\u202C":       "bell and reverse",
		"\"=?utf-8?q?in_quotes?=\"":           "\"in quotes\"",
	} {
		if got := decodeWords(in, ""); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
	if got := decodeWords("\xd3\xe1\xc7\xe3", "windows-1256"); got != "سلام" {
		t.Errorf("raw bytes in the mailbox's charset: %q", got)
	}
}

func TestParseAddresses(t *testing.T) {
	for _, tt := range []struct {
		in   string
		want string // name<address>|…
	}{
		{"ann@example.org", "<ann@example.org>"},
		{"  <ann@example.org>  ", "<ann@example.org>"},
		{"Ann <ann@example.org>", "Ann<ann@example.org>"},
		{`"Lee, Ann" <ann@example.org>`, "Lee, Ann<ann@example.org>"},
		{"Lee, Ann <ann@example.org>", "Lee, Ann<ann@example.org>"},
		{"Lee, Ann <ann@example.org>, bob@example.org", "Lee, Ann<ann@example.org>|<bob@example.org>"},
		{"ann@example.org (Ann Lee)", "Ann Lee<ann@example.org>"},
		{"<ann@example.org> (Ann Lee)", "Ann Lee<ann@example.org>"},
		{"<ann@example.org> Ann", "Ann<ann@example.org>"},
		{"Ann @ Work <ann@example.org>", "Ann @ Work<ann@example.org>"},
		{"Ann ann@example.org", "Ann<ann@example.org>"},
		{"Dr. Ann B. Lee <ann@example.org>", "Dr. Ann B. Lee<ann@example.org>"},
		{"Team: ann@example.org, <bob@example.org>;", "<ann@example.org>|<bob@example.org>"},
		{"undisclosed-recipients:;", ""},
		{"<>", ""},
		{"", ""},
		{",,;", ""},
		{"Ann <<ann@example.org>>", "Ann<ann@example.org>"},
		{"<@a.example,@b.example:ann@example.org>", "<ann@example.org>"},
		{`"a b"@example.org`, `<"a b"@example.org>`},
		{`"ann@example.org" <ann@example.org>`, "<ann@example.org>"},
		{`'Ann' <ann@example.org>`, "Ann<ann@example.org>"},
		{`"Ann \"A\" Lee" <ann@example.org>`, `Ann "A" Lee<ann@example.org>`},
		{`"=?utf-8?q?J=C3=B6rg?=" <j@example.org>`, "Jörg<j@example.org>"},
		{"=?utf-8?q?Ann_=3Cann=40example=2Eorg=3E?=", "Ann<ann@example.org>"},
		{"jörg@bücher.example", "<jörg@bücher.example>"},
		{"root", "<root>"},
		{"just some words", "just some words<>"},
		{"Ann <ann@example.org", "Ann<ann@example.org>"},
		{`"Ann <ann@example.org>`, "Ann<ann@example.org>"},
		{"mailto:ann@example.org", "<mailto:ann@example.org>"},
		{"Ann <mailto:ann@example.org>", "Ann<ann@example.org>"},
		{"ann@example.org; bob@example.org", "<ann@example.org>|<bob@example.org>"},
		{"a@b@c <ann@example.org>", "a@b@c<ann@example.org>"},
	} {
		people, _ := parseAddresses(tt.in, "")
		var got []string
		for _, p := range people {
			got = append(got, p.Name+"<"+p.Handle.Address()+">")
		}
		if s := strings.Join(got, "|"); s != tt.want {
			t.Errorf("%q: %q, want %q", tt.in, s, tt.want)
		}
	}
}

func TestParseDate(t *testing.T) {
	for in, want := range map[string]string{
		"Mon, 2 Nov 2026 10:00:00 +0330":          "2026-11-02T10:00:00+03:30",
		"2 Nov 2026 10:00:00 -0500 (EST)":         "2026-11-02T10:00:00-05:00",
		"Mon, 02 Nov 2026 10:00 +0000":            "2026-11-02T10:00:00Z",
		"Mon, 2 Nov 26 10:00:00 GMT":              "2026-11-02T10:00:00Z",
		"Mon, 2 Nov 2026 10:00:00 EST":            "2026-11-02T10:00:00-05:00",
		"Mon Nov  2 10:00:00 2026":                "2026-11-02T10:00:00Z",
		"2026-11-02T10:00:00+07:00":               "2026-11-02T10:00:00+07:00",
		"2026-11-02 10:00:00":                     "2026-11-02T10:00:00Z",
		"Mon, 2-Nov-2026 10:00:00 +0100":          "2026-11-02T10:00:00+01:00",
		"Mon, 2 Nov 2026 10 : 00 : 00 +0100":      "2026-11-02T10:00:00+01:00",
		"2 (day) Nov (month) 2026 10:00:00 +0000": "2026-11-02T10:00:00Z",
		"Nov 2, 2026 10:00:00 PM":                 "2026-11-02T22:00:00Z",
		"Mon, 2 Nov 99 10:00:00 +0000":            "1999-11-02T10:00:00Z",
		"":                                        "",
		"yesterday":                               "",
		"Mon, 2 Nov 99999 10:00:00 +0000":         "",
		"32 Nov 2026 10:00:00 +0000":              "",
		strings.Repeat("Mon, ", 1000):             "",
	} {
		got := ""
		if d, ok := parseDate(in); ok {
			got = d.Format(time.RFC3339)
		}
		if got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}

func TestParseMediaType(t *testing.T) {
	for _, tt := range []struct{ in, kind, param, want string }{
		{`text/plain; charset=utf-8`, "text/plain", "charset", "utf-8"},
		{`TEXT/Plain; CharSet="utf-8" (comment)`, "text/plain", "charset", "utf-8"},
		{`text/plain charset=utf-8`, "text/plain", "charset", "utf-8"},
		{`multipart/mixed; boundary="a;b=c"`, "multipart/mixed", "boundary", "a;b=c"},
		{`multipart/mixed;boundary=x;;; type=y`, "multipart/mixed", "type", "y"},
		{`application/pdf; name=a b.pdf; x=y`, "application/pdf", "name", "a b.pdf"},
		{`application/pdf; name="a "quoted" b.pdf"`, "application/pdf", "name", `a "quoted" b.pdf`},
		{`attachment; filename="=?utf-8?q?=C3=BC?=.txt"`, "attachment", "filename", "ü.txt"},
		{`attachment; filename*=utf-8'de'%C3%BC.txt; filename=u.txt`, "attachment", "filename", "ü.txt"},
		{`attachment; filename*1=b.txt; filename*0=a`, "attachment", "filename", "ab.txt"},
		{`attachment; filename*0*=windows-1256''%D3%E1; filename*1*=%C7%E3`, "attachment", "filename", "سلام"},
		{`;;;`, "", "x", ""},
		{``, "", "x", ""},
	} {
		m := parseMediaType(tt.in)
		if got := m.param(tt.param, ""); m.kind != tt.kind || got != tt.want {
			t.Errorf("%q: %q %s=%q, want %q %q", tt.in, m.kind, tt.param, got, tt.kind, tt.want)
		}
	}
}

func TestMessageIDs(t *testing.T) {
	for in, want := range map[string]string{
		"<a@example.org>":                            "a@example.org",
		"<a@example.org> <b@example.org>":            "a@example.org b@example.org",
		"<a@example.org><b@example.org>":             "a@example.org b@example.org",
		"  <a@example.org>\t(comment <not@this>) ":   "a@example.org not@this",
		"a@example.org":                              "a@example.org",
		"word":                                       "word",
		"Your message of Monday, from a@example.org": "a@example.org",
		"< a@example .org >":                         "a@example.org",
		"<a@example.org":                             "a@example.org",
		"<>":                                         "",
		"":                                           "",
	} {
		if got := strings.Join(messageIDs(in, MaxRefs), " "); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
	if got := messageIDs(strings.Repeat("<x@y> ", 1000)+"<last@y>", 3); len(got) != 3 || got[2] != "last@y" {
		t.Errorf("%q, want the last three", got)
	}
}

// TestOwnName: what MessageID makes, references know again; nothing else.
func TestOwnName(t *testing.T) {
	m := message.Message{ID: 42, Token: "abcdefghij012345"}
	id := MessageID(m, "example.com")
	if id != "<tl.42.abcdefghij012345@example.com>" {
		t.Fatalf("Message-ID %q", id)
	}
	own := message.OwnRef(42, "abcdefghij012345")
	h := header{{"References", "<x@example.org> " + id + " <y@example.org>"}, {"In-Reply-To", "<y@example.org>"}}
	if got := references(h); strings.Join(got, " ") != "y@example.org "+own+" x@example.org" {
		t.Errorf("references %q", got)
	}
	for _, other := range []string{"tl.42.abc@example.com", "tl.x.abcdefghij012345@example.com", "tl.42.ABCDEFGHIJ012345@example.com", "tl.42.abcdefghij012345", "tl.-1.abcdefghij012345@x", "tl.042.abcdefghij012345@x"} {
		if got := wireRef(other); got != other {
			t.Errorf("%q was taken for a name of ours: %q", other, got)
		}
	}
}
