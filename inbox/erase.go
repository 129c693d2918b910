package inbox

import (
	"context"
	"errors"
	"slices"

	"throughline/identity"
	"throughline/message"
	"throughline/store"
	"throughline/timeline"
)

// Erasing a customer: what was said and who it was goes, that something was said
// stays. Events keep their sequence numbers, messages their time, channel and
// direction, so that every count is as before.

// erasePage bounds one transaction of an erasure.
const erasePage = 100

// Erased is what an erasure has taken away.
type Erased struct {
	Customers []uint64 `json:"customers"` // the records
	Messages  int      `json:"messages"`
	Blobs     []string `json:"-"` // files that its messages named; others may too
}

// Erase takes a customer and all that was written with him out of the database. It
// works in short transactions and ends with the one after which nothing leads to
// him; broken off before, it is simply asked again. What comes from his addresses
// later is a new customer's. A company that was only a name on his card goes, unless
// has says that something is kept of it.
func (h *Hub) Erase(ctx context.Context, agent, customer uint64, has func(tx *store.Tx, company uint64) bool) (*Erased, error) {
	if err := h.redactDeliveries(ctx); err != nil {
		return nil, err
	}
	held, err := h.dropHeldOf(ctx, customer)
	if err != nil {
		return nil, err
	}
	found, err := h.findElsewhere(ctx, customer)
	if err != nil {
		return nil, err
	}
	out := new(Erased)
	blobs := map[string]bool{}
	for _, sha := range held {
		blobs[sha] = true
	}
	for page := range slices.Chunk(found.messages, erasePage) {
		if err := h.Store.Update(ctx, func(tx *store.Tx) error {
			e, err := h.eraser(tx, customer, found)
			if err != nil {
				return err
			}
			for _, id := range page {
				if err := e.message(id, blobs); err != nil {
					return err
				}
			}
			return nil
		}); err != nil {
			return nil, err
		}
	}
	for done := false; !done; {
		var n int
		var records []uint64
		if err := h.Store.Update(ctx, func(tx *store.Tx) error {
			e, err := h.eraser(tx, customer, found)
			if err != nil {
				return err
			}
			ids, err := e.left(erasePage)
			if err != nil {
				return err
			}
			for _, id := range ids {
				if err := e.message(id, blobs); err != nil {
					return err
				}
			}
			n, records, done = len(ids), e.records, len(ids) < erasePage
			if !done {
				return nil
			}
			return e.finish(agent, blobs, has)
		}); err != nil {
			return nil, err
		}
		out.Messages += n
		out.Customers = records
	}
	for sha := range blobs {
		out.Blobs = append(out.Blobs, sha)
	}
	return out, nil
}

// eraser is one transaction of an erasure.
type eraser struct {
	*Hub
	tx       *store.Tx
	root     *identity.Customer
	records  []uint64
	handles  []*identity.Handle
	subjects []uint64
	own      []uint64 // conversations of his handles
	found    *elsewhere
}

// eraser begins one; found is nil while it is being looked for.
func (h *Hub) eraser(tx *store.Tx, customer uint64, found *elsewhere) (*eraser, error) {
	e := &eraser{Hub: h, tx: tx, found: found}
	var err error
	if e.root, err = h.Identity.Root(tx, customer); err != nil {
		return nil, err
	}
	if !e.root.Erased.IsZero() {
		return nil, ErrNotFound
	}
	members, err := h.Identity.Members(tx, e.root.ID)
	if err != nil {
		return nil, err
	}
	for _, m := range members {
		e.records = append(e.records, m.ID)
	}
	if e.handles, err = h.Identity.Handles(tx, e.root.ID); err != nil {
		return nil, err
	}
	if e.subjects, err = h.Identity.Subjects(tx, e.root.ID); err != nil {
		return nil, err
	}
	for _, id := range e.subjects {
		for entry := range h.conversations.Scan(tx, store.Range{Index: "whose", Prefix: store.K().Uint(id)}) {
			e.own = append(e.own, entry.ID)
		}
	}
	if found != nil {
		e.own = append(e.own, found.hidden...)
	}
	return e, nil
}

// is tells whether a handle is one of his.
func (e *eraser) is(h message.Handle) bool {
	return slices.ContainsFunc(e.handles, func(o *identity.Handle) bool { return o.Handle == h })
}

