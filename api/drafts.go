package api

import (
	"context"
	"errors"

	"throughline/inbox"
	"throughline/store"
)

func (s *Server) getDraft(ctx context.Context, i *idIn) (*out[Draft], error) {
	o := new(out[Draft])
	return o, s.view(func(v *view) error {
		id, err := v.draftPlace(i.ID)
		if err != nil {
			return err
		}
		d, err := s.hub.Draft(v.tx, who(ctx).id(), id)
		if errors.Is(err, store.ErrNotFound) && id == 0 {
			// Asked with every new message: an empty one says the same without an error.
			o.Body = Draft{Mode: "new"}
			return nil
		}
		if errors.Is(err, store.ErrNotFound) {
			return &problemError{status: 404, detail: "you have no draft here: begin a new one"}
		}
		if err == nil {
			o.Body = *v.draft(d)
		}
		return err
	})
}

// draftPlace is the conversation a draft belongs to: after a merge another than
// the one asked for.
func (v *view) draftPlace(id uint64) (uint64, error) {
	if id == 0 {
		return 0, nil
	}
	c, err := v.s.hub.Conversation(v.tx, id)
	if err != nil {
		return 0, err
	}
	return c.ID, nil
}

func (s *Server) saveDraft(ctx context.Context, i *idBody[Draft]) (*out[Draft], error) {
	b := i.Body
	files, err := parts(b.Attachments)
	if err != nil {
		return nil, err
	}
	d := &inbox.Draft{Mode: b.Mode, Account: b.Account, To: typed(b.To), Cc: typed(b.Cc), Bcc: typed(b.Bcc), Subject: b.Subject, HTML: b.HTML,
		Attachments: files, InReplyTo: b.InReplyTo, Template: b.Template.use()}
	d, err = s.hub.SaveDraft(ctx, who(ctx).id(), i.ID, d)
	if err != nil {
		return nil, err
	}
	o := new(out[Draft])
	return o, s.view(func(v *view) error {
		o.Body = *v.draft(d)
		return nil
	})
}

func (s *Server) deleteDraft(ctx context.Context, i *idIn) (*none, error) {
	return &none{}, s.hub.DeleteDraft(ctx, who(ctx).id(), i.ID)
}
