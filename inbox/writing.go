package inbox

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"throughline/connectors"
	"throughline/identity"
	"throughline/message"
	"throughline/safehtml"
	"throughline/store"
)

// What a channel lets one write: connectors.Writing, kept to.

// fit refuses what cannot go out over an account, and brings the rest to what the
// channel can carry.
func (h *Hub) fit(tx *store.Tx, o *Outgoing, purpose string, info connectors.Info) error {
	w := info.Writing
	if w.None {
		return &InvalidError{"account", "nothing can be written over this account: choose another one"}
	}
	scheme := h.kinds[info.Channel].Scheme
	for _, list := range []struct {
		field  string
		people []message.Person
	}{{"to", o.To}, {"cc", o.Cc}, {"bcc", o.Bcc}} {
		for i, p := range list.people {
			if !identity.Reachable(p.Handle) || scheme != "" && p.Handle.Scheme() != scheme {
				return &InvalidError{fmt.Sprintf("%s[%d]", list.field, i),
					fmt.Sprintf("%s cannot be reached over this account: choose another address or another account", p.Handle.Address())}
			}
		}
	}
	if !w.Letter {
		switch {
		case o.Mode == ModeForward:
			return &InvalidError{"mode", "nothing can be forwarded over this channel: write what matters"}
		case len(o.Cc)+len(o.Bcc) > 0:
			return &InvalidError{"cc", "this channel knows no copies: write to one person"}
		case len(o.To) != 1:
			return &InvalidError{"to", "this channel takes exactly one recipient"}
		}
		o.Subject, o.AgentSignature = "", ""
	}
	var to []message.Handle
	for _, p := range o.To {
		to = append(to, p.Handle)
	}
	if len(to) == 0 { // copies alone: then they are who it is for
		for _, p := range slices.Concat(o.Cc, o.Bcc) {
			to = append(to, p.Handle)
		}
	}
	out, err := h.optedOut(tx, info.Channel, purpose, to)
	if err != nil {
		return err
	}
	if out != nil {
		return &ConflictError{out.String() + ": choose another channel"}
	}
	// Who gets a copy only must not keep the letter from those it is for.
	var cc, bcc []string
	if o.Cc, cc, err = h.without(tx, info.Channel, purpose, o.Cc); err != nil {
		return err
	}
	if o.Bcc, bcc, err = h.without(tx, info.Channel, purpose, o.Bcc); err != nil {
		return err
	}
	o.notices = slices.Concat(cc, bcc)
	if len(o.To)+len(o.Cc)+len(o.Bcc) > 1 {
		about, err := h.advertises(tx, purpose, info.Account)
		if err != nil {
			return err
		}
		if about != "" {
			o.notices = append(o.notices, noLink)
		}
	}
	if err := fitFiles(o, w); err != nil {
		return err
	}
	if w.Window > 0 && o.Template == nil {
		return h.inWindow(tx, o, w.Window)
	}
	return nil
}

func fitFiles(o *Outgoing, w connectors.Writing) error {
	n := len(o.Attachments)
	switch {
	case n > 0 && o.Template != nil:
		return &InvalidError{"attachments", "a template takes no files"}
	case n > 0 && w.Files == 0:
		return &InvalidError{"attachments", "no files can be sent over this channel"}
	case n > w.Files:
		return &InvalidError{"attachments", fmt.Sprintf("at most %d files fit into one message of this channel", w.Files)}
	}
	var size int64
	for _, p := range o.Attachments {
		size += p.Size
	}
	if w.FileBytes > 0 && size > w.FileBytes {
		return &InvalidError{"attachments", fmt.Sprintf("the files have %d bytes together, and this channel takes %d", size, w.FileBytes)}
	}
	return nil
}

// inWindow refuses free text to somebody who has not written for too long.
func (h *Hub) inWindow(tx *store.Tx, o *Outgoing, window time.Duration) error {
	last, err := h.lastHeard(tx, o.Account, o.To[0].Handle)
	if err != nil || tx.Now().Sub(last) <= window {
		return err
	}
	since := "has not written yet"
	if !last.IsZero() {
		since = "wrote last on " + last.UTC().Format("2006-01-02 15:04 MST")
	}
	return &InvalidError{"html", fmt.Sprintf("own words can be sent within %s of the person's last message, and this one %s: choose a template",
		hours(window), since)}
}

func hours(d time.Duration) string {
	if d%time.Hour == 0 {
		return fmt.Sprintf("%d hours", d/time.Hour)
	}
	return d.String()
}

