package identity

import (
	"hash/fnv"
	"io"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"throughline/identity/match"
	"throughline/message"
	"throughline/store"
)

// Person is what is known of a customer in a form that can be matched. It is derived
// from his records and handles, and lies under the number of the record that stands
// for him.
type Person struct {
	Record match.Record `json:"record"`
	// Shared are the keys of addresses that several people use.
	Shared []string `json:"shared,omitempty"`
}

func newPeople(s *store.Store) *store.Table[Person] {
	return store.NewTable(s, "people", store.TableOptions[Person]{
		Indexes: []store.Index[Person]{
			{Name: "keys", Keys: func(p *Person) []store.Key {
				profile := match.Normalize(&p.Record, "")
				var keys []store.Key
				for _, k := range append(profile.Keys(), profile.Values()...) {
					keys = append(keys, matchKey(k))
				}
				return keys
			}},
		},
	})
}

// matchKey is short, since there are many; that two may be the same only makes a pair
// more to compare.
func matchKey(k string) store.Key {
	f := fnv.New64a()
	io.WriteString(f, k)
	return store.K().Uint(f.Sum64())
}

// maxUsers bounds the further names kept of a handle.
const maxUsers = 8

// usedBy keeps a name that h was used with and reports whether it is new. When three
// different people have used it, h is known as shared.
func (h *Handle) usedBy(name string) (news bool) {
	if name == "" || name == h.Name || h.Name == "" || len(h.Names) >= maxUsers || slices.Contains(h.Names, name) {
		return false
	}
	h.Names = append(h.Names, name)
	h.learnUsers()
	return true
}

// learnUsers tells from the names of h whether different people use it.
func (h *Handle) learnUsers() {
	var users []*match.Profile
	for _, n := range append(slices.Clone(h.Names), h.Name) {
		users = append(users, match.Normalize(&match.Record{Names: []string{n}}, ""))
	}
	h.Several = match.SharedByNames(users)
}

// ForgetName takes a name from a handle that nobody uses it under any more; the next of
// its names takes the place of the first. forgot tells whether it had it.
func (i *Identity) ForgetName(tx *store.Tx, id uint64, name string) (h *Handle, forgot bool, err error) {
	if h, err = i.Handle(tx, id); err != nil {
		return nil, false, err
	}
	name = CutName(name)
	if h.Name != name && !slices.Contains(h.Names, name) {
		return h, false, nil
	}
	h.Names = slices.DeleteFunc(slices.Clone(h.Names), func(n string) bool { return n == name })
	if h.Name == name {
		if h.Name = ""; len(h.Names) > 0 {
			h.Name, h.Names = h.Names[0], h.Names[1:]
		}
	}
	h.learnUsers()
	return h, true, i.handles.Put(tx, id, h)
}

// UsedByMany tells that h suggests and never links: it was marked as shared, or
// learned to be, and nobody said otherwise.
func (h *Handle) UsedByMany() bool { return h.Shared || h.Several && !h.Private }

// AddHints keeps addresses that a handle's user named himself, in the footer of a
// mail, and reports whether there is news.
func (i *Identity) AddHints(tx *store.Tx, h *Handle, source string, hints []message.Handle) (news bool, err error) {
	if len(hints) == 0 || !h.hint(source, hints, tx.Now()) {
		return false, nil
	}
	return true, i.handles.Put(tx, h.ID, h)
}

// personOf gathers what is known of a customer.
func (i *Identity) personOf(tx *store.Tx, root uint64) (*Person, error) {
	members, err := i.Members(tx, root)
	if err != nil {
		return nil, err
	}
	p := &Person{}
	r := &p.Record
	add := func(list *[]string, text string) {
		if text != "" && !slices.Contains(*list, text) {
			*list = append(*list, text)
		}
	}
	fields := i.telling(tx)
	for _, c := range members {
		add(&r.Names, c.Name)
		add(&r.Companies, c.Company)
		for _, d := range fields {
			p.field(d, c.Fields[strconv.FormatUint(d.ID, 10)], add)
		}
		for e := range i.handles.Scan(tx, store.Range{Index: "customer", Prefix: store.K().Uint(c.ID)}) {
			h, err := i.Handle(tx, e.ID)
			if err != nil {
				return nil, err
			}
			many := h.UsedByMany()
			if !many {
				add(&r.Names, h.Name)
				for _, n := range h.Names {
					add(&r.Names, n)
				}
			}
			p.address(h.Handle, many)
			for _, hint := range h.Hints {
				p.address(hint.Handle, false)
			}
		}
	}
	firms, err := i.MembershipsOf(tx, members)
	if err != nil {
		return nil, err
	}
	for _, m := range firms {
		firm, err := i.Company(tx, m.Company)
		if err != nil {
			return nil, err
		}
		add(&r.Companies, firm.Name)
	}
	return p, nil
}

