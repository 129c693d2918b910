// Package identity answers "who is this?": it brings addresses to one canonical
// form (handles), keeps which customer each handle belongs to and who decided
// so, and joins and parts customers in a way that can be undone exactly.
//
// On disk it keeps "handles" (address, owner, the decision that linked it),
// "customers" (the record with its card, and a pointer to the record it was
// merged into), "card_versions" (what fields of cards held before),
// "custom_fields", "companies", "memberships" and "relations" (of people to companies
// and to each other), "people" (derived: what is known of each customer in a form that
// can be matched) and "suggestions" (pairs that may be one person, and what was
// decided of them). Messages and events refer to handles, never to customers, so a
// link or a merge is a change of pointers and moves no message; undoing it puts
// everything back, and what came since goes to the right side by itself.
//
// Only an exact handle leads to a customer. What package match weighs becomes a
// suggestion; it joins two customers only by a rule that an administrator set.
package identity

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"throughline/message"
	"throughline/store"
)

// Customer is one person or organisation that writes to us.
type Customer struct {
	ID       uint64    `json:"-"`
	Name     string    `json:"name,omitempty"`
	Company  string    `json:"company,omitempty"`
	Note     string    `json:"note,omitempty"`
	Language string    `json:"language,omitempty"`
	TimeZone string    `json:"time_zone,omitempty"`
	Created  time.Time `json:"created"`

	Card

	// Erased is when what was known of this customer was erased; nothing is left but
	// the number.
	Erased time.Time `json:"erased,omitzero"`

	// MergedInto is the record that stands for this one since a merge, 0 if
	// the record stands for itself. Merge is who decided it.
	MergedInto uint64    `json:"merged_into,omitempty"`
	Merge      *Decision `json:"merge,omitempty"`
	// Gave is what records that stand, or stood, for this one took over from it: by the
	// name of the field for the one it was merged into, for one further up by the name,
	// "@" and its number.
	Gave map[string]Given `json:"gave,omitempty"`
}

// Handle is one address and its owner.
type Handle struct {
	ID       uint64         `json:"-"`
	News     bool           `json:"-"`      // set by Resolve if it learned something
	Handle   message.Handle `json:"handle"` // canonical
	Customer uint64         `json:"customer"`
	Name     string         `json:"name,omitempty"` // as last written by its user
	Verified bool           `json:"verified,omitempty"`
	Shared   bool           `json:"shared,omitempty"` // used by several people: suggests and never links
	Link     Decision       `json:"link"`
	// Names are further names that it was used with. Several says that they are
	// those of different people; Private that an agent knows better.
	Names   []string `json:"names,omitempty"`
	Several bool     `json:"several,omitempty"`
	Private bool     `json:"private,omitempty"`
	// Hints are other addresses, canonical, that the provider's directory names for
	// its user. They link nothing: a person does.
	Hints []Hint `json:"hints,omitempty"`
	// Picture is how its user shows himself, nil if no directory has told.
	Picture *Picture `json:"picture,omitempty"`
}

// Decision records who joined two things, when and why.
type Decision struct {
	By         string    `json:"by"` // "exact" (first contact), "agent:ID" or "rule:NAME"
	Time       time.Time `json:"time"`
	Reason     string    `json:"reason,omitempty"`
	Confidence float64   `json:"confidence"` // 0 to 1
}

// Exact is the By of a handle that made its own customer at first contact.
const Exact = "exact"

// Identity keeps customers and handles.
type Identity struct {
	handles     *store.Table[Handle]
	customers   *store.Table[Customer]
	versions    *store.Table[Version]
	fields      *store.Table[FieldDef]
	people      *store.Table[Person]
	suggestions *store.Table[Suggestion]
	firms       firms
	made        func(tx *store.Tx, h *Handle) error
}

// OnMade names what is called in the transaction that makes a handle. It is set once,
// before the first is made.
func (i *Identity) OnMade(f func(tx *store.Tx, h *Handle) error) { i.made = f }

// insert stores a new handle.
func (i *Identity) insert(tx *store.Tx, h *Handle) error {
	if err := i.handles.Insert(tx, h.ID, h); err != nil || i.made == nil {
		return err
	}
	return i.made(tx, h)
}

