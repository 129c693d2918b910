package inbox

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"throughline/accounts"
	"throughline/connectors"
	"throughline/identity"
	"throughline/message"
	"throughline/store"
)

// Agents at the phone: who is ready to take calls, and over which lines.

// Readiness tells whether calls may ring an agent, and where. They are kept as plain
// values:
//
//	phone  agent → Readiness
type Readiness struct {
	Ready  bool      `json:"ready"`
	Number string    `json:"number,omitempty"` // E.164: a phone that rings instead of the agent's browsers
	Since  time.Time `json:"since"`
}

const phoneBucket = "phone"

func phoneKey(agent uint64) string { return string(binary.BigEndian.AppendUint64(nil, agent)) }

// Readiness reads that of an agent; who never said anything is not ready.
func (h *Hub) Readiness(tx *store.Tx, agent uint64) (r Readiness, err error) {
	if v := tx.GetValue(phoneBucket, phoneKey(agent)); v != nil {
		err = json.Unmarshal(v, &r)
	}
	return r, err
}

// SetReady records that calls may ring an agent or not. number is a phone that is to
// ring instead of his browsers, "" for none.
func (h *Hub) SetReady(ctx context.Context, agent uint64, ready bool, number string) error {
	if number != "" {
		var err error
		if number, err = phoneNumber("number", number); err != nil {
			return err
		}
	}
	return h.Store.Update(ctx, func(tx *store.Tx) error {
		was, err := h.Readiness(tx, agent)
		if err != nil || was.Ready == ready && was.Number == number {
			return err
		}
		return h.putReadiness(tx, agent, Readiness{Ready: ready, Number: number})
	})
}

// NotReady ends the readiness of an agent who is not there any more.
func (h *Hub) NotReady(ctx context.Context, agent uint64) error {
	return h.Store.Update(ctx, func(tx *store.Tx) error {
		was, err := h.Readiness(tx, agent)
		if err != nil || !was.Ready {
			return err
		}
		was.Ready = false
		return h.putReadiness(tx, agent, was)
	})
}

func (h *Hub) putReadiness(tx *store.Tx, agent uint64, r Readiness) error {
	r.Since = tx.Now()
	b, err := json.Marshal(r)
	if err != nil {
		return err
	}
	return tx.PutValue(phoneBucket, phoneKey(agent), b)
}

// phoneNumber brings a number to E.164, blaming a field of the request if it is none.
func phoneNumber(field, number string) (string, error) {
	c, err := identity.Canonical(message.NewHandle(identity.Tel, number))
	if err != nil || c.Scheme() != identity.Tel {
		return "", &InvalidError{field, fmt.Sprintf("%q is not a phone number: write it in international form, for example +14155550100", number)}
	}
	return c.Address(), nil
}

// ReadyAgents are those whom calls may ring, who became ready first first.
func (h *Hub) ReadyAgents(tx *store.Tx) (agents []uint64, err error) {
	since := map[uint64]time.Time{}
	for key, v := range tx.Values(phoneBucket) {
		var r Readiness
		if err := json.Unmarshal(v, &r); err != nil {
			return nil, err
		}
		if len(key) == 8 && r.Ready {
			agent := binary.BigEndian.Uint64([]byte(key))
			agents, since[agent] = append(agents, agent), r.Since
		}
	}
	slices.SortStableFunc(agents, func(a, b uint64) int { return since[a].Compare(since[b]) })
	return agents, nil
}

// PhoneLine is an account over which agents speak.
type PhoneLine struct {
	Account string
	Number  message.Handle
	Browser bool // it can ring browsers
}

// PhoneLines lists the lines that run now.
func (h *Hub) PhoneLines() (lines []PhoneLine) {
	for _, r := range h.phones() {
		_, err := r.conn.(connectors.Phone).Device(0)
		lines = append(lines, PhoneLine{Account: r.account, Number: r.info.Own.Handle, Browser: err == nil})
	}
	return lines
}

