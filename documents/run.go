package documents

import (
	"context"
	"errors"
	"time"

	"throughline/store"
	"throughline/timeline"
)

// Run looks at new files (virus scanner, then text), reminds of what expires, and
// forgets old openings, until ctx ends. One file at a time: this is never what
// people wait for.
func (l *Library) Run(ctx context.Context) error {
	if err := l.begin(ctx); err != nil {
		return err
	}
	// Watch before the first look, or a commit in between would be missed.
	files, stopFiles := l.files.Watch()
	defer stopFiles()
	docs, stopDocs := l.documents.Watch()
	defer stopDocs()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		next, err := l.work(ctx)
		if err != nil {
			if ctx.Err() != nil || errors.Is(err, store.ErrClosed) {
				return ctx.Err()
			}
			l.log.Error("documents", "error", err)
			next = time.Minute // a full disk, perhaps
		}
		timer.Reset(next)
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-timer.C:
		case <-files:
		case <-docs:
		}
	}
}

// begin fits what is known of files to how the hub is set up now.
func (l *Library) begin(ctx context.Context) error {
	_, err := l.eachFile(ctx, func(_ *store.Tx, f *File) bool {
		before := *f
		switch {
		case l.scanner != nil && f.Scan.unsettled():
			f.Scan = Scan{State: ScanWaiting}
		case l.scanner == nil && f.Scan.unsettled():
			f.Scan = Scan{}
		}
		if f.Text.State != "" && f.Text.Version != textVersion {
			f.Text.State = TextWaiting
		}
		return f.Scan != before.Scan || f.Text != before.Text || f.Text.State == TextWaiting
	})
	return err
}

// idle is how long Run sleeps at most.
const idle = time.Hour

// work does what is due and tells how long nothing will be.
func (l *Library) work(ctx context.Context) (time.Duration, error) {
	for {
		if err := ctx.Err(); err != nil {
			return 0, err
		}
		var f *File
		var doc uint64
		wait := idle
		if err := l.store.View(func(tx *store.Tx) (err error) {
			sooner := func(t time.Time) bool {
				wait = min(wait, max(t.Sub(tx.Now()), 0))
				return !t.After(tx.Now())
			}
			for e := range l.files.Scan(tx, store.Range{Index: "next"}) {
				next, err := l.files.Get(tx, e.ID)
				if err != nil {
					return err
				}
				if next.ID = e.ID; sooner(next.Next) {
					f = next
				}
				break
			}
			for e := range l.documents.Scan(tx, store.Range{Index: "remind"}) {
				d, err := l.Get(tx, e.ID)
				if err != nil {
					return err
				}
				if sooner(l.begins(d.remindAt())) {
					doc = d.ID
				}
				break
			}
			return nil
		}); err != nil {
			return 0, err
		}
		var err error
		switch {
		case doc != 0:
			err = l.remind(ctx, doc)
		case f == nil:
			return wait, l.trim(ctx)
		case l.scanner != nil && f.Scan.unsettled():
			err = l.scan(ctx, f)
		default:
			err = l.read(ctx, f)
		}
		if err != nil {
			return 0, err
		}
	}
}

// remind tells on the timeline that a document expires, once.
func (l *Library) remind(ctx context.Context, id uint64) error {
	return l.update(ctx, id, func(tx *store.Tx, d *Document) error {
		if at := d.remindAt(); at.IsZero() || l.begins(at).After(tx.Now()) {
			return nil // changed meanwhile
		}
		d.Reminded = tx.Now()
		if l.reminder != nil {
			if err := l.reminder(tx, d); err != nil {
				return err
			}
		}
		return l.tell(tx, timeline.DocumentExpiring, 0, d, false, 0)
	})
}

// trim forgets openings that are older than they are kept.
func (l *Library) trim(ctx context.Context) error {
	if l.keepLog == 0 {
		return nil
	}
	for {
		n := 0
		old := false
		if err := l.store.View(func(tx *store.Tx) error {
			for e := range l.openings.Scan(tx, store.Range{}) {
				o, err := l.openings.Get(tx, e.ID)
				if err != nil {
					return err
				}
				old = o.Time.Before(tx.Now().Add(-l.keepLog))
				break
			}
			return nil
		}); err != nil || !old {
			return err
		}
		if err := l.store.Update(ctx, func(tx *store.Tx) error {
			n = 0
			for e := range l.openings.Scan(tx, store.Range{}) {
				o, err := l.openings.Get(tx, e.ID)
				if err != nil {
					return err
				}
				if n == page || !o.Time.Before(tx.Now().Add(-l.keepLog)) {
					break
				}
				n++
				if err := l.openings.Delete(tx, e.ID); err != nil {
					return err
				}
			}
			return nil
		}); err != nil || n < page {
			return err
		}
	}
}
