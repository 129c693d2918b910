package api

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"throughline/identity"
	"throughline/inbox"
)

// Duplicate is a pair of customers who may be one person, and what became of it.
type Duplicate struct {
	ID         uint64        `json:"id"`
	State      string        `json:"state" enum:"open,later,same,not_same"`
	Confidence float64       `json:"confidence" doc:"That they are one person, 0 to 1."`
	Weight     float64       `json:"weight" doc:"The sum of the evidence, in bits."`
	A          DuplicateSide `json:"a" doc:"The older one."`
	B          DuplicateSide `json:"b"`
	Evidence   []MatchFact   `json:"evidence" doc:"What speaks most for it first."`
	Created    time.Time     `json:"created"`
	By         string        `json:"by,omitempty" doc:"Who decided: agent:ID or rule:NAME."`
	ByName     string        `json:"by_name,omitempty"`
	Time       time.Time     `json:"time,omitzero"`
	Reason     string        `json:"reason,omitempty"`
	Merged     uint64        `json:"merged,omitempty" doc:"Of those that are the same, the record that was merged."`
}

// DuplicateSide is one of the two.
type DuplicateSide struct {
	ID            uint64            `json:"id" doc:"The customer as he stands now."`
	Record        uint64            `json:"record" doc:"The record that was compared."`
	Name          string            `json:"name"`
	Handles       []Handle          `json:"handles"`
	Fields        map[string]string `json:"fields" doc:"What the card says, by name of the field; tags one in a line."`
	Created       time.Time         `json:"created"`
	Last          time.Time         `json:"last,omitzero" doc:"When he last wrote or was written to."`
	Conversations int               `json:"conversations"`
}

// MatchFact is one fact for or against a pair.
type MatchFact struct {
	Code   string  `json:"code" doc:"For translators: FIELD.LEVEL such as phone.same, or place, household, generation, soft; see docs/identity.md."`
	Field  string  `json:"field,omitempty"`
	Level  string  `json:"level,omitempty"`
	A      string  `json:"a,omitempty"`
	B      string  `json:"b,omitempty"`
	Weight float64 `json:"weight" doc:"Bits: +10 is a thousand times likelier for one person, below 0 it speaks against."`
	Text   string  `json:"text" doc:"In English."`
}

// Duplicates is a page of them.
type Duplicates struct {
	Duplicates []Duplicate `json:"duplicates" doc:"The surest first."`
	Next       string      `json:"next,omitempty" doc:"Ask with cursor=this for more; absent at the end."`
	Open       int         `json:"open"`
	Later      int         `json:"later"`
	Seq        uint64      `json:"seq" doc:"Follow the live stream from here."`
}

// DuplicateVerdict decides one.
type DuplicateVerdict struct {
	State  string   `json:"state" enum:"same,not_same,later,open" doc:"open takes the decision back, and a merge with it."`
	Into   uint64   `json:"into,omitempty" doc:"Of the two customers the one who stays; absent: the older."`
	Take   []string `json:"take,omitempty" maxItems:"20" doc:"Names of fields of the card whose value of the other is to stand."`
	Reason string   `json:"reason,omitempty" maxLength:"2000"`
}

// DuplicateRules say what becomes of pairs that may be one person.
type DuplicateRules struct {
	Suggest   float64 `json:"suggest" doc:"The confidence from which a pair is suggested."`
	Link      float64 `json:"link" doc:"The confidence from which a pair is merged without asking; 0 for never, else 0.95 or more."`
	Directory string  `json:"directory" enum:"suggest,link" doc:"What an address does that a provider's directory names for somebody and that is another customer's."`
	Signature string  `json:"signature" enum:"suggest,link" doc:"The same of an address in the footer of a mail whose sender is vouched for."`
	Nightly   int     `json:"nightly" minimum:"-1" maximum:"23" doc:"The hour at which all customers are looked through; -1 for never."`
}