// field adds what a custom field tells.
func (p *Person) field(d *FieldDef, value string, add func(list *[]string, text string)) {
	if value == "" {
		return
	}
	r := &p.Record
	switch d.Tells {
	case TellsBorn:
		add(&r.Born, value)
	case TellsAddress:
		add(&r.Addresses, strings.Join(strings.Fields(value), " "))
	case TellsPostcode:
		add(&r.Postcodes, value)
	case TellsCity:
		add(&r.Cities, value)
	case TellsState:
		add(&r.States, value)
	case TellsEmail, TellsPhone:
		list := &r.Emails
		if d.Tells == TellsPhone {
			list = &r.Phones
		}
		for _, text := range strings.FieldsFunc(value, func(c rune) bool { return strings.ContainsRune(",;|\n", c) }) {
			add(list, strings.TrimSpace(text))
		}
	case TellsUsername:
		add(&r.Usernames, value)
	case TellsOwn:
		if r.Attributes == nil {
			r.Attributes = map[string][]string{}
		}
		list := r.Attributes[d.Name]
		add(&list, value)
		r.Attributes[d.Name] = list
	}
}

// address adds a handle to what is known.
func (p *Person) address(h message.Handle, shared bool) {
	key := ""
	switch h.Scheme() {
	case Mailto:
		p.Record.Emails = append(p.Record.Emails, h.Address())
		key = match.AddressKey(h.Address())
	case Tel:
		p.Record.Phones = append(p.Record.Phones, h.Address())
		key = match.PhoneKey(h.Address())
	case Slack:
		p.Record.Usernames = append(p.Record.Usernames, h.Address())
	}
	if shared && key != "" {
		p.Shared = append(p.Shared, key)
	}
}

// Refresh brings what can be matched of a customer up to date and reports whether
// anything changed. One that was merged into another, erased, or is gone, is removed.
func (i *Identity) Refresh(tx *store.Tx, id uint64) (changed bool, err error) {
	old, err := i.people.Get(tx, id)
	had := err == nil
	c, err := i.Customer(tx, id)
	if err != nil || c.MergedInto != 0 || !c.Erased.IsZero() {
		if !had {
			return false, nil
		}
		return true, i.people.Delete(tx, id)
	}
	p, err := i.personOf(tx, id)
	if err != nil || had && reflect.DeepEqual(p, old) {
		return false, err
	}
	return true, i.people.Put(tx, id, p)
}

// Stale tells that what is kept of a record for matching is not what Refresh would
// keep.
func (i *Identity) Stale(tx *store.Tx, id uint64) (bool, error) {
	had := i.Person(tx, id)
	c, err := i.Customer(tx, id)
	if err != nil || c.MergedInto != 0 || !c.Erased.IsZero() {
		return had != nil, err
	}
	p, err := i.personOf(tx, id)
	return had == nil || !reflect.DeepEqual(p, had), err
}

// Person is what is known of a customer for matching; nil before Refresh.
func (i *Identity) Person(tx *store.Tx, id uint64) *Person {
	p, err := i.people.Peek(tx, id)
	if err != nil {
		return nil
	}
	return p
}

// People returns the numbers of customers that can be matched, at most limit after
// one, in order.
func (i *Identity) People(tx *store.Tx, after uint64, limit int) (ids []uint64) {
	for e := range i.people.Scan(tx, store.Range{After: store.K().Uint(after)}) {
		if len(ids) == limit {
			break
		}
		ids = append(ids, e.ID)
	}
	return ids
}

// Records returns the numbers of customer records, merged ones too, at most limit
// after one, in order.
func (i *Identity) Records(tx *store.Tx, after uint64, limit int) (ids []uint64) {
	for e := range i.customers.Scan(tx, store.Range{After: store.K().Uint(after)}) {
		if len(ids) == limit {
			break
		}
		ids = append(ids, e.ID)
	}
	return ids
}

// Unlike tells that a name is that of somebody else than a customer, whatever he is
// called in his records. Where there is no name to compare it is not.
func (i *Identity) Unlike(tx *store.Tx, root *Customer, name string) (bool, error) {
	members, err := i.Members(tx, root.ID)
	unlike := false
	for _, c := range members {
		if c.Name == "" {
			continue
		}
		if unlike = match.Unlike(c.Name, name); !unlike {
			break
		}
	}
	return unlike, err
}

// UnlikeNames is Unlike of two names.
func UnlikeNames(a, b string) bool { return match.Unlike(a, b) }

// PeopleLen is how many customers can be matched.
func (i *Identity) PeopleLen(tx *store.Tx) int { return i.people.Len(tx) }

// Len is how many customer records there are, merged ones too.
func (i *Identity) Len(tx *store.Tx) int { return i.customers.Len(tx) }
