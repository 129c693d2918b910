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
	notPhones = regexp.MustCompile(`(?i)\b(fax|telefax|vat|iban|bic|swift|ust|hrb|hrg|ein|siret|account|acct|registration|reg\.? ?no|company no|tax|order|invoice|ticket|ref)\b|فکس|شناسه|แฟกซ์`)
)

// SignatureHandles finds the mail addresses and telephone numbers in the footer of a
// mail, canonical and in order. Numbers count if they have a country code, or if
// country (ISO 3166) is known; those of faxes, banks and registers do not. They
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
			if h, ok := numberIn(p, country); ok {
				add(h)
			}
		}
	}
	return found
}

// numberIn reads a number that is valid where it is from: digits that only look like
// one are dates, registers and accounts.
func numberIn(text, country string) (message.Handle, bool) {
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
	return message.NewHandle(Tel, phonenumbers.Format(n, phonenumbers.E164)), true
}