// DuplicateLook is a look through all customers.
type DuplicateLook struct {
	Running  bool      `json:"running"`
	Started  time.Time `json:"started,omitzero"`
	Finished time.Time `json:"finished,omitzero"`
	Stopped  bool      `json:"stopped,omitempty" doc:"Somebody stopped it before its end."`
	Left     int       `json:"left,omitempty" doc:"Seconds it takes still, at its rate so far; absent while that is unknown."`
	Phase    string    `json:"phase,omitempty" enum:"index,learn,compare"`
	Done     int       `json:"done"`
	Total    int       `json:"total"`
	Found    int       `json:"found" doc:"New suggestions."`
}

// Choice lets a customer take over values of a record that was merged into him.
type Choice struct {
	Member uint64   `json:"member"`
	Fields []string `json:"fields" minItems:"1" maxItems:"20" doc:"Names of fields of the card."`
}

type duplicatesIn struct {
	State string `query:"state" enum:"open,later,same,not_same" default:"open"`
	Paging
}

func (s *Server) duplicateRoutes() {
	const g = "Duplicates"
	add(s, route{id: "listDuplicates", method: "GET", path: "/api/duplicates", role: agent, group: g, summary: "Who may be one person"}, s.listDuplicates)
	add(s, route{id: "getDuplicate", method: "GET", path: "/api/duplicates/{id}", role: agent, group: g, summary: "One pair"}, s.getDuplicate)
	add(s, route{id: "decideDuplicate", method: "POST", path: "/api/duplicates/{id}", role: agent, group: g, summary: "Decide, or take a decision back"}, s.decideDuplicate)
	add(s, route{id: "getDuplicateRules", method: "GET", path: "/api/duplicate-rules", role: agent, group: g, summary: "What becomes of pairs by themselves"}, s.getDuplicateRules)
	add(s, route{id: "setDuplicateRules", method: "PUT", path: "/api/duplicate-rules", role: admin, group: g, summary: "Change that"}, s.setDuplicateRules)
	add(s, route{id: "getDuplicateLook", method: "GET", path: "/api/duplicate-look", role: agent, group: g, summary: "How far the look through all customers is"}, s.getDuplicateLook)
	add(s, route{id: "startDuplicateLook", method: "POST", path: "/api/duplicate-look", role: manager, group: g, summary: "Look through all customers now"}, s.startDuplicateLook)
	add(s, route{id: "listCustomerDuplicates", method: "GET", path: "/api/customers/{id}/duplicates", role: agent, group: g, summary: "Who a customer may be, and what was decided"}, s.listCustomerDuplicates)
	add(s, route{id: "refileMessage", method: "POST", path: "/api/messages/{id}/sender", role: agent, group: g, summary: "Say that a message is from somebody else"}, s.refileMessage)
	add(s, route{id: "chooseValues", method: "POST", path: "/api/customers/{id}/choose", role: agent, group: g, summary: "Let values of a merged record stand"}, s.chooseValues)
	s.compareRoutes()
}

// SenderRequest says whose a message is.
type SenderRequest struct {
	Customer uint64 `json:"customer" doc:"0: the owner of the address, as before."`
}

// RefiledTo tells that a message is from another customer than the owner of its address.
type RefiledTo struct {
	Customer uint64    `json:"customer"`
	Name     string    `json:"name"`
	By       string    `json:"by"`
	ByName   string    `json:"by_name,omitempty"`
	Time     time.Time `json:"time"`
}

func (v *view) refiled(r *inbox.Refiled) *RefiledTo {
	if r == nil {
		return nil
	}
	out := &RefiledTo{Customer: r.Customer, By: r.By, ByName: v.decider(r.By), Time: r.Time}
	if root, err := v.s.hub.Identity.Root(v.tx, r.Customer); err == nil {
		out.Customer, out.Name = root.ID, v.s.hub.Identity.DisplayName(v.tx, root)
	}
	return out
}

