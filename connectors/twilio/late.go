package twilio

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"throughline/connectors"
	"throughline/message"
)

// Files that are too slow to come with their message.

// maxLate is how many messages may wait for their files.
const maxLate = 1000

// whole makes a message of an entry, with the files that come in time; late tells, of
// the others, what people are told if they never come.
func (c *Connector) whole(ctx context.Context, raw []byte) (m message.Message, late []string, err error) {
	m, n, err := c.readResource(raw)
	if err != nil {
		return m, nil, err
	}
	m.Raw = message.Bytes(raw)
	if n == 0 {
		return m, nil, nil
	}
	fetching, cancel := context.WithTimeout(ctx, c.limits.file)
	defer cancel()
	files, err := c.filesOf(fetching, m.Ref)
	if ctx.Err() != nil {
		return m, nil, ctx.Err()
	}
	if err != nil {
		warn(&m, waiting)
		return m, []string{noFiles}, nil
	}
	var warnings []string
	m.Parts, warnings, late = c.fetchAll(fetching, files)
	if ctx.Err() != nil {
		connectors.Drop(m.Parts)
		return m, nil, ctx.Err()
	}
	m.Warnings = append(m.Warnings, warnings...)
	if len(files) < min(n, maxMedia) {
		warn(&m, fmt.Sprintf("of %d files Twilio still has %d", n, len(files)))
	}
	if len(late) > 0 {
		warn(&m, waiting)
	}
	return m, late, nil
}

// bring offers a message that was asked for. With its files it comes as a change too:
// a webhook may have brought it without them, and nobody noted that they follow.
func bring(b *connectors.Batch, m message.Message, late bool) {
	b.Messages = append(b.Messages, m)
	if !late && len(m.Parts) > 0 {
		b.Changes = append(b.Changes, message.Change{Of: m.Key, Time: now(), Edit: &m, Files: true})
	}
}

func (r *run) addLate(sid string) {
	if slices.ContainsFunc(r.cur.Late, func(l lateOne) bool { return l.SID == sid }) {
		return
	}
	if len(r.cur.Late) >= maxLate {
		r.log.Warn("too many messages wait for their files; the oldest is given up", "message", r.cur.Late[0].SID)
		r.cur.Late = r.cur.Late[1:]
	}
	r.cur.Late = append(r.cur.Late, lateOne{SID: sid, Next: time.Now().UTC().Add(r.limits.again[0])})
}

// nextFile is how long until a file is tried again.
func (r *run) nextFile() time.Duration {
	wait := 24 * time.Hour
	for _, l := range r.cur.Late {
		wait = min(wait, max(0, time.Until(l.Next)))
	}
	return wait
}

// bringFiles tries the files that are due, and brings them as a change of their
// message, with the reason for each that never will come.
func (r *run) bringFiles(ctx context.Context) error {
	var due []lateOne
	now := time.Now().UTC()
	for _, l := range r.cur.Late {
		if !l.Next.After(now) {
			due = append(due, l)
		}
	}
	for _, l := range due {
		if err := r.bring(ctx, l); err != nil {
			return err
		}
	}
	return nil
}

func (r *run) bring(ctx context.Context, l lateOne) error {
	var raw json.RawMessage
	err := r.get(ctx, r.path("/Messages/"+l.SID+".json"), &raw)
	var m message.Message
	var late []string
	if err == nil {
		m, late, err = r.whole(ctx, raw)
	}
	defer func() { connectors.Drop(m.Parts) }()
	if ctx.Err() != nil {
		return ctx.Err()
	}
	var gone *apiError
	switch {
	case err == nil && len(late) == 0:
		r.holds(l.SID, false)
		r.seen[l.SID] = now()
	case errors.As(err, &gone) && gone.status == http.StatusNotFound, l.Tries+1 >= len(r.limits.again):
		r.log.Warn("the files of a message are given up", "message", l.SID, "tries", l.Tries+1)
		m.Warnings = slices.DeleteFunc(m.Warnings, func(w string) bool { return w == waiting })
		m.Warnings = append(m.Warnings, late...)
	default:
		for i := range r.cur.Late {
			if o := &r.cur.Late[i]; o.SID == l.SID {
				o.Tries++
				o.Next = now().Add(r.limits.again[o.Tries])
			}
		}
		return r.save(ctx, connectors.Batch{})
	}
	r.cur.Late = slices.DeleteFunc(r.cur.Late, func(o lateOne) bool { return o.SID == l.SID })
	if len(m.Parts)+len(m.Warnings) == 0 {
		warn(&m, noFiles) // the message, or all files of it, are gone there
	}
	return r.save(ctx, connectors.Batch{Changes: []message.Change{{Of: keyPrefix + l.SID, Time: now(), Edit: &m, Files: true}}})
}
