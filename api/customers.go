package api

import (
	"context"

	"throughline/identity"
	"throughline/inbox"
	"throughline/message"
	"throughline/timeline"
)

type searchIn struct {
	Q string `query:"q" maxLength:"200" doc:"Start of a word of the name, of an address, or digits."`
	Paging
}

type customerListIn struct {
	ID uint64 `path:"id"`
	Paging
}

type unlinkIn struct {
	ID     uint64 `path:"id"`
	Handle string `path:"handle" maxLength:"2000"`
	Reason string `query:"reason" maxLength:"2000"`
}

type handleIn struct {
	ID     uint64 `path:"id"`
	Handle string `path:"handle" maxLength:"2000"`
	Body   HandleChange
}

// briefHandles is how many handles a customer in a list shows.
const briefHandles = 3

func (s *Server) listCustomers(ctx context.Context, i *searchIn) (*out[Customers], error) {
	after, err := i.key()
	if err != nil {
		return nil, err
	}
	o := &out[Customers]{Customers{Customers: []CustomerBrief{}}}
	return o, s.view(func(v *view) error {
		found, next, err := s.hub.Identity.Search(v.tx, i.Q, after, i.Limit)
		if err != nil {
			return err
		}
		o.Body.Next = cursor(next)
		for _, c := range found {
			handles, err := s.hub.Identity.Handles(v.tx, c.ID)
			if err != nil {
				return err
			}
			b := CustomerBrief{ID: c.ID, Name: s.hub.Identity.DisplayName(v.tx, c), Company: c.Company, Handles: []string{}, Picture: firstPicture(handles)}
			for _, h := range handles[:min(len(handles), briefHandles)] {
				b.Handles = append(b.Handles, string(h.Handle))
				if seq := s.hub.Timeline.LastOf(v.tx, h.ID); seq != 0 {
					if e, err := s.hub.Timeline.Get(v.tx, seq); err == nil && e.Time.After(b.Last) {
						b.Last = e.Time
					}
				}
			}
			o.Body.Customers = append(o.Body.Customers, b)
		}
		return nil
	})
}

// showCustomer reads a customer after a change.
func (s *Server) showCustomer(id uint64) (*out[Customer], error) {
	o := new(out[Customer])
	return o, s.view(func(v *view) error {
		c, err := v.customer(id)
		if err == nil {
			o.Body = *c
		}
		return err
	})
}

func (s *Server) showSplit(id, split uint64) (*out[SplitCustomer], error) {
	o := new(out[SplitCustomer])
	return o, s.view(func(v *view) error {
		a, err := v.customer(id)
		if err != nil {
			return err
		}
		b, err := v.customer(split)
		if err != nil {
			return err
		}
		o.Body = SplitCustomer{Customer: *a, Split: *b}
		return nil
	})
}

func (s *Server) createCustomer(ctx context.Context, i *in[CustomerRequest]) (*out[Customer], error) {
	var handles []message.Handle
	for n, text := range i.Body.Handles {
		h, err := identity.Parse(text)
		if err != nil {
			return nil, &inbox.InvalidError{Field: "handles[" + itoa(n) + "]", Text: err.Error()}
		}
		handles = append(handles, h)
	}
	id, err := s.hub.CreateCustomer(ctx, who(ctx).id(), oneLine(i.Body.Name), handles)
	if err != nil {
		return nil, err
	}
	return s.showCustomer(id)
}

func (s *Server) getCustomer(ctx context.Context, i *idIn) (*out[Customer], error) {
	return s.showCustomer(i.ID)
}

type customerSpanIn struct {
	ID      uint64 `path:"id"`
	Before  uint64 `query:"before" doc:"Entries older than this sequence number."`
	After   uint64 `query:"after" doc:"Entries newer than this sequence number; the oldest of them come first."`
	Limit   int    `query:"limit" minimum:"1" maximum:"200" default:"50"`
	Channel string `query:"channel" maxLength:"100" doc:"Only messages of this channel. A page may then be short, or empty, and still have more before or after it."`
}

