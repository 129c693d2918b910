package inbox

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"throughline/connectors"
	"throughline/message"
	"throughline/store"
)

// Attempts of unclear outcome on channels that do not survive a repeat: the
// provider is asked, and nothing is sent again by itself.

// Checking is how far the questions have come.
type Checking struct {
	Since  time.Time `json:"since"` // of the attempt
	Tries  int       `json:"tries,omitempty"`
	Reason string    `json:"reason,omitempty"` // why the outcome is unclear
	Code   string    `json:"code,omitempty"`
}

// lookAfter are the waits before each question: providers list a message some
// seconds after they took it.
var lookAfter = []time.Duration{4 * time.Second, 8 * time.Second, 16 * time.Second, 30 * time.Second, time.Minute}

const lookTimeout = 30 * time.Second

// doubt puts a delivery whose newest attempt came to no clear end where it
// belongs: to be asked for if the provider can be, else before an agent.
func (d *Delivery) doubt(conn connectors.Connector, now time.Time, reason, code string) {
	last := &d.Attempts[len(d.Attempts)-1]
	d.Reason, d.Code = reason, code
	if _, ok := conn.(connectors.Finder); ok {
		d.Status, d.Due = message.Sending, now.Add(lookAfter[0])
		d.Checking = &Checking{Since: last.Time, Reason: reason, Code: code}
		return
	}
	last.Result = "unsure"
	d.Status, d.Due, d.Checking = message.Unsure, time.Time{}, nil
}

// lookUp asks the provider what became of m once.
func (h *Hub) lookUp(ctx context.Context, r *runner, m message.Message, since time.Time) error {
	taken := func(ref string) bool { return h.bornByOther(r.account, ref, m.ID) }
	findCtx, cancel := context.WithTimeout(ctx, lookTimeout)
	defer cancel()
	receipt, findErr := r.find(findCtx, m, since, taken)
	if findErr == nil && taken(receipt.Ref) {
		findErr = connectors.ErrNotFound
	}
	if ctx.Err() != nil && findErr != nil {
		return ctx.Err() // the hub stops; the next start asks again
	}
	return h.Store.Update(context.WithoutCancel(ctx), func(tx *store.Tx) error {
		d, err := h.Delivery(tx, m.ID)
		if err != nil {
			return err
		}
		was := d.troubled()
		last := &d.Attempts[len(d.Attempts)-1]
		if findErr == nil {
			last.Result, last.Detail = "sent", "found at the provider: "+receipt.Detail
			return h.tookIt(tx, r, m.ID, d, receipt, was)
		}
		if d.Checking == nil {
			return nil // a report has told meanwhile
		}
		d.Checking.Tries++
		if d.Checking.Tries < len(lookAfter) {
			d.Due = tx.Now().Add(lookAfter[d.Checking.Tries])
			return h.deliveries.Put(tx, m.ID, d)
		}
		last.Result = "unsure"
		last.Detail = d.Checking.Reason + "; the provider does not list it"
		if !errors.Is(findErr, connectors.ErrNotFound) {
			last.Detail = d.Checking.Reason + "; and the provider could not be asked: " + findErr.Error()
		}
		d.Status, d.Due, d.Checking, d.Reason = message.Unsure, time.Time{}, nil, last.Detail
		return h.saveDelivery(tx, m.ID, d, was, true)
	})
}

// bornByOther tells whether a wire name is that of another message than id, of an
// earlier attempt of its own, or of a leg of another call.
func (h *Hub) bornByOther(account, ref string, id uint64) (used bool) {
	if ref == "" {
		return false
	}
	// Not known is not taken: the connector compares more than names.
	_ = h.Store.View(func(tx *store.Tx) error {
		for e := range h.messages.Scan(tx, store.Range{Index: legIndex, Prefix: refKey(ref)}) {
			other, err := h.Message(tx, e.ID)
			if err != nil {
				return err
			}
			// The index holds hashes; the record decides.
			if e.ID != id && other.Account == account && slices.ContainsFunc(other.Call.Legs, func(l message.CallLeg) bool { return l.Ref == ref }) {
				used = true
				return nil
			}
		}
		other, err := h.sentAs(tx, account, ref)
		if err != nil || other == nil {
			return err
		}
		d, err := h.Delivery(tx, other.ID)
		// An earlier attempt of its own is not this one either.
		used = err == nil && (other.ID != id || slices.Contains(d.Past, ref))
		return err
	})
	return used
}

// tookIt records that the provider has taken a message. A report may have overtaken
// us: then it knows better.
func (h *Hub) tookIt(tx *store.Tx, r *runner, id uint64, d *Delivery, receipt connectors.Receipt, was bool) error {
	d.Ref = receipt.Ref
	if d.Status == message.Sending || d.Status == message.Unsure {
		d.Status, d.Reason, d.Code, d.Due = message.Sent, "", "", time.Time{}
	}
	d.Checking = nil
	d.Rejected = append(d.Rejected, slices.DeleteFunc(slices.Clone(receipt.Rejected), func(n message.Report) bool {
		return slices.ContainsFunc(d.Rejected, func(o message.Report) bool { return o.Handle == n.Handle })
	})...)
	if err := h.keepOwn(tx, r.info.Own.Handle, r.account); err != nil {
		return err
	}
	if err := h.saveDelivery(tx, id, d, was, true); err != nil {
		return err
	}
	return h.settleEarly(tx, r.account, receipt.Ref)
}

// find lets the connector look; a panic in it is a failed look.
func (r *runner) find(ctx context.Context, m message.Message, since time.Time, taken func(string) bool) (receipt connectors.Receipt, err error) {
	defer func() {
		if p := recover(); p != nil {
			r.hub.log.Error("the connector failed while looking for a message", "account", r.account, "panic", fmt.Sprint(p))
			err = errors.New("the connector failed while looking for it")
		}
	}()
	f, ok := r.conn.(connectors.Finder)
	if !ok {
		return receipt, errors.New("the provider cannot be asked")
	}
	return f.Find(ctx, m, since, taken)
}
