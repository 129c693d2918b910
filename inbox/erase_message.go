package inbox

import (
	"errors"
	"slices"
	"time"

	"throughline/message"
)

// concerns tells whether a message is his and has not been erased yet, or names
// him.
func (e *eraser) concerns(r *Record) (bool, error) {
	if e.named(r) {
		return true, nil
	}
	if r.Erased {
		return false, nil
	}
	return e.his(r)
}

// his are the messages that he wrote, and all of his conversations.
func (e *eraser) his(r *Record) (bool, error) {
	if r.Refiled != nil { // said to be from somebody else than the owner of its address
		return slices.Contains(e.records, r.Refiled.Customer), nil
	}
	if e.isID(r.Sender) || r.Kind == message.Bounce && slices.ContainsFunc(r.Reports, func(rep message.Report) bool { return e.is(rep.Handle) }) {
		return true, nil
	}
	return e.owns(r.Conversation)
}

func (e *eraser) named(r *Record) bool {
	has := func(list []message.Person) bool {
		return slices.ContainsFunc(list, func(p message.Person) bool { return e.is(p.Handle) })
	}
	if slices.ContainsFunc(r.Reactions, func(re message.Reaction) bool { return e.is(re.By.Handle) }) {
		return true
	}
	return e.is(r.From.Handle) || has(r.ReplyTo) || has(r.To) || has(r.Cc) || has(r.Bcc)
}

// message empties one message, or takes only his name and address out of one that
// is another customer's.
func (e *eraser) message(id uint64) error {
	r, err := e.Message(e.tx, id)
	if err != nil {
		return err
	}
	if his, err := e.his(r); err != nil {
		return err
	} else if !his {
		return e.spare(r)
	}
	if !r.Erased {
		e.emptied++
	}
	if err := e.forgetName(r); err != nil {
		return err
	}
	for _, v := range r.Former {
		markParts(e.blobs, v.Parts)
	}
	markParts(e.blobs, r.Parts)
	if r.RawBlob != "" {
		e.blobs[r.RawBlob] = true
	}
	if err := e.Preference.KeepTx(e.tx, id); err != nil {
		return err
	}
	kept := message.Message{ID: r.ID, Token: r.Token, Channel: r.Channel, Account: r.Account, Direction: r.Direction, Key: r.Key, Source: r.Source,
		Time: r.Time, Received: r.Received, Kind: r.Kind, Bulk: r.Bulk, Automatic: r.Automatic, Vouch: r.Vouch, Chat: r.Chat, Edited: r.Edited, Deleted: r.Deleted}
	if r.Call != nil {
		call := r.Call.Settled() // with slices of its own
		call.Choice, call.Asked, call.WrapUp = "", nil, nil
		for i := range call.Legs {
			if call.Legs[i].Role == message.CustomerLeg {
				call.Legs[i].Number = ""
			}
			if call.Over() {
				call.Legs[i].Ref = ""
			}
		}
		for i := range call.Transfers {
			call.Transfers[i].Number = ""
		}
		kept.Call = &call
	}
	r.Message, r.RawBlob, r.Erased = kept, "", true
	if err := e.messages.Put(e.tx, id, r); err != nil {
		return err
	}
	if err := e.tx.PutValue(rawBucket, rawKey(id), nil); err != nil {
		return err
	}
	d, err := e.deliveries.Get(e.tx, id)
	if errors.Is(err, ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	was := d.troubled()
	if d.waiting() { // it must not go out any more
		d.Status, d.Due, d.Checking = message.Cancelled, time.Time{}, nil
	}
	d.Reason, d.Rejected, d.Again, d.Ref, d.Past, d.Draft, d.Dismissed = "", nil, nil, "", nil, nil, true
	d.Owed = time.Time{} // there is nothing left to copy into the sent folder
	for i := range d.Attempts {
		d.Attempts[i].Detail = ""
	}
	return e.saveDelivery(e.tx, id, d, was, false)
}

// markParts adds the files of parts.
func markParts(blobs map[string]bool, parts []message.Part) {
	for _, p := range parts {
		if p.Blob != "" {
			blobs[p.Blob] = true
		}
	}
}
