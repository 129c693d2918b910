package api

import (
	"context"
	"strconv"
	"strings"

	"throughline/connectors"
	"throughline/identity"
	"throughline/inbox"
	"throughline/message"
	"throughline/store"
)

// What a composer and a timeline need of channels other than mail.

func (s *Server) listWays(ctx context.Context, i *idIn) (*out[Ways], error) {
	return s.ways(true, func(tx *store.Tx) ([]inbox.Way, error) { return s.hub.Ways(tx, i.ID) })
}

func (s *Server) listCustomerWays(ctx context.Context, i *idIn) (*out[Ways], error) {
	return s.ways(false, func(tx *store.Tx) ([]inbox.Way, error) { return s.hub.CustomerWays(tx, i.ID) })
}

// ways shows a list of ways; propose marks the first that leads somewhere.
func (s *Server) ways(propose bool, read func(*store.Tx) ([]inbox.Way, error)) (*out[Ways], error) {
	o := &out[Ways]{Ways{Ways: []Way{}}}
	return o, s.view(func(v *view) error {
		list, err := read(v.tx)
		if err != nil {
			return err
		}
		for n, w := range list {
			way := Way{Account: w.Account, Name: v.accountFace(w.Account).name, Channel: w.Info.Channel, Address: w.Info.Own.Handle.Address(),
				Writing: writing(w.Info.Writing), Templates: w.Templates, Paused: w.Paused, Proposed: propose && n == 0 && len(w.Handles) > 0,
				Handles: make([]WayHandle, 0, len(w.Handles))}
			for _, h := range w.Handles {
				way.Handles = append(way.Handles, v.wayHandle(&w, &h))
			}
			o.Body.Ways = append(o.Body.Ways, way)
		}
		return nil
	})
}

func (v *view) wayHandle(w *inbox.Way, h *inbox.WayHandle) WayHandle {
	out := WayHandle{Person: v.person(h.Person), Last: h.Last}
	switch {
	case h.Suspended != nil:
		out.Blocked, out.Reason, out.Since = "suspended", h.OptedBy, h.Suspended.Since
	case h.OptOut != nil:
		out.Blocked, out.Reason, out.Since = "opted_out", h.OptedBy, h.OptOut.Since
	case w.WindowOver(h, v.tx.Now()):
		out.Blocked, out.Since = "window", h.Window
		out.Reason = "the time for own words is over: choose a template"
		if h.Window.IsZero() {
			out.Reason = "this person has not written yet: choose a template"
		}
	default:
		out.Until = h.Window
	}
	return out
}

func writing(w connectors.Writing) Writing {
	return Writing{None: w.None, Letter: w.Letter, Rich: w.Rich, Files: w.Files, FileBytes: w.FileBytes, Text: w.Text, Segments: w.Segments, Mentions: w.Mentions,
		WindowSeconds: int64(w.Window.Seconds())}
}

func (s *Server) listTemplates(ctx context.Context, i *nameIn) (*out[Templates], error) {
	if err := s.exists(i.ID); err != nil {
		return nil, err
	}
	list, err := s.hub.Templates(ctx, i.ID)
	if err != nil {
		return nil, err
	}
	o := &out[Templates]{Templates{Templates: make([]Template, 0, len(list))}}
	for _, t := range list {
		gaps := t.Gaps
		if gaps == nil {
			gaps = []string{}
		}
		o.Body.Templates = append(o.Body.Templates, Template{ID: t.ID, Name: t.Name, Language: t.Language, Text: t.Text, Gaps: gaps})
	}
	return o, nil
}

// use is the template as the hub takes it, nil for none.
func (t *TemplateUse) use() *message.TemplateUse {
	if t == nil {
		return nil
	}
	u := &message.TemplateUse{ID: t.ID, Values: make(map[string]string, len(t.Values))}
	for k, v := range t.Values {
		u.Values[k] = oneLine(v)
	}
	return u
}

func templateUse(t *message.TemplateUse) *TemplateUse {
	if t == nil {
		return nil
	}
	return &TemplateUse{ID: t.ID, Values: t.Values}
}

