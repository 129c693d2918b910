package identity

import (
	"time"

	"throughline/message"
	"throughline/store"
)

// Picture is how the user of a handle shows himself in his provider's directory. It
// is fetched after the directory named it; until then an older one is shown.
type Picture struct {
	Ref     string    `json:"ref"`     // its name for the connector; another name is another picture
	Account string    `json:"account"` // whose connector knows it
	Blob    string    `json:"blob,omitempty"`
	Type    string    `json:"type,omitempty"` // media type
	Next    time.Time `json:"next,omitzero"`  // of the next try to fetch it; zero if there is nothing to fetch
	Tries   int       `json:"tries,omitempty"`
}

// maxPictureRef is the longest name of a picture that is kept.
const maxPictureRef = 1000

func pictureKeys(h *Handle) []store.Key {
	if h.Picture == nil || h.Picture.Next.IsZero() {
		return nil
	}
	return []store.Key{store.K().Time(h.Picture.Next)}
}

// Depict keeps which picture a directory shows of somebody whose handle is known;
// p.Handle must be canonical. Another picture than before is to be fetched.
func (i *Identity) Depict(tx *store.Tx, account string, p message.Person) error {
	if p.Picture == "" || len(p.Picture) > maxPictureRef {
		return nil
	}
	h, ok := i.Find(tx, p.Handle)
	if !ok || h.Picture != nil && h.Picture.Ref == p.Picture {
		return nil
	}
	next := Picture{Ref: p.Picture, Account: account, Next: tx.Now()}
	if h.Picture != nil {
		next.Blob, next.Type = h.Picture.Blob, h.Picture.Type
	}
	h.Picture = &next
	return i.handles.Put(tx, h.ID, h)
}

// WatchHandles signals whoever waits for the next picture; see store.Table.Watch.
func (i *Identity) WatchHandles() (wake <-chan struct{}, stop func()) { return i.handles.Watch() }

// NextPicture returns the handle whose picture is to be fetched first, nil if there
// is none.
func (i *Identity) NextPicture(tx *store.Tx) (*Handle, error) {
	for e := range i.handles.Scan(tx, store.Range{Index: "picture"}) {
		return i.Handle(tx, e.ID)
	}
	return nil, nil
}

// SetPicture changes the picture of a handle, unless it is about another one by now.
func (i *Identity) SetPicture(tx *store.Tx, id uint64, p Picture) error {
	h, err := i.Handle(tx, id)
	if err != nil || h.Picture == nil || h.Picture.Ref != p.Ref {
		return err
	}
	h.Picture = &p
	return i.handles.Put(tx, id, h)
}

// Pictures calls use for the blob of every picture of a page of handles after an ID,
// and returns the last ID, 0 at the end.
func (i *Identity) Pictures(tx *store.Tx, after uint64, limit int, use func(sha string)) (last uint64, err error) {
	for e := range i.handles.Scan(tx, store.Range{After: store.K().Uint(after)}) {
		h, err := i.Handle(tx, e.ID)
		if err != nil {
			return 0, err
		}
		if h.Picture != nil && h.Picture.Blob != "" {
			use(h.Picture.Blob)
		}
		if last = e.ID; limit == 1 {
			return last, nil
		}
		limit--
	}
	return 0, nil
}
