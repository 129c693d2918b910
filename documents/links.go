package documents

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"throughline/store"
	"throughline/timeline"
)

// Limits of links.
const (
	MaxLinks     = 100 // of a document
	MaxLinkDays  = 366 // that a link can hold
	MaxDownloads = 10000
	maxLinkNote  = 200 // characters

	// After so many wrong passwords a link is shut for a while, each time for twice as
	// long.
	WrongPasswords = 10
	shutFor        = 15 * time.Minute
	maxShut        = 4 * time.Hour

	// Looking at the page of a link is written down once in a while for each address,
	// and so often in an hour for all of them: whoever has a link cannot fill the disk.
	sameVisit    = 15 * time.Minute
	VisitsHourly = 60
)

// Link lets somebody outside open a document.
type Link struct {
	ID        uint64    `json:"-"`
	Document  uint64    `json:"document"`
	Version   int       `json:"version,omitempty"` // 0 is whichever is current
	Digest    string    `json:"digest"`            // SHA-256 of the token, in hexadecimal
	By        uint64    `json:"by,omitempty"`
	Created   time.Time `json:"created"`
	Expires   time.Time `json:"expires"`
	Password  string    `json:"password,omitempty"` // a hash that whoever asks for it knows to check
	Max       int       `json:"max,omitempty"`      // downloads, 0 any number
	Note      string    `json:"note,omitempty"`     // for whom it is
	Revoked   time.Time `json:"revoked,omitzero"`
	RevokedBy uint64    `json:"revoked_by,omitempty"`

	Visits     int       `json:"visits,omitempty"` // those written down
	Downloads  int       `json:"downloads,omitempty"`
	Last       time.Time `json:"last,omitzero"`   // visit or download
	Wrong      int       `json:"wrong,omitempty"` // passwords since the last right one, or since it was shut
	Shuts      int       `json:"shuts,omitempty"` // since the last right one
	ShutUntil  time.Time `json:"shut_until,omitzero"`
	Hour       time.Time `json:"hour,omitzero"` // in which HourVisits were written down
	HourVisits int       `json:"hour_visits,omitempty"`
}

// LinkError tells why a link does not lead to its document (any more).
type LinkError struct{ Why string }

func (e *LinkError) Error() string { return "this link does not work: " + e.Why }

// Why a link does not work.
const (
	LinkUnknown = "unknown"
	LinkExpired = "expired"
	LinkRevoked = "revoked"
	LinkUsedUp  = "used up"
	LinkGone    = "gone" // its document was deleted, or cannot be opened
	LinkShut    = "shut" // for a while, after wrong passwords
)

// holds returns why a link does not work.
func (k *Link) holds(now time.Time) error {
	switch {
	case !k.Revoked.IsZero():
		return &LinkError{LinkRevoked}
	case !now.Before(k.Expires):
		return &LinkError{LinkExpired}
	case k.Max > 0 && k.Downloads >= k.Max:
		return &LinkError{LinkUsedUp}
	case now.Before(k.ShutUntil):
		return &LinkError{LinkShut}
	}
	return nil
}

// Active tells whether a link can still be used, now or once it is not shut any
// more.
func (k *Link) Active(now time.Time) bool {
	err := k.holds(now)
	return err == nil || now.Before(k.ShutUntil) && err.(*LinkError).Why == LinkShut
}

func newLinks(s *store.Store) *store.Table[Link] {
	return store.NewTable(s, "document_links", store.TableOptions[Link]{
		Indexes: []store.Index[Link]{
			{Name: "digest", Unique: true, Keys: func(k *Link) []store.Key { return []store.Key{store.K().Str(k.Digest)} }},
			{Name: "document", Keys: func(k *Link) []store.Key { return []store.Key{store.K().Uint(k.Document)} }},
		},
	})
}

func digest(token string) string {
	sum := sha256.Sum256([]byte(token))
	return hex.EncodeToString(sum[:])
}

// NewLink is a link to be made.
type NewLink struct {
	Version  int
	Expires  time.Time
	Password string // hash
	Max      int
	Note     string
}

// Share makes a link. The token is returned this once; only its digest is kept.
func (l *Library) Share(ctx context.Context, agent, id uint64, n NewLink) (link *Link, token string, err error) {
	n.Note = strings.TrimSpace(n.Note)
	switch {
	case n.Max < 0 || n.Max > MaxDownloads:
		return nil, "", &InvalidError{"max", fmt.Sprintf("a link can be used up to %d times; 0 is any number", MaxDownloads)}
	case utf8.RuneCountInString(n.Note) > maxLinkNote:
		return nil, "", &InvalidError{"note", fmt.Sprintf("this has at most %d characters", maxLinkNote)}
	}
	token = rand.Text()
	err = l.update(ctx, id, func(tx *store.Tx, d *Document) error {
		if err := d.there(); err != nil {
			return err
		}
		if !n.Expires.After(tx.Now()) || n.Expires.After(tx.Now().AddDate(0, 0, MaxLinkDays)) {
			return &InvalidError{"expires", fmt.Sprintf("a link holds for up to %d days from now", MaxLinkDays)}
		}
		v, err := d.Version(n.Version)
		if err != nil {
			return &InvalidError{"version", "there is no such version"}
		}
		if err := l.Safe(tx, v.Blob); err != nil {
			return err
		}
		active := 0
		for e := range l.links.Scan(tx, store.Range{Index: "document", Prefix: store.K().Uint(id)}) {
			k, err := l.links.Get(tx, e.ID)
			if err != nil {
				return err
			}
			if k.Active(tx.Now()) {
				active++
			}
		}
		if active >= MaxLinks {
			return &ConflictError{fmt.Sprintf("a document has at most %d links at a time: take some back", MaxLinks)}
		}
		link = &Link{ID: tx.NextID(), Document: id, Version: n.Version, Digest: digest(token), By: agent, Created: tx.Now(), Expires: n.Expires.UTC(), Password: n.Password, Max: n.Max, Note: n.Note}
		if err := l.links.Insert(tx, link.ID, link); err != nil {
			return err
		}
		return l.tell(tx, timeline.DocumentShared, agent, d, false, n.Version)
	})
	return link, token, err
}

// Links returns a document's links, newest first.
func (l *Library) Links(tx *store.Tx, id uint64) (list []Link, err error) {
	for e := range l.links.Scan(tx, store.Range{Index: "document", Prefix: store.K().Uint(id), Reverse: true}) {
		k, err := l.links.Get(tx, e.ID)
		if err != nil {
			return nil, err
		}
		k.ID = e.ID
		list = append(list, *k)
	}
	return list, nil
}

// Revoke takes a link back.
func (l *Library) Revoke(ctx context.Context, agent, id, link uint64) error {
	return l.update(ctx, id, func(tx *store.Tx, d *Document) error {
		k, err := l.links.Get(tx, link)
		if err != nil {
			return err
		}
		if k.Document != id {
			return fmt.Errorf("document %d has no link %d: %w", id, link, ErrNotFound)
		}
		if !k.Revoked.IsZero() {
			return nil
		}
		k.Revoked, k.RevokedBy = tx.Now(), agent
		if err := l.links.Put(tx, link, k); err != nil {
			return err
		}
		return l.tell(tx, timeline.DocumentRevoked, agent, d, false, 0)
	})
}

// dropLinks forgets the links of a document.
func (l *Library) dropLinks(tx *store.Tx, document uint64) error {
	for e := range l.links.Scan(tx, store.Range{Index: "document", Prefix: store.K().Uint(document)}) {
		if err := l.links.Delete(tx, e.ID); err != nil {
			return err
		}
	}
	return nil
}
