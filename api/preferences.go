package api

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"throughline/identity"
	"throughline/inbox"
	"throughline/preference"
	"throughline/store"
)

func (s *Server) preferenceRoutes() {
	const g = "Preferences"
	add(s, route{id: "adviseConversation", method: "GET", path: "/api/conversations/{id}/advice", role: agent, group: g, summary: "How the customer of a conversation is reached best"}, s.adviseConversation)
	add(s, route{id: "adviseCustomer", method: "GET", path: "/api/customers/{id}/advice", role: agent, group: g, summary: "How a customer is reached best for a purpose"}, s.adviseCustomer)
	add(s, route{id: "getPreferences", method: "GET", path: "/api/customers/{id}/preferences", role: agent, group: g, summary: "How a customer wants to be reached"}, s.getPreferences)
	add(s, route{id: "addPreference", method: "POST", path: "/api/customers/{id}/preferences", role: agent, group: g, summary: "Record what a customer stated or an agent decides", status: 201}, s.addPreference)
	add(s, route{id: "liftSuspension", method: "DELETE", path: "/api/customers/{id}/handles/{handle}/suspension", role: agent, group: g, summary: "Try a handle again that bounced"}, s.liftSuspension)
	add(s, route{id: "getChoicesLink", method: "GET", path: "/api/customers/{id}/handles/{handle}/choices", role: manager, group: g, summary: "The address of the page on which a person chooses how to be reached; whoever has it can choose in that person's name, and the security log has it"}, s.getChoicesLink)
	add(s, route{id: "endPreference", method: "DELETE", path: "/api/customers/{id}/preferences/{preference}", role: agent, group: g, summary: "Take a preference back"}, s.endPreference)
}

// actorOf names the caller in an event.
func actorOf(ctx context.Context) string { return "agent:" + strconv.FormatUint(who(ctx).id(), 10) }

func (v *view) statement(s *preference.Statement) Statement {
	out := Statement{ID: s.ID, Purpose: s.Purpose, Channel: s.Channel, Wish: s.Wish, From: s.From, To: s.To, Source: s.Source, By: s.By,
		Proof: Proof{Message: s.Proof.Message, Form: s.Proof.Form, Heard: s.Proof.Heard, Note: s.Proof.Note}, Time: s.Time, Ended: s.Ended}
	if id, ok := strings.CutPrefix(s.By, "agent:"); ok {
		out.Name = v.agentName(id)
	}
	if s.Proof.Message != 0 {
		if r, err := v.s.hub.Message(v.tx, s.Proof.Message); err == nil {
			out.Proof.Conversation = r.Conversation
		}
	}
	return out
}

// agentName is "" for one who is gone.
func (v *view) agentName(id string) string {
	n, err := strconv.ParseUint(id, 10, 64)
	if err != nil {
		return ""
	}
	a, err := v.s.auth.AgentTx(v.tx, n)
	if err != nil {
		return ""
	}
	return a.Name
}

func (s *Server) getPreferences(ctx context.Context, i *idIn) (*out[CustomerPreferences], error) {
	return s.showPreferences(i.ID)
}

func (s *Server) showPreferences(id uint64) (*out[CustomerPreferences], error) {
	o := new(out[CustomerPreferences])
	return o, s.view(func(v *view) (err error) {
		o.Body, err = v.preferences(id)
		return err
	})
}

// maxFormer bounds how many of the former preferences are shown.
const maxFormer = 50

