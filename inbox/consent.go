package inbox

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"throughline/identity"
	"throughline/message"
	"throughline/store"
	"throughline/timeline"
)

// Consent is what somebody said last about being written to on a channel, for one
// purpose or for all, with its proof.
type Consent struct {
	ID      uint64          `json:"-"`
	Handle  uint64          `json:"handle"`
	Channel string          `json:"channel"`
	Purpose string          `json:"purpose,omitempty"` // "" is every purpose
	State   message.Consent `json:"state"`
	Since   time.Time       `json:"since"`
	Said    time.Time       `json:"said"`             // when it was said last
	By      string          `json:"by"`               // "customer" (his own words), "provider" (it refused), or "agent:ID"
	Reason  string          `json:"reason,omitempty"` // his words, the provider's, or the agent's
	Code    string          `json:"code,omitempty"`   // the provider's
	Message uint64          `json:"message,omitempty"`
	Account string          `json:"account,omitempty"`
}

// Who told of a consent.
const (
	byCustomer = "customer"
	byProvider = "provider"
)

// codeOptOut is the code of a delivery that we refused ourselves.
const codeOptOut = "opt_out"

const maxConsentReason = 300 // characters

// consentDoubt is within which a no and a yes count as said at the same time: some
// providers tell whole seconds, and not all clocks are ours. Then the no holds.
const consentDoubt = 5 * time.Second

func newConsents(s *store.Store) *store.Table[Consent] {
	return store.NewTable(s, "consents", store.TableOptions[Consent]{
		Indexes: []store.Index[Consent]{
			{Name: "who", Unique: true, Keys: func(c *Consent) []store.Key {
				return []store.Key{store.K().Uint(c.Handle).Str(c.Channel).Str(c.Purpose)}
			}},
		},
	})
}

// Consents are what is known of a handle, one for each channel and purpose.
func (h *Hub) Consents(tx *store.Tx, handle uint64) (list []*Consent, err error) {
	for e := range h.consents.Scan(tx, store.Range{Index: "who", Prefix: store.K().Uint(handle)}) {
		c, err := h.consents.Get(tx, e.ID)
		if err != nil {
			return nil, err
		}
		c.ID = e.ID
		list = append(list, c)
	}
	return list, nil
}

// consent is what is known of a handle on a channel for a purpose, "" for what was
// said of all; nil if nothing is.
func (h *Hub) consent(tx *store.Tx, handle uint64, channel, purpose string) (*Consent, error) {
	id, ok := h.consents.Lookup(tx, "who", store.K().Uint(handle).Str(channel).Str(purpose))
	if !ok {
		return nil, nil
	}
	c, err := h.consents.Get(tx, id)
	if err == nil {
		c.ID = id
	}
	return c, err
}

// recordConsent keeps what is newer than what is known, and tells of a change.
// conversation is where it was said, 0 if nowhere.
func (h *Hub) recordConsent(tx *store.Tx, hd *identity.Handle, c Consent, conversation uint64) error {
	c.Handle = hd.ID
	c.Reason = cutRunes(strings.TrimSpace(c.Reason), maxConsentReason)
	was, err := h.consent(tx, hd.ID, c.Channel, c.Purpose)
	if err != nil {
		return err
	}
	said := c.Since
	if was != nil && was.State == message.OptIn && c.State == message.OptOut {
		said = said.Add(consentDoubt)
	}
	if was != nil && !said.After(was.Said) {
		return nil // older than what is known, or the same again
	}
	if was != nil && was.State == c.State {
		was.Said = c.Since
		return h.consents.Put(tx, was.ID, was)
	}
	c.Said = c.Since
	if was == nil {
		c.ID = tx.NextID()
	} else {
		c.ID = was.ID
	}
	if err := h.consents.Put(tx, c.ID, &c); err != nil {
		return err
	}
	e := timeline.Event{Kind: timeline.ConsentChanged, Conversation: conversation, Customer: hd.Customer, Subjects: []uint64{hd.ID},
		Data: eventData("handle", hd.Handle, "channel", c.Channel, "purpose", c.Purpose, "state", c.State, "by", c.By, "code", c.Code, "message", c.Message)}
	switch c.By {
	case byCustomer:
		e.Actor = customerActor(hd.Customer)
	case byProvider:
	default:
		e.Actor, e.Data = c.By, eventData("handle", hd.Handle, "channel", c.Channel, "purpose", c.Purpose, "state", c.State, "by", c.By, "reason", c.Reason)
	}
	_, err = h.Timeline.Append(tx, e)
	return err
}

