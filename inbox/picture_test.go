package inbox

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"throughline/connectors"
	"throughline/identity"
	"throughline/message"
	"throughline/store"
)

// Picture is what the directory of the texters shows.
func (c *texter) Picture(_ context.Context, name string) ([]byte, error) {
	switch name {
	case "one":
		return []byte(png), nil
	case "two":
		return []byte(gif), nil
	case "page":
		return []byte("<html><script>"), nil
	case "large":
		return []byte(png + strings.Repeat("x", connectors.MaxPicture)), nil
	}
	return nil, errors.New("there is no such picture")
}

const (
	png = "\x89PNG\r\n\x1a\n a picture"
	gif = "GIF89a another picture"
)

// A picture is fetched once, replaced by another one, and swept when nobody shows it;
// what is no picture is not kept.
func TestPicture(t *testing.T) {
	w := newWorld(t)
	s := w.texter("line", "+447700900001", nil)
	has := func(sha string) bool { _, err := w.Blobs.Stat(sha); return err == nil }
	await := func(what string, ok func(identity.Picture) bool) (p identity.Picture) {
		t.Helper()
		wake, stop := w.Store.Watch()
		defer stop()
		late := time.After(20 * time.Second)
		for {
			w.view(func(tx *store.Tx) error {
				if h, found := w.Identity.Find(tx, message.NewHandle("tel", annsNumber)); found && h.Picture != nil {
					p = *h.Picture
				}
				return nil
			})
			if ok(p) {
				return p
			}
			select {
			case <-wake:
			case <-late:
				t.Fatalf("%s: %+v", what, p)
			}
		}
	}
	say := func(picture string) {
		m := s.message(annsNumber, "hello")
		m.From.Picture = picture
		w.take(s, connectors.Batch{Messages: []message.Message{m}})
		if r := w.byKey(m.Key); r.From.Picture != "" {
			t.Errorf("the name of the picture stands in the message: %+v", r.From)
		}
	}
	say("")
	say("one")
	first := await("the picture", func(p identity.Picture) bool { return p.Blob != "" })
	if first.Type != "image/png" || !has(first.Blob) || !first.Next.IsZero() {
		t.Errorf("%+v", first)
	}
	say("one")
	if p := await("the same", func(identity.Picture) bool { return true }); p != first {
		t.Errorf("fetched again: %+v", p)
	}
	for _, bad := range []string{"page", "large", "none"} {
		say(bad)
		if p := await(bad, func(p identity.Picture) bool { return p.Ref == bad && p.Tries > 0 }); p.Blob != first.Blob || p.Tries != 1 || p.Next.IsZero() {
			t.Errorf("%s: %+v", bad, p)
		}
	}
	// The directory tells of a change; who never wrote is passed over.
	w.take(s, connectors.Batch{People: []message.Person{
		{Name: "Ann Other", Handle: message.NewHandle("tel", annsNumber), Picture: "two"}, {Name: "X", Handle: "tel:+447700900555", Picture: "one"}}})
	second := await("the other", func(p identity.Picture) bool { return p.Blob != first.Blob })
	if second.Type != "image/gif" || second.Blob == first.Blob || second.Tries != 0 {
		t.Errorf("%+v", second)
	}
	w.view(func(tx *store.Tx) error {
		if _, ok := w.Identity.Find(tx, "tel:+447700900555"); ok {
			t.Error("somebody who never wrote is known")
		}
		return nil
	})
	if _, err := w.Sweep(t.Context(), -time.Hour); err != nil {
		t.Fatal(err)
	}
	if has(first.Blob) || !has(second.Blob) {
		t.Error("the wrong picture was swept")
	}
	// Given up at last.
	say("none")
	for n := 1; n <= pictureTries; n++ {
		p := await("a try", func(p identity.Picture) bool { return p.Tries == n })
		if done := n == pictureTries; done != p.Next.IsZero() || p.Blob != second.Blob {
			t.Fatalf("after %d tries: %+v", n, p)
		} else if !done {
			p.Next = time.Now().Add(-time.Second)
			w.update(func(tx *store.Tx) error {
				h, _ := w.Identity.Find(tx, message.NewHandle("tel", annsNumber))
				return w.Identity.SetPicture(tx, h.ID, p)
			})
		}
	}
}