func (s *Server) refileMessage(ctx context.Context, i *idBody[SenderRequest]) (*out[Message], error) {
	if err := s.hub.Refile(ctx, who(ctx).id(), i.ID, i.Body.Customer); err != nil {
		return nil, err
	}
	return s.getMessage(ctx, &idIn{ID: i.ID})
}

func (v *view) duplicate(g *identity.Suggestion) (*Duplicate, error) {
	out := &Duplicate{ID: g.ID, State: g.State, Confidence: g.Confidence, Weight: g.Weight, Evidence: []MatchFact{}, Created: g.Created,
		By: g.By, Time: g.Time, Reason: g.Reason, Merged: g.Merged, ByName: v.decider(g.By)}
	for _, e := range g.Evidence {
		out.Evidence = append(out.Evidence, MatchFact{Code: e.Code, Field: e.Field, Level: e.Level, A: e.A, B: e.B, Weight: e.Weight, Text: e.Text()})
	}
	for _, side := range []struct {
		record uint64
		to     *DuplicateSide
	}{{g.A, &out.A}, {g.B, &out.B}} {
		root, err := v.s.hub.Identity.Root(v.tx, side.record)
		if err != nil {
			return nil, err
		}
		// Of merged ones each record by itself: together they would be the same.
		shown := root
		if g.State == identity.SuggestionSame {
			if shown, err = v.s.hub.Identity.Customer(v.tx, side.record); err != nil {
				return nil, err
			}
		}
		if *side.to, err = v.duplicateSide(shown); err != nil {
			return nil, err
		}
		side.to.ID, side.to.Record = root.ID, side.record
	}
	return out, nil
}

