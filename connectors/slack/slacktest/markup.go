package slacktest

import (
	"regexp"
	"strings"
)

// Escape makes plain text safe as the text of a message: "&", "<" and ">" have
// a meaning there.
func Escape(s string) string {
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;").Replace(s)
}

var (
	// reference is what may stand between "<" and ">".
	reference = regexp.MustCompile(`<([@#!][^<>\s][^<>]*|(?:https?|mailto|tel):[^<>]+)>`)
	entity    = regexp.MustCompile(`&(?:amp|lt|gt);`)
	address   = regexp.MustCompile(`https?://[^\s<>|]*[^\s<>|.,;:!?)"'\]]`)
)

// kept is the text as Slack keeps and returns it: bare addresses become links,
// and what has a meaning but none here is escaped. So the text that comes back
// is not always the text that was sent.
func kept(text string, links bool) string {
	var b strings.Builder
	for text != "" {
		i := reference.FindStringIndex(text)
		plain := text
		if i != nil {
			plain = text[:i[0]]
		}
		b.WriteString(keptPlain(plain, links))
		if i == nil {
			break
		}
		b.WriteString(text[i[0]:i[1]])
		text = text[i[1]:]
	}
	return b.String()
}

func keptPlain(text string, links bool) string {
	var b strings.Builder
	for text != "" {
		i := entity.FindStringIndex(text)
		part := text
		if i != nil {
			part = text[:i[0]]
		}
		part = Escape(part)
		if links {
			part = address.ReplaceAllString(part, "<$0>")
		}
		b.WriteString(part)
		if i == nil {
			break
		}
		b.WriteString(text[i[0]:i[1]])
		text = text[i[1]:]
	}
	return b.String()
}

// richText is the block that Slack adds to what people write.
func (s *Server) richText(text string) []any {
	plain := strings.NewReplacer("&lt;", "<", "&gt;", ">", "&amp;", "&")
	elements := []any{}
	say := func(t string) {
		if t != "" {
			elements = append(elements, obj{"type": "text", "text": plain.Replace(t)})
		}
	}
	for text != "" {
		i := reference.FindStringSubmatchIndex(text)
		if i == nil {
			say(text)
			break
		}
		say(text[:i[0]])
		inner, label, _ := strings.Cut(text[i[2]:i[3]], "|")
		switch {
		case inner[0] == '@':
			elements = append(elements, obj{"type": "user", "user_id": inner[1:]})
		case inner[0] == '#':
			elements = append(elements, obj{"type": "channel", "channel_id": inner[1:]})
		case inner[0] == '!':
			elements = append(elements, obj{"type": "broadcast", "range": inner[1:]})
		default:
			link := obj{"type": "link", "url": plain.Replace(inner)}
			if label != "" {
				link["text"] = plain.Replace(label)
			}
			elements = append(elements, link)
		}
		text = text[i[1]:]
	}
	return []any{obj{"type": "rich_text", "block_id": secret(5), "elements": []any{obj{"type": "rich_text_section", "elements": elements}}}}
}
