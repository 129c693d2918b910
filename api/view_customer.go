package api

import (
	"strconv"
	"strings"

	"throughline/identity"
	"throughline/inbox"
)

func (v *view) customer(id uint64) (*Customer, error) {
	root, err := v.s.hub.Identity.Root(v.tx, id)
	if err != nil {
		return nil, err
	}
	members, err := v.s.hub.Identity.Members(v.tx, root.ID)
	if err != nil {
		return nil, err
	}
	handles, err := v.s.hub.Identity.Handles(v.tx, root.ID)
	if err != nil {
		return nil, err
	}
	out := &Customer{
		ID: root.ID, Name: v.s.hub.Identity.DisplayName(v.tx, root), Created: root.Created, Handles: make([]Handle, 0, len(handles)), Merged: []Member{},
		Picture: firstPicture(handles),
	}
	if !root.Erased.IsZero() {
		out.Erased, out.Card.Changed = root.Erased, map[string]FieldStamp{}
		return out, nil
	}
	v.card(out, members)
	ids, err := v.s.hub.Identity.Subjects(v.tx, root.ID)
	if err != nil {
		return nil, err
	}
	for _, h := range handles {
		out.Handles = append(out.Handles, v.handle(h, root.ID))
	}
	for _, m := range members[1:] {
		mem := Member{ID: m.ID, Name: v.s.hub.Identity.DisplayName(v.tx, m)}
		if m.Merge != nil {
			mem.By, mem.Time, mem.Reason = m.Merge.By, m.Merge.Time, m.Merge.Reason
		}
		out.Merged = append(out.Merged, mem)
	}
	list, _, err := v.s.hub.List(v.tx, inbox.ListQuery{Subjects: ids, Limit: countedConversations})
	if err != nil {
		return nil, err
	}
	out.Conversations = len(list)
	for _, c := range list {
		if c.Status == inbox.Open {
			out.Open++
		}
	}
	for _, m := range members {
		out.Duplicates += v.s.hub.Identity.OpenSuggestions(v.tx, m.ID)
	}
	return out, nil
}

func (v *view) handle(h *identity.Handle, root uint64) Handle {
	out := Handle{
		Person: Person{Name: h.Name, Handle: string(h.Handle), Address: h.Handle.Address(), Customer: root, Picture: pictureURL(h)},
		Scheme: h.Handle.Scheme(), Verified: h.Verified, Shared: h.UsedByMany(), Member: h.Customer,
		Link: Link{By: h.Link.By, Time: h.Link.Time, Reason: h.Link.Reason, Confidence: h.Link.Confidence},
	}
	if id, ok := strings.CutPrefix(h.Link.By, "agent:"); ok {
		if n, err := strconv.ParseUint(id, 10, 64); err == nil {
			if a, err := v.s.auth.AgentTx(v.tx, n); err == nil {
				out.Link.Name = a.Name
			}
		}
	}
	v.hints(&out, h, root)
	if seq := v.s.hub.Timeline.LastOf(v.tx, h.ID); seq != 0 {
		if e, err := v.s.hub.Timeline.Get(v.tx, seq); err == nil {
			out.LastSeen = e.Time
		}
	}
	return out
}
