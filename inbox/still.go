package inbox

import (
	"slices"

	"throughline/message"
	"throughline/store"
)

// What has to be looked at again when an attempt begins: a message may have waited
// for hours, and who said stop a moment ago, in the undo window even, gets nothing more.

// codeWindow is the code of a delivery that we refused ourselves because the time for
// own words was over.
const codeWindow = "window"

// stillTo tells whom of to a message may go to now: only is for message.Message.Only,
// nil where it is for all. no tells why it may go to nobody. Who gets a copy only is
// left out, and counts as refused.
func (h *Hub) stillTo(tx *store.Tx, r *runner, rec *Record, d *Delivery, to []message.Handle) (only []message.Handle, no *message.Report, err error) {
	only = slices.Clone(d.Again)
	for _, handle := range slices.Clone(to) { // to may be d.Again, which shrinks below
		out, err := h.optedOutOf(tx, rec, []message.Handle{handle})
		if err != nil {
			return nil, nil, err
		}
		if out == nil {
			continue
		}
		refused := message.Report{Handle: handle, Status: message.Failed, Code: out.code(), Reason: out.String(), Permanent: true, OptOut: out.suspended == nil, Time: tx.Now()}
		copied := len(rec.To) > 0 && !slices.ContainsFunc(rec.To, func(p message.Person) bool { return p.Handle == handle })
		if !copied || len(to) == 1 {
			return nil, &refused, nil
		}
		if only == nil {
			only = slices.Clone(to)
		}
		// An empty Only would be everybody.
		if only = slices.DeleteFunc(only, func(o message.Handle) bool { return o == handle }); len(only) == 0 {
			return nil, &refused, nil
		}
		d.Again = slices.DeleteFunc(d.Again, func(o message.Handle) bool { return o == handle })
		if !slices.ContainsFunc(d.Rejected, func(o message.Report) bool { return o.Handle == handle }) {
			d.Rejected = append(d.Rejected, refused)
		}
	}
	window := r.info.Writing.Window
	if window == 0 || rec.Template != nil || len(rec.To) != 1 {
		return only, nil, nil
	}
	heard, err := h.lastHeard(tx, rec.Account, rec.To[0].Handle)
	if err != nil || tx.Now().Sub(heard) <= window {
		return only, nil, err
	}
	return nil, &message.Report{Code: codeWindow, Reason: "the time for own words ended while this waited: choose a template"}, nil
}