// New declares the tables in s.
func New(s *store.Store) *Identity {
	return &Identity{
		handles: store.NewTable(s, "handles", store.TableOptions[Handle]{
			Indexes: []store.Index[Handle]{
				{Name: "handle", Unique: true, Keys: func(h *Handle) []store.Key {
					return []store.Key{store.K().Str(string(h.Handle))}
				}},
				{Name: "customer", Keys: func(h *Handle) []store.Key {
					return []store.Key{store.K().Uint(h.Customer)}
				}},
				{Name: "words", Keys: handleWords},
				{Name: "picture", Keys: pictureKeys},
				{Name: hintIndex, Keys: hintKeys},
			},
		}),
		customers: store.NewTable(s, "customers", store.TableOptions[Customer]{
			Indexes: []store.Index[Customer]{
				{Name: "merged_into", Keys: func(c *Customer) []store.Key {
					if c.MergedInto == 0 {
						return nil
					}
					return []store.Key{store.K().Uint(c.MergedInto)}
				}},
				{Name: "words", Keys: customerWords},
			},
		}),
		versions:    newVersions(s),
		fields:      newFieldDefs(s),
		people:      newPeople(s),
		suggestions: newSuggestions(s),
		firms:       newFirms(s),
	}
}

// Find looks an address up; h need not be canonical.
func (i *Identity) Find(tx *store.Tx, h message.Handle) (*Handle, bool) {
	id, _, err := i.lookup(tx, h)
	if err != nil || id == 0 {
		return nil, false
	}
	handle, err := i.Handle(tx, id)
	return handle, err == nil
}

// lookup finds the ID of an address, 0 if nobody has it, and its canonical form.
// What is stored is canonical, so an address that is there as it stands needs no
// reading, which for a phone number is long work.
func (i *Identity) lookup(tx *store.Tx, h message.Handle) (id uint64, canonical message.Handle, err error) {
	if id, ok := i.handles.Lookup(tx, "handle", store.K().Str(string(h))); ok {
		return id, h, nil
	}
	if canonical, err = Canonical(h); err != nil || canonical == h {
		return 0, canonical, err
	}
	id, _ = i.handles.Lookup(tx, "handle", store.K().Str(string(canonical)))
	return id, canonical, nil
}

// Handle returns a handle by its ID; store.ErrNotFound if there is none.
func (i *Identity) Handle(tx *store.Tx, id uint64) (*Handle, error) {
	h, err := i.handles.Peek(tx, id)
	if err != nil {
		return nil, err
	}
	h.ID = id
	return h, nil
}

// Customer returns the record itself, merged or not; store.ErrNotFound if there
// is none.
func (i *Identity) Customer(tx *store.Tx, id uint64) (*Customer, error) {
	c, err := i.customers.Peek(tx, id)
	if err != nil {
		return nil, err
	}
	c.ID = id
	return c, nil
}

// Root returns the record that stands for customer id after all merges.
func (i *Identity) Root(tx *store.Tx, id uint64) (*Customer, error) {
	c, err := i.Customer(tx, id)
	// A merge joins two roots, so the pointers cannot form a ring; the bound
	// only keeps a damaged file from hanging the hub.
	for n := 0; err == nil && c.MergedInto != 0; n++ {
		if n == 1000 {
			return nil, fmt.Errorf("identity: customer %d is merged in a ring; run throughline check", id)
		}
		c, err = i.Customer(tx, c.MergedInto)
	}
	return c, err
}

// Living is the root of a customer who was not erased; store.ErrNotFound otherwise.
// Nothing is written to an erased record: it is in no list, and is not erased twice.
func (i *Identity) Living(tx *store.Tx, id uint64) (*Customer, error) {
	c, err := i.Root(tx, id)
	if err == nil && !c.Erased.IsZero() {
		return nil, fmt.Errorf("customer %d was erased: %w", id, store.ErrNotFound)
	}
	return c, err
}

// Members returns root and every record merged into it, directly or by way of
// another; root comes first.
func (i *Identity) Members(tx *store.Tx, root uint64) ([]*Customer, error) {
	c, err := i.Customer(tx, root)
	if err != nil {
		return nil, err
	}
	members := []*Customer{c}
	for n := 0; n < len(members); n++ {
		for e := range i.customers.Scan(tx, store.Range{Index: "merged_into", Prefix: store.K().Uint(members[n].ID)}) {
			m, err := i.Customer(tx, e.ID)
			if err != nil {
				return nil, err
			}
			members = append(members, m)
		}
	}
	return members, nil
}

// Handles returns the handles of all members of root, in the order they came.
func (i *Identity) Handles(tx *store.Tx, root uint64) ([]*Handle, error) {
	members, err := i.Members(tx, root)
	if err != nil {
		return nil, err
	}
	var handles []*Handle
	for _, m := range members {
		for e := range i.handles.Scan(tx, store.Range{Index: "customer", Prefix: store.K().Uint(m.ID)}) {
			h, err := i.Handle(tx, e.ID)
			if err != nil {
				return nil, err
			}
			handles = append(handles, h)
		}
	}
	slices.SortFunc(handles, func(a, b *Handle) int { return cmp.Compare(a.ID, b.ID) })
	return handles, nil
}

