package api

import (
	"context"
	"errors"
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
	add(s, route{id: "getPurposes", method: "GET", path: "/api/purposes", role: agent, group: g, summary: "What conversations can be about"}, s.getPurposes)
	add(s, route{id: "setPurposes", method: "PUT", path: "/api/purposes", role: admin, group: g, summary: "Change purposes, rules and the classifier's threshold"}, s.setPurposes)
	add(s, route{id: "guessPurpose", method: "GET", path: "/api/conversations/{id}/purpose", role: agent, group: g, summary: "What the classifier takes a conversation to be about"}, s.guessPurpose)
	add(s, route{id: "adviseConversation", method: "GET", path: "/api/conversations/{id}/advice", role: agent, group: g, summary: "How the customer of a conversation is reached best"}, s.adviseConversation)
	add(s, route{id: "adviseCustomer", method: "GET", path: "/api/customers/{id}/advice", role: agent, group: g, summary: "How a customer is reached best for a purpose"}, s.adviseCustomer)
	add(s, route{id: "getPreferences", method: "GET", path: "/api/customers/{id}/preferences", role: agent, group: g, summary: "How a customer wants to be reached"}, s.getPreferences)
	add(s, route{id: "addPreference", method: "POST", path: "/api/customers/{id}/preferences", role: agent, group: g, summary: "Record what a customer stated or an agent decides", status: 201}, s.addPreference)
	add(s, route{id: "liftSuspension", method: "DELETE", path: "/api/customers/{id}/handles/{handle}/suspension", role: agent, group: g, summary: "Try a handle again that bounced"}, s.liftSuspension)
	add(s, route{id: "getChoicesLink", method: "GET", path: "/api/customers/{id}/handles/{handle}/choices", role: agent, group: g, summary: "The address of the page on which a person chooses how to be reached"}, s.getChoicesLink)
	add(s, route{id: "endPreference", method: "DELETE", path: "/api/customers/{id}/preferences/{preference}", role: agent, group: g, summary: "Take a preference back"}, s.endPreference)
}

func (s *Server) getPurposes(ctx context.Context, _ *none) (*out[Purposes], error) {
	o := new(out[Purposes])
	return o, s.view(func(v *view) error {
		p, err := s.hub.Preference.Policy(v.tx)
		if err != nil {
			return err
		}
		lessons, err := s.hub.Preference.Learned(v.tx)
		if err != nil {
			return err
		}
		o.Body = Purposes{Purposes: []Purpose{}, Rules: []PurposeRule{}, Threshold: p.Threshold, Version: p.Version}
		for _, q := range p.Purposes {
			o.Body.Purposes = append(o.Body.Purposes, Purpose{Key: q.Key, Names: q.Names, Archived: q.Archived, Marketing: q.Marketing, Lessons: lessons[q.Key]})
		}
		for _, r := range p.Rules {
			o.Body.Rules = append(o.Body.Rules, PurposeRule(r))
		}
		return nil
	})
}

func (s *Server) setPurposes(ctx context.Context, i *in[Purposes]) (*out[Purposes], error) {
	b := i.Body
	p := preference.Policy{Threshold: b.Threshold, Version: b.Version, Rules: []preference.Rule{}}
	for _, q := range b.Purposes {
		for l, name := range q.Names {
			q.Names[l] = oneLine(name)
		}
		p.Purposes = append(p.Purposes, preference.Purpose{Key: q.Key, Names: q.Names, Archived: q.Archived, Marketing: q.Marketing})
	}
	for _, r := range b.Rules {
		p.Rules = append(p.Rules, preference.Rule(r))
	}
	if err := s.hub.Preference.SetPolicy(ctx, actorOf(ctx), p); err != nil {
		return nil, err
	}
	return s.getPurposes(ctx, nil)
}

// actorOf names the caller in an event.
func actorOf(ctx context.Context) string { return "agent:" + strconv.FormatUint(who(ctx).id(), 10) }

func (s *Server) guessPurpose(ctx context.Context, i *idIn) (*out[Guess], error) {
	o := &out[Guess]{Guess{Words: []GuessWord{}}}
	return o, s.view(func(v *view) error {
		g, err := s.hub.Guess(v.tx, i.ID)
		if err != nil || g == nil {
			return err
		}
		o.Body.Purpose, o.Body.Confidence = g.Purpose, g.Confidence
		for _, w := range g.Words {
			o.Body.Words = append(o.Body.Words, GuessWord(w))
		}
		return nil
	})
}

