package api

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"slices"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"throughline/blob"
	"throughline/documents"
	"throughline/message"
	"throughline/store"
	"throughline/timeline"
)

type documentsIn struct {
	Q        string `query:"q" maxLength:"200" doc:"Words of the title, of tags, of the note, or of the text. What is found is not paged."`
	Customer uint64 `query:"customer" doc:"Only those of this customer."`
	Type     string `query:"type" maxLength:"40"`
	Tag      string `query:"tag" maxLength:"200"`
	Expiring int    `query:"expiring" minimum:"0" maximum:"3650" doc:"Only those that expire within so many days, or have expired."`
	Deleted  bool   `query:"deleted" doc:"What is in the bin instead."`
	Paging
}

// dateForm is how a day is written.
const dateForm = "2006-01-02"

func (s *Server) listDocuments(ctx context.Context, i *documentsIn) (*out[Documents], error) {
	after, err := i.key()
	if err != nil {
		return nil, err
	}
	f := documents.Filter{Type: i.Type, Tag: i.Tag, Deleted: i.Deleted, Managers: who(ctx).seesRestricted()}
	if i.Expiring > 0 {
		f.Expires = s.now().UTC().AddDate(0, 0, i.Expiring)
	}
	o := &out[Documents]{Documents{Documents: []LibraryDocument{}}}
	return o, s.view(func(v *view) error {
		o.Body.Seq = v.seq()
		if i.Customer != 0 {
			root, err := s.hub.Identity.Root(v.tx, i.Customer)
			if err != nil {
				return err
			}
			members, err := s.hub.Identity.Members(v.tx, root.ID)
			if err != nil {
				return err
			}
			for _, m := range members {
				f.Owners = append(f.Owners, m.ID)
			}
		}
		if i.Q != "" {
			return v.searchDocuments(i.Q, f, i.Limit, &o.Body)
		}
		list, next, err := s.docs.List(v.tx, f, after, i.Limit)
		if err != nil {
			return err
		}
		o.Body.Next = cursor(next)
		for _, d := range list {
			doc, err := v.document(d)
			if err != nil {
				return err
			}
			o.Body.Documents = append(o.Body.Documents, *doc)
		}
		return nil
	})
}

func (v *view) searchDocuments(q string, f documents.Filter, limit int, out *Documents) error {
	found, err := v.s.docs.Search(v.tx, q, f, limit)
	if err != nil {
		return err
	}
	for _, hit := range found {
		doc, err := v.document(hit.Document)
		if err != nil {
			return err
		}
		doc.Snippet = snippetParts(hit.Snippet, hit.Marks)
		out.Documents = append(out.Documents, *doc)
	}
	return nil
}

// snippetParts cuts a text at its marks.
func snippetParts(text string, marks []documents.Mark) (parts []SnippetPart) {
	at := 0
	for _, m := range marks {
		if m.From < at || m.To > len(text) {
			continue
		}
		if m.From > at {
			parts = append(parts, SnippetPart{Text: text[at:m.From]})
		}
		parts = append(parts, SnippetPart{Text: text[m.From:m.To], Mark: true})
		at = m.To
	}
	if at < len(text) {
		parts = append(parts, SnippetPart{Text: text[at:]})
	}
	return parts
}

// document is the API's shape of a document.
func (v *view) document(d *documents.Document) (*LibraryDocument, error) {
	rules, err := v.s.docs.Rules(v.tx)
	if err != nil {
		return nil, err
	}
	out := &LibraryDocument{
		ID: d.ID, Owner: d.Owner, Title: d.Title, Type: d.Type, Tags: d.Tags, Note: d.Note, Remind: d.Remind, Reminded: !d.Reminded.IsZero(),
		Expired: d.Expired(v.tx.Now()), Restricted: rules.Restricted(d.Type), Versions: make([]DocumentVersion, 0, len(d.Versions)),
		Created: d.Created, CreatedBy: d.CreatedBy, Changed: d.Changed, ChangedBy: d.ChangedBy, Deleted: d.Deleted, DeletedBy: d.DeletedBy,
	}
	if out.Tags == nil {
		out.Tags = []string{}
	}
	if !d.Expires.IsZero() {
		out.Expires = d.Expires.Format(dateForm)
	}
	root, err := v.s.hub.Identity.Root(v.tx, d.Owner)
	if err != nil {
		return nil, err
	}
	out.Customer = DocumentOwner{ID: root.ID, Name: v.s.hub.Identity.DisplayName(v.tx, root)}
	for _, ver := range slices.Backward(d.Versions) {
		file, err := v.s.docs.File(v.tx, &ver)
		if err != nil {
			return nil, err
		}
		scan := DocumentScan{State: cmp.Or(file.Scan.State, "none"), Found: file.Scan.Found, Reason: file.Scan.Reason}
		out.Versions = append(out.Versions, DocumentVersion{
			Number: ver.Number, Name: ver.Name, ContentType: ver.ContentType, Size: ver.Size, Time: ver.Time, By: ver.By,
			Message: ver.Message, Restored: ver.Restored, Note: ver.Note,
			URL:  "/api/documents/" + itoa(int(d.ID)) + "/file?version=" + itoa(ver.Number),
			Scan: scan, Text: DocumentText{State: file.Text.State, Reason: file.Text.Reason, Cut: file.Text.Cut},
		})
	}
	return out, nil
}

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

