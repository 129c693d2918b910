package inbox

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"throughline/blob"
	"throughline/identity"
	"throughline/message"
)

// arrival is an incoming message made ready outside the transaction.
type arrival struct {
	m       message.Message // handles canonical, parts in blobs
	whole   message.Content // the item as it was delivered
	raw     []byte          // packed, if it lies beside the record
	rawBlob string
	footer  string           // if it may name addresses of its writer
	country string           // with which its numbers were read
	named   []message.Handle // those addresses
}

// held makes a held item of one that cannot be stored.
func (a *arrival) held(why error) message.Held {
	return message.Held{Source: a.m.Source, Key: a.m.Key, Reason: "it was read and cannot be stored: " + why.Error(), Raw: a.whole}
}

// prepare does all that needs no database: canonical handles, blobs, packing.
func (h *Hub) prepare(ctx context.Context, account string, m message.Message) (*arrival, error) {
	m.Account, m.ID, m.Token = account, 0, ""
	if m.Direction == "" {
		m.Direction = message.In
	}
	canonicalise(&m)
	m.From.Hints = h.readHints(account, m.From.Hints)
	m.Deleted, m.Former, m.Thread, m.Automatic = time.Time{}, nil, nil, false // ours to say
	m.Time, m.Received = calendar(m.Time), calendar(m.Received)
	m.Reports = slices.Clone(m.Reports)
	for i := range m.Reports {
		m.Reports[i].Time = calendar(m.Reports[i].Time)
	}
	m.Parts = slices.Clone(m.Parts)
	for i := range m.Parts {
		p := &m.Parts[i]
		if p.Content == nil {
			continue
		}
		ref, err := h.putBlob(ctx, p.Content)
		if err != nil {
			return nil, fmt.Errorf("store attachment: %w", err)
		}
		p.Blob, p.Size, p.Content = ref.SHA256, ref.Size, nil
	}
	a := &arrival{m: m, whole: m.Raw}
	if a.footer = footerOf(&m); a.footer != "" {
		a.country = h.homeOf(account)
		a.named = identity.SignatureHandles(a.footer, a.country)
	}
	switch raw := m.Raw; {
	case raw == nil:
	case raw.Size() > maxInlineRaw:
		ref, err := h.putBlob(ctx, raw)
		if err != nil {
			return nil, fmt.Errorf("store raw item: %w", err)
		}
		a.rawBlob = ref.SHA256
	default:
		data, err := readAll(raw)
		if err != nil {
			return nil, err
		}
		a.raw = tozstd.EncodeAll(data, make([]byte, 0, len(data)/2+64))
	}
	a.m.Raw = nil
	return a, nil
}

func readAll(c message.Content) ([]byte, error) {
	if b, ok := c.(message.Bytes); ok {
		return b, nil
	}
	r, err := c.Open()
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return io.ReadAll(r)
}

// canonicalise brings all handles of m to their stored form. One that has none
// (a From that is no address) is left out of the lists and told as a warning.
func canonicalise(m *message.Message) {
	fix := func(list []message.Person) []message.Person {
		var out []message.Person
		seen := make(map[message.Handle]bool, len(list)) // there may be thousands
		for _, p := range list {
			c, err := identity.Canonical(p.Handle)
			if err != nil {
				m.Warnings = append(m.Warnings, "left out an address: "+err.Error())
				continue
			}
			p.Handle = c
			if !seen[c] {
				seen[c] = true
				out = append(out, p)
			}
		}
		return out
	}
	m.To, m.Cc, m.ReplyTo = fix(m.To), fix(m.Cc), fix(m.ReplyTo)
	from, err := identity.Canonical(m.From.Handle)
	if err != nil {
		// Such items share one customer per account: there is nobody to tell
		// apart, and they have to be seen.
		from = message.NewHandle(identity.Unknown, m.Account)
		if m.From.Name == "" {
			m.From.Name = "Unknown sender"
		}
	}
	m.From.Handle = from
	for _, list := range [][]message.Person{m.To, m.Cc, m.ReplyTo} {
		for i := range list {
			list[i].Hints = nil
		}
	}
}

// calendar brings a time to UTC. One that no calendar has (a sender may claim any
// year) could not be stored and counts as none.
func calendar(t time.Time) time.Time {
	if t = t.UTC(); t.Year() < 1 || t.Year() > 9999 {
		return time.Time{}
	}
	return t
}

// putBlob copies content to the blob store, durably.
func (h *Hub) putBlob(ctx context.Context, c message.Content) (blob.Ref, error) {
	r, err := c.Open()
	if err != nil {
		return blob.Ref{}, err
	}
	ref, err := h.Blobs.Put(ctx, r)
	return ref, errors.Join(err, r.Close())
}
