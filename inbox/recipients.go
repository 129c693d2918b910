package inbox

import (
	"fmt"
	"slices"

	"throughline/connectors"
	"throughline/identity"
	"throughline/message"
	"throughline/store"
	"throughline/timeline"
)

// Recipients is what a composer starts with.
type Recipients struct {
	Account     string
	To, Cc      []message.Person
	Subject     string
	InReplyTo   uint64
	QuoteHTML   string // goes below the text
	Attachments []message.Part
	Warning     string
}

// Recipients proposes whom an answer goes to. An answer to all keeps everybody; an
// answer to a third party goes to that party.
func (h *Hub) Recipients(tx *store.Tx, conversation uint64, mode string, id uint64) (*Recipients, error) {
	c, err := h.Conversation(tx, conversation)
	if err != nil {
		return nil, err
	}
	base, err := h.answered(tx, c, id)
	if err != nil {
		return nil, err
	}
	out := &Recipients{Account: h.sendAccount(c, base), Subject: c.Subject}
	if !h.usable(out.Account) { // a call, say: something that reaches the customer, if there is anything
		ways, err := h.Ways(tx, conversation)
		if err != nil {
			return nil, err
		}
		open := func(w Way) bool {
			return slices.ContainsFunc(w.Handles, func(hd WayHandle) bool {
				return hd.OptOut == nil && hd.Suspended == nil && !w.WindowOver(&hd, tx.Now())
			})
		}
		if i := slices.IndexFunc(ways, open); i >= 0 {
			out.Account = ways[i].Account
		}
	}
	if info, ok := h.accountInfo(out.Account); ok && (!info.Writing.Letter || mode != ModeForward && h.foreign(info, base)) {
		return h.partnerOver(tx, c, base, info, out)
	}
	if base == nil {
		// Nothing but notes so far: write to whose matter it is.
		hd, err := h.Identity.Handle(tx, c.Handle)
		if err != nil {
			return nil, err
		}
		out.To = []message.Person{{Name: hd.Name, Handle: hd.Handle}}
		return out, nil
	}
	out.InReplyTo = base.ID
	out.QuoteHTML = quoteHTML(base, mode == ModeForward)
	switch mode {
	case ModeForward:
		out.Subject = "Fwd: " + bareSubject(base.Subject)
		out.Attachments = base.Parts
		return out, nil
	case ModeReply, ModeReplyAll:
	default:
		return nil, &InvalidError{"mode", fmt.Sprintf("%q is not one of reply, reply_all and forward", mode)}
	}
	out.Subject = "Re: " + bareSubject(base.Subject)
	if base.Direction == message.Out {
		out.To = base.To
	} else if len(base.ReplyTo) > 0 {
		out.To = base.ReplyTo
	} else {
		out.To = []message.Person{base.From}
	}
	if mode == ModeReplyAll {
		var rest []message.Person
		if base.Direction == message.In {
			rest = base.To
		}
		out.Cc = h.others(slices.Concat(rest, base.Cc), out.To)
	}
	out.To = h.withoutUnknown(out.To)
	switch {
	case len(out.To) == 0:
		out.Warning = "The sender's address could not be read: add one."
	case base.Kind == message.Bounce:
		out.Warning = "This is a delivery report from a mail server; nobody reads an answer to it."
	case base.Kind == message.AutoReply:
		out.Warning = "This is an automatic reply."
	case base.List != "" && mode == ModeReplyAll:
		out.Warning = "This came over a mailing list: an answer to all goes to everybody on it."
	case base.Vouch == message.VouchFailed:
		out.Warning = "The sender is not verified: this may come from somebody else."
	}
	return out, nil
}

// answered is the message an answer refers to: the one asked for, else the newest
// of a person, else the newest; nil if there is none.
func (h *Hub) answered(tx *store.Tx, c *Conversation, id uint64) (*Record, error) {
	if id != 0 {
		r, err := h.Message(tx, id)
		if err != nil {
			return nil, err
		}
		if r.Conversation != c.ID {
			return nil, &InvalidError{"in_reply_to", "this message is in another conversation"}
		}
		return r, nil
	}
	seq, err := h.Timeline.Newest(tx, c.ID, 200, func(e *timeline.Event) bool { return e.Kind == timeline.MessageReceived })
	if err == nil && seq == 0 {
		seq, err = h.Timeline.Newest(tx, c.ID, 200, func(e *timeline.Event) bool { return e.Kind == timeline.MessageQueued })
	}
	if err != nil || seq == 0 {
		return nil, err
	}
	e, err := h.Timeline.Get(tx, seq)
	if err != nil {
		return nil, err
	}
	return h.Message(tx, e.Message)
}

// sendAccount chooses the account an answer goes out over: the one the message
// came over, so that the customer sees the address he wrote to.
func (h *Hub) sendAccount(c *Conversation, base *Record) string {
	candidates := slices.Concat(c.Accounts, []string{c.Account})
	if base != nil {
		candidates = slices.Concat([]string{base.Account}, base.Also, candidates)
	}
	for _, a := range candidates {
		if h.usable(a) {
			return a
		}
	}
	return c.Account
}

// foreign tells that an account does not reach whom a message is with: it came over
// another channel.
func (h *Hub) foreign(info connectors.Info, base *Record) bool {
	with := h.partner(base)
	return len(with) > 0 && identity.Reachable(with[0].Handle) && with[0].Handle.Scheme() != h.kinds[info.Channel].Scheme
}

func (h *Hub) withoutUnknown(list []message.Person) []message.Person {
	return slices.DeleteFunc(slices.Clone(list), func(p message.Person) bool { return p.Handle.Scheme() == identity.Unknown })
}

// others leaves out our own addresses and those of not.
func (h *Hub) others(list, not []message.Person) (out []message.Person) {
	for _, p := range list {
		same := func(o message.Person) bool { return o.Handle == p.Handle }
		if _, ours := h.Own(p.Handle); ours || slices.ContainsFunc(not, same) || slices.ContainsFunc(out, same) {
			continue
		}
		out = append(out, p)
	}
	return out
}
