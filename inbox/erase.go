package inbox

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"slices"

	"throughline/identity"
	"throughline/message"
	"throughline/preference"
	"throughline/store"
	"throughline/timeline"
)

// Erasing a customer: what was said and who it was goes, that something was said
// stays. Events keep their sequence numbers, messages their time, channel and
// direction, so that every count is as before.

// erasePage bounds one transaction of an erasure, in messages or conversations;
// erasePace what it looks at of the log.
const (
	erasePage = 50
	erasePace = 200
)

// Erased is what an erasure has taken away.
type Erased struct {
	Customers []uint64 `json:"customers"` // the records
	Messages  int      `json:"messages"`  // of his that have been emptied
	Blobs     []string `json:"-"`         // files that its messages named; others may too
}

// Erase takes a customer and all that was written with him out of the database. It
// works in short transactions and ends with the one after which nothing leads to
// him; broken off before, it is simply asked again. What comes from his addresses
// later is a new customer's. A company that was only a name on his card goes, unless
// has says that something is kept of it.
func (h *Hub) Erase(ctx context.Context, agent, customer uint64, has func(tx *store.Tx, company uint64) bool) (*Erased, error) {
	if err := h.SettleCounts(ctx); err != nil {
		return nil, err
	}
	if err := h.redactDeliveries(ctx); err != nil {
		return nil, err
	}
	held, err := h.dropHeldOf(ctx, customer)
	if err != nil {
		return nil, err
	}
	w := &erasure{hub: h, customer: customer, out: new(Erased), blobs: map[string]bool{}}
	for _, sha := range held {
		w.blobs[sha] = true
	}
	for err = errAnew; errors.Is(err, errAnew); {
		err = w.round(ctx, agent, has)
	}
	if err != nil {
		return nil, uncounted(err)
	}
	w.out.Blobs = slices.Collect(maps.Keys(w.blobs))
	return w.out, nil
}

// SettleCounts has everything counted that came so far, since what is emptied cannot be
// counted any more; a ConflictError where that takes longer.
func (h *Hub) SettleCounts(ctx context.Context) error { return uncounted(h.Preference.Settle(ctx)) }

// uncounted makes a refusal of preference.ErrCounting.
func uncounted(err error) error {
	if errors.Is(err, preference.ErrCounting) {
		return &ConflictError{"messages are being counted for the board at the moment: erase when that is done, in some minutes"}
	}
	return err
}

// errAnew tells that what is his has changed while it was erased: an agent linked an
// address, or moved what was looked through already.
var errAnew = errors.New("what is his has changed")

// erasure is one call of Erase.
type erasure struct {
	hub      *Hub
	customer uint64
	found    *findings
	out      *Erased
	blobs    map[string]bool
}

// round looks for all that is his, once, and takes it away page by page; then it follows
// the log from where it stood when it began to look, so that the last transaction has
// no more to do than what came meanwhile.
func (w *erasure) round(ctx context.Context, agent uint64, has func(tx *store.Tx, company uint64) bool) (err error) {
	if w.found, err = w.hub.find(ctx, w.customer); err != nil {
		return err
	}
	f := w.found
	for _, part := range []struct {
		ids   []uint64
		limit int
		erase func(e *eraser, id uint64) error
	}{
		// Others' first: what is his in them is known by what he wrote.
		{f.others, erasePage, (*eraser).message},
		{f.messages, erasePage, (*eraser).message},
		{f.events, erasePace, (*eraser).event},
		{f.conversations, erasePage, (*eraser).conversation},
		{f.news, erasePage, (*eraser).news},
	} {
		for page := range slices.Chunk(part.ids, part.limit) {
			if err := w.update(ctx, func(e *eraser) error {
				for _, id := range page {
					if err := part.erase(e, id); err != nil {
						return err
					}
				}
				return nil
			}); err != nil {
				return err
			}
		}
	}
	for done := false; !done; {
		at := f.at
		if err := w.update(ctx, func(e *eraser) (err error) {
			if at, done, err = e.follow(f.at); err != nil || !done {
				return err
			}
			w.out.Customers = e.records
			return e.finish(agent, has)
		}); err != nil {
			return err
		}
		f.at = at
	}
	return nil
}

// update is one transaction of it.
func (w *erasure) update(ctx context.Context, fn func(e *eraser) error) error {
	var e *eraser
	if err := w.hub.Store.Update(ctx, func(tx *store.Tx) (err error) {
		if e, err = w.hub.eraser(tx, w.customer, w.found); err != nil {
			return err
		}
		return fn(e)
	}); err != nil {
		return err
	}
	maps.Copy(w.blobs, e.blobs)
	w.out.Messages += e.emptied
	return nil
}

// eraser is one transaction of an erasure.
type eraser struct {
	*Hub
	tx       *store.Tx
	root     *identity.Customer
	records  []uint64
	handles  []*identity.Handle
	subjects []uint64
	own      map[uint64]bool // conversations that have been looked at: whether they are his
	all      bool            // own holds all of his
	found    *findings

	blobs   map[string]bool
	emptied int
}

// eraser begins one; found is nil while it is being looked for. It returns errAnew if
// other records or addresses are his than when it was.
func (h *Hub) eraser(tx *store.Tx, customer uint64, found *findings) (*eraser, error) {
	e := &eraser{Hub: h, tx: tx, found: found, own: map[uint64]bool{}, blobs: map[string]bool{}}
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
	if found != nil && !slices.Equal(e.subjects, found.subjects) {
		return nil, errAnew
	}
	return e, nil
}