// preferences makes a customer's matrix: every purpose, and all of them together, by
// every channel that leads to the customer or is spoken of.
func (v *view) preferences(id uint64) (CustomerPreferences, error) {
	hub := v.s.hub
	out := CustomerPreferences{Channels: []string{}, Cells: []PreferenceCell{}, Statements: []Statement{}, Former: []Statement{}}
	root, err := hub.Identity.Root(v.tx, id)
	if err != nil {
		return out, err
	}
	out.Customer = root.ID
	policy, err := hub.Preference.Policy(v.tx)
	if err != nil {
		return out, err
	}
	now, err := hub.Preference.Statements(v.tx, root.ID)
	if err != nil {
		return out, err
	}
	former, err := hub.Preference.Former(v.tx, root.ID)
	if err != nil {
		return out, err
	}
	all, err := hub.AdviseCustomer(v.tx, root.ID, "")
	if err != nil {
		return out, err
	}
	out.Quiet = quietHours(all.Quiet)
	channels := map[string]bool{}
	for _, w := range all.Ways {
		channels[w.Channel] = true
	}
	for _, st := range now {
		if st.Channel != "" {
			channels[st.Channel] = true
		}
		out.Statements = append(out.Statements, v.statement(st))
	}
	slices.Reverse(out.Statements)
	for _, st := range former[:min(len(former), maxFormer)] {
		out.Former = append(out.Former, v.statement(st))
	}
	handles, err := hub.Identity.Handles(v.tx, root.ID)
	if err != nil {
		return out, err
	}
	for _, c := range hub.Channels() {
		if slices.ContainsFunc(handles, func(h *identity.Handle) bool { return h.Handle.Scheme() == hub.Scheme(c) }) {
			channels[c] = true
		}
	}
	keys := []string{""}
	for _, p := range policy.Purposes {
		if !p.Archived {
			keys = append(keys, p.Key)
		}
	}
	known := map[string]bool{}
	for _, key := range keys {
		habits, err := hub.Preference.Habits(v.tx, root.ID, key)
		if err != nil {
			return out, err
		}
		for _, h := range habits {
			channels[h.Channel] = true
		}
		list := make([]string, 0, len(channels))
		for c := range channels {
			list = append(list, c)
		}
		slices.Sort(list)
		for _, c := range list {
			known[c] = true
			cell := PreferenceCell{Purpose: key, Channel: c}
			for n := range habits {
				if habits[n].Channel != c {
					continue
				}
				if cell.Habit, err = v.habit(&habits[n], false); err != nil {
					return out, err
				}
				if n == 0 && habits[n].Proposed() {
					cell.Source, cell.Confidence = preference.Learned, habits[n].Confidence
				}
			}
			if st := preference.Deciding(now, key, c); st != nil {
				cell.Source, cell.Wish, cell.Statement, cell.Confidence = st.Source, st.Wish, st.ID, 1
			}
			out.Cells = append(out.Cells, cell)
		}
	}
	for c := range known {
		out.Channels = append(out.Channels, c)
	}
	slices.Sort(out.Channels)
	return out, nil
}

func (s *Server) addPreference(ctx context.Context, i *idBody[StatementRequest]) (*out[CustomerPreferences], error) {
	b := i.Body
	if b.Channel != "" && !slices.Contains(s.hub.Channels(), b.Channel) {
		return nil, &inbox.InvalidError{Field: "channel", Text: "there is no channel of this name"}
	}
	st := preference.Statement{Customer: i.ID, Purpose: b.Purpose, Channel: b.Channel, Wish: b.Wish, From: b.From, To: b.To, Source: b.Source, By: actorOf(ctx),
		Proof: preference.Proof{Message: b.Proof.Message, Form: oneLine(b.Proof.Form), Heard: b.Proof.Heard, Note: oneLine(b.Proof.Note)}}
	if st.Source == preference.Stated && st.Proof.Message == 0 && st.Proof.Form == "" && st.Proof.Heard == 0 {
		st.Proof.Heard = who(ctx).id()
	}
	if st.Proof.Message != 0 {
		if err := s.hub.Store.View(func(tx *store.Tx) error {
			_, err := s.hub.Message(tx, st.Proof.Message)
			return err
		}); err != nil {
			return nil, err
		}
	}
	if _, err := s.hub.Preference.State(ctx, st); err != nil {
		return nil, err
	}
	return s.showPreferences(i.ID)
}

type endPreferenceIn struct {
	ID         uint64 `path:"id"`
	Preference uint64 `path:"preference"`
}

func (s *Server) endPreference(ctx context.Context, i *endPreferenceIn) (*out[CustomerPreferences], error) {
	if err := s.hub.Preference.TakeBack(ctx, actorOf(ctx), i.ID, i.Preference); err != nil {
		return nil, err
	}
	return s.showPreferences(i.ID)
}

type suspendedIn struct {
	ID     uint64 `path:"id"`
	Handle string `path:"handle" maxLength:"2000"`
}

func (s *Server) liftSuspension(ctx context.Context, i *suspendedIn) (*out[Customer], error) {
	h, err := s.handleOf(i.ID, i.Handle)
	if err != nil {
		return nil, err
	}
	if err := s.hub.Lift(ctx, who(ctx).id(), h); err != nil {
		return nil, err
	}
	return s.showCustomer(i.ID)
}

func (s *Server) getChoicesLink(ctx context.Context, i *suspendedIn) (*out[ChoicesLink], error) {
	h, err := s.handleOf(i.ID, i.Handle)
	if err != nil {
		return nil, err
	}
	o := new(out[ChoicesLink])
	var handle uint64 // the log tells of it by its number, which outlives an erasure
	if err := s.view(func(v *view) error {
		known, ok := s.hub.Identity.Find(v.tx, h)
		if !ok {
			return store.ErrNotFound
		}
		handle = known.ID
		o.Body.Path, err = s.hub.ChoicesPage(v.tx, known.ID)
		return err
	}); err != nil {
		return nil, err
	}
	// What is chosen there counts as the person's own word.
	return o, s.note(ctx, "choices.link", fmt.Sprintf("customer %d, address %d", i.ID, handle))
}
