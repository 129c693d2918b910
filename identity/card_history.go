package identity

import (
	"slices"
	"time"

	"throughline/store"
)

// Version is what a field held before a change.
type Version struct {
	ID       uint64    `json:"-"`        // Stamp.Rev of the change that replaced it
	Customer uint64    `json:"customer"` // the record, or the company
	Field    string    `json:"field"`
	Value    string    `json:"value"`
	Set      Stamp     `json:"set"` // who had written it; zero if that is not known
	By       string    `json:"by"`  // who replaced it
	Time     time.Time `json:"time"`
}

// keep notes a former value under the ID it has; of many the oldest goes.
func (i *Identity) keep(tx *store.Tx, v *Version) error {
	if err := i.versions.Insert(tx, v.ID, v); err != nil {
		return err
	}
	n := 0
	for e := range i.versions.Scan(tx, store.Range{Index: "field", Prefix: store.K().Uint(v.Customer).Str(v.Field), Reverse: true}) {
		if n++; n > maxVersions {
			return i.versions.Delete(tx, e.ID)
		}
	}
	return nil
}

// History returns the former values of a field over all records of a customer,
// newest first, at most limit.
func (i *Identity) History(tx *store.Tx, id uint64, field string, limit int) ([]*Version, error) {
	root, err := i.Root(tx, id)
	if err != nil {
		return nil, err
	}
	members, err := i.Members(tx, root.ID)
	if err != nil {
		return nil, err
	}
	var all []*Version
	for _, m := range members {
		part, err := i.former(tx, m.ID, field, limit)
		if err != nil {
			return nil, err
		}
		all = append(all, part...)
	}
	slices.SortFunc(all, func(a, b *Version) int {
		return int(int64(b.ID) - int64(a.ID))
	})
	return all[:min(limit, len(all))], nil
}

// CompanyHistory returns the former values of a field of a company ("name",
// "domains", "note" or a custom field), newest first, at most limit.
func (i *Identity) CompanyHistory(tx *store.Tx, id uint64, field string, limit int) ([]*Version, error) {
	if _, err := i.Company(tx, id); err != nil {
		return nil, err
	}
	return i.former(tx, id, field, limit)
}

func (i *Identity) former(tx *store.Tx, id uint64, field string, limit int) (list []*Version, err error) {
	for e := range i.versions.Scan(tx, store.Range{Index: "field", Prefix: store.K().Uint(id).Str(field), Reverse: true}) {
		v, err := i.versions.Get(tx, e.ID)
		if err != nil {
			return nil, err
		}
		v.ID = e.ID
		if list = append(list, v); len(list) == limit {
			break
		}
	}
	return list, nil
}

func newVersions(s *store.Store) *store.Table[Version] {
	return store.NewTable(s, "card_versions", store.TableOptions[Version]{
		Compress: true, Append: true,
		Indexes: []store.Index[Version]{{Name: "field", Keys: func(v *Version) []store.Key {
			return []store.Key{store.K().Uint(v.Customer).Str(v.Field)}
		}}},
	})
}
