package email

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/emersion/go-imap/v2"

	"throughline/connectors"
)

// Test connects to both servers and logs in, and opens every folder read-only.
// No mail is sent and nothing is changed.
func (c *Connector) Test(ctx context.Context) []connectors.Step {
	var steps []connectors.Step
	done := func(name string, err error) {
		st := connectors.Step{Name: name, OK: err == nil}
		if err != nil {
			var se *connectors.SendError
			if errors.As(err, &se) {
				st.Error = err.Error() // it may say more around the server's words
			} else {
				st.Error = c.safe(plainCause(err))
			}
		}
		steps = append(steps, st)
	}
	failed := func() bool { return len(steps) > 0 && !steps[len(steps)-1].OK }

	c.testIMAP(ctx, done)
	if failed() {
		return steps
	}
	l, err := c.openLink(ctx, done)
	if err != nil {
		if !failed() {
			done("smtp: connect", err)
		}
		return steps
	}
	l.close()
	return steps
}

func (c *Connector) testIMAP(ctx context.Context, done step) {
	s, err := c.openSession(ctx, done)
	if err != nil {
		return
	}
	defer s.close()
	folders := c.set.folders
	if c.set.after == afterMove {
		folders = append(folders[:len(folders):len(folders)], c.set.moveTo)
	}
	if c.set.sent != "" && !slices.Contains(folders, c.set.sent) {
		folders = append(folders[:len(folders):len(folders)], c.set.sent)
	}
	for _, f := range folders {
		name := fmt.Sprintf("imap: open folder %s", oneLine(f))
		if err := s.open(f, true); err != nil {
			err = c.lost(ctx, s.conn, err)
			done(name, fmt.Errorf("%w; check its spelling, capitals count", err))
			return
		}
		done(name, nil)
	}
	if c.set.after == afterMove && !s.caps.Has(imap.CapMove) && !s.caps.Has(imap.CapUIDPlus) && !s.caps.Has(imap.CapIMAP4rev2) {
		done("imap: move mail", &connectors.SendError{Class: connectors.AccountFault,
			Reason: `the server offers neither MOVE nor UIDPLUS; choose "leave" or "mark_seen"`})
	}
}