type consentIn struct {
	ID     uint64 `path:"id"`
	Handle string `path:"handle" maxLength:"2000"`
	Body   ConsentRequest
}

func (s *Server) setConsent(ctx context.Context, i *consentIn) (*out[Customer], error) {
	h, err := s.handleOf(i.ID, i.Handle)
	if err != nil {
		return nil, err
	}
	b := i.Body
	if err := s.hub.SetConsent(ctx, who(ctx).id(), h, b.Channel, b.Purpose, message.Consent(b.State), oneLine(b.Reason)); err != nil {
		return nil, err
	}
	return s.showCustomer(i.ID)
}

// accountFace is what people know an account by.
type accountFace struct{ name, address, channel string }

// accountFace is empty for an account that is gone.
func (v *view) accountFace(id string) accountFace { return v.accountFaces()[id] }

// channels tells the channel of each account.
func (v *view) channels() map[string]string {
	if v.channelOf == nil {
		v.channelOf = make(map[string]string)
		for id, face := range v.accountFaces() {
			v.channelOf[id] = face.channel
		}
	}
	return v.channelOf
}

func (v *view) accountFaces() map[string]accountFace {
	if v.faces == nil {
		v.faces = make(map[string]accountFace)
		list, err := v.s.hub.Accounts.Faces(v.tx)
		if err != nil {
			v.s.log.Error("names of accounts", "error", err)
		}
		for _, a := range list {
			v.faces[a.ID] = accountFace{a.Name, v.s.ownAddress(a.ID), a.Channel}
		}
	}
	return v.faces
}

// more tells of a message what only some channels know.
func (v *view) more(m *Message, r *inbox.Record, limit int) {
	face := v.accountFace(r.Account)
	m.AccountName, m.Address = face.name, face.address
	m.Call, m.Refiled = r.Call, v.refiled(r.Refiled)
	m.Consent, m.Template = string(r.Consent), templateUse(r.Template)
	m.Edited, m.Deleted, m.Erased, m.Versions = r.Edited, r.Deleted, r.Erased, len(r.Former)
	for _, re := range r.Reactions {
		if !re.Gone {
			m.Reactions = append(m.Reactions, Reaction{Emoji: re.Emoji, By: v.person(re.By), Time: re.Time})
		}
	}
	if limit == wholeText {
		for _, f := range r.Former {
			m.Former = append(m.Former, Version{Time: f.Time, Text: f.Text, Attachments: v.scanned(attachments(f.Parts))})
		}
	}
}

// hints adds to a handle what else is known of it.
func (v *view) hints(out *Handle, h *identity.Handle, root uint64) {
	for _, hint := range h.Hints {
		p := v.person(message.Person{Handle: hint.Handle})
		if p.Customer != root && !p.Own {
			out.Hints = append(out.Hints, Hint{Person: p, Time: hint.Time})
		}
	}
	list, err := v.s.hub.Consents(v.tx, h.ID)
	if err != nil {
		v.s.log.Error("consents", "error", err)
	}
	for _, c := range list {
		con := Consent{Channel: c.Channel, Purpose: c.Purpose, State: string(c.State), Since: c.Since, By: c.By, Reason: c.Reason, Code: c.Code, Message: c.Message}
		if c.Message != 0 {
			if r, err := v.s.hub.Message(v.tx, c.Message); err == nil { // erased otherwise
				con.Conversation = r.Conversation
			}
		}
		if id, ok := strings.CutPrefix(c.By, "agent:"); ok {
			if n, err := strconv.ParseUint(id, 10, 64); err == nil {
				if a, err := v.s.auth.AgentTx(v.tx, n); err == nil {
					con.Name = a.Name
				}
			}
		}
		out.Consents = append(out.Consents, con)
	}
	suspended, err := v.s.hub.Suspensions(v.tx, h.ID)
	if err != nil {
		v.s.log.Error("suspensions", "error", err)
	}
	for _, p := range suspended {
		out.Suspended = append(out.Suspended, Suspension{Channel: p.Channel, Since: p.Since, Reason: p.Reason, Code: p.Code, Message: p.Message})
	}
}