func (s *Server) adviseConversation(ctx context.Context, i *idIn) (*out[Advice], error) {
	o := new(out[Advice])
	return o, s.view(func(v *view) error {
		a, err := s.hub.Advise(v.tx, i.ID)
		if err == nil {
			o.Body, err = v.advice(a)
		}
		return err
	})
}

type adviseIn struct {
	ID      uint64 `path:"id"`
	Purpose string `query:"purpose" maxLength:"31" doc:"Absent: any."`
}

func (s *Server) adviseCustomer(ctx context.Context, i *adviseIn) (*out[Advice], error) {
	o := new(out[Advice])
	return o, s.view(func(v *view) error {
		a, err := s.hub.AdviseCustomer(v.tx, i.ID, i.Purpose)
		if err == nil {
			o.Body, err = v.advice(a)
		}
		return err
	})
}

// steerBy is how sure behaviour has to be for a composer to start elsewhere than
// where the conversation is.
const steerBy = 0.6

func (v *view) advice(a *preference.Advice) (Advice, error) {
	out := Advice{Customer: a.Customer, Purpose: a.Purpose, Language: a.Language, TimeZone: a.Zone, Ways: []Verdict{}, Quiet: quietHours(a.Quiet)}
	for i := range a.Ways {
		w, err := v.verdict(&a.Ways[i])
		if err != nil {
			return out, err
		}
		out.Ways = append(out.Ways, w)
	}
	if a.Best != nil {
		out.Best = &out.Ways[0]
		out.Steer = out.Best.Source != preference.Learned || out.Best.Confidence >= steerBy
	}
	return out, nil
}

func quietHours(q *preference.QuietHours) *QuietHours {
	if q == nil {
		return nil
	}
	return &QuietHours{From: q.Statement.From, To: q.Statement.To, Now: q.Now, Until: q.Until}
}

func (v *view) verdict(d *preference.Verdict) (Verdict, error) {
	w := Verdict{Channel: d.Channel, Account: d.Account, Handle: string(d.Handle), Address: d.Handle.Address(), Blocked: d.Blocked,
		Source: d.Source, Wish: d.Wish, Confidence: d.Confidence}
	if d.Statement != nil {
		st := v.statement(d.Statement)
		w.Statement = &st
	}
	if d.Habit != nil {
		h, err := v.habit(d.Habit, true)
		if err != nil {
			return w, err
		}
		w.Habit = h
	}
	return w, nil
}

func (v *view) habit(h *preference.Habit, proof bool) (*Habit, error) {
	out := &Habit{Channel: h.Channel, Reached: h.Reached, Replied: h.Replied, Median: h.Median, Chosen: h.Chosen, Failed: h.Failed,
		Score: h.Score, Confidence: h.Confidence, BestFrom: -1, BestTo: -1, Days: h.Days[:]}
	if from, to, ok := h.BestHours(); ok {
		out.BestFrom, out.BestTo = from, to
	}
	if !proof {
		return out, nil
	}
	for i := range h.Proof {
		e, err := v.evidence(&h.Proof[i])
		if err != nil {
			return nil, err
		}
		out.Evidence = append(out.Evidence, e)
	}
	return out, nil
}

func (v *view) evidence(c *preference.Contact) (Evidence, error) {
	e := Evidence{Message: c.ID, Conversation: c.Conversation, Time: c.Time, Channel: c.Channel, Direction: "in", Purpose: c.Purpose,
		Answered: c.Answer != 0, Seconds: c.After, Failed: c.Failed}
	if c.Out {
		e.Direction = "out"
	}
	r, err := v.s.hub.Message(v.tx, c.ID)
	switch {
	case errors.Is(err, store.ErrNotFound):
	case err != nil:
		return e, err
	default:
		text := r.Reply
		if text == "" {
			text = r.Text
		}
		e.Preview = cut(oneLine(text), extraText)
	}
	return e, nil
}

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
	return o, s.view(func(v *view) error {
		known, ok := s.hub.Identity.Find(v.tx, h)
		if !ok {
			return store.ErrNotFound
		}
		o.Body.Path, err = s.hub.ChoicesPage(v.tx, known.ID)
		return err
	})
}
