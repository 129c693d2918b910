package slack

import (
	"strings"

	emojilib "github.com/kyokomi/emoji/v2"
)

// character is that of an emoji's name; a workspace's own emoji have none.
func character(name string) (c string, ok bool) {
	code := ":" + name + ":"
	if strings.HasPrefix(name, "flag-") {
		c = emojilib.Emojize(code)
		return c, c != code
	}
	c, ok = emojilib.CodeMap()[code]
	return c, ok
}

// tones are the skin tones that may follow an emoji.
var tones = map[string]string{
	"skin-tone-2": "🏻", "skin-tone-3": "🏼", "skin-tone-4": "🏽", "skin-tone-5": "🏾", "skin-tone-6": "🏿",
}

// emoji is the character of a name, or the name between colons. The name may
// have a skin tone: "wave::skin-tone-2".
func emoji(name string) string {
	base, tone, _ := strings.Cut(name, "::")
	c, ok := character(base)
	if !ok {
		return ":" + name + ":"
	}
	return strings.TrimSuffix(c, "\ufe0f") + toneOr(tone, c)
}

// toneOr is a skin tone, or what the emoji ended with.
func toneOr(tone, c string) string {
	if t := tones[tone]; t != "" {
		return t
	}
	if strings.HasSuffix(c, "\ufe0f") {
		return "\ufe0f"
	}
	return ""
}

// isASCIIWord guards what only looks like an emoji, such as "12:100:30".
func isASCIIWord(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}

// maxName is the longest name of an emoji that is looked for.
const maxName = 100

// emojis replaces the names of emoji in a text.
func emojis(s string) string {
	if strings.Count(s, ":") < 2 {
		return s
	}
	var b strings.Builder
	for {
		i := strings.IndexByte(s, ':')
		if i < 0 {
			break
		}
		end := strings.IndexByte(s[i+1:min(len(s), i+maxName)], ':')
		if end < 0 {
			b.WriteString(s[:i+1])
			s = s[i+1:]
			continue
		}
		name := s[i+1 : i+1+end]
		c, known := character(name)
		if !known || i > 0 && isASCIIWord(s[i-1]) {
			b.WriteString(s[:i+1])
			s = s[i+1:]
			continue
		}
		b.WriteString(s[:i])
		s = s[i+end+2:]
		tone := ""
		for t := range tones {
			if strings.HasPrefix(s, ":"+t+":") {
				tone = t
				s = s[len(t)+2:]
			}
		}
		b.WriteString(strings.TrimSuffix(c, "\ufe0f") + toneOr(tone, c))
	}
	b.WriteString(s)
	return b.String()
}
