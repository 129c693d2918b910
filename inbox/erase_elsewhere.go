package inbox

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"throughline/identity"
	"throughline/message"
	"throughline/store"
	"throughline/timeline"
)

// joined looks through another's conversation in which he wrote, from its beginning.
func (f *findings) joined(ctx context.Context, e *eraser, id uint64) error {
	known, lines := map[string]bool{"": true}, f.lines[id]
	for after := uint64(1); after != 0; {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := e.Store.View(func(tx *store.Tx) error {
			page, err := e.Timeline.Conversation(tx, id, timeline.Span{After: after, Limit: erasePace})
			if err != nil {
				return err
			}
			after = page.After
			for _, ev := range page.Events {
				if ev.Message == 0 {
					continue
				}
				r, err := e.Message(tx, ev.Message)
				if errors.Is(err, ErrNotFound) {
					continue
				}
				if err != nil {
					return err
				}
				his, err := e.his(r)
				if err != nil {
					return err
				}
				line := bareSubject(r.Subject)
				switch {
				case his:
					lines[line] = lines[line] || !known[line]
				case quotes(&r.Message) || lines[line]:
					f.others = append(f.others, r.ID)
				default:
					known[line] = true
				}
			}
			return nil
		}); err != nil {
			return err
		}
	}
	return nil
}

// quotes tells whether a message repeats others before it.
func quotes(m *message.Message) bool {
	return m.Quoted != "" || m.Reply != "" && len(m.Text) > len(m.Reply)+len(m.Signature)+quoteSlack
}

// quoteSlack is what may stand between the words of a message and its footer.
const quoteSlack = 16

// spare takes him out of a message that is another's: his name and address, the signs
// he put on it, the words of others that it repeats, its original, and what servers
// said of him. Its own words stay.
func (e *eraser) spare(r *Record) error {
	if r.Direction == message.Out {
		r.Whom = ptr(e.whom(e.tx, r)) // it stays counted as written to him
	}
	to := len(r.To) + len(r.Cc) + len(r.Bcc)
	without := func(list []message.Person) []message.Person {
		return slices.DeleteFunc(slices.Clone(list), func(p message.Person) bool { return e.is(p.Handle) })
	}
	r.ReplyTo, r.To, r.Cc, r.Bcc = without(r.ReplyTo), without(r.To), without(r.Cc), without(r.Bcc)
	r.Reactions = slices.DeleteFunc(slices.Clone(r.Reactions), func(re message.Reaction) bool { return e.is(re.By.Handle) })
	if e.is(r.From.Handle) {
		r.From = message.Person{}
	}
	if e.found.lines[r.Conversation][bareSubject(r.Subject)] {
		r.Subject = ""
	}
	if quotes(&r.Message) {
		r.Text, r.HTML, r.Quoted = r.Reply, "", ""
	}
	if r.RawBlob != "" {
		e.blobs[r.RawBlob] = true
		r.RawBlob = ""
	}
	if err := e.messages.Put(e.tx, r.ID, r); err != nil {
		return err
	}
	if err := e.tx.PutValue(rawBucket, rawKey(r.ID), nil); err != nil {
		return err
	}
	d, err := e.deliveries.Get(e.tx, r.ID)
	if errors.Is(err, ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	was := d.troubled()
	refused := len(d.Rejected)
	d.Rejected = slices.DeleteFunc(slices.Clone(d.Rejected), func(rep message.Report) bool { return e.is(rep.Handle) })
	d.Again = slices.DeleteFunc(slices.Clone(d.Again), e.is)
	if len(d.Rejected) < refused || e.speaksIn(d.Reason) {
		d.Reason = ""
	}
	for i := range d.Attempts {
		if len(d.Rejected) < refused || e.speaksIn(d.Attempts[i].Detail) {
			d.Attempts[i].Detail = ""
		}
	}
	if d.Draft != nil {
		draft := *d.Draft
		draft.To, draft.Cc, draft.Bcc = without(draft.To), without(draft.Cc), without(draft.Bcc)
		d.Draft = &draft
	}
	left := len(r.To) + len(r.Cc) + len(r.Bcc)
	alone := d.waiting() && left < to && left == 0
	if alone { // it was for nobody else
		d.Status, d.Due, d.Checking = message.Cancelled, time.Time{}, nil
	}
	return e.saveDelivery(e.tx, r.ID, d, was, alone)
}

// speaksIn tells whether one of his addresses stands in a text.
func (e *eraser) speaksIn(text string) bool {
	said := []byte(strings.ToLower(text))
	return slices.ContainsFunc(e.handles, func(hd *identity.Handle) bool { return names(said, hd.Handle) })
}

// husk tells whether a customer is nothing any more but the name with which one of
// his addresses came in, before it was linked to him.
func (e *eraser) husk(id uint64) (bool, error) {
	if slices.Contains(e.records, id) {
		return false, nil
	}
	c, err := e.Identity.Customer(e.tx, id)
	if errors.Is(err, ErrNotFound) { // a handle
		return false, nil
	}
	if err != nil || c.MergedInto != 0 || !c.Erased.IsZero() || len(c.Set) > 0 {
		return false, err
	}
	handles, err := e.Identity.Handles(e.tx, id)
	if err != nil || len(handles) > 0 {
		return false, err
	}
	page, err := e.Timeline.Subjects(e.tx, []uint64{id}, timeline.Span{Limit: 200})
	return err == nil && page.Before == 0 && !slices.ContainsFunc(page.Events, func(ev timeline.Event) bool { return ev.Kind != timeline.HandleLinked }), err
}
