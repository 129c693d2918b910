package identity

import (
	"regexp"
	"slices"
	"strings"

	"github.com/nyaruka/phonenumbers"
	"golang.org/x/text/unicode/norm"

	"throughline/message"
)

// Bounds of what is read of a signature: more lines are no signature, and more
// addresses belong to a list of colleagues.
const (
	maxSignature     = 4 << 10 // bytes
	maxSignatureFind = 4
)

var (
	mailInText  = regexp.MustCompile(`[\pL\pN._%+\-]{1,64}@[\pL\pN\-]{1,63}(?:\.[\pL\pN\-]{1,63}){1,5}`)
	phoneInText = regexp.MustCompile(`[+＋]?[(\pN][\pN .\-/()\x{2010}-\x{2015}\x{a0}]{6,28}\pN`)
	// notPhones begin lines with numbers of other kinds.
	notPhones = regexp.MustCompile(`(?i)\b(fax|telefax|vat|iban|bic|swift|ust|hrb|hrg|ein|siret|account|acct|registration|registered|reg\.? ?no|company no|tax|order|invoice|ticket|ref)\b|فکس|شناسه|แฟกซ์`)
)

// phoneLabels begin telephone numbers: with one, what has the length of a number of
// the country is one.
var phoneLabels = regexp.MustCompile(`(?i)\b(tel|tel[eé]fon\w*|phone|ph|call|mob|mobile|mobil|cell|handy|direct|office|home|work|sms|whatsapp|[tmpd])\b|☎|📞|📱|تلفن|موبایل|همراه|تماس|شماره|โทร|มือถือ|เบอร์`)

// dateInText looks like a day: 02.11.2027, 2027-11-02, 1/2/27.
var dateInText = regexp.MustCompile(`^\s*(?:\d{1,2}[./\-]\d{1,2}[./\-]\d{2,4}|\d{4}[./\-]\d{1,2}[./\-]\d{1,2})\b`)

// minNational is how many digits a number has at least that nothing but its form
// shows to be one.
const minNational = 9

// SignatureHandles finds the mail addresses and telephone numbers in the footer of a
// mail, canonical and in order. Numbers without a country code are those of country
// (ISO 3166), "" leaves them out; those of faxes, banks and registers do not count. They
// suggest who somebody is and link nothing: anybody can write anything there.
func SignatureHandles(signature, country string) []message.Handle {
	if len(signature) > maxSignature {
		signature = strings.ToValidUTF8(signature[:maxSignature], "")
	}
	var found []message.Handle
	add := func(h message.Handle) {
		if !slices.Contains(found, h) && len(found) < maxSignatureFind {
			found = append(found, h)
		}
	}
	digits := func(r rune) rune {
		if d := digitValue(r); d >= 0 {
			return rune('0' + d)
		}
		return r
	}
	for line := range strings.Lines(strings.Map(digits, norm.NFKC.String(signature))) {
		for _, a := range mailInText.FindAllString(line, maxSignatureFind) {
			if h, err := Canonical(message.NewHandle(Mailto, strings.TrimRight(a, ".-"))); err == nil {
				add(h)
			}
		}
		line = mailInText.ReplaceAllString(line, " ")
		if notPhones.MatchString(line) || strings.Contains(line, "://") {
			continue
		}
		for _, p := range phoneInText.FindAllString(line, maxSignatureFind) {
			if h, ok := numberIn(p, country, phoneLabels.MatchString(line)); ok {
				add(h)
			}
		}
	}
	return found
}

// numberIn reads a number. Without a country code it has to be valid in country, or
// have the length of one and be named as a number or begin with a zero: other digits
// are dates, registers and accounts.
func numberIn(text, country string, named bool) (message.Handle, bool) {
	region := country
	if region == "" {
		region = "ZZ"
	}
	// "+44 (0)20 …" is written for people at home and abroad.
	text = strings.ReplaceAll(text, "(0)", "")
	if t, ok := strings.CutPrefix(strings.TrimSpace(text), "00"); ok {
		text = "+" + t
	}
	n, err := phonenumbers.Parse(text, region)
	if err != nil || !phonenumbers.IsPossibleNumber(n) {
		return "", false
	}
	if !strings.ContainsAny(text, "+＋") {
		digits := len(phonenumbers.NormalizeDigitsOnly(text))
		if dateInText.MatchString(text) || !named && !(digits >= minNational && phonenumbers.IsValidNumber(n) || digits > minNational && strings.HasPrefix(text, "0")) {
			return "", false
		}
	}
	return message.NewHandle(Tel, phonenumbers.Format(n, phonenumbers.E164)), true
}