func (s *Server) getCustomerTimeline(ctx context.Context, i *customerSpanIn) (*out[Page], error) {
	span := &spanIn{ID: i.ID, Before: i.Before, After: i.After, Limit: i.Limit}
	return s.timeline(span, func(v *view, span timeline.Span) (timeline.Page, error) {
		root, err := s.hub.Identity.Root(v.tx, i.ID)
		if err != nil {
			return timeline.Page{}, err
		}
		subjects, err := s.hub.Identity.Subjects(v.tx, root.ID)
		if err != nil {
			return timeline.Page{}, err
		}
		if i.Channel != "" {
			return s.hub.SubjectsOn(v.tx, subjects, span, i.Channel)
		}
		return s.hub.Timeline.Subjects(v.tx, subjects, span)
	})
}

func (s *Server) listCustomerConversations(ctx context.Context, i *customerListIn) (*out[Rows], error) {
	after, err := i.key()
	if err != nil {
		return nil, err
	}
	return s.rows(inbox.ListQuery{Agent: who(ctx).id(), After: after, Limit: i.Limit}, i.ID)
}

func (s *Server) linkHandle(ctx context.Context, i *idBody[LinkRequest]) (*out[Customer], error) {
	h, err := identity.Parse(i.Body.Handle)
	if err != nil {
		return nil, &inbox.InvalidError{Field: "handle", Text: err.Error()}
	}
	if err := s.hub.Link(ctx, who(ctx).id(), i.ID, h, i.Body.Reason); err != nil {
		return nil, err
	}
	return s.showCustomer(i.ID)
}

func (s *Server) unlinkHandle(ctx context.Context, i *unlinkIn) (*out[SplitCustomer], error) {
	h, err := s.handleOf(i.ID, i.Handle)
	if err != nil {
		return nil, err
	}
	split, err := s.hub.Unlink(ctx, who(ctx).id(), i.ID, h, i.Reason)
	if err != nil {
		return nil, err
	}
	return s.showSplit(i.ID, split)
}

func (s *Server) changeHandle(ctx context.Context, i *handleIn) (*out[Customer], error) {
	h, err := s.handleOf(i.ID, i.Handle)
	if err != nil {
		return nil, err
	}
	if i.Body.Shared != nil {
		if err := s.hub.SetShared(ctx, who(ctx).id(), h, *i.Body.Shared); err != nil {
			return nil, err
		}
	}
	return s.showCustomer(i.ID)
}

// handleOf finds a handle among those of a customer.
func (s *Server) handleOf(customer uint64, text string) (h message.Handle, err error) {
	return h, s.view(func(v *view) error {
		root, err := s.hub.Identity.Root(v.tx, customer)
		if err != nil {
			return err
		}
		parsed, err := identity.Parse(text)
		if err != nil {
			parsed = message.Handle(text)
		}
		known, ok := s.hub.Identity.Find(v.tx, parsed)
		if ok {
			owner, err := s.hub.Identity.Root(v.tx, known.Customer)
			if err != nil {
				return err
			}
			ok = owner.ID == root.ID
		}
		if !ok {
			return &problemError{status: 404, detail: "this customer does not have the handle " + cut(oneLine(text), 200) + ": link it to them first, or reload the customer"}
		}
		h = known.Handle
		return nil
	})
}

func (s *Server) mergeCustomer(ctx context.Context, i *idBody[CustomerMerge]) (*out[Customer], error) {
	if err := s.hub.Merge(ctx, who(ctx).id(), i.ID, i.Body.Other, i.Body.Take, i.Body.Anyway, i.Body.Reason); err != nil {
		return nil, err
	}
	return s.showCustomer(i.ID)
}

func (s *Server) unmergeCustomer(ctx context.Context, i *idBody[CustomerUnmerge]) (*out[SplitCustomer], error) {
	split, err := s.hub.Unmerge(ctx, who(ctx).id(), i.Body.Member, i.Body.Reason)
	if err != nil {
		return nil, err
	}
	return s.showSplit(i.ID, split)
}