func (e *eraser) isID(id uint64) bool {
	return slices.ContainsFunc(e.handles, func(o *identity.Handle) bool { return o.ID == id })
}

// events calls fn for every event on his timeline and in his conversations.
func (e *eraser) events(fn func(ev *timeline.Event) error) error {
	walk := func(page func(s timeline.Span) (timeline.Page, error)) error {
		s := timeline.Span{Limit: 200}
		for {
			p, err := page(s)
			if err != nil {
				return err
			}
			for i := range p.Events {
				if err := fn(&p.Events[i]); err != nil {
					return err
				}
			}
			if p.Before == 0 {
				return nil
			}
			s.Before = p.Before
		}
	}
	if err := walk(func(s timeline.Span) (timeline.Page, error) { return e.Timeline.Subjects(e.tx, e.subjects, s) }); err != nil {
		return err
	}
	for _, id := range e.own {
		if err := walk(func(s timeline.Span) (timeline.Page, error) { return e.Timeline.Conversation(e.tx, id, s) }); err != nil {
			return err
		}
	}
	return nil
}

var errEnough = errors.New("enough")

// left returns messages that still say something, at most limit.
func (e *eraser) left(limit int) (ids []uint64, err error) {
	seen := map[uint64]bool{}
	for _, c := range e.own { // what was taken back stands on no timeline
		for m := range e.messages.Scan(e.tx, store.Range{Index: undoneIndex, Prefix: store.K().Uint(c)}) {
			if ids = append(ids, m.ID); len(ids) == limit {
				return ids, nil
			}
			seen[m.ID] = true
		}
	}
	err = e.events(func(ev *timeline.Event) error {
		if ev.Message == 0 || seen[ev.Message] {
			return nil
		}
		seen[ev.Message] = true
		r, err := e.Message(e.tx, ev.Message)
		if errors.Is(err, ErrNotFound) {
			return nil
		}
		if err != nil || !e.concerns(r) {
			return err
		}
		if ids = append(ids, r.ID); len(ids) == limit {
			return errEnough
		}
		return nil
	})
	if errors.Is(err, errEnough) {
		err = nil
	}
	return ids, err
}

// finish takes away what leads to him.
func (e *eraser) finish(agent uint64, blobs map[string]bool, has func(tx *store.Tx, company uint64) bool) error {
	conversations := map[uint64]bool{}
	records := e.records
	for _, id := range e.own {
		conversations[id] = true
	}
	var notes []uint64
	if err := e.events(func(ev *timeline.Event) error {
		if ev.Conversation != 0 {
			if _, ok := conversations[ev.Conversation]; !ok {
				conversations[ev.Conversation] = false
			}
		}
		if ev.Note != 0 && conversations[ev.Conversation] {
			notes = append(notes, ev.Note)
		}
		if ev.Kind == timeline.HandleLinked {
			for _, id := range ev.Subjects {
				if is, err := e.husk(id); err != nil {
					return err
				} else if is && !slices.Contains(records, id) {
					records = append(records, id)
				}
			}
		}
		return e.Timeline.Strip(e.tx, ev.Seq)
	}); err != nil {
		return err
	}
	for _, hd := range e.handles {
		if hd.Picture != nil && hd.Picture.Blob != "" {
			blobs[hd.Picture.Blob] = true
		}
	}
	for _, id := range notes {
		if err := e.notes.Delete(e.tx, id); err != nil && !errors.Is(err, ErrNotFound) {
			return err
		}
	}
	for id, his := range conversations {
		if err := e.conversation(id, his, blobs); err != nil {
			return err
		}
	}
	if err := e.loose(conversations, blobs); err != nil {
		return err
	}
	if err := e.Preference.EraseTx(e.tx, e.records, e.own); err != nil {
		return err
	}
	touched, err := e.Identity.Erase(e.tx, records, e.handles, has)
	if err != nil {
		return err
	}
	for _, id := range touched { // no event tells of them
		if err := e.noticeNow(e.tx, id); err != nil {
			return err
		}
	}
	_, err = e.Timeline.Append(e.tx, timeline.Event{Kind: timeline.CustomerErased, Actor: actorOrHub(agent), Customer: e.root.ID, Quiet: true})
	return err
}
