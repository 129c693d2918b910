package inbox

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"throughline/connectors"
	"throughline/identity"
	"throughline/message"
	"throughline/store"
	"throughline/timeline"
)

const (
	pictureTimeout = 30 * time.Second
	pictureTries   = 5
	pictureRetry   = 10 * time.Minute // after the first failure; doubled each time
)

// pictureTypes are the media types that are kept: those that every browser shows and
// that hold nothing but a picture.
var pictureTypes = []string{"image/png", "image/jpeg", "image/gif", "image/webp"}

// PictureNews is what an event CustomerChanged tells, under "picture", of a picture
// of its one subject that has come: the content now and before, "" if there was none.
type PictureNews struct {
	Blob    string `json:"blob"`
	Type    string `json:"type"`
	Was     string `json:"was,omitempty"`
	WasType string `json:"was_type,omitempty"`
}

// fetchPictures fetches the pictures of people that their directories show, each
// once.
func (h *Hub) fetchPictures(ctx context.Context) {
	wake, stop := h.Identity.WatchHandles()
	defer stop()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for ctx.Err() == nil {
		wait, err := h.nextPicture(ctx)
		if err != nil && ctx.Err() == nil {
			h.log.Error("fetch pictures", "error", err)
			wait = 30 * time.Second
		}
		timer.Reset(wait)
		select {
		case <-wake:
		case <-timer.C:
		case <-ctx.Done():
		}
	}
}

// nextPicture fetches what is due and tells how long nothing else is.
func (h *Hub) nextPicture(ctx context.Context) (time.Duration, error) {
	for ctx.Err() == nil {
		var of *identity.Handle
		err := h.Store.View(func(tx *store.Tx) (err error) {
			of, err = h.Identity.NextPicture(tx)
			return err
		})
		if err != nil || of == nil {
			return time.Hour, err
		}
		if left := time.Until(of.Picture.Next); left > 0 {
			return min(left, time.Hour), nil
		}
		p := *of.Picture
		sha, kind, err := h.fetchPicture(ctx, &p)
		if ctx.Err() != nil {
			return 0, ctx.Err()
		}
		if err == nil {
			p.Blob, p.Type, p.Next, p.Tries = sha, kind, time.Time{}, 0
		} else if p.Tries++; p.Tries < pictureTries {
			p.Next = time.Now().Add(pictureRetry << p.Tries)
		} else {
			p.Next = time.Time{}
			h.log.Warn("the picture of somebody is given up", "account", p.Account, "handle", of.ID, "error", err)
		}
		news := PictureNews{Blob: p.Blob, Type: p.Type, Was: of.Picture.Blob, WasType: of.Picture.Type}
		if err := h.Store.Update(ctx, func(tx *store.Tx) error {
			if err := h.Identity.SetPicture(tx, of.ID, p); err != nil || !p.Next.IsZero() || p.Tries > 0 {
				return err
			}
			_, err := h.Timeline.Append(tx, timeline.Event{Kind: timeline.CustomerChanged, Customer: of.Customer, Subjects: []uint64{of.ID}, Quiet: true, Data: eventData("picture", news)})
			return err
		}); err != nil {
			return 0, err
		}
	}
	return 0, ctx.Err()
}

// fetchPicture stores a picture. The type is what its bytes say.
func (h *Hub) fetchPicture(ctx context.Context, p *identity.Picture) (sha, kind string, err error) {
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("the connector failed: %v", v)
		}
	}()
	r := h.runner(p.Account)
	if r == nil {
		return "", "", errors.New("the account is not connected")
	}
	from, ok := r.conn.(connectors.Picturer)
	if !ok {
		return "", "", errors.New("the channel has no pictures")
	}
	ctx, cancel := context.WithTimeout(ctx, pictureTimeout)
	defer cancel()
	b, err := from.Picture(ctx, p.Ref)
	if err != nil {
		return "", "", err
	}
	if kind = http.DetectContentType(b); len(b) > connectors.MaxPicture || !slices.Contains(pictureTypes, kind) {
		return "", "", fmt.Errorf("%d bytes of %s are no picture that is kept", len(b), kind)
	}
	ref, err := h.Blobs.Put(ctx, bytes.NewReader(b))
	return ref.SHA256, kind, err
}

// heard takes in what a directory says now of somebody who has written before.
func (h *Hub) heard(tx *store.Tx, account string, p message.Person) error {
	known, ok := h.Identity.Find(tx, p.Handle)
	if !ok {
		return nil
	}
	p.Handle, p.Hints = known.Handle, h.readHints(account, p.Hints)
	now, _, err := h.Identity.Resolve(tx, p, false)
	if err != nil {
		return err
	}
	if now.News {
		if err := h.noticeNow(tx, now.Customer); err != nil {
			return err
		}
	}
	return h.Identity.Depict(tx, account, p)
}

// keepPictures names the blobs of pictures for Sweep.
func (h *Hub) keepPictures(ctx context.Context, use func(sha string)) error {
	for after, more := uint64(0), true; more; {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := h.Store.View(func(tx *store.Tx) (err error) {
			after, err = h.Identity.Pictures(tx, after, maxBatch, use)
			more = after != 0
			return err
		}); err != nil {
			return err
		}
	}
	return nil
}
