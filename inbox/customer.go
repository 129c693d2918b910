package inbox

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"throughline/identity"
	"throughline/message"
	"throughline/store"
	"throughline/timeline"
)

const maxNameRunes = 200

// TellCustomer writes an event about customers and their handles, for packages
// that change them in a transaction of their own. pairs are names and values of
// the event's data.
func (h *Hub) TellCustomer(tx *store.Tx, kind string, agent, customer uint64, subjects []uint64, pairs ...any) error {
	e := timeline.Event{Kind: kind, Actor: actorOrHub(agent), Customer: customer, Subjects: append(subjects, customer)}
	if len(pairs) > 0 {
		e.Data = eventData(pairs...)
	}
	_, err := h.Timeline.Append(tx, e)
	return err
}

func (h *Hub) decision(tx *store.Tx, agent uint64, reason string) identity.Decision {
	return identity.Decision{By: agentActor(agent), Time: tx.Now(), Reason: strings.TrimSpace(reason), Confidence: 1}
}

// CreateCustomer makes a customer with handles that nobody has yet.
func (h *Hub) CreateCustomer(ctx context.Context, agent uint64, name string, handles []message.Handle) (id uint64, err error) {
	name = strings.TrimSpace(name)
	if name == "" && len(handles) == 0 {
		return 0, &InvalidError{"name", "give a name or an address"}
	}
	if utf8.RuneCountInString(name) > maxNameRunes {
		return 0, &InvalidError{"name", "a name has at most 200 characters"}
	}
	err = h.Store.Update(ctx, func(tx *store.Tx) error {
		c, err := h.Identity.Create(tx, name)
		if err != nil {
			return err
		}
		id = c.ID
		for _, hd := range handles {
			if canonical, err := identity.Canonical(hd); err == nil {
				if _, ours := h.Own(canonical); ours {
					return &ConflictError{canonical.Address() + " is an address of our own"}
				}
			}
			if known, ok := h.Identity.Find(tx, hd); ok {
				owner, err := h.Identity.Root(tx, known.Customer)
				if err != nil {
					return err
				}
				return &ConflictError{known.Handle.Address() + " already belongs to " + h.Identity.DisplayName(tx, owner) + "; open that customer instead"}
			}
			if _, _, err := h.Identity.Link(tx, c.ID, hd, h.decision(tx, agent, "")); err != nil {
				return linkError(err)
			}
		}
		return h.TellCustomer(tx, timeline.CustomerCreated, agent, c.ID, nil)
	})
	return id, err
}

// EditCard changes fields of the card of a customer. With an *identity.EditError
// somebody was quicker and nothing is written.
func (h *Hub) EditCard(ctx context.Context, agent, id uint64, edits []identity.Edit) error {
	return h.Store.Update(ctx, func(tx *store.Tx) error {
		changed, err := h.Identity.EditCard(tx, id, actorOrHub(agent), edits)
		if err != nil || changed == nil {
			return linkError(err)
		}
		root, err := h.Identity.Root(tx, id)
		if err != nil {
			return err
		}
		var pairs []any
		for _, field := range changed {
			// Which fields changed, not what was in them: events are for ever.
			pairs = append(pairs, field, true)
		}
		if slices.Contains(changed, identity.FieldCompany) { // its own page follows, and the list, if it is a new one
			if err := h.tellCompany(tx, agent, 0); err != nil {
				return err
			}
		}
		return h.TellCustomer(tx, timeline.CustomerChanged, agent, root.ID, nil, pairs...)
	})
}

// PutField adds a custom field (ID 0) or changes one.
func (h *Hub) PutField(ctx context.Context, agent, id uint64, change func(*identity.FieldDef)) (d *identity.FieldDef, err error) {
	again := false
	err = h.Store.Update(ctx, func(tx *store.Tx) error {
		again = false
		def := new(identity.FieldDef)
		if id != 0 {
			if def, err = h.Identity.FieldDef(tx, id); err != nil {
				return err
			}
		}
		was := *def
		change(def)
		if d, err = h.Identity.PutFieldDef(tx, *def); err != nil {
			return linkError(err)
		}
		if d.Tells != was.Tells || d.Tells != "" && (d.Archived != was.Archived || d.Name != was.Name) {
			again = true // what is known of everybody changes
			if err := h.beginLook(tx, actorOrHub(agent)); err != nil {
				return err
			}
		}
		_, err = h.Timeline.Append(tx, timeline.Event{Kind: timeline.FieldsChanged, Actor: actorOrHub(agent), Quiet: true})
		return err
	})
	if again {
		h.wakeLook()
	}
	return d, err
}

// Link gives a handle, with all its past and future messages, to a customer.
func (h *Hub) Link(ctx context.Context, agent, customer uint64, handle message.Handle, reason string) error {
	return h.Store.Update(ctx, func(tx *store.Tx) error {
		if canonical, err := identity.Canonical(handle); err == nil {
			if _, ours := h.Own(canonical); ours {
				return &ConflictError{"this is an address of our own"}
			}
		}
		d := h.decision(tx, agent, reason)
		hd, before, err := h.Identity.Link(tx, customer, handle, d)
		if err != nil {
			return linkError(err)
		}
		if before != 0 {
			if err := errors.Join(h.keepApart(tx, before, hd.Customer, identity.SuggestionOpen, d), h.giveTasksOf(tx, hd.ID, before)); err != nil {
				return err
			}
		}
		return h.TellCustomer(tx, timeline.HandleLinked, agent, hd.Customer, []uint64{hd.ID, before}, "handle", hd.Handle, "from", before, "reason", reason)
	})
}

