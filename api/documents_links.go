package api

import (
	"context"
	"time"

	"throughline/documents"
)

func (v *view) link(k *documents.Link) DocumentLink {
	out := DocumentLink{
		ID: k.ID, Version: k.Version, By: k.By, Created: k.Created, Expires: k.Expires, Password: k.Password != "", Max: k.Max, Note: k.Note,
		Revoked: k.Revoked, Visits: k.Visits, Downloads: k.Downloads, Last: k.Last, Active: k.Active(v.tx.Now()),
	}
	return out
}

func (s *Server) listDocumentLinks(ctx context.Context, i *idIn) (*out[DocumentLinks], error) {
	o := &out[DocumentLinks]{DocumentLinks{Links: []DocumentLink{}}}
	return o, s.view(func(v *view) error {
		if _, err := s.seen(ctx, v.tx, i.ID); err != nil {
			return err
		}
		list, err := s.docs.Links(v.tx, i.ID)
		for _, k := range list {
			o.Body.Links = append(o.Body.Links, v.link(&k))
		}
		return err
	})
}

func (s *Server) shareDocument(ctx context.Context, i *idBody[DocumentLinkRequest]) (*out[NewDocumentLink], error) {
	n := documents.NewLink{Version: i.Body.Version, Expires: s.now().Add(time.Duration(i.Body.Days) * day), Max: i.Body.Max, Note: oneLine(i.Body.Note)}
	if i.Body.Password != "" {
		var err error
		if n.Password, err = s.auth.HashSecret(ctx, i.Body.Password); err != nil {
			return nil, err
		}
	}
	k, token, err := s.docsFor(ctx, documents.ActShare).Share(ctx, who(ctx).id(), i.ID, n)
	if err != nil {
		return nil, err
	}
	o := &out[NewDocumentLink]{NewDocumentLink{Path: linkPath + token}}
	if s.public != nil {
		o.Body.URL = s.public.Scheme + "://" + s.public.Host + o.Body.Path
	}
	return o, s.view(func(v *view) error {
		o.Body.Link = v.link(k)
		return nil
	})
}

type documentLinkIn struct {
	ID   uint64 `path:"id"`
	Link uint64 `path:"link"`
}

func (s *Server) revokeDocumentLink(ctx context.Context, i *documentLinkIn) (*struct{}, error) {
	return nil, s.docsFor(ctx, documents.ActShare).Revoke(ctx, who(ctx).id(), i.ID, i.Link)
}

// rereadDocuments has the texts of all files read anew.
func (s *Server) rereadDocuments(ctx context.Context, _ *none) (*out[Reread], error) {
	n, err := s.docs.Reread(ctx)
	return &out[Reread]{Reread{Files: n}}, err
}
