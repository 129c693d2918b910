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
// only what every agent may see is named.
func (v *view) entryDocument(e *timeline.Event) (*EntryDocument, error) {
	var about struct{ Document uint64 }
	if err := json.Unmarshal(e.Data, &about); err != nil {
		return nil, nil // an event of a later version
	}
	title, err := v.commonTitle(about.Document)
	if err != nil || title == "" {
		return nil, err
	}
	return &EntryDocument{ID: about.Document, Title: title}, nil
}

// commonTitle is what a document is called if every agent may know, "" if not or if
// there is none (any more).
func (v *view) commonTitle(id uint64) (string, error) {
	d, err := v.s.docs.Get(v.tx, id)
	if errors.Is(err, store.ErrNotFound) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	rules, err := v.s.docs.Rules(v.tx)
	if err != nil || !rules.Sees(documents.RoleAgent, d.Type) {
		return "", err
	}
	return d.Title, nil
}

// seen reads a document that the caller may see. For everybody else it is not there.
func (s *Server) seen(ctx context.Context, tx *store.Tx, id uint64) (*documents.Document, error) {
	d, err := s.docs.Get(tx, id)
	if err != nil {
		return nil, err
	}
	rules, err := s.docs.Rules(tx)
	if err != nil {
		return nil, err
	}
	if !rules.Sees(who(ctx).role(), d.Type) {
		return nil, store.ErrNotFound
	}
	return d, nil
}

// docsFor is the library for an act of the caller: the rules are asked once more in
// the transaction that does it.
func (s *Server) docsFor(ctx context.Context, act string) *documents.Library {
	return s.docs.As(who(ctx).role(), act)
}

// reach refuses the content of a document that the caller does not see, and tells
// whether it is a document's; what a message has is for everybody. How it is opened is
// written down, unless it is "".
func (s *Server) reach(ctx context.Context, sha, how string) (document bool, err error) {
	said := false
	if err := s.hub.Store.View(func(tx *store.Tx) error {
		said = s.hub.HasFile(tx, sha)
		return nil
	}); err != nil || said {
		return false, err
	}
	return s.docsFor(ctx, documents.ActSee).OpenContent(ctx, who(ctx).id(), sha, how)
}

// mayAll refuses an act with all that is known of a customer to whom it is not allowed
// with one of his documents.
func (v *view) mayAll(ctx context.Context, root uint64, act string) error {
	members, err := v.s.hub.Identity.Members(v.tx, root)
	if err != nil {
		return err
	}
	owners := make([]uint64, len(members))
	for i, m := range members {
		owners[i] = m.ID
	}
	return v.s.docsFor(ctx, act).MayAll(v.tx, owners)
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
		if err == nil && !rules.Sees(who(ctx).role(), typ) {
			err = &documents.InvalidError{Field: "type", Text: "only managers see documents of this type: choose another one"}
		}
		return err
	})
}
