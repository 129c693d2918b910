package inbox

import (
	"encoding/json"
	"slices"
	"time"

	"throughline/identity"
	"throughline/message"
	"throughline/store"
	"throughline/timeline"
)

// Delivery is what became of an outgoing message. It has the message's ID.
//
//	queued ─→ sending ─→ sent ─→ delivered ─→ read
//	  │          │ └──→ unsure ─→ queued (an agent decides)
//	  │          └────→ queued (try again later) · failed ─→ queued (retry)
//	  └─→ cancelled (in the undo window)
type Delivery struct {
	Account  string           `json:"account"`
	Status   message.Status   `json:"status"`
	Reason   string           `json:"reason,omitempty"`
	Code     string           `json:"code,omitempty"`
	Due      time.Time        `json:"due,omitzero"` // of the next attempt, while queued or sending
	Created  time.Time        `json:"created"`
	Attempts []Attempt        `json:"attempts,omitempty"`
	Rejected []message.Report `json:"rejected,omitempty"` // recipients refused, at once or by a later bounce
	Again    []message.Handle `json:"again,omitempty"`    // recipients refused for the moment while others were taken: the next attempt is for them alone
	Ref      string           `json:"ref,omitempty"`      // the name under which the provider took it (Receipt.Ref)
	Past     []string         `json:"past,omitempty"`     // its names of earlier attempts, on channels where each attempt is another message
	Checking *Checking        `json:"checking,omitempty"` // while the provider is asked what became of it; then due is the next question
	// Owed is when what is left of a message that is out is tried next: see
	// connectors.Finisher.
	Owed time.Time `json:"owed,omitzero"`
	// Listed is the purpose that the newest attempt carries a link to unsubscribe
	// from, "" if none: its copy in the sent folder carries it too.
	Listed string `json:"listed,omitempty"`
	// Dismissed: an agent has seen the failure and leaves it at that.
	Dismissed bool   `json:"dismissed,omitempty"`
	Draft     *Draft `json:"draft,omitempty"` // what Undo gives back; gone with the first attempt
}

// Attempt is one try. It is written before the try is made, so that a crash
// can never make the outbox forget it.
type Attempt struct {
	Time   time.Time `json:"time"`
	Result string    `json:"result,omitempty"` // "" while under way; sent, retry, rejected, opt_out, account, unsure, overtaken (a report had told already)
	Code   string    `json:"code,omitempty"`
	Detail string    `json:"detail,omitempty"`
}

// maxAttempts bounds the history kept: the first and the newest ones.
const maxAttempts = 40

// waiting tells whether the outbox has something to do.
func (d *Delivery) waiting() bool {
	return d.Status == message.Queued || d.Status == message.Sending
}

// troubled deliveries need an agent's eye: they count on their conversation.
func (d *Delivery) troubled() bool {
	return !d.Dismissed && (d.Status == message.Failed || d.Status == message.Unsure || len(d.Rejected) > 0)
}

// CanUndo tells whether the message can be taken back at a time.
func (d *Delivery) CanUndo(now time.Time) bool {
	return d.Status == message.Queued && len(d.Attempts) == 0 && now.Before(d.Due)
}

// CanRetry tells whether an agent may send it again.
func (d *Delivery) CanRetry() bool {
	return d.Status == message.Failed || d.Status == message.Unsure
}

// Delivery returns the delivery of an outgoing message; ErrNotFound for others.
func (h *Hub) Delivery(tx *store.Tx, id uint64) (*Delivery, error) {
	return h.deliveries.Get(tx, id)
}

// saveDelivery stores d, tells of it and keeps the conversation's count of
// undelivered messages. A message that did not arrive brings its conversation
// back into the open list.
func (h *Hub) saveDelivery(tx *store.Tx, id uint64, d *Delivery, was bool, tell bool) error {
	if err := h.deliveries.Put(tx, id, d); err != nil {
		return err
	}
	r, err := h.Message(tx, id)
	if err != nil {
		return err
	}
	if r.Call != nil {
		if err := h.dialled(tx, r, d); err != nil {
			return err
		}
	} else if r.Agent != 0 && (d.Status == message.Sent || d.Status == message.Delivered || d.Status == message.Read) {
		if err := h.wroteBack(tx, r); err != nil {
			return err
		}
	}
	if is := d.troubled(); is != was {
		c, err := h.Conversation(tx, r.Conversation)
		if err != nil {
			return err
		}
		if is {
			c.Undelivered++
			if c.Status != Open {
				c.Status, c.SnoozedUntil = Open, time.Time{}
			}
		} else {
			c.Undelivered--
		}
		if err := h.conversations.Put(tx, c.ID, c); err != nil {
			return err
		}
	}
	if !tell {
		return nil
	}
	// The reason stands in the delivery: events are for ever, and it may name somebody.
	data, err := json.Marshal(struct {
		Status message.Status `json:"status"`
	}{d.Status})
	if err != nil {
		return err
	}
	_, err = h.Timeline.Append(tx, timeline.Event{
		Kind: timeline.MessageDelivery, Conversation: r.Conversation, Message: id, Data: data, Quiet: true,
	})
	return err
}

