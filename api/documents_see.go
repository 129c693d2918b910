package api

import (
	"context"
	"encoding/json"
	"errors"

	"throughline/documents"
	"throughline/store"
	"throughline/timeline"
)

// entryDocument names the document of an event. One entry goes to all screens, so
// what only managers may see is not named.
func (v *view) entryDocument(e *timeline.Event) (*EntryDocument, error) {
	var about struct{ Document uint64 }
	if err := json.Unmarshal(e.Data, &about); err != nil {
		return nil, nil // an event of a later version
	}
	d, err := v.s.docs.Get(v.tx, about.Document)
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	rules, err := v.s.docs.Rules(v.tx)
	if err != nil || rules.Restricted(d.Type) {
		return nil, err
	}
	return &EntryDocument{ID: d.ID, Title: d.Title}, nil
}

// seen reads a document that the caller may see. One of a restricted type is not
// there for others.
func (s *Server) seen(ctx context.Context, tx *store.Tx, id uint64) (*documents.Document, error) {
	d, err := s.docs.Get(tx, id)
	if err != nil {
		return nil, err
	}
	rules, err := s.docs.Rules(tx)
	if err != nil {
		return nil, err
	}
	if rules.Restricted(d.Type) && !who(ctx).seesRestricted() {
		return nil, store.ErrNotFound
	}
	return d, nil
}

// maySee refuses what seen does.
func (s *Server) maySee(ctx context.Context, id uint64) error {
	return s.hub.Store.View(func(tx *store.Tx) error {
		_, err := s.seen(ctx, tx, id)
		return err
	})
}

// mayPut refuses a type that the caller would not see.
func (s *Server) mayPut(ctx context.Context, typ string) error {
	return s.hub.Store.View(func(tx *store.Tx) error {
		rules, err := s.docs.Rules(tx)
		if err == nil && rules.Restricted(typ) && !who(ctx).seesRestricted() {
			err = &documents.InvalidError{Field: "type", Text: "only managers see documents of this type: choose another one"}
		}
		return err
	})
}
