package identity

import (
	"errors"
	"slices"
	"strconv"

	"throughline/message"
	"throughline/store"
)

// Gone is the scheme of what is left of the handle of an erased customer: a number
// to which his conversations still point.
const Gone = "erased"

// Erase takes all that is known of the customers with these records and handles
// away: names, addresses, cards with their history, relations, suggestions. The
// records and handles stay as empty places, so that what points to them holds, with
// nothing but the language, by which messages in others' conversations are counted. has tells
// whether other packages keep something of a company: it stays then. touched are records
// of others, of whom less is known now.
func (i *Identity) Erase(tx *store.Tx, records []uint64, handles []*Handle, has func(tx *store.Tx, company uint64) bool) (touched []uint64, err error) {
	var members []*Customer
	spoken := map[uint64]string{}
	for _, id := range records {
		c, err := i.Customer(tx, id)
		if err != nil {
			return nil, err
		}
		members = append(members, c)
		if c.MergedInto == 0 {
			if spoken[id], err = i.ShownField(tx, id, FieldLanguage); err != nil {
				return nil, err
			}
		}
	}
	belongs, err := i.allMemberships(tx, members)
	if err != nil {
		return nil, err
	}
	for _, m := range belongs {
		if err := i.firms.memberships.Delete(tx, m.ID); err != nil {
			return nil, err
		}
	}
	firms, err := i.firmsOf(tx, members, belongs)
	if err != nil {
		return nil, err
	}
	if err := i.dropEmpty(tx, firms, has); err != nil {
		return nil, err
	}
	relations, err := i.RelationsOf(tx, members)
	if err != nil {
		return nil, err
	}
	for _, r := range relations {
		if err := i.firms.relations.Delete(tx, r.ID); err != nil {
			return nil, err
		}
	}
	for _, c := range members {
		for e := range i.versions.Scan(tx, store.Range{Index: "field", Prefix: store.K().Uint(c.ID)}) {
			if err := i.versions.Delete(tx, e.ID); err != nil {
				return nil, err
			}
		}
		for e := range i.suggestions.Scan(tx, store.Range{Index: "record", Prefix: store.K().Uint(c.ID)}) {
			if err := i.suggestions.Delete(tx, e.ID); err != nil {
				return nil, err
			}
		}
		if _, err := i.people.Peek(tx, c.ID); err == nil {
			if err := i.people.Delete(tx, c.ID); err != nil {
				return nil, err
			}
		}
		gone := &Customer{ID: c.ID, Created: c.Created, MergedInto: c.MergedInto, Erased: tx.Now(), Language: spoken[c.ID]}
		if c.Merge != nil {
			d := *c.Merge
			d.Reason = ""
			gone.Merge = &d
		}
		if err := i.customers.Put(tx, c.ID, gone); err != nil {
			return nil, err
		}
	}
	for _, h := range handles {
		gone := &Handle{ID: h.ID, Handle: message.NewHandle(Gone, strconv.FormatUint(h.ID, 10)), Customer: h.Customer,
			Link: Decision{By: h.Link.By, Time: h.Link.Time, Confidence: h.Link.Confidence}}
		if err := i.handles.Put(tx, h.ID, gone); err != nil {
			return nil, err
		}
	}
	return i.forgetHints(tx, handles)
}

// forgetHints takes the erased addresses out of what directories said of others.
func (i *Identity) forgetHints(tx *store.Tx, gone []*Handle) (touched []uint64, err error) {
	for _, was := range gone {
		for e := range i.handles.Scan(tx, store.Range{Index: hintIndex, Prefix: store.K().Str(string(was.Handle))}) {
			h, err := i.Handle(tx, e.ID)
			if err != nil {
				return nil, err
			}
			h.Hints = slices.DeleteFunc(slices.Clone(h.Hints), func(x Hint) bool { return x.Handle == was.Handle })
			if err := i.handles.Put(tx, e.ID, h); err != nil {
				return nil, err
			}
			touched = append(touched, h.Customer)
		}
	}
	return touched, nil
}

// firmsOf are the companies that somebody belonged to, or that once stood on his card.
func (i *Identity) firmsOf(tx *store.Tx, members []*Customer, belongs []*Membership) (ids []uint64, err error) {
	for _, m := range belongs {
		ids = append(ids, m.Company)
	}
	for _, c := range members {
		former, err := i.former(tx, c.ID, FieldCompany, maxVersions)
		if err != nil {
			return nil, err
		}
		for _, v := range former {
			if o, ok := i.CompanyNamed(tx, v.Value); ok {
				ids = append(ids, o.ID)
			}
		}
	}
	slices.Sort(ids)
	return slices.Compact(ids), nil
}

// dropEmpty removes the companies that were nothing but a name on the card of
// somebody who is gone: it may be his own.
func (i *Identity) dropEmpty(tx *store.Tx, firms []uint64, has func(tx *store.Tx, company uint64) bool) error {
	for _, id := range firms {
		c, err := i.Company(tx, id)
		if errors.Is(err, store.ErrNotFound) {
			continue
		}
		if err != nil {
			return err
		}
		people, err := i.PeopleOf(tx, c.ID)
		if err != nil {
			return err
		}
		if len(people) > 0 || len(c.Domains) > 0 || c.Note != "" || len(c.Fields) > 0 || has(tx, c.ID) {
			continue
		}
		if err := i.RemoveCompany(tx, "", c.ID); err != nil {
			return err
		}
	}
	return nil
}
