package inbox

import (
	"throughline/identity"
	"throughline/message"
	"throughline/store"
)

// What the footer of a mail tells of its writer. It suggests who he is and links
// nothing: anybody can write anything there.

// footerOf is the footer of a message that its writer made himself, "" if it has none.
func footerOf(m *message.Message) string {
	if m.Direction != message.In || m.Kind != message.Human || m.Bulk || m.Vouch == message.VouchFailed {
		return ""
	}
	return m.Signature
}

// readFooter keeps with a handle the addresses that its user names in a footer, and
// reports whether there is news.
func (h *Hub) readFooter(tx *store.Tx, a *arrival, whose *identity.Handle) (news bool, err error) {
	named := a.named
	// Somebody with a number of his own writes those of his country in short.
	country, err := h.Identity.CountryOf(tx, whose.Customer)
	if err != nil {
		return false, err
	}
	if country != "" && country != a.country {
		named = identity.SignatureHandles(a.footer, country)
	}
	return h.Identity.AddHints(tx, whose, identity.FromSignature, h.notOurs(named))
}

// homeOf is the country whose numbers are written without its code where an account
// is read: that of the account's own number, else the one of the settings, else that
// of all our numbers; "" if that is unknown.
func (h *Hub) homeOf(account string) string {
	h.mu.Lock()
	defer h.mu.Unlock()
	if c := identity.PhoneCountry(h.infos[account].Own.Handle); c != "" {
		return c
	}
	if h.country != "" {
		return h.country
	}
	home := ""
	for own := range h.own {
		switch c := identity.PhoneCountry(own); {
		case c == "" || c == home:
		case home != "":
			return "" // several
		default:
			home = c
		}
	}
	return home
}

// readHints reads the numbers that a directory names with the country of an account's
// numbers, where they have no country code.
func (h *Hub) readHints(account string, hints []message.Handle) []message.Handle {
	var read []message.Handle
	for _, n := range hints {
		if _, err := identity.Canonical(n); err != nil && n.Scheme() == identity.Tel {
			if n, err = identity.PhoneIn(n.Address(), h.homeOf(account)); err != nil {
				continue
			}
		}
		read = append(read, n)
	}
	return read
}

// notOurs leaves out our own addresses.
func (h *Hub) notOurs(handles []message.Handle) (others []message.Handle) {
	for _, n := range handles {
		if _, ours := h.Own(n); !ours {
			others = append(others, n)
		}
	}
	return others
}
