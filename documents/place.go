package documents

import (
	"context"
	"errors"
	"slices"

	"throughline/store"
	"throughline/timeline"
)

// Place is whose a document is: a customer's or a company's, never both.
type Place struct{ Customer, Company uint64 }

// Place returns whose d is.
func (d *Document) Place() Place { return Place{d.Owner, d.Company} }

// checkPlace checks that documents can be put at p.
func (l *Library) checkPlace(tx *store.Tx, p Place) error {
	switch {
	case p.Customer != 0 && p.Company != 0:
		return &InvalidError{"company", "a document is a customer's or a company's: choose one of them"}
	case p.Company != 0:
		if _, err := l.identity.Company(tx, p.Company); errors.Is(err, store.ErrNotFound) {
			return &InvalidError{"company", "there is no such company: choose whose document this is"}
		} else if err != nil {
			return err
		}
		return nil
	}
	if _, err := l.identity.Living(tx, p.Customer); errors.Is(err, store.ErrNotFound) {
		return &InvalidError{"owner", "there is no such customer: choose whose document this is"}
	} else if err != nil {
		return err
	}
	return nil
}

// Move gives a document to somebody else, with all of its versions and links.
func (l *Library) Move(ctx context.Context, agent, id uint64, to Place) error {
	return l.update(ctx, id, func(tx *store.Tx, d *Document) error {
		if err := d.there(); err != nil {
			return err
		}
		if err := l.checkPlace(tx, to); err != nil || to == d.Place() {
			return err
		}
		var left []uint64
		if d.Owner != 0 {
			left = append(left, d.Owner)
		}
		d.Owner, d.Company = to.Customer, to.Company
		d.Changed, d.ChangedBy = tx.Now(), agent
		return l.tell(tx, timeline.DocumentMoved, agent, d, false, 0, left...)
	})
}

// OfCompany counts a company's own documents, those in the bin too.
func (l *Library) OfCompany(tx *store.Tx, company uint64) (n int) {
	for range l.documents.Scan(tx, store.Range{Index: "company", Prefix: store.K().Uint(company)}) {
		n++
	}
	return n
}

// at tells whether a document is at one of the places that are wanted.
func (f *Filter) at(d *Document) bool {
	return !f.placed() || d.Company != 0 && d.Company == f.Company || d.Owner != 0 && slices.Contains(f.Owners, d.Owner)
}

// placed tells whether only documents of some places are wanted.
func (f *Filter) placed() bool { return len(f.Owners) > 0 || f.Company != 0 }