// report takes in news about an outgoing message that came over an account. What
// is older than what we know, or names a message that is not ours, changes
// nothing. Under a wire name that is not known it waits: the provider may be
// quicker than the answer to our request.
func (h *Hub) report(tx *store.Tx, account string, rep message.Report) error {
	if rep.Ref == "" {
		return nil
	}
	id, token, ok := message.ParseOwnRef(rep.Ref)
	if !ok {
		r, err := h.sentAs(tx, account, rep.Ref)
		if err != nil {
			return err
		}
		if r == nil {
			return h.keepEarly(tx, &early{Account: account, Of: rep.Ref, Report: &rep})
		}
		id, token = r.ID, r.Token
	}
	r, err := h.Message(tx, id)
	if err != nil || r.Token != token {
		return nil // a name from another installation, or from before a restore
	}
	d, err := h.Delivery(tx, id)
	if err != nil {
		return nil // written by a colleague's own program
	}
	if d.Status == message.Cancelled {
		return nil // it never went out
	}
	if rep.Handle != "" {
		if c, err := identity.Canonical(rep.Handle); err == nil {
			rep.Handle = c
		}
	}
	if of := attemptOf(&rep); of != "" && rep.Status == message.Failed {
		switch {
		case d.outdated(of):
			return nil
		case d.Ref == "" && len(d.Attempts) > 1:
			// Of this attempt or of one before: its answer will tell.
			rep.Ref, rep.Wire = of, ""
			return h.keepEarly(tx, &early{Account: account, Of: of, Report: &rep})
		}
	}
	was, news := d.troubled(), true
	// Where the answer to the request was lost, the report tells the name that it
	// would have told: later news may know the message by that alone.
	named := d.Ref == "" && rep.Wire != "" && rep.Status != message.Failed
	if named {
		d.Ref = rep.Wire
	}
	to := recipients(r)
	if len(d.Again) > 0 && rep.Status != message.Failed {
		return nil // good news of some, while others are still to be reached
	}
	switch {
	case rep.Status == message.Failed && rep.Handle != "" && len(to) > 1:
		// One of several: the message as a whole did go out.
		same := func(o message.Report) bool { return o.Handle == rep.Handle }
		if slices.ContainsFunc(d.Rejected, same) {
			return nil
		}
		d.Rejected, d.Dismissed = append(d.Rejected, rep), false
		if d.refusedBy(to) && d.Status.Before(message.Failed) {
			d.Status, d.Reason, d.Code, d.Due = message.Failed, rep.Reason, rep.Code, time.Time{}
		}
	case !d.Status.Before(rep.Status):
		if len(to) > 1 {
			return h.noteReport(tx, r, &rep) // it may have reached another one of several
		}
		if !named {
			return nil
		}
		news = false
	default:
		d.Status, d.Reason, d.Code = rep.Status, rep.Reason, rep.Code
		d.Due, d.Checking = time.Time{}, nil
		if rep.Status == message.Failed {
			d.Dismissed = false
		}
	}
	d.notAgain(rep.Handle)
	// Providers repeat reports, and so do connectors after a restart: only the first one
	// says anything of consent and of the address, of which newer words may be known.
	if news {
		if err := h.noteReport(tx, r, &rep); err != nil {
			return err
		}
	}
	if err := h.saveDelivery(tx, id, d, was, news); err != nil || !named {
		return err
	}
	return h.settleEarly(tx, account, d.Ref)
}

// recipients are the handles a message goes to, each once.
func recipients(r *Record) []message.Handle {
	var to []message.Handle
	for _, p := range slices.Concat(r.To, r.Cc, r.Bcc) {
		if !slices.Contains(to, p.Handle) {
			to = append(to, p.Handle)
		}
	}
	return to
}

// refusedBy tells whether all of to were refused. Reports also name others, to
// whom a recipient forwards.
func (d *Delivery) refusedBy(to []message.Handle) bool {
	return !slices.ContainsFunc(to, func(h message.Handle) bool {
		return !slices.ContainsFunc(d.Rejected, func(rep message.Report) bool { return rep.Handle == h })
	})
}
