package inbox

import (
	"cmp"
	"slices"
	"time"

	"throughline/connectors"
	"throughline/identity"
	"throughline/message"
	"throughline/store"
	"throughline/timeline"
)

// Way is an account that an answer can go out over, with the handles of the
// customer that it reaches.
type Way struct {
	Account   string
	Info      connectors.Info
	Templates bool   // the provider has approved texts to choose from
	Paused    string // why nothing goes out at the moment, if so
	Handles   []WayHandle
}

// WayHandle is one address a Way leads to.
type WayHandle struct {
	message.Person
	Last    time.Time // of the newest event on its timeline
	OptOut  *Consent  // it does not want to be written to
	OptedBy string    // that, or the suspension, in words
	// Suspended: messages to it did not arrive.
	Suspended *Suspension
	Window    time.Time // until when own words can be sent, where there is such a limit; zero if it never wrote
}

// WindowOver tells that only a template can be sent.
func (w *Way) WindowOver(h *WayHandle, now time.Time) bool {
	return w.Info.Writing.Window > 0 && !now.Before(h.Window)
}

// Ways lists over what an answer in a conversation can go out. What is proposed
// comes first: the account the newest message came over, and its sender.
func (h *Hub) Ways(tx *store.Tx, conversation uint64) ([]Way, error) {
	c, err := h.Conversation(tx, conversation)
	if err != nil {
		return nil, err
	}
	base, err := h.answered(tx, c, 0)
	if err != nil {
		return nil, err
	}
	owner, err := h.Owner(tx, c)
	if err != nil {
		return nil, err
	}
	ways, err := h.waysTo(tx, owner, c.Purpose, h.partner(base))
	if err != nil {
		return nil, err
	}
	rank := func(w Way) int {
		switch {
		case len(w.Handles) == 0:
			return 3
		case w.Account == h.sendAccount(c, base):
			return 0
		case slices.Contains(c.Accounts, w.Account):
			return 1
		}
		return 2
	}
	slices.SortStableFunc(ways, func(a, b Way) int { return cmp.Compare(rank(a), rank(b)) })
	return ways, nil
}

// CustomerWays lists over what a customer can be written to first.
func (h *Hub) CustomerWays(tx *store.Tx, customer uint64) ([]Way, error) {
	return h.waysTo(tx, customer, "", nil)
}

// partner is who an answer to a message goes to.
func (h *Hub) partner(base *Record) []message.Person {
	switch {
	case base == nil:
		return nil
	case base.Direction == message.Out:
		return h.others(base.To, nil)
	case len(base.ReplyTo) > 0:
		return base.ReplyTo
	}
	return []message.Person{base.From}
}

// partnerOver completes what a composer starts with on an account that writes to one
// person, or does not reach the one answered: him, or else the customer at an address
// that it reaches.
func (h *Hub) partnerOver(tx *store.Tx, c *Conversation, base *Record, info connectors.Info, out *Recipients) (*Recipients, error) {
	if !info.Writing.Letter {
		out.Subject = ""
	}
	if base != nil {
		out.InReplyTo = base.ID
	}
	owner, err := h.Owner(tx, c)
	if err != nil {
		return nil, err
	}
	ways, err := h.waysTo(tx, owner, c.Purpose, h.partner(base))
	if err != nil {
		return nil, err
	}
	for _, w := range ways {
		if w.Account == info.Account && len(w.Handles) > 0 {
			out.To = []message.Person{w.Handles[0].Person}
		}
	}
	if len(out.To) == 0 {
		out.Warning = "This customer has no address that this account reaches: add one, or choose another account."
	}
	return out, nil
}

