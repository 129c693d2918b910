package identity

import (
	"fmt"
	"slices"
	"strings"

	"golang.org/x/net/idna"

	"throughline/store"
)

// freeMail are domains at which anybody can have an address: they say nothing of a
// company. The list is our own, of the services people write from in the languages
// of the screens and the large ones elsewhere; one that is missing only makes a
// suggestion that somebody declines. Regional endings (yahoo.co.uk) go by freeMailBrands.
var freeMail = strings.Fields(`gmail.com googlemail.com outlook.com hotmail.com live.com msn.com passport.com icloud.com me.com mac.com
	aol.com aim.com proton.me protonmail.com pm.me tutanota.com tuta.com tuta.io fastmail.com fastmail.fm hey.com zoho.com zohomail.com mail.com email.com
	gmx.com gmx.net gmx.de gmx.at gmx.ch web.de t-online.de freenet.de posteo.de mailbox.org
	mail.ru inbox.ru list.ru bk.ru yandex.ru yandex.com ya.ru rambler.ru ukr.net i.ua
	qq.com foxmail.com 163.com 126.com yeah.net sina.com sohu.com naver.com daum.net hanmail.net
	rediffmail.com libero.it virgilio.it alice.it tiscali.it orange.fr wanadoo.fr free.fr laposte.net sfr.fr
	seznam.cz centrum.cz wp.pl o2.pl onet.pl interia.pl abv.bg uol.com.br bol.com.br terra.com.br
	btinternet.com sky.com virginmedia.com talktalk.net comcast.net verizon.net att.net sbcglobal.net cox.net charter.net rogers.com shaw.ca bigpond.com
	chmail.ir vatanmail.ir mihanmail.ir mailfa.com thaimail.com`)

// freeMailBrands are free under every ending.
var freeMailBrands = []string{"yahoo", "ymail", "rocketmail", "hotmail", "outlook", "live", "yandex", "gmx"}

// IsFreeMail tells whether anybody can have an address at a domain.
func IsFreeMail(domain string) bool {
	if slices.Contains(freeMail, domain) {
		return true
	}
	brand, ending, _ := strings.Cut(domain, ".")
	return slices.Contains(freeMailBrands, brand) && len(ending) <= len("com.xx")
}

// canonicalDomain brings a mail domain to the form in which addresses have it.
func canonicalDomain(s string) (string, error) {
	s = strings.ToLower(strings.TrimSuffix(strings.TrimPrefix(strings.TrimSpace(s), "@"), "."))
	if !isASCII(s) {
		if ascii, err := idna.Lookup.ToASCII(s); err == nil {
			s = ascii
		}
	}
	if !strings.Contains(s, ".") || strings.ContainsAny(s, " /@:") || len(s) > 253 || strings.HasPrefix(s, ".") {
		return "", &InvalidError{"domains", fmt.Sprintf("%q is not a mail domain like example.org", s)}
	}
	if IsFreeMail(s) {
		return "", &InvalidError{"domains", fmt.Sprintf("anybody can have an address at %s: it says nothing of a company", s)}
	}
	return s, nil
}

// CompanyByMail suggests the company of somebody with an address at a domain; the
// parent domains count too. ok is false where the domain says nothing.
func (i *Identity) CompanyByMail(tx *store.Tx, domain string) (c *Company, ok bool) {
	for !IsFreeMail(domain) && strings.Contains(domain, ".") {
		if id, ok := i.firms.companies.Lookup(tx, "domain", store.K().Str(domain)); ok {
			c, err := i.Company(tx, id)
			return c, err == nil
		}
		_, domain, _ = strings.Cut(domain, ".")
	}
	return nil, false
}