func (s *Server) showDocument(ctx context.Context, id uint64) (*out[LibraryDocument], error) {
	o := new(out[LibraryDocument])
	return o, s.view(func(v *view) error {
		d, err := s.seen(ctx, v.tx, id)
		if err != nil {
			return err
		}
		doc, err := v.document(d)
		if err == nil {
			o.Body = *doc
		}
		return err
	})
}

func (s *Server) getDocument(ctx context.Context, i *idIn) (*out[LibraryDocument], error) {
	return s.showDocument(ctx, i.ID)
}

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
	Customer uint64 `query:"customer" required:"true" doc:"Whose document it is."`
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
	id, err := s.docs.Add(ctx, who(ctx).id(), documents.Draft{Owner: i.Customer, Title: oneLine(i.Title), Type: i.Type, File: f})
	if err != nil {
		return nil, err
	}
	return s.showDocument(ctx, id)
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

func (s *Server) fileDocument(ctx context.Context, i *in[DocumentRequest]) (*out[LibraryDocument], error) {
	b := i.Body
	if err := s.mayPut(ctx, b.Type); err != nil {
		return nil, err
	}
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
		if owner == 0 && b.Document == 0 {
			// The record that the address belongs to, not the one it was merged into: an
			// unmerge then leaves the document with its message.
			c, err := s.hub.Conversation(tx, r.Conversation)
			if err != nil {
				return err
			}
			h, err := s.hub.Identity.Handle(tx, c.Handle)
			if err != nil {
				return err
			}
			owner = h.Customer
		}
		if b.Document != 0 {
			_, err = s.seen(ctx, tx, b.Document)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	name := fileName(part.Name)
	if name == "" {
		name = "file"
	}
	f := documents.Upload{Name: name, ContentType: mediaType(part.ContentType), Ref: blob.Ref{SHA256: part.Blob, Size: part.Size}, Message: b.Message}
	id := b.Document
	if id != 0 {
		err = s.docs.AddVersion(ctx, who(ctx).id(), id, f)
	} else {
		id, err = s.docs.Add(ctx, who(ctx).id(), documents.Draft{Owner: owner, Title: oneLine(b.Title), Type: b.Type, File: f})
	}
	if err != nil {
		return nil, err
	}
	return s.showDocument(ctx, id)
}

func (s *Server) changeDocument(ctx context.Context, i *idBody[DocumentChange]) (*out[LibraryDocument], error) {
	b := i.Body
	if err := s.maySee(ctx, i.ID); err != nil {
		return nil, err
	}
	c := documents.Change{Type: b.Type, Note: b.Note, Remind: b.Remind}
	if b.Type != nil {
		if err := s.mayPut(ctx, *b.Type); err != nil {
			return nil, err
		}
	}
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
	if err := s.docs.Change(ctx, who(ctx).id(), i.ID, c); err != nil {
		return nil, err
	}
	return s.showDocument(ctx, i.ID)
}

// onDocument runs an act on a document that the caller may see, and shows it.
func (s *Server) onDocument(ctx context.Context, id uint64, act func(ctx context.Context, agent, id uint64) error) (*out[LibraryDocument], error) {
	if err := s.maySee(ctx, id); err != nil {
		return nil, err
	}
	if err := act(ctx, who(ctx).id(), id); err != nil {
		return nil, err
	}
	return s.showDocument(ctx, id)
}

func (s *Server) deleteDocument(ctx context.Context, i *idIn) (*out[LibraryDocument], error) {
	return s.onDocument(ctx, i.ID, s.docs.Delete)
}

func (s *Server) undeleteDocument(ctx context.Context, i *idIn) (*out[LibraryDocument], error) {
	return s.onDocument(ctx, i.ID, s.docs.Undelete)
}

func (s *Server) purgeDocument(ctx context.Context, i *idIn) (*struct{}, error) {
	return nil, s.docs.Purge(ctx, who(ctx).id(), i.ID)
}

type addVersionIn struct {
	ID   uint64 `path:"id"`
	Note string `query:"note" maxLength:"5000" doc:"What is new in it."`
	UploadedFile
}

func (s *Server) addDocumentVersion(ctx context.Context, i *addVersionIn) (*out[LibraryDocument], error) {
	if err := s.maySee(ctx, i.ID); err != nil {
		return nil, err
	}
	f, err := i.keep(ctx, s)
	if err != nil {
		return nil, err
	}
	f.Note = i.Note
	return s.onDocument(ctx, i.ID, func(ctx context.Context, agent, id uint64) error { return s.docs.AddVersion(ctx, agent, id, f) })
}

func (s *Server) restoreDocumentVersion(ctx context.Context, i *idBody[VersionNumber]) (*out[LibraryDocument], error) {
	return s.onDocument(ctx, i.ID, func(ctx context.Context, agent, id uint64) error {
		return s.docs.Restore(ctx, agent, id, i.Body.Version)
	})
}

type documentFileIn struct {
	ID      uint64 `path:"id"`
	Version int    `query:"version" minimum:"0" doc:"0 is the current one."`
	Inline  int    `query:"inline" minimum:"0" maximum:"1" doc:"1 shows pictures, PDF and plain text in the browser; all else is a download."`
}

// documentCSP is fileCSP for a PDF, which browsers show in a viewer of their own:
// inside a sandbox they show nothing. Its type cannot be mistaken for a page (nosniff),
// and nothing of it may load anything.
const documentCSP = "default-src 'none'; style-src 'unsafe-inline'; object-src 'self'; frame-ancestors 'self'"

// getDocumentFile serves a version, after writing down who opens it.
func (s *Server) getDocumentFile(ctx context.Context, i *documentFileIn) (*huma.StreamResponse, error) {
	if err := s.maySee(ctx, i.ID); err != nil {
		return nil, err
	}
	how := documents.ByDownload
	if i.Inline == 1 {
		how = documents.ByPreview
	}
	v, err := s.docs.Open(ctx, who(ctx).id(), i.ID, i.Version, how)
	if err != nil {
		return nil, err
	}
	f, _, err := s.hub.Blobs.Open(v.Blob)
	if err != nil {
		return nil, err
	}
	return &huma.StreamResponse{Body: func(ctx huma.Context) {
		defer f.Close()
		r, w := humago.Unwrap(ctx)
		serveVersion(w, r, v, f, i.Inline == 1)
	}}, nil
}

// serveVersion answers with a file of the documents.
func serveVersion(w http.ResponseWriter, r *http.Request, v documents.Version, f io.ReadSeeker, inline bool) {
	h := w.Header()
	kind, shown := v.ContentType, inline && inlineTypes[v.ContentType]
	csp := fileCSP
	switch {
	case kind == "text/csv" && inline, kind == "text/plain":
		kind, shown = "text/plain; charset=utf-8", inline
	case kind == "application/pdf":
		csp = documentCSP
	case !inlineTypes[kind]:
		kind = safeType(kind)
	}
	h.Set("Content-Type", kind)
	h.Set("Content-Disposition", disposition(shown, v.Name))
	h.Set("Cache-Control", "private, no-store") // each opening is written down
	h.Set("ETag", `"`+v.Blob+`"`)
	protect(h, csp)
	http.ServeContent(w, r, "", time.Time{}, f)
}

func (s *Server) attachDocument(ctx context.Context, i *idBody[VersionNumber]) (*out[Attachment], error) {
	if err := s.maySee(ctx, i.ID); err != nil {
		return nil, err
	}
	v, err := s.docs.Open(ctx, who(ctx).id(), i.ID, i.Body.Version, documents.ByMessage)
	if err != nil {
		return nil, err
	}
	if err := s.hub.Blobs.Touch(v.Blob); err != nil { // a draft is about to name it
		return nil, err
	}
	return &out[Attachment]{attachment(message.Part{Name: v.Name, ContentType: v.ContentType, Size: v.Size, Blob: v.Blob})}, nil
}

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

type documentListIn struct {
	ID uint64 `path:"id"`
	Paging
}

func (s *Server) listDocumentOpenings(ctx context.Context, i *documentListIn) (*out[DocumentOpenings], error) {
	after, err := i.key()
	if err != nil {
		return nil, err
	}
	o := &out[DocumentOpenings]{DocumentOpenings{Openings: []DocumentOpening{}}}
	return o, s.hub.Store.View(func(tx *store.Tx) error {
		if _, err := s.seen(ctx, tx, i.ID); err != nil {
			return err
		}
		list, next, err := s.docs.Openings(tx, i.ID, after, i.Limit)
		o.Body.Next = cursor(next)
		for _, e := range list {
			o.Body.Openings = append(o.Body.Openings, DocumentOpening{Time: e.Time, How: e.How, Version: e.Version, Agent: e.Agent, Link: e.Link, Address: e.Address})
		}
		return err
	})
}
