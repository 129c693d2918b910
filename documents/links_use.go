package documents

import (
	"context"
	"errors"
	"net/netip"
	"time"

	"throughline/store"
	"throughline/timeline"
)

// Followed is where a link leads.
type Followed struct {
	Link     *Link
	Document *Document
	Version  Version
}

// Follow finds what a token leads to, or a *LinkError. It writes nothing down.
func (l *Library) Follow(tx *store.Tx, token string) (*Followed, error) {
	id, ok := l.links.Lookup(tx, "digest", store.K().Str(digest(token)))
	if !ok {
		return nil, &LinkError{LinkUnknown}
	}
	k, err := l.links.Get(tx, id)
	if err != nil {
		return nil, err
	}
	k.ID = id
	if err := k.holds(tx.Now()); err != nil {
		return nil, err
	}
	d, err := l.Get(tx, k.Document)
	if err != nil {
		return nil, err
	}
	if !d.Deleted.IsZero() {
		return nil, &LinkError{LinkGone}
	}
	v, err := d.Version(k.Version)
	if err != nil {
		return nil, &LinkError{LinkGone}
	}
	if l.Safe(tx, v.Blob) != nil {
		return nil, &LinkError{LinkGone}
	}
	return &Followed{k, d, *v}, nil
}

// Visit is that somebody at an address looks at the page of a link. It is written
// down, unless the address was there a short while ago or very many were.
func (l *Library) Visit(ctx context.Context, token, address string) (f *Followed, err error) {
	known := false
	if err := l.store.View(func(tx *store.Tx) error {
		if f, err = l.Follow(tx, token); err != nil {
			return err
		}
		known, err = l.visited(tx, f.Link, address)
		return err
	}); err != nil || known {
		return f, err
	}
	err = l.store.Update(ctx, func(tx *store.Tx) error {
		if f, err = l.Follow(tx, token); err != nil {
			return err
		}
		// Again: others may have come in the same moment.
		if known, err = l.visited(tx, f.Link, address); err != nil || known {
			return err
		}
		if hour := tx.Now().Truncate(time.Hour); !f.Link.Hour.Equal(hour) {
			f.Link.Hour, f.Link.HourVisits = hour, 0
		}
		f.Link.HourVisits++
		f.Link.Visits++
		return l.used(tx, f, address, ByLink)
	})
	return f, err
}

// visited tells that a visit need not be written down.
func (l *Library) visited(tx *store.Tx, k *Link, address string) (bool, error) {
	if k.HourVisits >= VisitsHourly && k.Hour.Equal(tx.Now().Truncate(time.Hour)) {
		return true, nil
	}
	for e := range l.openings.Scan(tx, store.Range{Index: "visit", Prefix: store.K().Uint(k.ID).Str(Network(address)), Reverse: true}) {
		o, err := l.openings.Get(tx, e.ID)
		if errors.Is(err, store.ErrNotFound) {
			return false, nil
		}
		return err == nil && tx.Now().Sub(o.Time) < sameVisit, err
	}
	return false, nil
}

// Network is what addresses of one household or office have in common: an IPv6
// address is one of 2^64 that anybody there can take.
func Network(address string) string {
	a, err := netip.ParseAddr(address)
	if err != nil || a.Unmap().Is4() {
		return address
	}
	p, err := a.WithZone("").Prefix(64)
	if err != nil {
		return address
	}
	return p.String()
}

// Attempt counts a try of a link's password before it is looked at, so that a
// thousand tries at once are no way around, and shuts the link after several. Take
// takes the count back.
func (l *Library) Attempt(ctx context.Context, token string) (f *Followed, err error) {
	err = l.store.Update(ctx, func(tx *store.Tx) error {
		if f, err = l.Follow(tx, token); err != nil {
			return err
		}
		k := f.Link
		if k.Wrong++; k.Wrong >= WrongPasswords {
			k.ShutUntil = tx.Now().Add(min(shutFor<<min(k.Shuts, 10), maxShut))
			k.Wrong, k.Shuts = 0, k.Shuts+1
		}
		return l.links.Put(tx, k.ID, k)
	})
	return f, err
}

// Take writes down that somebody at an address saves the file of a link. proven: they
// knew the password, at an attempt that was let in; that it was the last before the
// link was shut does not matter then.
func (l *Library) Take(ctx context.Context, token, address string, proven bool) (f *Followed, err error) {
	err = l.store.Update(ctx, func(tx *store.Tx) error {
		if proven {
			if err := l.reopen(tx, token); err != nil {
				return err
			}
		}
		if f, err = l.Follow(tx, token); err != nil {
			return err
		}
		f.Link.Downloads++
		return l.used(tx, f, address, ByLinkFile)
	})
	return f, err
}

// reopen forgets the wrong passwords of a link.
func (l *Library) reopen(tx *store.Tx, token string) error {
	id, ok := l.links.Lookup(tx, "digest", store.K().Str(digest(token)))
	if !ok {
		return nil // Follow says so
	}
	k, err := l.links.Get(tx, id)
	if err != nil {
		return err
	}
	k.Wrong, k.Shuts, k.ShutUntil = 0, 0, time.Time{}
	return l.links.Put(tx, id, k)
}

// used writes down that a link was opened.
func (l *Library) used(tx *store.Tx, f *Followed, address, how string) error {
	first := f.Link.Last.IsZero()
	f.Link.Last = tx.Now()
	if err := l.links.Put(tx, f.Link.ID, f.Link); err != nil {
		return err
	}
	if err := l.opened(tx, Opening{Document: f.Document.ID, Version: f.Version.Number, How: how, Link: f.Link.ID, Address: address}); err != nil {
		return err
	}
	// The first time is news; later ones stand in the list of openings.
	return l.tell(tx, timeline.DocumentOpened, 0, f.Document, !first, f.Version.Number)
}