// linkError makes identity's refusals the hub's.
func linkError(err error) error {
	switch e := err.(type) {
	case *identity.ConflictError:
		return &ConflictError{e.Text}
	case *identity.InvalidError:
		return &InvalidError{e.Field, e.Text}
	}
	return err
}

// keepApart records what a person said by taking an address from a record to another
// customer: no rule puts the two together again. It is said of who stands for the record
// as well, from whom it may part. What was decided of them before stays.
func (h *Hub) keepApart(tx *store.Tx, record, other uint64, state string, d identity.Decision) error {
	root, err := h.Identity.Root(tx, record)
	if err != nil {
		return err
	}
	if g, err := h.Identity.Pair(tx, root.ID, other); err != nil || g != nil && g.By != "" {
		return err
	}
	for _, id := range slices.Compact([]uint64{record, root.ID}) {
		if _, err := h.Identity.Decide(tx, id, other, state, 0, d); err != nil {
			return err
		}
	}
	return nil
}

// Unlink gives a handle of a customer a new customer of its own.
func (h *Hub) Unlink(ctx context.Context, agent, customer uint64, handle message.Handle, reason string) (split uint64, err error) {
	err = h.Store.Update(ctx, func(tx *store.Tx) error {
		hd, ok := h.Identity.Find(tx, handle)
		if !ok {
			return ErrNotFound
		}
		root, err := h.Identity.Root(tx, customer)
		if err != nil {
			return err
		}
		if owner, err := h.Identity.Root(tx, hd.Customer); err != nil {
			return err
		} else if owner.ID != root.ID {
			return &ConflictError{"this address does not belong to this customer"}
		}
		d := h.decision(tx, agent, reason)
		c, before, err := h.Identity.Unlink(tx, hd.ID, d)
		if err != nil {
			return linkError(err)
		}
		if err := errors.Join(h.keepApart(tx, before, c.ID, identity.SuggestionNotSame, d), h.giveTasksOf(tx, hd.ID, before)); err != nil {
			return err
		}
		split = c.ID
		return h.TellCustomer(tx, timeline.HandleUnlinked, agent, before, []uint64{hd.ID, c.ID}, "handle", hd.Handle, "to", c.ID, "reason", reason)
	})
	return split, err
}

// SetShared marks a handle as used by several people.
func (h *Hub) SetShared(ctx context.Context, agent uint64, handle message.Handle, shared bool) error {
	return h.Store.Update(ctx, func(tx *store.Tx) error {
		hd, ok := h.Identity.Find(tx, handle)
		if !ok {
			return ErrNotFound
		}
		if hd.UsedByMany() == shared && (!shared || hd.Shared) {
			return nil
		}
		if _, err := h.Identity.SetShared(tx, hd.ID, shared); err != nil {
			return err
		}
		return h.TellCustomer(tx, timeline.CustomerChanged, agent, hd.Customer, []uint64{hd.ID}, "shared", shared, "handle", hd.Handle)
	})
}

// Merge lets one customer record stand for another too. Of the fields named in take,
// other's value becomes that of into. What was decided to be two people is merged only
// with anyway.
func (h *Hub) Merge(ctx context.Context, agent, into, other uint64, take []string, anyway bool, reason string) error {
	return h.Store.Update(ctx, func(tx *store.Tx) error {
		a, err := h.Identity.Root(tx, into)
		if err != nil {
			return err
		}
		b, err := h.Identity.Root(tx, other)
		if err != nil {
			return err
		}
		if no, err := h.Identity.NotSame(tx, a.ID, b.ID); err != nil {
			return err
		} else if no != nil && !anyway {
			return &NotSameError{By: no.By, Time: no.Time}
		}
		return h.merge(tx, agent, a.ID, b.ID, take, h.decision(tx, agent, reason))
	})
}

// NotSameError tells that somebody decided before that two customers are not one
// person.
type NotSameError struct {
	By   string // "agent:ID"
	Time time.Time
}

func (e *NotSameError) Error() string {
	return "on " + e.Time.Format(time.DateOnly) + " it was decided that these are not the same person: merge them anyway if that was wrong"
}

// Unmerge takes a merge back, at any later time.
func (h *Hub) Unmerge(ctx context.Context, agent, member uint64, reason string) (split uint64, err error) {
	err = h.Store.Update(ctx, func(tx *store.Tx) error {
		split, err = h.unmerge(tx, agent, member, reason)
		return err
	})
	return split, err
}

// Choose lets a customer take over values of a record that was merged into him, by
// the names of their fields.
func (h *Hub) Choose(ctx context.Context, agent, member uint64, names []string) error {
	return h.Store.Update(ctx, func(tx *store.Tx) error {
		root, err := h.Identity.Take(tx, member, agentActor(agent), names)
		if err != nil {
			return linkError(err)
		}
		pairs := []any{"from", member}
		for _, n := range names {
			pairs = append(pairs, n, true)
		}
		return h.TellCustomer(tx, timeline.CustomerChanged, agent, root.ID, nil, pairs...)
	})
}
