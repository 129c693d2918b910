package api

import (
	"context"

	"throughline/documents"
	"throughline/store"
)

func (s *Server) getDocumentRules(ctx context.Context, _ *none) (*out[DocumentRules], error) {
	o := new(out[DocumentRules])
	return o, s.hub.Store.View(func(tx *store.Tx) error {
		r, err := s.docs.Rules(tx)
		if err != nil {
			return err
		}
		o.Body = DocumentRules{Types: make([]DocumentType, 0, len(r.Types)), Bytes: s.docs.MaxBytes(),
			Roles: DocumentRoles{See: r.Roles[documents.ActSee], Add: r.Roles[documents.ActAdd], Delete: r.Roles[documents.ActDelete], Share: r.Roles[documents.ActShare]}}
		for _, t := range r.Types {
			o.Body.Types = append(o.Body.Types, DocumentType(t))
		}
		return nil
	})
}

func (s *Server) setDocumentRules(ctx context.Context, i *in[DocumentRules]) (*out[DocumentRules], error) {
	r := documents.Rules{Roles: map[string]string{
		documents.ActSee: i.Body.Roles.See, documents.ActAdd: i.Body.Roles.Add, documents.ActDelete: i.Body.Roles.Delete, documents.ActShare: i.Body.Roles.Share,
	}}
	for _, t := range i.Body.Types {
		t.Name = oneLine(t.Name)
		r.Types = append(r.Types, documents.Type(t))
	}
	if err := s.docs.SetRules(ctx, r); err != nil {
		return nil, err
	}
	return s.getDocumentRules(ctx, nil)
}
