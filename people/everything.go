package people

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"throughline/identity"
	"throughline/inbox"
	"throughline/message"
	"throughline/store"
	"throughline/timeline"
)

// WriteOne writes everything about a customer as a ZIP file: person.json (the card
// with its history), timeline.jsonl and for each message its original or its text,
// preferences, consents, tasks, what the keepers have, and the files; at last a
// manifest of it all. docs/people.md describes it.
func (p *People) WriteOne(ctx context.Context, w io.Writer, by Asker, customer uint64) error {
	z := newArchive(w)
	var subjects, records []uint64
	var now time.Time
	if err := p.store.View(func(tx *store.Tx) (err error) {
		now = tx.Now()
		subjects, records, err = p.writePerson(tx, z, customer)
		return err
	}); err != nil {
		return err
	}
	for _, k := range p.keepers {
		if k.Export == nil {
			continue
		}
		if err := k.Export(ctx, by, records, func(name string) (io.Writer, error) { return z.create(name, time.Time{}) }); err != nil {
			return err
		}
	}
	if err := p.writeMessages(ctx, z, subjects); err != nil {
		return err
	}
	return z.close(customer, now)
}

func (p *People) writePerson(tx *store.Tx, z *archive, customer uint64) (subjects, records []uint64, err error) {
	ids := p.hub.Identity
	root, err := ids.Root(tx, customer)
	if err != nil {
		return nil, nil, err
	}
	if !root.Erased.IsZero() {
		return nil, nil, store.ErrNotFound
	}
	defs, err := ids.FieldDefs(tx)
	if err != nil {
		return nil, nil, err
	}
	e, err := p.exported(tx, root, defs)
	if err != nil {
		return nil, nil, err
	}
	members, err := ids.Members(tx, root.ID)
	if err != nil {
		return nil, nil, err
	}
	handles, err := ids.Handles(tx, root.ID)
	if err != nil {
		return nil, nil, err
	}
	history := map[string][]*identity.Version{}
	fields := append([]string{}, identity.CardFields...)
	for _, d := range defs {
		fields = append(fields, identity.CustomFieldName(d.ID))
	}
	for _, f := range fields {
		if list, err := ids.History(tx, root.ID, f, 10_000); err != nil {
			return nil, nil, err
		} else if len(list) > 0 {
			history[f] = list
		}
	}
	if err := z.json("person.json", map[string]any{"person": e, "records": members, "handles": handles, "history": history}); err != nil {
		return nil, nil, err
	}
	var consents []*inbox.Consent
	var suspended []*inbox.Suspension
	for _, h := range handles {
		out, err := p.hub.Suspensions(tx, h.ID)
		if err != nil {
			return nil, nil, err
		}
		suspended = append(suspended, out...)
		list, err := p.hub.Consents(tx, h.ID)
		if err != nil {
			return nil, nil, err
		}
		consents = append(consents, list...)
	}
	if err := z.json("consents.json", consents); err != nil {
		return nil, nil, err
	}
	q := inbox.TaskQuery{Limit: 100_000}
	for _, m := range members {
		q.Customers = append(q.Customers, m.ID)
	}
	tasks, _, err := p.hub.Tasks(tx, q)
	if err != nil {
		return nil, nil, err
	}
	if err := z.json("tasks.json", tasks); err != nil {
		return nil, nil, err
	}
	statements, err := p.hub.Preference.Statements(tx, root.ID)
	if err != nil {
		return nil, nil, err
	}
	former, err := p.hub.Preference.Former(tx, root.ID)
	if err != nil {
		return nil, nil, err
	}
	if err := z.json("preferences.json", map[string]any{"said": statements, "former": former, "unreachable": suspended}); err != nil {
		return nil, nil, err
	}
	subjects, err = ids.Subjects(tx, root.ID)
	return subjects, q.Customers, err
}

// entry is one line of messages.jsonl.
type entry struct {
	Event   timeline.Event `json:"event"`
	Seq     uint64         `json:"seq"`
	Message *inbox.Record  `json:"message,omitempty"`
	Note    *inbox.Note    `json:"note,omitempty"`
}

