package identity

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/nyaruka/phonenumbers"
	"golang.org/x/net/idna"
	"golang.org/x/text/unicode/norm"

	"throughline/message"
)

// Schemes of handles that have a canonical form of their own. Handles of any
// other scheme are compared as they are written.
const (
	Mailto  = "mailto"
	Tel     = "tel"     // E.164 with a plus
	Short   = "short"   // short codes: at most six digits, meaningful in one country only
	Alpha   = "alpha"   // sender names of texts ("MyBank"): nobody can write to them
	Slack   = "slack"   // WORKSPACE/MEMBER, both IDs in upper case
	Unknown = "unknown" // an item whose sender could not be read, by account
)

// Reachable tells whether anything can be sent to a handle.
func Reachable(h message.Handle) bool {
	switch h.Scheme() {
	case Alpha, Unknown, Gone, "":
		return false
	}
	return true
}

// MaxHandle is the longest handle, in bytes. RFC 5321 4.5.3.1 allows addresses of
// 64+1+255 octets; the rest is room for other channels.
const MaxHandle = 512

// Canonical brings a handle to the one form in which it is stored and compared.
// Mail addresses are lower-cased as a whole: RFC 5321 lets a local part depend
// on case, no mail provider of today makes use of it. Internationalised domains
// are written in ASCII (RFC 5891), phone numbers as E.164.
func Canonical(h message.Handle) (message.Handle, error) {
	scheme, address := strings.ToLower(h.Scheme()), strings.TrimSpace(h.Address())
	if len(h) > MaxHandle {
		return "", fmt.Errorf("this address is longer than %d bytes", MaxHandle)
	}
	if scheme == "" || address == "" {
		return "", errors.New("an address needs a kind and a value, like mailto:ann@example.org")
	}
	if !utf8.ValidString(address) || strings.ContainsFunc(address, unicode.IsControl) {
		return "", fmt.Errorf("this address holds characters that no address has")
	}
	var err error
	switch scheme {
	case Mailto:
		address, err = canonicalMail(address)
	case Tel, Short:
		scheme, address, err = canonicalPhone(scheme, address)
	case Alpha:
		err = checkAlpha(address)
	case Slack:
		address, err = canonicalMember(address)
	}
	if err != nil {
		return "", err
	}
	return message.NewHandle(scheme, address), nil
}

func canonicalMail(a string) (string, error) {
	a = strings.TrimSuffix(strings.TrimPrefix(a, "<"), ">")
	a = strings.ToLower(norm.NFC.String(strings.TrimSpace(a)))
	at := strings.LastIndexByte(a, '@')
	if at < 1 || at == len(a)-1 {
		return "", fmt.Errorf("%q is not an email address: it needs a name, an @ and a domain", a)
	}
	local, domain := a[:at], strings.TrimSuffix(a[at+1:], ".")
	if strings.ContainsFunc(domain, func(r rune) bool { return unicode.IsSpace(r) || strings.ContainsRune("<>,;\"", r) }) || domain == "" {
		return "", fmt.Errorf("%q is not an email address: the part after the @ is not a domain", a)
	}
	if strings.ContainsAny(local, "<>") {
		return "", fmt.Errorf("%q is not an email address: the part before the @ has an angle bracket", a)
	}
	if !isASCII(domain) {
		// A domain that IDNA refuses is kept as it is: it was seen on the wire.
		if ascii, err := idna.Lookup.ToASCII(domain); err == nil {
			domain = ascii
		}
	}
	return local + "@" + domain, nil
}

// shortCodeDigits is the longest short code; everything longer is a number.
const shortCodeDigits = 6

