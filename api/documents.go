package api

import (
	"context"
	"slices"

	"throughline/documents"
)

type documentsIn struct {
	Q        string `query:"q" maxLength:"200" doc:"Words of the title, of tags, of the note, or of the text. What is found is not paged."`
	Customer uint64 `query:"customer" doc:"Only those of this customer."`
	Company  uint64 `query:"company" doc:"Only those of this company."`
	People   bool   `query:"people" doc:"With company: those of its people too."`
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
	f := documents.Filter{Type: i.Type, Tag: i.Tag, Deleted: i.Deleted, Role: who(ctx).role()}
	if i.Expiring > 0 {
		f.Expires = s.docs.Day(s.now()).AddDate(0, 0, i.Expiring)
	}
	o := &out[Documents]{Documents{Documents: []LibraryDocument{}}}
	return o, s.view(func(v *view) error {
		o.Body.Seq = v.seq()
		if err := v.placed(i, &f); err != nil {
			return err
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

// placed says in f whose documents are asked for.
func (v *view) placed(i *documentsIn, f *documents.Filter) error {
	ids := v.s.hub.Identity
	customers := []uint64{}
	if i.Customer != 0 {
		customers = append(customers, i.Customer)
	}
	if i.Company != 0 {
		if _, err := ids.Company(v.tx, i.Company); err != nil {
			return err
		}
		f.Company = i.Company
		if i.People {
			people, err := ids.PeopleOf(v.tx, i.Company)
			if err != nil {
				return err
			}
			for _, m := range people[:min(len(people), shownPeople)] {
				customers = append(customers, m.Customer)
			}
		}
	}
	for _, id := range customers {
		root, err := ids.Root(v.tx, id)
		if err != nil {
			return err
		}
		members, err := ids.Members(v.tx, root.ID)
		if err != nil {
			return err
		}
		for _, m := range members {
			if !slices.Contains(f.Owners, m.ID) {
				f.Owners = append(f.Owners, m.ID)
			}
		}
	}
	return nil
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
		Expired: v.s.docs.Expired(d, v.tx.Now()), Restricted: rules.Restricted(d.Type), Versions: make([]DocumentVersion, 0, len(d.Versions)),
		Created: d.Created, CreatedBy: d.CreatedBy, Changed: d.Changed, ChangedBy: d.ChangedBy, Deleted: d.Deleted, DeletedBy: d.DeletedBy,
	}
	if out.Tags == nil {
		out.Tags = []string{}
	}
	if !d.Expires.IsZero() {
		out.Expires = d.Expires.Format(dateForm)
	}
	if d.Company != 0 {
		c, err := v.s.hub.Identity.Company(v.tx, d.Company)
		if err != nil {
			return nil, err
		}
		out.Company = &DocumentOwner{ID: c.ID, Name: c.Name}
	} else {
		root, err := v.s.hub.Identity.Root(v.tx, d.Owner)
		if err != nil {
			return nil, err
		}
		out.Customer = &DocumentOwner{ID: root.ID, Name: v.s.hub.Identity.DisplayName(v.tx, root)}
	}
	for _, ver := range slices.Backward(d.Versions) {
		file, err := v.s.docs.File(v.tx, &ver)
		if err != nil {
			return nil, err
		}
		scan, err := v.scan(ver.Blob)
		if err != nil {
			return nil, err
		}
		out.Versions = append(out.Versions, DocumentVersion{
			Number: ver.Number, Name: ver.Name, ContentType: ver.ContentType, Size: ver.Size, Time: ver.Time, By: ver.By,
			Message: ver.Message, Restored: ver.Restored, Note: ver.Note,
			URL:  "/api/documents/" + itoa(int(d.ID)) + "/file?version=" + itoa(ver.Number),
			Scan: scan, Text: DocumentText{State: file.Text.State, Reason: file.Text.Reason, Cut: file.Text.Cut},
		})
	}
	return out, nil
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
