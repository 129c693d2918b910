package inbox

import (
	"fmt"
	"time"

	"throughline/message"
	"throughline/preference"
	"throughline/store"
)

// UnwantedError refuses a call to somebody who does not want to be called. An agent
// may have a reason to call all the same.
type UnwantedError struct {
	Stated bool // the customer said so, not an agent
	Time   time.Time
}

func (e *UnwantedError) Error() string {
	on := e.Time.Format(time.DateOnly)
	if e.Stated {
		return "this customer asked on " + on + " never to be called: write instead, or call anyway"
	}
	return fmt.Sprintf("an agent noted on %s that this customer is never to be called: write instead, or call anyway", on)
}

// unwanted refuses to reach a handle over a channel that its customer never wants
// used, for what the conversation is about; 0 is a new one.
func (h *Hub) unwanted(tx *store.Tx, channel string, to message.Handle, conversation uint64) error {
	hd, known := h.Identity.Find(tx, to)
	if !known || hd.UsedByMany() {
		return nil // whom it would be said of is not known
	}
	root, err := h.Identity.Root(tx, hd.Customer)
	if err != nil {
		return err
	}
	said, err := h.Preference.Statements(tx, root.ID)
	if err != nil {
		return err
	}
	s := preference.Deciding(said, h.purposeOf(tx, conversation), channel)
	if s == nil || s.Wish != preference.Never {
		return nil
	}
	return &UnwantedError{Stated: s.Source == preference.Stated, Time: s.Time}
}
