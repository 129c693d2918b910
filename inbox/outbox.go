package inbox

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"time"

	"throughline/connectors"
	"throughline/message"
	"throughline/store"
)

// The outbox: one lane per account, so that a stuck server delays nobody else. A
// lane takes the delivery that is due first, writes the attempt and the next due
// time, and only then lets the connector dial.

const (
	sendTimeout   = 4 * time.Minute
	attemptLease  = 6 * time.Minute  // next due time while an attempt is under way
	accountPause  = 5 * time.Minute  // before an account at fault is tried again
	giveUpAfter   = 72 * time.Hour   // RFC 5321 4.5.4.1 asks for four to five days of a relay; people want to know sooner
	shutdownGrace = 10 * time.Second // for an attempt under way when the hub stops
)

// retryAfter are the waits between attempts; the last one repeats.
var retryAfter = []time.Duration{
	30 * time.Second, 2 * time.Minute, 5 * time.Minute, 15 * time.Minute, 30 * time.Minute, time.Hour, 2 * time.Hour, 4 * time.Hour,
}

// lane sends what is due for one account until ctx ends.
func (h *Hub) lane(ctx context.Context, r *runner) error {
	wake, stop := h.deliveries.Watch()
	defer stop()
	if err := h.recover(ctx, r); err != nil {
		return err
	}
	timer := time.NewTimer(0)
	defer timer.Stop()
	for ctx.Err() == nil {
		id, due, err := h.nextDue(r.account)
		if err != nil {
			return err
		}
		now := time.Now()
		if until := r.pausedUntil(); until.After(now) && id != 0 {
			due = until
		}
		if id != 0 && !due.After(now) {
			due = now.Add(r.turn())
		}
		if id != 0 && !due.After(now) {
			if err := h.attempt(ctx, r, id); err != nil {
				return err
			}
			continue
		}
		wait := time.Hour
		if id != 0 {
			wait = due.Sub(now)
		}
		timer.Reset(wait)
		select {
		case <-wake:
		case <-r.kick:
		case <-timer.C:
		case <-ctx.Done():
		}
	}
	return ctx.Err()
}

// recover settles what an earlier process left under way: nobody else sends for
// this data folder, so such an attempt is over. A channel that survives a repeat
// gets one, for any other the provider is asked or a person has to decide.
func (h *Hub) recover(ctx context.Context, r *runner) error {
	return h.Store.Update(ctx, func(tx *store.Tx) error {
		for _, id := range h.dueIDs(tx, r.account) {
			d, err := h.Delivery(tx, id)
			if err != nil {
				return err
			}
			if d.Status != message.Sending || d.Checking != nil {
				continue
			}
			was := d.troubled()
			last := &d.Attempts[len(d.Attempts)-1]
			last.Detail = "the program stopped during this attempt"
			if r.info.Idempotent {
				last.Result, d.Status, d.Due = "unsure", message.Queued, tx.Now()
			} else {
				d.doubt(r.conn, tx.Now(), last.Detail, "")
			}
			if err := h.saveDelivery(tx, id, d, was, true); err != nil {
				return err
			}
		}
		return nil
	})
}

func (h *Hub) dueIDs(tx *store.Tx, account string) (ids []uint64) {
	for e := range h.deliveries.Scan(tx, store.Range{Index: "due", Prefix: store.K().Str(account)}) {
		ids = append(ids, e.ID)
	}
	return ids
}

func (h *Hub) nextDue(account string) (id uint64, due time.Time, err error) {
	err = h.Store.View(func(tx *store.Tx) error {
		for e := range h.deliveries.Scan(tx, store.Range{Index: "due", Prefix: store.K().Str(account)}) {
			d, err := h.Delivery(tx, e.ID)
			if err != nil {
				return err
			}
			id, due = e.ID, d.Due
			break
		}
		return nil
	})
	return id, due, err
}

