package api

import (
	"context"
	"errors"

	"throughline/preference"
	"throughline/store"
)

// When and how somebody is reached best, with the messages that prove it.

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
