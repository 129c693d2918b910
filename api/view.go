package api

import (
	"errors"

	"throughline/inbox"
	"throughline/message"
	"throughline/store"
	"throughline/timeline"
)

// view turns records into the shapes of the API within one read transaction. It
// remembers whom handles lead to, since a page names the same people again and
// again.
type view struct {
	s         *Server
	tx        *store.Tx
	people    map[message.Handle]known
	briefs    map[uint64]CustomerBrief // by handle
	faces     map[string]accountFace   // of accounts, nil while they are not read
	channelOf map[string]string        // of accounts, likewise

	troubled int // accounts in trouble, -1 while they are not counted
}

// known is what a handle leads to.
type known struct {
	customer uint64
	own      bool
	picture  string
}

// view runs fn in one read transaction.
func (s *Server) view(fn func(v *view) error) error {
	return s.hub.Store.View(func(tx *store.Tx) error {
		return fn(&view{s: s, tx: tx, people: map[message.Handle]known{}, briefs: map[uint64]CustomerBrief{}, troubled: -1})
	})
}

// seq is the hub's newest sequence number as this transaction sees it.
func (v *view) seq() uint64 { return v.s.hub.Timeline.Last(v.tx) }

func (v *view) person(p message.Person) Person {
	out := Person{Name: p.Name, Handle: string(p.Handle), Address: p.Handle.Address()}
	k, ok := v.people[p.Handle]
	if !ok {
		if _, k.own = v.s.hub.Own(p.Handle); !k.own {
			if h, found := v.s.hub.Identity.Find(v.tx, p.Handle); found {
				k.picture = pictureURL(h)
				if root, err := v.s.hub.Identity.Root(v.tx, h.Customer); err == nil {
					k.customer = root.ID
				}
			}
		}
		v.people[p.Handle] = k
	}
	out.Customer, out.Own, out.Picture = k.customer, k.own, k.picture
	return out
}

func (v *view) persons(list []message.Person) []Person {
	out := make([]Person, 0, len(list))
	for _, p := range list {
		out = append(out, v.person(p))
	}
	return out
}

// whose is the customer whose matter a conversation is.
func (v *view) whose(c *inbox.Conversation) (CustomerBrief, error) {
	if c.Whose == 0 {
		return v.brief(c.Handle)
	}
	h, err := v.s.hub.Identity.Handle(v.tx, c.Handle)
	if err != nil {
		return CustomerBrief{}, err
	}
	b, err := v.briefOf(c.Whose)
	if err == nil {
		b.Handles = []string{string(h.Handle)} // that he wrote from here
	}
	return b, err
}

// brief is the customer behind the handle of a conversation.
func (v *view) brief(handle uint64) (CustomerBrief, error) {
	if b, ok := v.briefs[handle]; ok {
		return b, nil
	}
	h, err := v.s.hub.Identity.Handle(v.tx, handle)
	if err != nil {
		return CustomerBrief{}, err
	}
	root, err := v.s.hub.Identity.Root(v.tx, h.Customer)
	if err != nil {
		return CustomerBrief{}, err
	}
	b := CustomerBrief{ID: root.ID, Name: root.Name, Company: root.Company, Handles: []string{}}
	if !root.Erased.IsZero() {
		v.briefs[handle] = b
		return b, nil
	}
	b.Handles = []string{string(h.Handle)}
	if b.Name == "" {
		b.Name = v.s.hub.Identity.DisplayName(v.tx, root)
	}
	if b.Picture = pictureURL(h); b.Picture == "" {
		list, err := v.s.hub.Identity.Handles(v.tx, root.ID)
		if err != nil {
			return CustomerBrief{}, err
		}
		b.Picture = firstPicture(list)
	}
	v.briefs[handle] = b
	return b, nil
}

func (v *view) row(c *inbox.Conversation) (Row, error) {
	b, err := v.whose(c)
	if err != nil {
		return Row{}, err
	}
	tags := c.Tags
	if tags == nil {
		tags = []string{}
	}
	return Row{
		ID: c.ID, Customer: b, Account: c.Account, Channel: c.Channel, Channels: c.Channels(v.channels()), Subject: cut(c.Subject, 200), Preview: c.Preview,
		Direction: c.Direction, Call: c.Call, Status: c.Status, Assignee: c.Assignee, Team: c.Team, Priority: c.Priority, Tags: tags,
		SnoozedUntil: c.SnoozedUntil, Waiting: c.Waiting, Last: c.Last, LastSeq: c.LastSeq, Messages: c.Messages,
		Unread: c.Unread, Undelivered: c.Undelivered, Kind: c.Kind, Draft: c.Draft,
		Purpose: c.Purpose, PurposeBy: c.PurposeBy,
	}, nil
}

// list puts a page of conversations into r.
func (v *view) list(r *Rows, q inbox.ListQuery) error {
	list, next, err := v.s.hub.List(v.tx, q)
	if err != nil {
		return err
	}
	r.Next = cursor(next)
	r.Rows, err = v.rows(list)
	return err
}

func (v *view) rows(list []*inbox.Conversation) ([]Row, error) {
	out := make([]Row, 0, len(list))
	for _, c := range list {
		r, err := v.row(c)
		if err != nil {
			return nil, err
		}
		out = append(out, r)
	}
	return out, nil
}

// How much of a message's text stands in a timeline, in bytes: a page of many
// messages has less of each, so that opening a conversation stays quick.
const (
	pageText  = 80_000
	leastText = 1_000
	mostText  = 8_000
	frameText = 2_000 // in a frame of the live stream
	extraText = 400   // of a signature or subject
	wholeText = 0     // everything
)

// textLimit shares pageText out among the messages of a page.
func textLimit(events []timeline.Event) int {
	n := 1
	for _, e := range events {
		if e.Message != 0 {
			n++
		}
	}
	return min(max(pageText/n, leastText), mostText)
}

func (v *view) page(p timeline.Page) (Page, error) {
	out := Page{Entries: make([]Entry, 0, len(p.Events)), Seq: v.seq(), Before: p.Before, After: p.After}
	limit := textLimit(p.Events)
	for _, e := range p.Events {
		entry, err := v.entry(&e, limit)
		if err != nil {
			return Page{}, err
		}
		out.Entries = append(out.Entries, entry)
	}
	return out, nil
}

func (v *view) conversation(c *inbox.Conversation, me uint64, limit int) (*Conversation, error) {
	row, err := v.row(c)
	if err != nil {
		return nil, err
	}
	events, err := v.s.hub.Timeline.Conversation(v.tx, c.ID, timeline.Span{Limit: limit})
	if err != nil {
		return nil, err
	}
	page, err := v.page(events)
	if err != nil {
		return nil, err
	}
	from, err := v.s.hub.SendAccounts(v.tx, c)
	if err != nil {
		return nil, err
	}
	if from == nil {
		from = []string{}
	}
	out := &Conversation{
		Row: row, Timeline: page, ReplyFrom: from, ReadSeq: v.s.hub.ReadSeq(v.tx, me, c.ID),
		Participants: v.persons(c.Participants[:min(len(c.Participants), maxPeople)]),
	}
	d, err := v.s.hub.Draft(v.tx, me, c.ID)
	switch {
	case err == nil:
		out.DraftText = v.draft(d)
	case !errors.Is(err, store.ErrNotFound):
		return nil, err
	}
	return out, nil
}

// countedConversations bounds what is counted of one customer.
const countedConversations = 500
