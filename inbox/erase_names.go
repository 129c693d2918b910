package inbox

import (
	"context"

	"throughline/store"
)

// Somebody may have written from the address of another: the daughter from the family's
// number. A name that only he used there goes with his messages.

// fromOthers tells whether a message of his came from the address of somebody else.
func (e *eraser) fromOthers(r *Record) bool {
	return r.Refiled != nil && r.Sender != 0 && r.From.Name != "" && !e.isID(r.Sender)
}

// lent notes the name of a message of his from another's address.
func (f *findings) lent(e *eraser, r *Record) {
	if !e.fromOthers(r) {
		return
	}
	if f.names[r.Sender] == nil {
		f.names[r.Sender] = map[string]bool{}
	}
	f.names[r.Sender][r.From.Name] = false
}

// usedByOthers looks, if there are such names, whether others use them too.
func (f *findings) usedByOthers(ctx context.Context, e *eraser) error {
	if len(f.names) == 0 {
		return nil
	}
	return pages(ctx, e.Store, e.messages, func(_ *store.Tx, _ uint64, r *Record) error {
		names := f.names[r.Sender]
		if used, is := names[r.From.Name]; !is || used {
			return nil
		}
		his, err := e.his(r)
		if err == nil && !his {
			names[r.From.Name] = true
		}
		return err
	})
}

// forgetName takes the name of a message, that is about to be emptied, from the address
// of another it came from.
func (e *eraser) forgetName(r *Record) error {
	if !e.fromOthers(r) || e.found.names[r.Sender][r.From.Name] {
		return nil
	}
	hd, forgot, err := e.Identity.ForgetName(e.tx, r.Sender, r.From.Name)
	if err != nil || !forgot {
		return err
	}
	return e.noticeNow(e.tx, hd.Customer) // no event tells of it
}
