package email

import (
	"strconv"
	"strings"

	"throughline/message"
)

// ownPrefix begins the left side of our own Message-IDs.
const ownPrefix = "tl."

// MessageID makes the Message-ID of an outgoing message, with brackets:
// "<tl.ID.TOKEN@domain>". Every attempt to send m has the same one, and Parse
// knows it again in the answers whatever the domain.
func MessageID(m message.Message, domain string) string {
	return "<" + ownPrefix + strconv.FormatUint(m.ID, 10) + "." + m.Token + "@" + domain + ">"
}

// wireRef turns a Message-ID without brackets to a Ref: OwnRef for names that
// MessageID made, else itself.
func wireRef(id string) string {
	rest, ok := strings.CutPrefix(id, ownPrefix)
	if !ok {
		return id
	}
	left, _, ok := strings.Cut(rest, "@")
	if !ok {
		return id
	}
	num, token, ok := strings.Cut(left, ".")
	if !ok || len(token) != tokenLen || num == "" || num[0] == '0' && num != "0" {
		return id
	}
	for i := 0; i < len(token); i++ {
		if c := token[i]; (c < 'a' || c > 'z') && (c < '0' || c > '9') {
			return id
		}
	}
	n, err := strconv.ParseUint(num, 10, 64)
	if err != nil || num[0] == '+' {
		return id
	}
	return message.OwnRef(n, token)
}

// tokenLen is the length of message.Message.Token.
const tokenLen = 16

// messageIDs reads the identifiers in a Message-ID, In-Reply-To or References
// field, without brackets, at most limit of them (the last ones if there are
// more). Words without brackets count if they hold an "@", or if they are all
// there is; other words ("Your message of Monday") do not.
func messageIDs(s string, limit int) []string {
	if s == "" {
		return nil
	}
	var out []string
	add := func(id string) {
		if len(out) > 4*limit { // keep memory bounded: only the last ones count
			out = append(out[:0], out[len(out)-limit:]...)
		}
		if strings.ContainsAny(id, " \t") {
			id = strings.Join(strings.Fields(id), "")
		}
		id = strings.Trim(id, "<>\"',;")
		if id != "" && len(id) <= MaxRefBytes {
			out = append(out, cleanControls(decodeRaw(id, "")))
		}
	}
	if strings.IndexByte(s, '<') >= 0 {
		for {
			i := strings.IndexByte(s, '<')
			if i < 0 {
				break
			}
			s = s[i+1:]
			j := strings.IndexAny(s, "<>")
			if j < 0 {
				add(s)
				break
			}
			add(s[:j])
			s = s[j:]
		}
	} else {
		words := strings.FieldsFunc(stripComments(s), func(r rune) bool { return r == ' ' || r == '\t' || r == ',' })
		for _, w := range words {
			if len(words) == 1 || strings.IndexByte(w, '@') > 0 {
				add(w)
			}
		}
	}
	if len(out) > limit {
		out = out[len(out)-limit:]
	}
	return out
}

// references lists what a mail refers to, nearest first: In-Reply-To, then
// References from its end, each once, at most MaxRefs.
func references(h header) []string {
	refs := referenceIDs(h)
	for i := range refs {
		refs[i] = wireRef(refs[i])
	}
	return refs
}

// referenceIDs is references as Message-IDs.
func referenceIDs(h header) []string {
	replyTo := messageIDs(strings.Join(h.all("In-Reply-To"), " "), MaxRefs)
	refs := messageIDs(strings.Join(h.all("References"), " "), MaxRefs)
	if len(replyTo)+len(refs) == 0 {
		return nil
	}
	out := make([]string, 0, len(replyTo)+len(refs))
	add := func(id string) {
		if !has(out, id) && len(out) < MaxRefs {
			out = append(out, id)
		}
	}
	for _, id := range replyTo {
		add(id)
	}
	for i := len(refs) - 1; i >= 0; i-- {
		add(refs[i])
	}
	return out
}