// write fills in the texts of an outgoing message as its channel carries them.
func write(r, base *Record, o *Outgoing, body string, info connectors.Info, quote func(*Record) string) error {
	w := info.Writing
	if !w.Mentions {
		body = safehtml.Unmention(body)
	}
	if w.Letter {
		compose(r, base, body, signature(o.AgentSignature, info.Signature), o.Mode, quote)
	} else {
		r.Reply = strings.TrimSpace(safehtml.Text(body))
		r.Text, r.HTML = r.Reply, body
	}
	if o.Template != nil {
		r.Template, r.Text, r.Reply = o.Template, o.filled, o.filled
	}
	if !w.Rich {
		r.HTML = ""
		r.Parts = slices.Clone(r.Parts)
		for i := range r.Parts {
			r.Parts[i].Inline = false
		}
	}
	if n := utf8.RuneCountInString(r.Text); w.Text > 0 && n > w.Text {
		return &InvalidError{"html", fmt.Sprintf("the text has %d characters, and this channel takes %d: shorten it", n, w.Text)}
	}
	r.Chat = w.Chat
	return nil
}

// refer makes r an answer to another message: RFC 5322 3.6.4, its references and
// then itself.
func refer(r, to *Record) {
	r.Refs = append([]string{to.Ref}, slices.DeleteFunc(slices.Clone(to.Refs), func(s string) bool { return s == to.Ref })...)
	r.Refs = fewRefs(slices.DeleteFunc(r.Refs, func(s string) bool { return s == "" }))
	r.Thread = slices.Clone(r.Refs)
	slices.Reverse(r.Thread)
}

// antecedent is the message whose thread r goes on with: the one it answers, or,
// where that came over another channel, the newest of r's own in the conversation.
func (h *Hub) antecedent(tx *store.Tx, c *Conversation, r, base *Record) (*Record, error) {
	if base == nil || base.Channel == r.Channel {
		return base, nil
	}
	return h.newestOn(tx, c, r.Channel)
}

// templateWait bounds the question for templates.
const templateWait = 20 * time.Second

// Templates lists the texts that an account's provider has approved, none on
// channels that have no such thing.
func (h *Hub) Templates(ctx context.Context, account string) (list []message.Template, err error) {
	r := h.runner(account)
	if r == nil || r.conn == nil {
		return nil, &ConflictError{"this account is not running: check its settings and switch it on"}
	}
	t, ok := r.conn.(connectors.Templater)
	if !ok {
		return nil, nil
	}
	defer func() {
		if p := recover(); p != nil {
			h.log.Error("templates", "account", account, "panic", p)
			err = &ConflictError{"the templates cannot be read: the log has the details"}
		}
	}()
	ctx, cancel := context.WithTimeout(ctx, templateWait)
	defer cancel()
	if list, err = t.Templates(ctx); err != nil {
		return nil, &ConflictError{"the provider does not list its templates now: " + err.Error()}
	}
	return list, nil
}

// fillTemplate finds the template that o names and makes its text, outside the
// transaction.
func (h *Hub) fillTemplate(ctx context.Context, o *Outgoing) error {
	if o.Template == nil {
		return nil
	}
	if o.Account == "" {
		return &InvalidError{"account", "name the account whose template this is"}
	}
	list, err := h.Templates(ctx, o.Account)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(list, func(t message.Template) bool { return t.ID == o.Template.ID })
	if i < 0 {
		return &InvalidError{"template.id", "this account has no such template any more: choose another one"}
	}
	if o.filled, err = fill(list[i], o.Template.Values); err != nil {
		return err
	}
	o.HTML = safehtml.FromText(o.filled)
	return nil
}

var gap = regexp.MustCompile(`\{\{\s*([^{}]*?)\s*\}\}`)

// maxGap is the longest text that fills a gap, in characters.
const maxGap = 1000

// fill makes the text of a template.
func fill(t message.Template, values map[string]string) (string, error) {
	for name := range values {
		if !slices.Contains(t.Gaps, name) {
			return "", &InvalidError{"template.values", fmt.Sprintf("the template %s has no gap %q", t.Name, name)}
		}
	}
	for _, name := range t.Gaps {
		v := strings.TrimSpace(values[name])
		if v == "" || utf8.RuneCountInString(v) > maxGap {
			return "", &InvalidError{"template.values." + name, fmt.Sprintf("fill this gap with 1 to %d characters", maxGap)}
		}
	}
	return strings.TrimSpace(gap.ReplaceAllStringFunc(t.Text, func(s string) string {
		if v, ok := values[gap.FindStringSubmatch(s)[1]]; ok {
			return strings.TrimSpace(v)
		}
		return s
	})), nil
}