func canonicalPhone(scheme, a string) (string, string, error) {
	a = norm.NFKC.String(a)
	digits := 0
	for _, r := range a {
		if unicode.IsDigit(r) {
			digits++
		}
	}
	if digits == 0 {
		return "", "", fmt.Errorf("%q is not a phone number: it has no digits", a)
	}
	if digits <= shortCodeDigits && !strings.HasPrefix(a, "+") {
		return Short, asciiDigits(a), nil
	}
	if scheme == Short {
		return "", "", fmt.Errorf("%q is too long for a short code", a)
	}
	n, err := phonenumbers.Parse(a, "ZZ")
	if err != nil || !phonenumbers.IsPossibleNumber(n) {
		return "", "", fmt.Errorf("%q is not a phone number: write it with a plus and the country code, like +44 20 7183 8750", a)
	}
	return Tel, phonenumbers.Format(n, phonenumbers.E164), nil
}

// alphaChars is the longest sender name: it stands in an address field of seven
// octets (3GPP TS 23.040, 9.1.2.5).
const alphaChars = 11

// checkAlpha refuses what cannot be the sender name of a text. Networks deliver it
// as it was given, so that case counts.
func checkAlpha(a string) error {
	if utf8.RuneCountInString(a) > alphaChars || !strings.ContainsFunc(a, unicode.IsLetter) {
		return fmt.Errorf("%q is not a sender name: it has 1 to %d characters and a letter among them", a, alphaChars)
	}
	return nil
}

// canonicalMember is the ID of a workspace and that of a member, which may be of
// another workspace that shares a channel.
func canonicalMember(a string) (string, error) {
	team, user, _ := strings.Cut(strings.ToUpper(a), "/")
	id := func(s string) bool {
		return s != "" && !strings.ContainsFunc(s, func(r rune) bool { return (r < 'A' || r > 'Z') && (r < '0' || r > '9') })
	}
	if !id(team) || !id(user) {
		return "", fmt.Errorf("%q is not a member of a workspace: it needs the IDs of both, like T0123ABC/U0456DEF", a)
	}
	return team + "/" + user, nil
}

// Parse makes a canonical handle of what a person typed: a handle, a mail address
// or a phone number in international form.
func Parse(text string) (message.Handle, error) {
	text = strings.TrimSpace(text)
	switch scheme, _, ok := strings.Cut(text, ":"); {
	case ok && !strings.ContainsAny(scheme, "@+ "):
		return Canonical(message.Handle(text))
	case strings.Contains(text, "@"):
		return Canonical(message.NewHandle(Mailto, text))
	case strings.ContainsFunc(text, unicode.IsDigit):
		return Canonical(message.NewHandle(Tel, text))
	}
	return "", fmt.Errorf("%q is neither an email address nor a phone number", text)
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

func asciiDigits(s string) string {
	var b strings.Builder
	for _, r := range s {
		if d := digitValue(r); d >= 0 {
			b.WriteByte(byte('0' + d))
		}
	}
	return b.String()
}

// digitValue is the value of a decimal digit of ASCII, Arabic, Persian or Thai, -1
// for anything else.
func digitValue(r rune) int {
	for _, zero := range [...]rune{'0', '٠', '۰', '๐'} {
		if r >= zero && r <= zero+9 {
			return int(r - zero)
		}
	}
	return -1
}

// PhoneIn makes a canonical handle of a number as somebody in region (ISO 3166,
// two letters) would write it; with "" it needs its country code.
func PhoneIn(text, region string) (message.Handle, error) {
	text = norm.NFKC.String(strings.TrimSpace(text))
	number := strings.Map(func(r rune) rune {
		if d := digitValue(r); d >= 0 {
			return rune('0' + d)
		}
		return r
	}, text)
	if region == "" || strings.HasPrefix(number, "+") {
		return Canonical(message.NewHandle(Tel, number))
	}
	n, err := phonenumbers.Parse(number, region)
	if err != nil || !phonenumbers.IsPossibleNumber(n) {
		return "", fmt.Errorf("%q is not a phone number of %s: write it with a plus and the country code, like +44 20 7183 8750", text, region)
	}
	return Canonical(message.NewHandle(Tel, phonenumbers.Format(n, phonenumbers.E164)))
}

// Regions are the countries (ISO 3166, two letters) whose phone numbers are known.
func Regions() []string {
	list := make([]string, 0, 250)
	for r := range phonenumbers.GetSupportedRegions() {
		list = append(list, r)
	}
	slices.Sort(list)
	return list
}
