package api

import (
	"context"
	"errors"

	"github.com/danielgtaylor/huma/v2"

	"throughline/inbox"
	"throughline/message"
	"throughline/store"
)

func (s *Server) getMessage(ctx context.Context, i *idIn) (*out[Message], error) {
	o := new(out[Message])
	return o, s.view(func(v *view) error {
		m, err := v.message(i.ID, wholeText)
		if err == nil {
			o.Body = *m
		}
		return err
	})
}

func (s *Server) getMessageRaw(ctx context.Context, i *idIn) (*huma.StreamResponse, error) {
	var raw message.Content
	err := s.view(func(v *view) (err error) {
		raw, err = s.hub.Raw(v.tx, i.ID)
		return err
	})
	if errors.Is(err, store.ErrNotFound) {
		return nil, &problemError{status: 404, detail: "this message has no source: it was written here, or it is gone"}
	}
	if err != nil {
		return nil, err
	}
	return rawResponse(raw, "message-"+utoa(i.ID)+".txt"), nil
}

func (s *Server) undoMessage(ctx context.Context, i *idIn) (*out[Draft], error) {
	d, err := s.hub.Undo(ctx, who(ctx).id(), i.ID)
	if err != nil {
		return nil, err
	}
	if d == nil {
		d = &inbox.Draft{Mode: inbox.ModeReply}
	}
	o := new(out[Draft])
	return o, s.view(func(v *view) error {
		o.Body = *v.draft(d)
		return nil
	})
}

func (s *Server) retryMessage(ctx context.Context, i *idIn) (*out[Message], error) {
	if err := s.hub.Retry(ctx, who(ctx).id(), i.ID); err != nil {
		return nil, err
	}
	return s.getMessage(ctx, i)
}

func (s *Server) dismissMessage(ctx context.Context, i *idIn) (*out[Message], error) {
	if err := s.hub.Dismiss(ctx, who(ctx).id(), i.ID); err != nil {
		return nil, err
	}
	return s.getMessage(ctx, i)
}
