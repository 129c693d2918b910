package email

import (
	"strings"

	"github.com/emersion/go-msgauth/authres"
	"golang.org/x/net/publicsuffix"

	"throughline/message"
)

// vouch reads what our own server found out about the sender (RFC 8601). Only
// the topmost Authentication-Results of a server in ids counts: senders can
// write such fields themselves. from is the address in From.
func vouch(h header, ids []string, from string) message.Vouch {
	if len(ids) == 0 || from == "" {
		return message.VouchUnknown
	}
	for _, v := range h.all("Authentication-Results") {
		id, results, err := authres.Parse(stripComments(v))
		if !contains(ids, id) {
			continue
		}
		if err != nil && len(results) == 0 {
			return message.VouchUnknown
		}
		return judge(results, domainOf(from))
	}
	return message.VouchUnknown
}

func contains(ids []string, id string) bool {
	for _, own := range ids {
		if strings.EqualFold(strings.TrimSpace(own), id) {
			return true
		}
	}
	return false
}

// judge applies DMARC's idea (RFC 7489 section 3.1): a DKIM or SPF pass counts
// if it is for the domain in From.
func judge(results []authres.Result, domain string) message.Vouch {
	aligned, failed := false, false
	for _, r := range results {
		switch r := r.(type) {
		case *authres.DMARCResult:
			if r.Value == authres.ResultPass && (r.From == "" || sameOrganisation(r.From, domain)) {
				return message.VouchPassed
			}
			failed = failed || r.Value == authres.ResultFail
		case *authres.DKIMResult:
			d := r.Domain
			if d == "" {
				d = domainOf(r.Identifier)
			}
			aligned = aligned || r.Value == authres.ResultPass && sameOrganisation(d, domain)
		case *authres.SPFResult:
			aligned = aligned || r.Value == authres.ResultPass && sameOrganisation(domainOf(r.From), domain)
		}
	}
	switch {
	case failed:
		return message.VouchFailed
	case aligned:
		return message.VouchPassed
	}
	return message.VouchUnknown
}

// domainOf is the part after the last "@", or all of it.
func domainOf(addr string) string {
	return strings.ToLower(strings.Trim(addr[strings.LastIndexByte(addr, '@')+1:], " <>.\""))
}

// sameOrganisation reports whether two domains belong to one registered domain.
func sameOrganisation(a, b string) bool {
	a, b = domainOf(a), domainOf(b)
	if a == "" || b == "" {
		return false
	}
	if a == b {
		return true
	}
	x, errX := publicsuffix.EffectiveTLDPlusOne(a)
	y, errY := publicsuffix.EffectiveTLDPlusOne(b)
	return errX == nil && errY == nil && x == y
}