// writeMessages writes the timeline, oldest first, then originals and files. The
// lines come first since a ZIP file is written one part after the other.
func (p *People) writeMessages(ctx context.Context, z *archive, subjects []uint64) error {
	lines, err := z.create("timeline.jsonl", time.Time{})
	if err != nil {
		return err
	}
	enc := json.NewEncoder(lines)
	var messages []uint64
	files := map[string]string{} // by hash
	span := timeline.Span{Limit: 100}
	for {
		var page timeline.Page
		if err := p.store.View(func(tx *store.Tx) error {
			var err error
			if page, err = p.oldest(tx, subjects, span); err != nil {
				return err
			}
			for _, ev := range page.Events {
				en := entry{Event: ev, Seq: ev.Seq}
				if ev.Message != 0 {
					if en.Message, err = p.hub.Message(tx, ev.Message); errors.Is(err, store.ErrNotFound) {
						err = nil
					}
					if err != nil {
						return err
					}
					if m := en.Message; m != nil && (ev.Kind == timeline.MessageReceived || ev.Kind == timeline.MessageQueued) {
						messages = append(messages, ev.Message)
						for _, part := range m.Parts {
							if part.Blob != "" {
								files[part.Blob] = fmt.Sprintf("files/%s-%s", part.Blob[:12], safeName(part.Name))
							}
						}
					}
				}
				if ev.Note != 0 {
					if en.Note, err = p.hub.Note(tx, ev.Note); errors.Is(err, store.ErrNotFound) {
						err = nil
					}
					if err != nil {
						return err
					}
				}
				if err := enc.Encode(en); err != nil {
					return err
				}
			}
			return nil
		}); err != nil {
			return err
		}
		if page.After == 0 || ctx.Err() != nil {
			break
		}
		span.After = page.After
	}
	for _, id := range messages {
		if err := p.writeOriginal(z, id); err != nil || ctx.Err() != nil {
			return errors.Join(err, ctx.Err())
		}
	}
	for _, sha := range sortedKeys(files) {
		if err := p.writeFile(z, files[sha], sha); err != nil || ctx.Err() != nil {
			return errors.Join(err, ctx.Err())
		}
	}
	return ctx.Err()
}

// oldest is a page from the beginning on; a span without a place would be the
// newest.
func (p *People) oldest(tx *store.Tx, subjects []uint64, s timeline.Span) (timeline.Page, error) {
	if s.After == 0 {
		first, err := p.hub.Timeline.Get(tx, 1)
		if errors.Is(err, store.ErrNotFound) {
			return timeline.Page{}, nil
		}
		if err != nil {
			return timeline.Page{}, err
		}
		s.After = 1
		page, err := p.hub.Timeline.Subjects(tx, subjects, s)
		for _, id := range subjects {
			for _, o := range first.Subjects {
				if o == id && !first.Quiet {
					page.Events = append([]timeline.Event{*first}, page.Events...)
					return page, err
				}
			}
		}
		return page, err
	}
	return p.hub.Timeline.Subjects(tx, subjects, s)
}

// writeOriginal writes a message as it was delivered, mail as .eml, or else its
// text.
func (p *People) writeOriginal(z *archive, id uint64) error {
	var r *inbox.Record
	var raw message.Content
	if err := p.store.View(func(tx *store.Tx) (err error) {
		if r, err = p.hub.Message(tx, id); err != nil {
			return err
		}
		if raw, err = p.hub.Raw(tx, id); errors.Is(err, store.ErrNotFound) {
			raw, err = nil, nil
		}
		return err
	}); err != nil {
		return err
	}
	name := fmt.Sprintf("messages/%08d", id)
	if raw != nil && r.Channel == "email" {
		src, err := raw.Open()
		if err != nil {
			return err
		}
		defer src.Close()
		f, err := z.create(name+".eml", r.Time)
		if err != nil {
			return err
		}
		_, err = io.Copy(f, src)
		return err
	}
	f, err := z.create(name+".txt", r.Time)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(f, "%s\n%s\n\n%s\n", r.Time.Format(time.RFC3339), r.Subject, r.Text)
	return err
}

func (p *People) writeFile(z *archive, name, sha string) error {
	src, _, err := p.blobs.Open(sha)
	if err != nil {
		return err
	}
	defer src.Close()
	f, err := z.create(name, time.Time{})
	if err != nil {
		return err
	}
	_, err = io.Copy(f, src)
	return err
}

// safeName leaves of a file's name what every system takes.
func safeName(s string) string {
	s = strings.Map(func(r rune) rune {
		if r < ' ' || strings.ContainsRune(`/\:*?"<>|`, r) {
			return '_'
		}
		return r
	}, s)
	if s = strings.Trim(cut(s), ". "); s == "" {
		return "file"
	}
	return s
}
