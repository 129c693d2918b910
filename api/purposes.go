package api

import (
	"cmp"
	"context"
	"slices"

	"throughline/inbox"
	"throughline/preference"
)

// What conversations can be about: kept by administrators, proposed by a classifier.

func (s *Server) purposeRoutes() {
	const g = "Preferences"
	add(s, route{id: "getPurposes", method: "GET", path: "/api/purposes", role: agent, group: g, summary: "What conversations can be about"}, s.getPurposes)
	add(s, route{id: "setPurposes", method: "PUT", path: "/api/purposes", role: admin, group: g, summary: "Change purposes, rules and the classifier's threshold"}, s.setPurposes)
	add(s, route{id: "guessPurpose", method: "GET", path: "/api/conversations/{id}/purpose", role: agent, group: g, summary: "What the classifier takes a conversation to be about"}, s.guessPurpose)
	add(s, route{id: "getLearnedPurposes", method: "GET", path: "/api/purposes/learned", role: admin, group: g, summary: "What the classifier has learned of each purpose"}, s.getLearnedPurposes)
	add(s, route{id: "tryPurpose", method: "POST", path: "/api/purposes/try", role: admin, group: g, summary: "Which purpose a message would get, and why; changes nothing"}, s.tryPurpose)
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
	if err := s.hub.Preference.SetPolicy(ctx, actorOf(ctx), i.Body.policy()); err != nil {
		return nil, err
	}
	return s.getPurposes(ctx, nil)
}

// policy is b as the hub keeps it.
func (b *Purposes) policy() preference.Policy {
	p := preference.Policy{Threshold: b.Threshold, Version: b.Version, Rules: []preference.Rule{}}
	for _, q := range b.Purposes {
		names := map[string]string{}
		for l, name := range q.Names {
			if name = oneLine(name); name != "" {
				names[l] = name
			}
		}
		p.Purposes = append(p.Purposes, preference.Purpose{Key: q.Key, Names: names, Archived: q.Archived, Marketing: q.Marketing})
	}
	for _, r := range b.Rules {
		p.Rules = append(p.Rules, preference.Rule(r))
	}
	return p
}

func (s *Server) guessPurpose(ctx context.Context, i *idIn) (*out[Guess], error) {
	o := &out[Guess]{Guess{Words: []GuessWord{}}}
	return o, s.view(func(v *view) error {
		g, err := s.hub.Guess(v.tx, i.ID)
		if err != nil || g == nil {
			return err
		}
		o.Body = guess(g)
		return nil
	})
}

func (s *Server) getLearnedPurposes(ctx context.Context, _ *none) (*out[LearnedPurposes], error) {
	o := &out[LearnedPurposes]{LearnedPurposes{Purposes: []LearnedPurpose{}}}
	return o, s.view(func(v *view) error {
		lessons, err := s.hub.Preference.Learned(v.tx)
		if err != nil {
			return err
		}
		words, err := s.hub.Preference.Characteristic(v.tx)
		if err != nil {
			return err
		}
		for k, n := range lessons {
			p := LearnedPurpose{Purpose: k, Lessons: n, Words: []GuessWord{}}
			for _, w := range words[k] {
				p.Words = append(p.Words, GuessWord(w))
			}
			o.Body.Purposes = append(o.Body.Purposes, p)
		}
		slices.SortFunc(o.Body.Purposes, func(a, b LearnedPurpose) int { return cmp.Or(b.Lessons-a.Lessons, cmp.Compare(a.Purpose, b.Purpose)) })
		return nil
	})
}

func (s *Server) tryPurpose(ctx context.Context, i *in[PurposeTrial]) (*out[PurposeTried], error) {
	b := i.Body
	o := &out[PurposeTried]{PurposeTried{Rule: -1, Guess: Guess{Words: []GuessWord{}}}}
	return o, s.view(func(v *view) error {
		policy, err := s.hub.Preference.Policy(v.tx)
		if err != nil {
			return err
		}
		t, err := s.hub.TryPurpose(v.tx, &policy, inbox.PurposeTrial{Account: b.Account, Address: b.Address, Subject: b.Subject, Text: b.Text, Tags: b.Tags})
		if err != nil {
			return err
		}
		o.Body.Purpose, o.Body.By, o.Body.Rule = t.Purpose, t.By, t.Rule
		if t.Guess != nil {
			o.Body.Guess = guess(t.Guess)
		}
		return nil
	})
}

func guess(g *preference.Guess) Guess {
	out := Guess{Purpose: g.Purpose, Confidence: g.Confidence, Words: []GuessWord{}}
	for _, w := range g.Words {
		out.Words = append(out.Words, GuessWord(w))
	}
	return out
}