// phones are the runners of lines, in the order of their accounts.
func (h *Hub) phones() (list []*runner) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, r := range h.running {
		if _, ok := r.conn.(connectors.Phone); ok {
			list = append(list, r)
		}
	}
	slices.SortFunc(list, func(a, b *runner) int { return slices.Compare([]byte(a.account), []byte(b.account)) })
	return list
}

// phone is the runner of a line.
func (h *Hub) phone(account string) (*runner, connectors.Phone, error) {
	r := h.runner(account)
	if r == nil {
		return nil, nil, &InvalidError{"account", fmt.Sprintf("%q is not a line that runs now", account)}
	}
	p, ok := r.conn.(connectors.Phone)
	if !ok {
		return nil, nil, &InvalidError{"account", "nobody can be called over this account: choose a line for calls"}
	}
	return r, p, nil
}

// PhoneDevice signs a browser of an agent in at a line.
func (h *Hub) PhoneDevice(agent uint64, account string) (connectors.Device, error) {
	_, p, err := h.phone(account)
	if err != nil {
		return connectors.Device{}, err
	}
	d, err := p.Device(agent)
	if err != nil {
		return d, &ConflictError{err.Error()}
	}
	return d, nil
}

// PhoneSources are the hosts that pages with a signed-in browser talk to.
func (h *Hub) PhoneSources() (list []string) {
	for _, r := range h.phones() {
		for _, s := range r.conn.(connectors.Phone).Sources() {
			if !slices.Contains(list, s) {
				list = append(list, s)
			}
		}
	}
	return list
}

// callingIndex holds the calls that something is to be done about: they go on, or
// it rings for them somewhere.
const callingIndex = "going"

func (r *Record) callingKeys() []store.Key {
	c := r.Call
	if c == nil || !r.Deleted.IsZero() {
		return nil
	}
	led := !c.Left.IsZero() && !c.Over() // to the machine, or still to be
	if !led && (c.State == "" || c.State == message.CallEnded) {
		if !slices.ContainsFunc(c.Legs, func(l message.CallLeg) bool { return l.Drop || l.Role != message.CustomerLeg && l.Rings() }) {
			return nil
		}
	}
	return []store.Key{store.K().Str(r.Account)}
}

// legIndex finds calls by the provider's names for their legs.
const legIndex = "leg"

func (r *Record) legKeys() (keys []store.Key) {
	if r.Call == nil {
		return nil
	}
	for _, l := range r.Call.Legs {
		if l.Ref != "" {
			keys = append(keys, refKey(l.Ref))
		}
	}
	return keys
}

// calling reads those calls, of one account or, for "", of all.
func (h *Hub) calling(tx *store.Tx, account string) (list []*Record, err error) {
	r := store.Range{Index: callingIndex}
	off := func(string) bool { return false }
	if account != "" {
		r.Prefix = store.K().Str(account)
	} else {
		all, err := h.Accounts.ListTx(tx)
		if err != nil {
			return nil, err
		}
		// Of calls of a line that is switched off nobody would learn the end.
		off = func(id string) bool {
			return !slices.ContainsFunc(all, func(a accounts.Account) bool { return a.ID == id && !a.Disabled })
		}
	}
	for e := range h.messages.Scan(tx, r) {
		rec, err := h.Message(tx, e.ID)
		if err != nil {
			return nil, err
		}
		if !off(rec.Account) {
			list = append(list, rec)
		}
	}
	return list, nil
}

// Calls lists the calls that go on, oldest first.
func (h *Hub) Calls(tx *store.Tx) ([]*Record, error) {
	list, err := h.calling(tx, "")
	list = slices.DeleteFunc(list, func(r *Record) bool { return r.Call.State == "" || r.Call.State == message.CallEnded })
	slices.SortFunc(list, func(a, b *Record) int { return a.Time.Compare(b.Time) })
	return list, err
}

// busy are the agents at whom it rings, or who are on the phone.
func busy(calls []*Record) map[uint64]bool {
	agents := map[uint64]bool{}
	for _, r := range calls {
		for _, l := range r.Call.Legs {
			if l.Agent != 0 && l.Ended.IsZero() && !r.Call.Over() {
				agents[l.Agent] = true
			}
		}
	}
	return agents
}
