package identity

import (
	"github.com/nyaruka/phonenumbers"

	"throughline/message"
	"throughline/store"
)

// PhoneCountry is the country (ISO 3166) that a telephone number is of; "" if h is
// none, or its code is no country's.
func PhoneCountry(h message.Handle) string {
	if h.Scheme() != Tel {
		return ""
	}
	n, err := phonenumbers.Parse(h.Address(), "ZZ")
	if err != nil {
		return ""
	}
	region := phonenumbers.GetRegionCodeForNumber(n)
	if region == "" || region == "ZZ" { // not in use: the code alone tells
		region = phonenumbers.GetRegionCodeForCountryCode(int(n.GetCountryCode()))
	}
	if region == "ZZ" || region == phonenumbers.REGION_CODE_FOR_NON_GEO_ENTITY {
		return ""
	}
	return region
}

// CountryOf is the country of the telephone numbers that lead to a customer; "" if
// there are none, or they are of several.
func (i *Identity) CountryOf(tx *store.Tx, customer uint64) (string, error) {
	root, err := i.Root(tx, customer)
	if err != nil {
		return "", err
	}
	handles, err := i.Handles(tx, root.ID)
	if err != nil {
		return "", err
	}
	country := ""
	for _, h := range handles {
		switch c := PhoneCountry(h.Handle); {
		case c == "" || c == country:
		case country != "":
			return "", nil
		default:
			country = c
		}
	}
	return country, nil
}
