package api

import (
	"context"
	"io"
	"slices"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"throughline/blob"
	"throughline/documents"
	"throughline/message"
	"throughline/store"
)

// UploadedFile is the body of an upload and what it is called.
type UploadedFile struct {
	Name        string `query:"name" maxLength:"1000" required:"true" doc:"File name."`
	ContentType string `header:"Content-Type"`
	body        io.Reader
}

// Resolve keeps hold of the body, as uploadIn does.
func (f *UploadedFile) Resolve(ctx huma.Context) []error {
	var u uploadIn
	errs := u.Resolve(ctx)
	f.body = u.body
	return errs
}

// keep stores the file of an upload.
func (f *UploadedFile) keep(ctx context.Context, s *Server) (documents.Upload, error) {
	name := fileName(f.Name)
	if name == "" {
		return documents.Upload{}, &problemError{status: 422, detail: "query.name: give the file a name"}
	}
	ref, err := s.docs.Put(ctx, f.body)
	return documents.Upload{Name: name, ContentType: mediaType(f.ContentType), Ref: ref}, err
}

type addDocumentIn struct {
	Customer uint64 `query:"customer" doc:"Whose document it is: a customer's,"`
	Company  uint64 `query:"company" doc:"or a company's."`
	Title    string `query:"title" maxLength:"1000" doc:"Without one the file's name is taken."`
	Type     string `query:"type" maxLength:"40"`
	UploadedFile
}

func (s *Server) addDocument(ctx context.Context, i *addDocumentIn) (*out[LibraryDocument], error) {
	// Before the file is taken in: nobody should wait for an upload to be told no.
	if err := s.mayPut(ctx, i.Type); err != nil {
		return nil, err
	}
	f, err := i.keep(ctx, s)
	if err != nil {
		return nil, err
	}
	id, err := s.docsFor(ctx, documents.ActAdd).Add(ctx, who(ctx).id(), documents.Draft{Owner: i.Customer, Company: i.Company, Title: oneLine(i.Title), Type: i.Type, File: f})
	if err != nil {
		return nil, err
	}
	return s.showDocument(ctx, id)
}

func (s *Server) fileDocument(ctx context.Context, i *in[DocumentRequest]) (*out[LibraryDocument], error) {
	b := i.Body
	var part message.Part
	owner := b.Customer
	err := s.hub.Store.View(func(tx *store.Tx) error {
		r, err := s.hub.Message(tx, b.Message)
		if err != nil {
			return err
		}
		n := slices.IndexFunc(r.Parts, func(p message.Part) bool { return p.Blob == b.Blob })
		if n < 0 {
			return &documents.InvalidError{Field: "blob", Text: "this message has no such attachment: reload it"}
		}
		part = r.Parts[n]
		if owner == 0 && b.Company == 0 && b.Document == 0 {
			// The record that the address belongs to, not the one it was merged into: an
			// unmerge then leaves the document with its message.
			c, err := s.hub.Conversation(tx, r.Conversation)
			if err != nil {
				return err
			}
			if owner, err = s.hub.Owner(tx, c); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	name := fileName(part.Name)
	if name == "" {
		name = "file"
	}
	f := documents.Upload{Name: name, ContentType: mediaType(part.ContentType), Ref: blob.Ref{SHA256: part.Blob, Size: part.Size}, Message: b.Message}
	id, docs := b.Document, s.docsFor(ctx, documents.ActAdd)
	if id != 0 {
		err = docs.AddVersion(ctx, who(ctx).id(), id, f)
	} else {
		id, err = docs.Add(ctx, who(ctx).id(), documents.Draft{Owner: owner, Company: b.Company, Title: oneLine(b.Title), Type: b.Type, File: f})
	}
	if err != nil {
		return nil, err
	}
	return s.showDocument(ctx, id)
}

func (s *Server) changeDocument(ctx context.Context, i *idBody[DocumentChange]) (*out[LibraryDocument], error) {
	b := i.Body
	c := documents.Change{Type: b.Type, Note: b.Note, Remind: b.Remind}
	if b.Title != nil {
		title := oneLine(*b.Title)
		c.Title = &title
	}
	if b.Tags != nil {
		tags := make([]string, 0, len(*b.Tags))
		for _, t := range *b.Tags {
			tags = append(tags, oneLine(t))
		}
		c.Tags = &tags
	}
	if b.Expires != nil {
		day := time.Time{}
		if *b.Expires != "" {
			var err error
			if day, err = time.Parse(dateForm, *b.Expires); err != nil {
				return nil, &documents.InvalidError{Field: "expires", Text: "write a day as 2027-01-31"}
			}
		}
		c.Expires = &day
	}
	if err := s.docsFor(ctx, documents.ActAdd).Change(ctx, who(ctx).id(), i.ID, c); err != nil {
		return nil, err
	}
	return s.showDocument(ctx, i.ID)
}

// onDocument changes a document, and shows it.
func (s *Server) onDocument(ctx context.Context, id uint64, act func(ctx context.Context, agent, id uint64) error) (*out[LibraryDocument], error) {
	if err := act(ctx, who(ctx).id(), id); err != nil {
		return nil, err
	}
	return s.showDocument(ctx, id)
}

func (s *Server) moveDocument(ctx context.Context, i *idBody[DocumentPlace]) (*out[LibraryDocument], error) {
	return s.onDocument(ctx, i.ID, func(ctx context.Context, agent, id uint64) error {
		return s.docsFor(ctx, documents.ActAdd).Move(ctx, agent, id, documents.Place(i.Body))
	})
}

func (s *Server) deleteDocument(ctx context.Context, i *idIn) (*out[LibraryDocument], error) {
	return s.onDocument(ctx, i.ID, s.docsFor(ctx, documents.ActDelete).Delete)
}

func (s *Server) undeleteDocument(ctx context.Context, i *idIn) (*out[LibraryDocument], error) {
	return s.onDocument(ctx, i.ID, s.docsFor(ctx, documents.ActDelete).Undelete)
}

func (s *Server) purgeDocument(ctx context.Context, i *idIn) (*struct{}, error) {
	return nil, s.docsFor(ctx, documents.ActDelete).Purge(ctx, who(ctx).id(), i.ID)
}

type addVersionIn struct {
	ID   uint64 `path:"id"`
	Note string `query:"note" maxLength:"5000" doc:"What is new in it."`
	UploadedFile
}

func (s *Server) addDocumentVersion(ctx context.Context, i *addVersionIn) (*out[LibraryDocument], error) {
	if err := s.maySee(ctx, i.ID); err != nil { // before the upload, as above
		return nil, err
	}
	f, err := i.keep(ctx, s)
	if err != nil {
		return nil, err
	}
	f.Note = i.Note
	return s.onDocument(ctx, i.ID, func(ctx context.Context, agent, id uint64) error {
		return s.docsFor(ctx, documents.ActAdd).AddVersion(ctx, agent, id, f)
	})
}

func (s *Server) restoreDocumentVersion(ctx context.Context, i *idBody[VersionNumber]) (*out[LibraryDocument], error) {
	return s.onDocument(ctx, i.ID, func(ctx context.Context, agent, id uint64) error {
		return s.docsFor(ctx, documents.ActAdd).Restore(ctx, agent, id, i.Body.Version)
	})
}
