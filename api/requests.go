package api

import (
	"fmt"
	"mime"
	"path"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode"

	"throughline/identity"
	"throughline/inbox"
	"throughline/message"
)

// What requests say, brought to the forms that the hub keeps.

func itoa(n int) string { return strconv.Itoa(n) }

// recipientsOf reads the recipients of a field; each handle may be an address as a
// person writes it.
func recipientsOf(field string, list []Person) ([]message.Person, error) {
	out := make([]message.Person, 0, len(list))
	for i, p := range list {
		h, err := identity.Parse(p.Handle)
		if err != nil {
			return nil, &inbox.InvalidError{Field: fmt.Sprintf("%s[%d]", field, i), Text: err.Error()}
		}
		out = append(out, message.Person{Name: oneLine(p.Name), Handle: h})
	}
	return out, nil
}

// typed reads the recipients of a draft, which may be half an address yet.
func typed(list []Person) []message.Person {
	var out []message.Person
	for _, p := range list {
		h, err := identity.Parse(p.Handle)
		if err != nil {
			h = message.Handle(oneLine(p.Handle))
		}
		if h != "" {
			out = append(out, message.Person{Name: oneLine(p.Name), Handle: h})
		}
	}
	return out
}

// oneLine makes text fit a header: no control characters, no broken UTF-8.
func oneLine(s string) string {
	s = strings.ToValidUTF8(s, "")
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, s))
}

const (
	maxFileName  = 200 // bytes
	maxContentID = 200
	anyType      = "application/octet-stream"
)

// fileName is the last element of a path, on one line, without characters that
// turn the direction of text (a "gpj.exe" that reads as "exe.jpg").
func fileName(s string) string {
	s = path.Base(strings.ReplaceAll(straight(s), `\`, "/"))
	if s == "." || s == "/" || s == ".." {
		return ""
	}
	if len(s) > maxFileName {
		ext := path.Ext(s)
		if len(ext) > 20 {
			ext = ""
		}
		s = cut(s, maxFileName-len(ext)) + ext
	}
	return s
}

// mediaType is a content type without parameters, in lower case.
func mediaType(s string) string {
	t, _, err := mime.ParseMediaType(s)
	if err != nil || !strings.Contains(t, "/") {
		return anyType
	}
	return t
}

// contentID leaves what can stand between angle brackets.
func contentID(s string) string {
	return cut(strings.Map(func(r rune) rune {
		if r <= ' ' || r >= 0x7f || r == '<' || r == '>' {
			return -1
		}
		return r
	}, s), maxContentID)
}

func utoa(n uint64) string { return strconv.FormatUint(n, 10) }

// parts are the attachments of a request as the hub keeps them.
func parts(list []Attachment) ([]message.Part, error) {
	out := make([]message.Part, 0, len(list))
	for i, a := range list {
		if !sha256Hex.MatchString(a.Blob) {
			return nil, &inbox.InvalidError{Field: fmt.Sprintf("attachments[%d].blob", i), Text: "give the blob that the upload was answered with"}
		}
		out = append(out, message.Part{Name: fileName(a.Name), ContentType: mediaType(a.ContentType), Size: max(a.Size, 0), Inline: a.Inline,
			ContentID: contentID(a.ContentID), Blob: a.Blob})
	}
	return out, nil
}

var sha256Hex = regexp.MustCompile(`^[0-9a-f]{64}$`)

// latest is the furthest a snooze may reach: years of five digits cannot even be
// written in RFC 3339.
const latest = 100 * 365 * 24 * time.Hour

// checkSnooze refuses times that no calendar of ours gets to.
func (s *Server) checkSnooze(until time.Time) error {
	if until.After(s.now().Add(latest)) {
		return &inbox.InvalidError{Field: "snoozed_until", Text: "give a time within the next hundred years"}
	}
	return nil
}

// turns are the characters that turn the direction of the text behind them,
// beyond the end of a name.
func turns(r rune) bool { return r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069 }

// plain takes out of a text of several lines what is not text.
func plain(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) && r != '\n' && r != '\t' && r != '\r' {
			return -1
		}
		return r
	}, s)
}

// straight is one line without characters that turn the direction of text.
func straight(s string) string {
	return strings.Map(func(r rune) rune {
		if turns(r) {
			return -1
		}
		return r
	}, oneLine(s))
}
