package email

import "testing"

func TestDecodeText(t *testing.T) {
	thai := "\xca\xc7\xd1\xca\xb4\xd5"
	for _, tt := range []struct{ bytes, declared, fallback, want string }{
		{"plain", "", "", "plain"},
		{"Gr\xc3\xbc\xc3\x9fe", "", "", "Grüße"},
		{"Gr\xc3\xbc\xc3\x9fe", "us-ascii", "", "Grüße"},
		{"Gr\xc3\xbc\xc3\x9fe", "iso-8859-1", "", "Grüße"},
		{"Gr\xc3\xbc\xc3\x9fe", "no-such-set", "", "Grüße"},
		{"\xef\xbb\xbfGr\xc3\xbc\xc3\x9fe", "utf-8", "", "Grüße"},
		{"Gr\xfc\xdfe \x80", "iso-8859-1", "", "Grüße €"},
		{"Gr\xfc\xdfe", "\"ISO-8859-1\"", "", "Grüße"},
		{"Gr\xfc\xdfe", "charset=iso-8859-1", "", "Grüße"},
		{"Gr\xfc\xdfe", "utf-8", "", "Grüße"},
		{"many good gr\xc3\xbc\xc3\x9fe \xc3\xbc\xc3\x9fe and one bad \xff", "utf-8", "", "many good grüße üße and one bad \uFFFD"},
		{thai, "tis-620", "", "สวัสดี"},
		{thai, "TIS620", "", "สวัสดี"},
		{thai, "cp874", "", "สวัสดี"},
		{thai, "iso-8859-11", "", "สวัสดี"},
		{"\xd3\xe1\xc7\xe3", "cp1256", "", "سلام"},
		{"\xd3\xe1\xc7\xe3", "", "windows-1256", "سلام"},
		{"Hi +ZeVnLIqe-!", "utf-7", "", "Hi 日本語!"},
		{"1 +- 1 +", "utf-7", "", "1 + 1 +"},
		{"\x1b$B2YJ*\x1b(B", "", "", "荷物"},
		{"\x1b$B2YJ*\x1b(B", "iso-2022-jp", "", "荷物"},
		{"\xfe\xff\x06\x33", "utf-16", "", "س"},
		{"\x33\x06", "utf-16le", "", "س"},
		{"caf\x82", "cp850", "", "café"},
		{"\xc7\xeb\xe9\x46", "gb2312", "", "请镕"}, // the second is in GBK only
		{"\xe7\xc4\xc5", "koi8-r", "", "Где"},
		{"\x8c\x63", "ks_c_5601-1987", "", "똠"}, // in code page 949 only
		{"\x89\xd7\x95\xa8", "shift_jis", "", "荷物"},
		{"\xad\x71\xb3\xe6", "big5", "", "訂單"},
		{"", "utf-8", "", ""},
	} {
		if got, _ := decodeText([]byte(tt.bytes), tt.declared, tt.fallback); got != tt.want {
			t.Errorf("%q as %q: %q, want %q", tt.bytes, tt.declared, got, tt.want)
		}
	}
}