// attempt makes one try.
func (h *Hub) attempt(ctx context.Context, r *runner, id uint64) error {
	var m message.Message
	var n int
	var checking *Checking
	err := h.Store.Update(ctx, func(tx *store.Tx) error {
		m.ID, checking = 0, nil
		d, err := h.Delivery(tx, id)
		if err != nil {
			return err
		}
		if !d.waiting() || d.Due.After(tx.Now()) {
			return nil // taken back or put off since we looked
		}
		rec, err := h.Message(tx, id)
		if err != nil {
			return err
		}
		if d.Checking != nil {
			m, checking = h.sendable(rec), d.Checking
			return nil
		}
		// Who said stop a moment ago, in the undo window even, gets nothing more.
		to := recipients(rec)
		if len(d.Again) > 0 {
			to = d.Again
		}
		was := d.troubled()
		only, no, err := h.stillTo(tx, r, rec, d, to)
		if err != nil {
			return err
		}
		if no != nil {
			d.Status, d.Due, d.Draft, d.Reason, d.Code = message.Failed, time.Time{}, nil, no.Reason, no.Code
			if len(d.Again) > 0 {
				d.giveUpRest(recipients(rec), tx.Now())
			}
			return h.saveDelivery(tx, id, d, was, true)
		}
		d.Status, d.Due, d.Draft = message.Sending, tx.Now().Add(attemptLease), nil
		if len(d.Attempts) >= maxAttempts {
			d.Attempts = append(d.Attempts[:1], d.Attempts[2:]...)
		}
		d.Attempts = append(d.Attempts, Attempt{Time: tx.Now()})
		if d.Ref != "" && !r.info.Idempotent { // what goes out now is another message to the provider
			d.Past, d.Ref = append(d.Past, d.Ref), ""
			d.Past = d.Past[max(0, len(d.Past)-maxAttempts):]
		}
		m, n = h.sendable(rec), len(d.Attempts)
		if d.Listed, err = h.listed(tx, rec); err != nil {
			return err
		}
		if err := h.unsubscribable(tx, &m, rec, d.Listed); err != nil {
			return err
		}
		m.Only = only
		if m.Thread, err = h.wireNames(tx, m.Thread); err != nil {
			return err
		}
		return h.saveDelivery(tx, id, d, was, false)
	})
	if err != nil || m.ID == 0 {
		return err
	}
	if checking != nil {
		return h.lookUp(ctx, r, m, checking.Since)
	}
	// A stopping hub lets the attempt end: broken off, nobody would know.
	sendCtx, cancel := context.WithTimeout(context.WithoutCancel(ctx), sendTimeout)
	defer cancel()
	defer context.AfterFunc(ctx, func() { time.AfterFunc(shutdownGrace, cancel) })()
	receipt, sendErr := r.send(sendCtx, m)
	return h.settle(context.WithoutCancel(ctx), r, id, n, receipt, sendErr)
}

// wireNames replaces the OwnRefs of a thread by the names under which those
// messages really went out: another account, or this one under another address,
// may have sent them. Those not sent yet stay as they are.
func (h *Hub) wireNames(tx *store.Tx, thread []string) ([]string, error) {
	out := slices.Clone(thread)
	for i, ref := range out {
		id, token, ok := message.ParseOwnRef(ref)
		if !ok {
			continue
		}
		rec, err := h.Message(tx, id)
		if errors.Is(err, ErrNotFound) || err == nil && rec.Token != token {
			continue // a name made up, or of a time before a restore
		}
		var d *Delivery
		if err == nil {
			d, err = h.Delivery(tx, id)
		}
		if errors.Is(err, ErrNotFound) {
			continue
		}
		if err != nil {
			return nil, err
		}
		if d.Ref != "" {
			out[i] = d.Ref
		}
	}
	return out, nil
}

