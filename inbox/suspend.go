package inbox

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"throughline/connectors"
	"throughline/identity"
	"throughline/message"
	"throughline/store"
	"throughline/timeline"
)

// Suspension is what bounces and refusals say of a handle on a channel: after a
// lasting one, or several passing ones in a row, nothing more is sent there until
// somebody lifts it or the person writes from it.
type Suspension struct {
	ID      uint64    `json:"-"`
	Handle  uint64    `json:"handle"`
	Channel string    `json:"channel"`
	Soft    int       `json:"soft,omitempty"`   // passing failures in a row
	Since   time.Time `json:"since,omitzero"`   // zero while it only counts
	Reason  string    `json:"reason,omitempty"` // the server's or the provider's words
	Code    string    `json:"code,omitempty"`
	Message uint64    `json:"message,omitempty"` // of ours, that did not arrive
}

// softLimit is how many passing failures in a row suspend a handle.
const softLimit = 3

// codeSuspended is the code of a delivery that we did not try.
const codeSuspended = "suspended"

func newSuspensions(s *store.Store) *store.Table[Suspension] {
	return store.NewTable(s, "suspensions", store.TableOptions[Suspension]{
		Indexes: []store.Index[Suspension]{{Name: "who", Unique: true, Keys: func(s *Suspension) []store.Key {
			return []store.Key{store.K().Uint(s.Handle).Str(s.Channel)}
		}}},
	})
}

// Suspension is what is known of a handle on a channel, nil if all is well.
func (h *Hub) Suspension(tx *store.Tx, handle uint64, channel string) (*Suspension, error) {
	id, ok := h.suspensions.Lookup(tx, "who", store.K().Uint(handle).Str(channel))
	if !ok {
		return nil, nil
	}
	s, err := h.suspensions.Get(tx, id)
	if err == nil {
		s.ID = id
	}
	return s, err
}

// Suspensions are those of a handle that hold.
func (h *Hub) Suspensions(tx *store.Tx, handle uint64) (list []*Suspension, err error) {
	for e := range h.suspensions.Scan(tx, store.Range{Index: "who", Prefix: store.K().Uint(handle)}) {
		s, err := h.suspensions.Get(tx, e.ID)
		if err != nil {
			return nil, err
		}
		if s.ID = e.ID; !s.Since.IsZero() {
			list = append(list, s)
		}
	}
	return list, nil
}

// lastingCode tells whether a code says that an address does not exist or is shut:
// RFC 3463 5.1.x and 5.2.1, with or without an SMTP reply code before it.
func lastingCode(code string) bool {
	code = code[strings.LastIndexByte(code, ' ')+1:]
	return strings.HasPrefix(code, "5.1.") && code != "5.1.7" && code != "5.1.8" || code == "5.2.1" // 5.1.7 and 5.1.8 are about the sender
}

// unreached notes that a message of ours did not reach a handle.
func (h *Hub) unreached(tx *store.Tx, r *Record, to message.Handle, code, reason string, lasting bool) error {
	if all := recipients(r); to == "" && len(all) == 1 {
		to = all[0]
	}
	hd, ok := h.Identity.Find(tx, to)
	if !ok {
		return nil
	}
	s, err := h.Suspension(tx, hd.ID, r.Channel)
	if err != nil {
		return err
	}
	if s == nil {
		s = &Suspension{ID: tx.NextID(), Handle: hd.ID, Channel: r.Channel}
	}
	if !s.Since.IsZero() || s.Message == r.ID {
		return nil // known, or told already
	}
	s.Soft++
	s.Message, s.Code, s.Reason = r.ID, code, cutRunes(strings.TrimSpace(reason), maxConsentReason)
	if lasting || s.Soft >= softLimit {
		s.Since = tx.Now()
	}
	if err := h.suspensions.Put(tx, s.ID, s); err != nil || s.Since.IsZero() {
		return err
	}
	return h.tellSuspended(tx, hd, s, "", false)
}

func (h *Hub) tellSuspended(tx *store.Tx, hd *identity.Handle, s *Suspension, actor string, lifted bool) error {
	_, err := h.Timeline.Append(tx, timeline.Event{Kind: timeline.HandleSuspended, Actor: actor, Customer: hd.Customer, Subjects: []uint64{hd.ID},
		Data: eventData("handle", hd.Handle, "channel", s.Channel, "code", s.Code, "reason", s.Reason, "lifted", lifted)})
	return err
}