// owns tells whether a conversation is his.
func (e *eraser) owns(id uint64) (bool, error) {
	if is, ok := e.own[id]; ok || e.all || id == 0 {
		return is, nil
	}
	c, err := e.Hub.conversations.Peek(e.tx, id)
	if errors.Is(err, ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	e.own[id] = e.ownsThis(c)
	return e.own[id], nil
}

func (e *eraser) ownsThis(c *Conversation) bool {
	return slices.Contains(e.subjects, c.subject()) || c.hidden() && e.isID(c.Handle)
}

// is tells whether a handle is one of his.
func (e *eraser) is(h message.Handle) bool {
	return slices.ContainsFunc(e.handles, func(o *identity.Handle) bool { return o.Handle == h })
}

func (e *eraser) isID(id uint64) bool {
	return slices.ContainsFunc(e.handles, func(o *identity.Handle) bool { return o.ID == id })
}

// follow erases what the log tells of since seq, at most erasePace events of it, and
// returns how far it has come; done tells that this is the end of the log.
func (e *eraser) follow(seq uint64) (at uint64, done bool, err error) {
	events, err := e.Timeline.After(e.tx, seq, erasePace)
	if err != nil {
		return seq, false, err
	}
	at = seq
	touched := map[uint64]bool{}
	for i := range events {
		ev := &events[i]
		at = ev.Seq
		if err := e.unmoved(ev); err != nil {
			return seq, false, err
		}
		if err := e.heard(ev); err != nil {
			return seq, false, err
		}
		if is, err := e.touches(ev); err != nil {
			return seq, false, err
		} else if is && ev.Conversation != 0 {
			touched[ev.Conversation] = true
		}
	}
	for id := range touched {
		if err := e.conversation(id); err != nil {
			return seq, false, err
		}
	}
	return at, len(events) < erasePace, nil
}

// unmoved returns errAnew for an event that tells of a conversation that became part of
// another, if one of both is his.
func (e *eraser) unmoved(ev *timeline.Event) error {
	if ev.Kind != timeline.ConversationMerged {
		return nil
	}
	ids := []uint64{ev.Conversation}
	if len(ev.Data) > 0 {
		var d struct {
			From uint64 `json:"from"`
		}
		if err := json.Unmarshal(ev.Data, &d); err != nil {
			return err
		}
		ids = append(ids, d.From)
	}
	for _, id := range ids {
		if is, err := e.owns(id); err != nil {
			return err
		} else if is {
			return errAnew
		}
	}
	return nil
}

// heard erases an event that came meanwhile, and the message it tells of.
func (e *eraser) heard(ev *timeline.Event) error {
	if ev.Message != 0 {
		r, err := e.Message(e.tx, ev.Message)
		if err != nil && !errors.Is(err, ErrNotFound) {
			return err
		}
		if err == nil {
			if is, err := e.concerns(r); err != nil {
				return err
			} else if is {
				if err := errors.Join(e.message(r.ID), e.event(r.Seq), e.conversation(r.Conversation)); err != nil {
					return err
				}
			}
		}
	}
	return e.event(ev.Seq)
}

// touches tells whether an event stands on his timeline or in a conversation of his.
func (e *eraser) touches(ev *timeline.Event) (bool, error) {
	if slices.ContainsFunc(ev.Subjects, func(s uint64) bool { return slices.Contains(e.subjects, s) }) {
		return true, nil
	}
	return e.owns(ev.Conversation)
}

// event takes out of an event what may name him, and the note it tells of.
func (e *eraser) event(seq uint64) error {
	ev, err := e.Timeline.Get(e.tx, seq)
	if errors.Is(err, ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	if is, err := e.touches(ev); err != nil || !is {
		return err // it was moved away meanwhile
	}
	if ev.Note != 0 {
		if is, err := e.owns(ev.Conversation); err != nil {
			return err
		} else if is {
			if err := e.notes.Delete(e.tx, ev.Note); err != nil && !errors.Is(err, ErrNotFound) {
				return err
			}
		}
	}
	if err := e.tellAhead(ev); err != nil {
		return err
	}
	return e.Timeline.Strip(e.tx, seq)
}

// tellAhead notices of whom else an event tells something new, if the log has not been
// followed up to it: it does not tell any more when that comes.
func (e *eraser) tellAhead(ev *timeline.Event) error {
	if ev.Seq <= e.upTo(e.tx) {
		return nil
	}
	ids, err := e.aboutPeople(e.tx, []timeline.Event{*ev})
	if err != nil {
		return err
	}
	for _, id := range ids {
		if slices.Contains(e.records, id) {
			continue
		}
		if err := e.noticeNow(e.tx, id); err != nil {
			return err
		}
	}
	return nil
}

// finish takes away what leads to him.
func (e *eraser) finish(agent uint64, has func(tx *store.Tx, company uint64) bool) error {
	for _, hd := range e.handles {
		if hd.Picture != nil && hd.Picture.Blob != "" {
			e.blobs[hd.Picture.Blob] = true
		}
	}
	if err := e.loose(); err != nil {
		return err
	}
	if err := e.Preference.EraseTx(e.tx, e.records); err != nil {
		return err
	}
	records := slices.Clone(e.records)
	for _, id := range e.found.linked {
		if is, err := e.husk(id); err != nil {
			return err
		} else if is {
			records = append(records, id)
		}
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