// Subjects returns the subjects whose timelines together are root's: all member
// records and all their handles.
func (i *Identity) Subjects(tx *store.Tx, root uint64) ([]uint64, error) {
	members, err := i.Members(tx, root)
	if err != nil {
		return nil, err
	}
	var ids []uint64
	for _, m := range members {
		ids = append(ids, m.ID)
		for e := range i.handles.Scan(tx, store.Range{Index: "customer", Prefix: store.K().Uint(m.ID)}) {
			ids = append(ids, e.ID)
		}
	}
	return ids, nil
}

// maxName is the longest name that is kept of what somebody calls himself, in
// characters.
const maxName = 200

// CutName shortens a name from outside to what is kept of it: senders may write
// anything there.
func CutName(name string) string {
	n := 0
	for i := range name {
		if n++; n > maxName {
			return name[:i]
		}
	}
	return name
}

// Resolve returns the handle of p, making it and a customer of its own at the
// first contact, and keeps p's hints with it. p.Handle must be canonical. verified tells that the sender was
// vouched for this time.
func (i *Identity) Resolve(tx *store.Tx, p message.Person, verified bool) (h *Handle, created bool, err error) {
	p.Name = CutName(p.Name)
	if id, ok := i.handles.Lookup(tx, "handle", store.K().Str(string(p.Handle))); ok {
		if h, err = i.Handle(tx, id); err != nil {
			return nil, false, err
		}
		changed := h.hint("", p.Hints, tx.Now())
		if verified && !h.Verified {
			h.Verified, changed = true, true
		}
		if h.usedBy(p.Name) {
			changed = true
		}
		if p.Name != "" && h.Name == "" {
			h.Name, changed = p.Name, true
			if err := i.nameCustomer(tx, h.Customer, p.Name); err != nil {
				return nil, false, err
			}
		}
		if h.News = changed; changed {
			err = i.handles.Put(tx, id, h)
		}
		return h, false, err
	}
	c := &Customer{ID: tx.NextID(), Name: p.Name, Created: tx.Now()}
	if err := i.customers.Insert(tx, c.ID, c); err != nil {
		return nil, false, err
	}
	h = &Handle{ID: tx.NextID(), Handle: p.Handle, Customer: c.ID, Name: p.Name, Verified: verified,
		Link: Decision{By: Exact, Time: tx.Now(), Confidence: 1}}
	h.hint("", p.Hints, tx.Now())
	return h, true, i.insert(tx, h)
}

func (i *Identity) nameCustomer(tx *store.Tx, id uint64, name string) error {
	c, err := i.Customer(tx, id)
	if err != nil || c.Name != "" {
		return err
	}
	c.Name = name
	return i.customers.Put(tx, id, c)
}

// Create makes a customer without handles.
func (i *Identity) Create(tx *store.Tx, name string) (*Customer, error) {
	c := &Customer{ID: tx.NextID(), Name: strings.TrimSpace(name), Created: tx.Now()}
	return c, i.customers.Insert(tx, c.ID, c)
}

// Change rewrites a customer's own fields; pointers of merges stay as they are.
func (i *Identity) Change(tx *store.Tx, id uint64, change func(*Customer)) (*Customer, error) {
	c, err := i.Customer(tx, id)
	if err != nil {
		return nil, err
	}
	into, merge, gave, created := c.MergedInto, c.Merge, c.Gave, c.Created
	change(c)
	c.MergedInto, c.Merge, c.Gave, c.Created = into, merge, gave, created
	return c, i.customers.Put(tx, id, c)
}

// SetShared marks a handle as used by several people, or takes the mark away.
func (i *Identity) SetShared(tx *store.Tx, id uint64, shared bool) (*Handle, error) {
	h, err := i.Handle(tx, id)
	if err != nil {
		return nil, err
	}
	h.Shared, h.Private = shared, !shared
	return h, i.handles.Put(tx, id, h)
}

// DisplayName is the best name there is for c: its own, else one that a handle
// of it was written with, else the address; "" if nobody knows who it is.
func (i *Identity) DisplayName(tx *store.Tx, c *Customer) string {
	if c.Name != "" || !c.Erased.IsZero() {
		return c.Name
	}
	address := ""
	for e := range i.handles.Scan(tx, store.Range{Index: "customer", Prefix: store.K().Uint(c.ID)}) {
		h, err := i.Handle(tx, e.ID)
		if err != nil {
			break
		}
		if h.Name != "" {
			return h.Name
		}
		if address == "" && h.Handle.Scheme() != Unknown {
			address = h.Handle.Address()
		}
	}
	return address
}
