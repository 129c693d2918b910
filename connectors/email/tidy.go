package email

import (
	"github.com/emersion/go-imap/v2"
)

// deliver hands a load of the open folder to the hub and, where the account is
// configured so, tidies the server once the hub has it. p is the folder's place
// afterwards.
func (r *receiver) deliver(l *load, p place) error {
	var done imap.UIDSet
	if r.c.set.after != afterLeave {
		done = tidiable(l.arrivals)
		p.Todo = done.String()
	}
	l.places = map[string]place{r.s.folder: p}
	if err := r.g.submit(l); err != nil {
		return err
	}
	if len(done) == 0 {
		return nil
	}
	if err := r.g.flush(); err != nil {
		return err
	}
	return r.lost(r.tidy(done))
}

// tidiable are the mails that may be tidied once the hub has them: held ones
// stay as they are.
func tidiable(arrivals []arrival) (set imap.UIDSet) {
	for _, a := range arrivals {
		if a.reason == "" {
			set.AddNum(a.uid)
		}
	}
	return set
}

// finish tidies what an earlier run may have left undone. Only what is still
// there is named: servers stumble over a MOVE of nothing.
func (r *receiver) finish(todo string) error {
	set, ok := parseUIDs(todo)
	if !ok || r.c.set.after == afterLeave {
		return nil
	}
	there, err := r.s.search(set)
	if err != nil || len(there) == 0 {
		return err
	}
	return r.tidy(imap.UIDSetNum(there...))
}

// tidy marks or moves mails that the hub has.
func (r *receiver) tidy(set imap.UIDSet) error {
	s := r.s
	return s.do(func() error {
		if r.c.set.after == afterMarkSeen {
			return s.c.Store(set, &imap.StoreFlags{Op: imap.StoreFlagsAdd, Silent: true, Flags: []imap.Flag{imap.FlagSeen}}, nil).Close()
		}
		if s.caps.Has(imap.CapMove) || s.caps.Has(imap.CapUIDPlus) || s.caps.Has(imap.CapIMAP4rev2) {
			_, err := s.c.Move(set, r.c.set.moveTo).Wait()
			return err
		}
		// Without UIDPLUS an EXPUNGE would also delete what others have marked.
		r.c.log.Warn("the server offers neither MOVE nor UIDPLUS; mail stays where it is")
		return nil
	})
}