// decider is the name of the agent who decided something.
func (v *view) decider(by string) string {
	id, ok := strings.CutPrefix(by, "agent:")
	if !ok {
		return ""
	}
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

func (v *view) duplicateSide(c *identity.Customer) (d DuplicateSide, err error) {
	ident := v.s.hub.Identity
	d = DuplicateSide{Name: ident.DisplayName(v.tx, c), Handles: []Handle{}, Fields: map[string]string{}, Created: c.Created}
	members, err := ident.Members(v.tx, c.ID)
	if err != nil {
		return d, err
	}
	fields := slices.Clone(identity.CardFields)
	for _, m := range members {
		for id := range m.Fields {
			if f := "field:" + id; !slices.Contains(fields, f) {
				fields = append(fields, f)
			}
		}
	}
	for _, f := range fields {
		if value := identity.Shows(members, f).Value; value != "" {
			d.Fields[f] = value
		}
	}
	handles, err := ident.Handles(v.tx, c.ID)
	if err != nil {
		return d, err
	}
	ids, err := ident.Subjects(v.tx, c.ID)
	if err != nil {
		return d, err
	}
	for _, h := range handles {
		d.Handles = append(d.Handles, v.handle(h, c.ID))
	}
	list, _, err := v.s.hub.List(v.tx, inbox.ListQuery{Subjects: ids, Limit: countedConversations})
	if d.Conversations = len(list); len(list) > 0 {
		d.Last = list[0].Last
	}
	return d, err
}

func (s *Server) listDuplicates(_ context.Context, i *duplicatesIn) (*out[Duplicates], error) {
	after, err := i.key()
	if err != nil {
		return nil, err
	}
	o := &out[Duplicates]{Duplicates{Duplicates: []Duplicate{}}}
	return o, s.view(func(v *view) error {
		list, next, err := s.hub.Identity.Suggestions(v.tx, i.State, after, i.Limit)
		if err != nil {
			return err
		}
		o.Body.Next, o.Body.Seq = cursor(next), v.seq()
		o.Body.Open = s.hub.Identity.CountSuggestions(v.tx, identity.SuggestionOpen)
		o.Body.Later = s.hub.Identity.CountSuggestions(v.tx, identity.SuggestionLater)
		return v.addDuplicates(&o.Body.Duplicates, list)
	})
}

func (v *view) addDuplicates(to *[]Duplicate, list []*identity.Suggestion) error {
	for _, g := range list {
		d, err := v.duplicate(g)
		if err != nil {
			return err
		}
		*to = append(*to, *d)
	}
	return nil
}

func (s *Server) getDuplicate(_ context.Context, i *idIn) (*out[Duplicate], error) {
	o := new(out[Duplicate])
	return o, s.view(func(v *view) error {
		g, err := s.hub.Identity.Suggestion(v.tx, i.ID)
		if err != nil {
			return err
		}
		d, err := v.duplicate(g)
		if err == nil {
			o.Body = *d
		}
		return err
	})
}

func (s *Server) decideDuplicate(ctx context.Context, i *idBody[DuplicateVerdict]) (*out[Duplicate], error) {
	b := i.Body
	if err := s.hub.Decide(ctx, who(ctx).id(), i.ID, inbox.Verdict{State: b.State, Into: b.Into, Take: b.Take, Reason: b.Reason}); err != nil {
		return nil, err
	}
	return s.getDuplicate(ctx, &idIn{ID: i.ID})
}

func (s *Server) getDuplicateRules(context.Context, *none) (*out[DuplicateRules], error) {
	o := new(out[DuplicateRules])
	return o, s.view(func(v *view) error {
		o.Body = DuplicateRules(s.hub.Identity.Rules(v.tx))
		return nil
	})
}

func (s *Server) setDuplicateRules(ctx context.Context, i *in[DuplicateRules]) (*out[DuplicateRules], error) {
	if err := s.hub.SetRules(ctx, who(ctx).id(), identity.Rules(i.Body)); err != nil {
		return nil, err
	}
	return s.getDuplicateRules(ctx, nil)
}

func (s *Server) getDuplicateLook(context.Context, *none) (*out[DuplicateLook], error) {
	o := new(out[DuplicateLook])
	return o, s.view(func(v *view) error {
		l := s.hub.LastLook(v.tx)
		if l == nil {
			o.Body.Phase = "index"
			return nil
		}
		o.Body = DuplicateLook{Running: l.Finished.IsZero(), Started: l.Started, Finished: l.Finished, Phase: l.Phase, Done: l.Done, Total: l.Total, Found: l.Found, Stopped: l.Stopped, Left: int(l.Left(time.Now()).Seconds())}
		return nil
	})
}

func (s *Server) startDuplicateLook(ctx context.Context, _ *none) (*out[DuplicateLook], error) {
	if err := s.hub.StartLook(ctx, who(ctx).id()); err != nil {
		return nil, err
	}
	return s.getDuplicateLook(ctx, nil)
}

func (s *Server) listCustomerDuplicates(_ context.Context, i *idIn) (*out[Duplicates], error) {
	o := &out[Duplicates]{Duplicates{Duplicates: []Duplicate{}}}
	return o, s.view(func(v *view) error {
		root, err := s.hub.Identity.Root(v.tx, i.ID)
		if err != nil {
			return err
		}
		list, err := s.hub.Identity.SuggestionsOf(v.tx, root.ID)
		if err != nil {
			return err
		}
		for _, g := range list {
			switch g.State {
			case identity.SuggestionOpen:
				o.Body.Open++
			case identity.SuggestionLater:
				o.Body.Later++
			}
		}
		o.Body.Seq = v.seq()
		return v.addDuplicates(&o.Body.Duplicates, list[:min(len(list), maxCustomerDuplicates)])
	})
}

// maxCustomerDuplicates is how many pairs a customer's page shows.
const maxCustomerDuplicates = 50

func (s *Server) chooseValues(ctx context.Context, i *idBody[Choice]) (*out[Customer], error) {
	if err := s.hub.Choose(ctx, who(ctx).id(), i.Body.Member, i.Body.Fields); err != nil {
		return nil, err
	}
	return s.showCustomer(i.ID)
}
