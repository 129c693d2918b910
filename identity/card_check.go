package identity

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"throughline/store"
)

// CheckField brings a value of a field into the form in which it is kept.
func (i *Identity) CheckField(tx *store.Tx, field, value string) (string, error) {
	long := func(n int) error {
		return &InvalidError{field, fmt.Sprintf("this has at most %d characters", n)}
	}
	value = strings.TrimSpace(strings.ToValidUTF8(value, ""))
	switch field {
	case FieldNote:
		if len(value) > maxCardNote {
			return "", &InvalidError{field, "this note is too long: attach a file to a conversation instead"}
		}
	case FieldGoals, FieldInterest, FieldDos, FieldDonts:
		if utf8.RuneCountInString(value) > maxCardText {
			return "", long(maxCardText)
		}
	case FieldName, FieldCompany, FieldLanguage, FieldTimeZone, FieldNextStep:
		if utf8.RuneCountInString(value) > maxCardLine {
			return "", long(maxCardLine)
		}
	case FieldNextDate:
		if value != "" && !isDate(value) {
			return "", &InvalidError{field, "write a date like 2027-03-09"}
		}
	case FieldOwner:
		if value == "" || value == "0" {
			return "", nil
		}
		if _, err := strconv.ParseUint(value, 10, 64); err != nil {
			return "", &InvalidError{field, "give the number of an agent"}
		}
	case FieldTags:
		return checkTags(value)
	default:
		id, ok := strings.CutPrefix(field, customField)
		n, err := strconv.ParseUint(id, 10, 64)
		if !ok || err != nil {
			return "", &InvalidError{field, "a card has no such field"}
		}
		def, err := i.FieldDef(tx, n)
		if err != nil {
			return "", err
		}
		if value, err = def.Parse(value); err != nil {
			return "", &InvalidError{field, err.Error()}
		}
	}
	return value, nil
}

func checkTags(value string) (string, error) {
	var tags []string
	for line := range strings.Lines(value) {
		t := strings.Join(strings.Fields(line), " ")
		if t == "" || slices.Contains(tags, t) {
			continue
		}
		if utf8.RuneCountInString(t) > maxTagRunes || strings.ContainsFunc(t, unicode.IsControl) {
			return "", &InvalidError{FieldTags, fmt.Sprintf("a tag is at most %d characters on one line", maxTagRunes)}
		}
		tags = append(tags, t)
	}
	if len(tags) > maxCardTags {
		return "", &InvalidError{FieldTags, fmt.Sprintf("at most %d tags", maxCardTags)}
	}
	slices.Sort(tags)
	return strings.Join(tags, "\n"), nil
}

func isDate(s string) bool {
	t, err := time.Parse(dateLayout, s)
	return err == nil && t.Year() >= earliestYear
}

// webLink brings a link into order: only addresses that a browser may open.
func webLink(s string) (string, error) {
	if !strings.Contains(s, "://") && !strings.HasPrefix(strings.ToLower(s), "mailto:") {
		s = "https://" + s
	}
	u, err := url.Parse(s)
	if err != nil || strings.ContainsFunc(s, unicode.IsSpace) {
		return "", fmt.Errorf("write a link like https://example.com/page")
	}
	switch {
	case (u.Scheme == "https" || u.Scheme == "http") && strings.Contains(u.Host, "."):
	case u.Scheme == "mailto" && u.Opaque != "":
	default:
		return "", errors.New("a link begins with https://, http:// or mailto: and an address")
	}
	return u.String(), nil
}