// reached takes note that a handle works on a channel.
func (h *Hub) reached(tx *store.Tx, handle uint64, channel string) error {
	if _, known := h.suspensions.Lookup(tx, "who", store.K().Uint(handle).Str(channel)); !known {
		return nil
	}
	hd, err := h.Identity.Handle(tx, handle)
	if err != nil {
		return err
	}
	return h.lift(tx, hd, channel, "")
}

// lift forgets the failures of a handle on a channel, if there are any.
func (h *Hub) lift(tx *store.Tx, hd *identity.Handle, channel, actor string) error {
	s, err := h.Suspension(tx, hd.ID, channel)
	if err != nil || s == nil {
		return err
	}
	if err := h.suspensions.Delete(tx, s.ID); err != nil || s.Since.IsZero() {
		return err
	}
	return h.tellSuspended(tx, hd, s, actor, true)
}

// Lift allows to write to a handle again.
func (h *Hub) Lift(ctx context.Context, agent uint64, handle message.Handle) error {
	return h.Store.Update(ctx, func(tx *store.Tx) error {
		hd, ok := h.Identity.Find(tx, handle)
		if !ok {
			return ErrNotFound
		}
		list, err := h.Suspensions(tx, hd.ID)
		if err != nil {
			return err
		}
		if len(list) == 0 {
			return &ConflictError{"nothing keeps this address from being written to"}
		}
		for _, s := range list {
			if err := h.lift(tx, hd, s.Channel, agentActor(agent)); err != nil {
				return err
			}
		}
		return nil
	})
}

func (s *Suspension) text(to message.Handle) string {
	t := fmt.Sprintf("%s could not be reached and is suspended since %s", to.Address(), s.Since.UTC().Format("2006-01-02 15:04 MST"))
	if s.Reason != "" {
		t += ": " + strings.TrimSpace(s.Code+" "+s.Reason)
	}
	return t + "; lift it on the customer's page to try again"
}

// noteReport takes from a report whether its recipient is reached, or wants nothing
// more: that is no matter of the address.
func (h *Hub) noteReport(tx *store.Tx, r *Record, rep *message.Report) error {
	// A report is believed of those its message went to: anybody who got a mail of
	// ours can write one that names somebody else.
	to := rep.Handle
	if c, err := identity.Canonical(to); err == nil {
		to = c
	}
	if all := recipients(r); !slices.Contains(all, to) {
		if len(all) != 1 {
			return nil
		}
		to = all[0] // not named, or forwarded from there
	}
	switch rep.Status {
	case message.Failed:
		at := rep.Time
		if at.IsZero() || at.After(tx.Now()) {
			at = tx.Now()
		}
		if rep.OptOut {
			return h.refusedConsent(tx, r, to, rep.Code, rep.Reason, at)
		}
		// Reports may be found long after: who wrote since then has the address.
		if heard, err := h.lastHeard(tx, r.Account, to); err != nil || heard.After(at) {
			return err
		}
		// A bounce that is lasting is so for its address, of which it tells; a
		// provider's code may be lasting for other reasons.
		lasting := rep.Gone || rep.Permanent && (rep.Code == "" || strings.Contains(rep.Code, "."))
		return h.unreached(tx, r, to, rep.Code, rep.Reason, lasting)
	case message.Delivered, message.Read:
		if hd, ok := h.Identity.Find(tx, to); ok {
			return h.reached(tx, hd.ID, r.Channel)
		}
	}
	return nil
}

// refusedAt notes that a server refused the only recipient of a message for good: it
// refuses messages for many reasons, of which its code tells those of the address.
func (h *Hub) refusedAt(tx *store.Tx, id uint64, se *connectors.SendError) error {
	if !se.Gone && !lastingCode(se.Code) {
		return nil
	}
	r, err := h.Message(tx, id)
	if err != nil {
		return err
	}
	return h.unreached(tx, r, "", se.Code, se.Reason, true)
}

func (h *Hub) refusedSome(tx *store.Tx, id uint64, refused []message.Report) error {
	for _, rep := range refused {
		if !lastingCode(rep.Code) {
			continue
		}
		r, err := h.Message(tx, id)
		if err != nil {
			return err
		}
		if err := h.unreached(tx, r, rep.Handle, rep.Code, rep.Reason, true); err != nil {
			return err
		}
	}
	return nil
}
