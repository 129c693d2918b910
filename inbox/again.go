package inbox

import (
	"slices"
	"time"

	"throughline/identity"
	"throughline/message"
)

// partly notes who was refused at the nth attempt while others were taken. Those
// refused for the moment are tried again, alone, until it has taken too long.
func (d *Delivery) partly(refused []message.Report, overtaken bool, n int, now time.Time) {
	d.Again = nil
	for _, rep := range refused {
		if c, err := identity.Canonical(rep.Handle); err == nil {
			rep.Handle = c
		}
		if rep.Permanent || overtaken || rep.Handle == "" || now.Sub(d.Created) > giveUpAfter {
			d.Rejected = append(d.Rejected, rep)
			continue
		}
		d.Again = append(d.Again, rep.Handle)
		d.Reason, d.Code = "taken for the others; "+rep.Handle.Address()+" is tried again: "+rep.Reason, rep.Code
	}
	if len(d.Again) > 0 {
		d.Status, d.Due = message.Queued, now.Add(backoff(n))
	}
}

// giveUpRest makes of a failed further attempt what it is: all but the rest have
// the message.
func (d *Delivery) giveUpRest(to []message.Handle, now time.Time) {
	for _, h := range d.Again {
		d.Rejected = append(d.Rejected, message.Report{
			Handle: h, Status: message.Failed, Code: d.Code, Reason: d.Reason, Permanent: true, Time: now,
		})
	}
	if d.Again = nil; !d.refusedBy(to) {
		d.Status, d.Reason, d.Code = message.Sent, "", ""
	}
}

// notAgain takes somebody off those to be tried again, after a report that he cannot
// be reached; "" is everybody.
func (d *Delivery) notAgain(h message.Handle) {
	if len(d.Again) == 0 {
		return
	}
	d.Again = slices.DeleteFunc(d.Again, func(a message.Handle) bool { return h == "" || a == h })
	if len(d.Again) == 0 && d.waiting() {
		d.Status, d.Reason, d.Code, d.Due = message.Sent, "", "", time.Time{}
	}
}
