package inbox

import (
	"context"

	"throughline/identity"
	"throughline/store"
	"throughline/timeline"
)

// tellCompany writes the event that lets screens look at a company again.
func (h *Hub) tellCompany(tx *store.Tx, agent, id uint64) error {
	_, err := h.Timeline.Append(tx, timeline.Event{Kind: timeline.CompanyChanged, Actor: actorOrHub(agent), Quiet: true, Data: eventData("company", id)})
	return err
}

// PutCompany adds a company (ID 0) or changes one; base is the Rev its editor had
// before him, 0 if it does not matter.
func (h *Hub) PutCompany(ctx context.Context, agent, id, base uint64, change func(*identity.Company)) (c *identity.Company, err error) {
	err = h.Store.Update(ctx, func(tx *store.Tx) error {
		now := new(identity.Company)
		if id != 0 {
			if now, err = h.Identity.Company(tx, id); err != nil {
				return err
			}
		}
		change(now)
		if c, err = h.Identity.PutCompany(tx, actorOrHub(agent), *now, base); err != nil {
			return linkError(err)
		}
		return h.tellCompany(tx, agent, c.ID)
	})
	return c, err
}

// RemoveCompany takes a company away; its people stay. An error of free, which looks
// whether anything else belongs to it, keeps it.
func (h *Hub) RemoveCompany(ctx context.Context, agent, id uint64, free func(tx *store.Tx) error) error {
	return h.Store.Update(ctx, func(tx *store.Tx) error {
		if err := free(tx); err != nil {
			return err
		}
		people, err := h.Identity.PeopleOf(tx, id)
		if err != nil {
			return err
		}
		if err := h.Identity.RemoveCompany(tx, actorOrHub(agent), id); err != nil {
			return err
		}
		for _, m := range people {
			if err := h.TellCustomer(tx, timeline.CustomerChanged, agent, m.Customer, nil, "companies", true); err != nil {
				return err
			}
		}
		return h.tellCompany(tx, agent, id)
	})
}

// Join says that a customer belongs to a company, or changes the role; Leave takes
// it back.
func (h *Hub) Join(ctx context.Context, agent, customer, company uint64, role string) error {
	return h.belong(ctx, agent, customer, company, func(tx *store.Tx) error {
		return h.Identity.Join(tx, actorOrHub(agent), customer, company, role)
	})
}

// Leave says that a customer does not belong to a company any more.
func (h *Hub) Leave(ctx context.Context, agent, customer, company uint64) error {
	return h.belong(ctx, agent, customer, company, func(tx *store.Tx) error { return h.Identity.Leave(tx, actorOrHub(agent), customer, company) })
}

func (h *Hub) belong(ctx context.Context, agent, customer, company uint64, fn func(tx *store.Tx) error) error {
	return h.Store.Update(ctx, func(tx *store.Tx) error {
		if err := fn(tx); err != nil {
			return linkError(err)
		}
		root, err := h.Identity.Root(tx, customer)
		if err != nil {
			return err
		}
		if err := h.TellCustomer(tx, timeline.CustomerChanged, agent, root.ID, nil, "companies", true); err != nil {
			return err
		}
		return h.tellCompany(tx, agent, company)
	})
}

// Relate says that from is kind of to.
func (h *Hub) Relate(ctx context.Context, agent, from, to uint64, kind string) error {
	return h.Store.Update(ctx, func(tx *store.Tx) error {
		r, err := h.Identity.Relate(tx, actorOrHub(agent), from, to, kind)
		if err != nil {
			return linkError(err)
		}
		return h.tellRelation(tx, agent, r)
	})
}

// Unrelate takes a relation away.
func (h *Hub) Unrelate(ctx context.Context, agent, id uint64) error {
	return h.Store.Update(ctx, func(tx *store.Tx) error {
		r, err := h.Identity.Relation(tx, id)
		if err != nil {
			return err
		}
		if err := h.Identity.Unrelate(tx, id); err != nil {
			return err
		}
		return h.tellRelation(tx, agent, r)
	})
}

func (h *Hub) tellRelation(tx *store.Tx, agent uint64, r *identity.Relation) error {
	for _, id := range []uint64{r.From, r.To} {
		root, err := h.Identity.Root(tx, id)
		if err != nil {
			return err
		}
		if err := h.TellCustomer(tx, timeline.CustomerChanged, agent, root.ID, nil, "relations", true); err != nil {
			return err
		}
	}
	return nil
}