// heardConsent records the sender's word in a message that came in.
func (h *Hub) heardConsent(tx *store.Tx, r *Record) error {
	if r.Consent == "" || r.Sender == 0 || r.Vouch == message.VouchFailed {
		return nil
	}
	hd, err := h.Identity.Handle(tx, r.Sender)
	if err != nil {
		return err
	}
	if r.Consent == message.Help {
		return h.askedForHelp(tx, r, hd)
	}
	return h.recordConsent(tx, hd, Consent{Channel: r.Channel, State: r.Consent, Since: when(tx, &r.Message), By: byCustomer,
		Reason: preview(readable(r)), Message: r.ID, Account: r.Account}, r.Conversation)
}

// askedForHelp tells that somebody asked who writes and how that ends.
func (h *Hub) askedForHelp(tx *store.Tx, r *Record, hd *identity.Handle) error {
	_, err := h.Timeline.Append(tx, timeline.Event{Kind: timeline.ConsentHelp, Actor: customerActor(hd.Customer), Conversation: r.Conversation,
		Customer: hd.Customer, Subjects: []uint64{hd.ID}, Data: eventData("handle", hd.Handle, "channel", r.Channel, "message", r.ID)})
	return err
}

// refusedConsent records that a provider said at a time for a recipient of r that he
// wants nothing more. to may be "" if there is only one.
func (h *Hub) refusedConsent(tx *store.Tx, r *Record, to message.Handle, code, reason string, at time.Time) error {
	if all := recipients(r); to == "" && len(all) == 1 {
		to = all[0]
	}
	hd, err := h.known(tx, to)
	if err != nil {
		return err
	}
	return h.recordConsent(tx, hd, Consent{Channel: r.Channel, State: message.OptOut, Since: at, By: byProvider,
		Reason: reason, Code: code, Message: r.ID, Account: r.Account}, r.Conversation)
}

// known finds a handle, or begins to know one that stood only among the copies of
// a mail so far.
func (h *Hub) known(tx *store.Tx, handle message.Handle) (*identity.Handle, error) {
	c, err := identity.Canonical(handle)
	if err != nil {
		return nil, &InvalidError{"handle", err.Error()}
	}
	hd, _, err := h.Identity.Resolve(tx, message.Person{Handle: c}, false)
	return hd, err
}

// SetConsent records what an agent was told, of one purpose or, with "", of all.
func (h *Hub) SetConsent(ctx context.Context, agent uint64, handle message.Handle, channel, purpose string, state message.Consent, reason string) error {
	if _, ok := h.kinds[channel]; !ok {
		return &InvalidError{"channel", fmt.Sprintf("there is no channel %q", channel)}
	}
	if state != message.OptIn && state != message.OptOut {
		return &InvalidError{"state", fmt.Sprintf("write %q or %q", message.OptIn, message.OptOut)}
	}
	reason = strings.TrimSpace(reason)
	if reason == "" || utf8.RuneCountInString(reason) > maxConsentReason {
		return &InvalidError{"reason", fmt.Sprintf("say in 1 to %d characters how the person told this", maxConsentReason)}
	}
	return h.Store.Update(ctx, func(tx *store.Tx) error {
		hd, err := h.known(tx, handle)
		if err != nil {
			return err
		}
		if err := h.knownPurpose(tx, purpose); err != nil {
			return err
		}
		return h.recordConsent(tx, hd, Consent{Channel: channel, Purpose: purpose, State: state, Since: tx.Now(), By: agentActor(agent), Reason: reason}, 0)
	})
}