// settle writes what came of an attempt.
func (h *Hub) settle(ctx context.Context, r *runner, id uint64, n int, receipt connectors.Receipt, sendErr error) error {
	var se *connectors.SendError
	if sendErr != nil && !errors.As(sendErr, &se) {
		se = &connectors.SendError{Class: connectors.Retry, Reason: sendErr.Error(), Err: sendErr}
	}
	if se != nil {
		h.log.Warn("send failed", "account", r.account, "message", id, "attempt", n, "class", int(se.Class), "code", se.Code, "reason", se.Reason)
	}
	if se != nil && se.Class == connectors.AccountFault {
		r.pause(se.Reason, time.Now().Add(accountPause))
	} else {
		r.pause("", time.Time{})
	}
	return h.Store.Update(ctx, func(tx *store.Tx) error {
		d, err := h.Delivery(tx, id)
		if err != nil {
			return err
		}
		was := d.troubled()
		a := &d.Attempts[len(d.Attempts)-1]
		// A report may have overtaken us: then it knows better.
		overtaken := d.Status != message.Sending
		if se == nil {
			a.Result, a.Detail = "sent", receipt.Detail
			if receipt.Pending {
				d.Owed = tx.Now().Add(finishAfter[0])
			}
			if d.Ref == "" || len(d.Again) == 0 { // the rest of a message does not rename it
				d.Ref = receipt.Ref
			}
			if !overtaken {
				d.Status, d.Reason, d.Code, d.Due = message.Sent, "", "", time.Time{}
			}
			d.partly(receipt.Rejected, overtaken, n, tx.Now())
			if err := h.refusedSome(tx, id, receipt.Rejected); err != nil {
				return err
			}
			if err := h.keepOwn(tx, r.info.Own.Handle, r.account); err != nil {
				return err
			}
			if err := h.saveDelivery(tx, id, d, was, true); err != nil {
				return err
			}
			return h.settleEarly(tx, r.account, receipt.Ref)
		}
		a.Code, a.Detail = se.Code, se.Reason
		if overtaken {
			a.Result = "overtaken"
			return h.saveDelivery(tx, id, d, was, false)
		}
		d.Reason, d.Code = se.Reason, se.Code
		class := se.Class
		if class == connectors.Unsure && r.info.Idempotent {
			class = connectors.Retry
		}
		switch class {
		case connectors.Reject:
			a.Result, d.Status, d.Due = "rejected", message.Failed, time.Time{}
			if err := h.refusedAt(tx, id, se); err != nil {
				return err
			}
		case connectors.OptOut:
			a.Result, d.Status, d.Due = "opt_out", message.Failed, time.Time{}
			rec, err := h.Message(tx, id)
			if err != nil {
				return err
			}
			if err := h.refusedConsent(tx, rec, "", se.Code, se.Reason, tx.Now()); err != nil {
				return err
			}
		case connectors.Unsure:
			d.doubt(r.conn, tx.Now(), se.Reason, se.Code)
		case connectors.AccountFault:
			a.Result, d.Status, d.Due = "account", message.Queued, tx.Now().Add(accountPause)
		default:
			a.Result, d.Status = "retry", message.Queued
			d.Due = tx.Now().Add(max(backoff(n), min(se.After, connectors.LongestWish)))
			if tx.Now().Sub(d.Created) > giveUpAfter {
				d.Status, d.Due = message.Failed, time.Time{}
				d.Reason = "given up after three days; the last answer was: " + se.Reason
			}
		}
		if d.Status == message.Failed && len(d.Again) > 0 {
			rec, err := h.Message(tx, id)
			if err != nil {
				return err
			}
			d.giveUpRest(recipients(rec), tx.Now())
		}
		return h.saveDelivery(tx, id, d, was, true)
	})
}

// backoff is the wait after the nth attempt, with a jitter of a tenth so that a
// crowd of messages does not come back at once.
func backoff(n int) time.Duration {
	w := retryAfter[min(n, len(retryAfter))-1]
	return w + time.Duration(rand.Int64N(int64(w)/10+1))
}

// strand makes trouble of what waits for accounts that are removed or switched
// off: nobody would send it, and nobody would know. It can be sent again over
// another account.
func (h *Hub) strand(ctx context.Context, active func(account string) bool) error {
	var idle []string
	if err := h.Store.View(func(tx *store.Tx) error {
		r := store.Range{Index: "due"}
		for more := true; more; {
			more = false
			for e := range h.deliveries.Scan(tx, r) {
				account, group := firstComponent(e.Pos)
				if !active(account) {
					idle = append(idle, account)
				}
				r.After, more = afterGroup(group), true
				break
			}
		}
		return nil
	}); err != nil {
		return err
	}
	for _, account := range idle {
		for more := true; more; {
			if err := h.Store.Update(ctx, func(tx *store.Tx) (err error) {
				more, err = h.strandSome(tx, account)
				return err
			}); err != nil {
				return err
			}
		}
	}
	return nil
}

// strandSome does so for at most maxBatch deliveries of one account.
func (h *Hub) strandSome(tx *store.Tx, account string) (more bool, err error) {
	ids := h.dueIDs(tx, account)
	if len(ids) > maxBatch {
		ids, more = ids[:maxBatch], true
	}
	for _, id := range ids {
		d, err := h.Delivery(tx, id)
		if err != nil {
			return false, err
		}
		was := d.troubled()
		reason := "the account " + account + " is removed or switched off: send this again to have it go out over another account"
		if d.Status == message.Sending {
			last := &d.Attempts[len(d.Attempts)-1]
			last.Result, last.Detail = "unsure", "the program stopped during this attempt"
			d.Status, reason = message.Unsure, last.Detail+", and "+reason
		} else {
			d.Status = message.Failed
		}
		d.Reason, d.Code, d.Due, d.Draft, d.Checking = reason, "", time.Time{}, nil, nil
		if err := h.saveDelivery(tx, id, d, was, true); err != nil {
			return false, err
		}
	}
	return more, nil
}
