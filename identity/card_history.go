package identity

import (
	"slices"
	"time"

	"throughline/store"
)

// Version is what a field held before a change.
type Version struct {
	ID       uint64    `json:"-"` // Stamp.Rev of the change that replaced it
	Customer uint64    `json:"customer"`
	Field    string    `json:"field"`
	Value    string    `json:"value"`
	Set      Stamp     `json:"set"` // who had written it; zero if that is not known
	By       string    `json:"by"`  // who replaced it
	Time     time.Time `json:"time"`
}

func (i *Identity) trimVersions(tx *store.Tx, customer uint64, field string) error {
	n := 0
	for e := range i.versions.Scan(tx, store.Range{Index: "field", Prefix: store.K().Uint(customer).Str(field), Reverse: true}) {
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
		n := 0
		for e := range i.versions.Scan(tx, store.Range{Index: "field", Prefix: store.K().Uint(m.ID).Str(field), Reverse: true}) {
			v, err := i.versions.Get(tx, e.ID)
			if err != nil {
				return nil, err
			}
			v.ID = e.ID
			all = append(all, v)
			if n++; n == limit {
				break
			}
		}
	}
	slices.SortFunc(all, func(a, b *Version) int {
		return int(int64(b.ID) - int64(a.ID))
	})
	return all[:min(limit, len(all))], nil
}

func newVersions(s *store.Store) *store.Table[Version] {
	return store.NewTable(s, "card_versions", store.TableOptions[Version]{
		Compress: true, Append: true,
		Indexes: []store.Index[Version]{{Name: "field", Keys: func(v *Version) []store.Key {
			return []store.Key{store.K().Uint(v.Customer).Str(v.Field)}
		}}},
	})
}