// optedOut finds the first of the recipients who cannot be written to on a channel
// for a purpose: he does not want it, or the address is suspended. nil if there is
// none.
func (h *Hub) optedOut(tx *store.Tx, channel, purpose string, to []message.Handle) (*optOut, error) {
	for _, handle := range to {
		hd, ok := h.Identity.Find(tx, handle)
		if !ok {
			continue
		}
		c, err := h.refuses(tx, hd.ID, channel, purpose)
		if err != nil {
			return nil, err
		}
		if c != nil {
			return &optOut{Consent: *c, to: handle}, nil
		}
		s, err := h.Suspension(tx, hd.ID, channel)
		if err != nil {
			return nil, err
		}
		if s != nil && !s.Since.IsZero() {
			return &optOut{to: handle, suspended: s}, nil
		}
	}
	return nil, nil
}

// without takes those off a list who do not want to be written to, and says so of
// each.
func (h *Hub) without(tx *store.Tx, channel, purpose string, list []message.Person) (rest []message.Person, notices []string, err error) {
	for _, p := range list {
		out, err := h.optedOut(tx, channel, purpose, []message.Handle{p.Handle})
		if err != nil {
			return nil, nil, err
		}
		if out == nil {
			rest = append(rest, p)
			continue
		}
		notices = append(notices, "left out of the copies: "+out.String())
	}
	return rest, notices, nil
}

// refuses is the consent by which a handle does not want messages, nil if there is
// none. What was said of the purpose forbids; a no to everything forbids too, unless
// this purpose was welcomed after it.
func (h *Hub) refuses(tx *store.Tx, handle uint64, channel, purpose string) (*Consent, error) {
	all, err := h.consent(tx, handle, channel, "")
	if err != nil {
		return nil, err
	}
	var one *Consent
	if purpose != "" {
		if one, err = h.consent(tx, handle, channel, purpose); err != nil {
			return nil, err
		}
	}
	switch {
	case one != nil && one.State == message.OptOut:
		return one, nil
	case all == nil || all.State != message.OptOut:
		return nil, nil
	case one != nil && one.Said.After(all.Said):
		return nil, nil
	}
	return all, nil
}

// knownPurpose refuses a purpose that does not exist.
func (h *Hub) knownPurpose(tx *store.Tx, purpose string) error {
	if purpose == "" {
		return nil
	}
	if _, ok, err := h.Preference.Purpose(tx, purpose); err != nil || ok {
		return err
	}
	return &InvalidError{"purpose", fmt.Sprintf("there is no purpose %q", purpose)}
}

// purposeOf is the purpose of a conversation, "" if it is gone.
func (h *Hub) purposeOf(tx *store.Tx, conversation uint64) string {
	c, err := h.Conversation(tx, conversation)
	if err != nil {
		return ""
	}
	return c.Purpose
}

// optOut forbids to write: a Consent, or a Suspension.
type optOut struct {
	Consent
	to        message.Handle
	suspended *Suspension
}

// code of a delivery that is not tried for it.
func (o *optOut) code() string {
	if o.suspended != nil {
		return codeSuspended
	}
	return codeOptOut
}

// String says since when and why.
func (o *optOut) String() string {
	if o.suspended != nil {
		return o.suspended.text(o.to)
	}
	what := "messages on this channel"
	if o.Purpose != "" {
		what = fmt.Sprintf("messages about %q on this channel", o.Purpose)
	}
	s := fmt.Sprintf("%s does not want %s since %s", o.to.Address(), what, o.Since.UTC().Format("2006-01-02 15:04 MST"))
	switch {
	case o.By == byCustomer:
		s += ", in their own words"
	case o.By == byProvider:
		s += ", as the provider says"
	default:
		s += ", as an agent noted"
	}
	if o.Reason != "" {
		s += ": " + o.Reason
	}
	return s
}

func cutRunes(s string, n int) string {
	r := []rune(s)
	if len(r) <= n {
		return s
	}
	return string(slices.Clip(r[:n]))
}