// waysTo looks at every account that can send, for a purpose. first are the people who come
// first where they are reached; the others follow, who was in touch last first.
func (h *Hub) waysTo(tx *store.Tx, customer uint64, purpose string, first []message.Person) ([]Way, error) {
	root, err := h.Identity.Root(tx, customer)
	if err != nil {
		return nil, err
	}
	known, err := h.Identity.Handles(tx, root.ID)
	if err != nil {
		return nil, err
	}
	for _, p := range first {
		if hd, ok := h.Identity.Find(tx, p.Handle); ok && !slices.ContainsFunc(known, func(o *identity.Handle) bool { return o.ID == hd.ID }) {
			known = append(known, hd) // a third party's
		}
	}
	last := make(map[message.Handle]time.Time, len(known))
	for _, hd := range known {
		if seq := h.Timeline.LastOf(tx, hd.ID); seq != 0 {
			e, err := h.Timeline.Get(tx, seq)
			if err != nil {
				return nil, err
			}
			last[hd.Handle] = e.Time
		}
	}
	rank := func(hd *identity.Handle) int {
		if i := slices.IndexFunc(first, func(p message.Person) bool { return p.Handle == hd.Handle }); i >= 0 {
			return i
		}
		return len(first)
	}
	slices.SortStableFunc(known, func(a, b *identity.Handle) int {
		return cmp.Or(cmp.Compare(rank(a), rank(b)), last[b.Handle].Compare(last[a.Handle]))
	})
	var ways []Way
	for _, account := range h.sending() {
		r := h.runner(account)
		if r == nil || r.conn == nil {
			continue // stopped since
		}
		_, _, _, paused := r.status()
		w := Way{Account: account, Info: r.info, Paused: paused}
		_, w.Templates = r.conn.(connectors.Templater)
		for _, hd := range known {
			if !identity.Reachable(hd.Handle) || hd.Handle.Scheme() != h.kinds[r.info.Channel].Scheme {
				continue
			}
			wh, err := h.wayHandle(tx, &w, purpose, hd)
			if err != nil {
				return nil, err
			}
			wh.Last = last[hd.Handle]
			w.Handles = append(w.Handles, wh)
		}
		ways = append(ways, w)
	}
	slices.SortStableFunc(ways, func(a, b Way) int { return -cmp.Compare(min(len(a.Handles), 1), min(len(b.Handles), 1)) })
	return ways, nil
}

func (h *Hub) wayHandle(tx *store.Tx, w *Way, purpose string, hd *identity.Handle) (WayHandle, error) {
	out := WayHandle{Person: message.Person{Name: hd.Name, Handle: hd.Handle}}
	no, err := h.optedOut(tx, w.Info.Channel, purpose, []message.Handle{hd.Handle})
	if err != nil {
		return out, err
	}
	if no != nil {
		out.OptOut, out.OptedBy = &no.Consent, no.String()
		if no.suspended != nil {
			out.OptOut, out.Suspended = nil, no.suspended
		}
	}
	if window := w.Info.Writing.Window; window > 0 {
		heard, err := h.lastHeard(tx, w.Account, hd.Handle)
		if err != nil {
			return out, err
		}
		if !heard.IsZero() {
			out.Window = heard.Add(window)
		}
	}
	return out, nil
}

// onePage is how many events SubjectsOn reads at once, and mostPages how often.
const (
	onePage   = 200
	mostPages = 20
)

// SubjectsOn is timeline.Subjects of the messages of one channel only. It looks at
// a bounded stretch: a page may be short, or empty, and still say where to go on.
func (h *Hub) SubjectsOn(tx *store.Tx, subjects []uint64, s timeline.Span, channel string) (out timeline.Page, err error) {
	forward := s.After != 0
	at := timeline.Span{Before: s.Before, After: s.After, Limit: onePage}
	for n := 0; ; n++ {
		page, err := h.Timeline.Subjects(tx, subjects, at)
		if err != nil {
			return out, err
		}
		if !forward {
			slices.Reverse(page.Events)
		}
		for i := range page.Events {
			e := &page.Events[i]
			on, err := h.isOn(tx, e, channel)
			if err != nil {
				return out, err
			}
			if !on {
				continue
			}
			if len(out.Events) == s.Limit {
				return bounds(out, s, true), nil
			}
			out.Events = append(out.Events, *e)
		}
		at.Before, at.After = page.Before, 0
		if forward {
			at.Before, at.After = 0, page.After
		}
		if at.Before == 0 && at.After == 0 {
			return bounds(out, s, false), nil
		}
		if n == mostPages {
			out = bounds(out, s, true)
			if forward {
				out.After = at.After
			} else {
				out.Before = at.Before
			}
			return out, nil
		}
	}
}

// bounds puts a page that was read away from its start into order and tells where
// there is more.
func bounds(p timeline.Page, s timeline.Span, more bool) timeline.Page {
	if p.Events == nil {
		p.Events = []timeline.Event{}
	}
	if s.After != 0 {
		p.Before = s.After + 1
		if n := len(p.Events); n > 0 {
			p.Before = p.Events[0].Seq
			if more {
				p.After = p.Events[n-1].Seq
			}
		}
		return p
	}
	slices.Reverse(p.Events)
	if s.Before != 0 {
		p.After = s.Before - 1
	}
	if n := len(p.Events); n > 0 {
		if more {
			p.Before = p.Events[0].Seq
		}
		if s.Before != 0 {
			p.After = p.Events[n-1].Seq
		}
	}
	return p
}

// isOn tells whether an event brought a message of a channel.
func (h *Hub) isOn(tx *store.Tx, e *timeline.Event, channel string) (bool, error) {
	if e.Message == 0 {
		return false, nil
	}
	r, err := h.Message(tx, e.Message)
	if err != nil {
		return false, err
	}
	return r.Channel == channel, nil
}
