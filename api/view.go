package api

import (
	"errors"
	"net/url"
	"strconv"
	"strings"
	"unicode/utf8"

	"throughline/identity"
	"throughline/inbox"
	"throughline/message"
	"throughline/safehtml"
	"throughline/store"
	"throughline/timeline"
	"throughline/wording"
)

// view turns records into the shapes of the API within one read transaction. It
// remembers whom handles lead to, since a page names the same people again and
// again.
type view struct {
	s         *Server
	tx        *store.Tx
	people    map[message.Handle]known
	briefs    map[uint64]CustomerBrief // by handle
	faces     map[string]accountFace   // of accounts, nil while they are not read
	channelOf map[string]string        // of accounts, likewise

	troubled int // accounts in trouble, -1 while they are not counted
}

// known is what a handle leads to.
type known struct {
	customer uint64
	own      bool
	picture  string
}

// view runs fn in one read transaction.
func (s *Server) view(fn func(v *view) error) error {
	return s.hub.Store.View(func(tx *store.Tx) error {
		return fn(&view{s: s, tx: tx, people: map[message.Handle]known{}, briefs: map[uint64]CustomerBrief{}, troubled: -1})
	})
}

// seq is the hub's newest sequence number as this transaction sees it.
func (v *view) seq() uint64 { return v.s.hub.Timeline.Last(v.tx) }

func (v *view) person(p message.Person) Person {
	out := Person{Name: p.Name, Handle: string(p.Handle), Address: p.Handle.Address()}
	k, ok := v.people[p.Handle]
	if !ok {
		if _, k.own = v.s.hub.Own(p.Handle); !k.own {
			if h, found := v.s.hub.Identity.Find(v.tx, p.Handle); found {
				k.picture = pictureURL(h)
				if root, err := v.s.hub.Identity.Root(v.tx, h.Customer); err == nil {
					k.customer = root.ID
				}
			}
		}
		v.people[p.Handle] = k
	}
	out.Customer, out.Own, out.Picture = k.customer, k.own, k.picture
	return out
}

func (v *view) persons(list []message.Person) []Person {
	out := make([]Person, 0, len(list))
	for _, p := range list {
		out = append(out, v.person(p))
	}
	return out
}

// whose is the customer whose matter a conversation is.
func (v *view) whose(c *inbox.Conversation) (CustomerBrief, error) {
	if c.Whose == 0 {
		return v.brief(c.Handle)
	}
	h, err := v.s.hub.Identity.Handle(v.tx, c.Handle)
	if err != nil {
		return CustomerBrief{}, err
	}
	b, err := v.briefOf(c.Whose)
	if err == nil {
		b.Handles = []string{string(h.Handle)} // that he wrote from here
	}
	return b, err
}

// brief is the customer behind the handle of a conversation.
func (v *view) brief(handle uint64) (CustomerBrief, error) {
	if b, ok := v.briefs[handle]; ok {
		return b, nil
	}
	h, err := v.s.hub.Identity.Handle(v.tx, handle)
	if err != nil {
		return CustomerBrief{}, err
	}
	root, err := v.s.hub.Identity.Root(v.tx, h.Customer)
	if err != nil {
		return CustomerBrief{}, err
	}
	b := CustomerBrief{ID: root.ID, Name: root.Name, Company: root.Company, Handles: []string{}}
	if !root.Erased.IsZero() {
		v.briefs[handle] = b
		return b, nil
	}
	b.Handles = []string{string(h.Handle)}
	if b.Name == "" {
		b.Name = v.s.hub.Identity.DisplayName(v.tx, root)
	}
	if b.Picture = pictureURL(h); b.Picture == "" {
		list, err := v.s.hub.Identity.Handles(v.tx, root.ID)
		if err != nil {
			return CustomerBrief{}, err
		}
		b.Picture = firstPicture(list)
	}
	v.briefs[handle] = b
	return b, nil
}

func (v *view) row(c *inbox.Conversation) (Row, error) {
	b, err := v.whose(c)
	if err != nil {
		return Row{}, err
	}
	tags := c.Tags
	if tags == nil {
		tags = []string{}
	}
	return Row{
		ID: c.ID, Customer: b, Account: c.Account, Channel: c.Channel, Channels: c.Channels(v.channels()), Subject: cut(c.Subject, 200), Preview: c.Preview,
		Direction: c.Direction, Call: c.Call, Status: c.Status, Assignee: c.Assignee, Team: c.Team, Priority: c.Priority, Tags: tags,
		SnoozedUntil: c.SnoozedUntil, Waiting: c.Waiting, Last: c.Last, LastSeq: c.LastSeq, Messages: c.Messages,
		Unread: c.Unread, Undelivered: c.Undelivered, Kind: c.Kind, Draft: c.Draft,
		Purpose: c.Purpose, PurposeBy: c.PurposeBy,
	}, nil
}

// list puts a page of conversations into r.
func (v *view) list(r *Rows, q inbox.ListQuery) error {
	list, next, err := v.s.hub.List(v.tx, q)
	if err != nil {
		return err
	}
	r.Next = cursor(next)
	r.Rows, err = v.rows(list)
	return err
}

func (v *view) rows(list []*inbox.Conversation) ([]Row, error) {
	out := make([]Row, 0, len(list))
	for _, c := range list {
		r, err := v.row(c)
		if err != nil {
			return nil, err
		}
		out = append(out, r)
	}
	return out, nil
}

// How much of a message's text stands in a timeline, in bytes: a page of many
// messages has less of each, so that opening a conversation stays quick.
const (
	pageText  = 80_000
	leastText = 1_000
	mostText  = 8_000
	frameText = 2_000 // in a frame of the live stream
	extraText = 400   // of a signature or subject
	wholeText = 0     // everything
)

// textLimit shares pageText out among the messages of a page.
func textLimit(events []timeline.Event) int {
	n := 1
	for _, e := range events {
		if e.Message != 0 {
			n++
		}
	}
	return min(max(pageText/n, leastText), mostText)
}

func (v *view) page(p timeline.Page) (Page, error) {
	out := Page{Entries: make([]Entry, 0, len(p.Events)), Seq: v.seq(), Before: p.Before, After: p.After}
	limit := textLimit(p.Events)
	for _, e := range p.Events {
		entry, err := v.entry(&e, limit)
		if err != nil {
			return Page{}, err
		}
		out.Entries = append(out.Entries, entry)
	}
	return out, nil
}

// entry is an event with what it tells of, the texts cut to limit bytes. What has
// been erased since is left out.
func (v *view) entry(e *timeline.Event, limit int) (Entry, error) {
	out := Entry{Seq: e.Seq, Time: e.Time, Kind: e.Kind, Conversation: e.Conversation, Customer: e.Customer, Actor: e.Actor, Data: e.Data}
	if out.Actor == "" {
		out.Actor = "system"
	}
	if e.Kind == timeline.CustomerChanged {
		var err error
		if out.Data, err = v.changedData(e); err != nil {
			return Entry{}, err
		}
	}
	if e.Message != 0 {
		m, err := v.message(e.Message, limit)
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return Entry{}, err
		}
		out.Message = m
	}
	if e.Note != 0 {
		n, err := v.s.hub.Note(v.tx, e.Note)
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return Entry{}, err
		}
		if n != nil {
			out.Note = &Note{ID: n.ID, Agent: n.Agent, Text: n.Text}
		}
	}
	if strings.HasPrefix(e.Kind, "document.") {
		d, err := v.entryDocument(e)
		if err != nil {
			return Entry{}, err
		}
		out.Document = d
	}
	if e.Task != 0 {
		out.TaskID = e.Task
		t, err := v.task(e.Task)
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return Entry{}, err
		}
		out.Task = t
	}
	return out, nil
}

// message reads a message, its texts cut to limit bytes; wholeText cuts nothing.
func (v *view) message(id uint64, limit int) (*Message, error) {
	r, err := v.s.hub.Message(v.tx, id)
	if err != nil {
		return nil, err
	}
	m := &Message{
		ID: r.ID, Channel: r.Channel, Account: r.Account, Direction: string(r.Direction), Time: r.Time,
		From: v.person(r.From), To: v.persons(r.To), Subject: r.Subject, Reply: r.Reply, Quoted: r.Quoted, Signature: r.Signature,
		HasQuoted: r.Quoted != "", HasHTML: r.HTML != "", Kind: string(r.Kind), List: r.List, Bulk: r.Bulk, Vouch: string(r.Vouch),
		Warnings: r.Warnings, WarningWords: wordsOf(r.Warnings), Agent: r.Agent, Attachments: v.scanned(attachments(r.Parts)),
		RemoteImages: r.Direction == message.In && safehtml.HasRemote(r.HTML),
	}
	v.more(m, r, limit)
	if len(r.ReplyTo) > 0 {
		m.ReplyTo = v.persons(r.ReplyTo)
	}
	if len(r.Cc) > 0 {
		m.Cc = v.persons(r.Cc)
	}
	if len(r.Bcc) > 0 {
		m.Bcc = v.persons(r.Bcc)
	}
	if limit != wholeText {
		m.Reply, m.Signature, m.Subject = cut(r.Reply, limit), cut(r.Signature, extraText), cut(r.Subject, extraText)
		m.Truncated = len(m.Reply) < len(r.Reply) || len(m.Signature) < len(r.Signature) || len(m.Subject) < len(r.Subject) || r.Quoted != ""
		m.Quoted = ""
	}
	if r.Direction == message.Out {
		d, err := v.s.hub.Delivery(v.tx, id)
		switch {
		case err == nil:
			m.Delivery = v.delivery(d)
		case !errors.Is(err, store.ErrNotFound): // a colleague's own program wrote it
			return nil, err
		}
	}
	return m, nil
}

func (v *view) delivery(d *inbox.Delivery) *Delivery {
	out := &Delivery{
		Status: string(d.Status), Reason: d.Reason, Code: d.Code, Due: d.Due, CanUndo: d.CanUndo(v.tx.Now()), CanRetry: d.CanRetry(),
		Attempts: make([]Attempt, 0, len(d.Attempts)), Words: wording.Of(d.Reason), Dismissed: d.Dismissed,
		Checking: d.Checking != nil,
	}
	for _, a := range d.Attempts {
		out.Attempts = append(out.Attempts, Attempt{Time: a.Time, Result: a.Result, Code: a.Code, Detail: a.Detail, Words: wording.Of(a.Detail)})
	}
	for _, r := range d.Rejected {
		out.Rejected = append(out.Rejected, Refusal{Report: r, Words: wording.Of(r.Reason)})
	}
	return out
}

func attachments(parts []message.Part) []Attachment {
	if len(parts) == 0 {
		return nil
	}
	out := make([]Attachment, 0, len(parts))
	for _, p := range parts {
		out = append(out, attachment(p))
	}
	return out
}

func attachment(p message.Part) Attachment {
	return Attachment{Name: p.Name, ContentType: p.ContentType, Size: p.Size, Inline: p.Inline, ContentID: p.ContentID, Blob: p.Blob, URL: blobURL(p)}
}

// blobURL is where a part is fetched from. The name at the end is what a
// browser saves it as.
func blobURL(p message.Part) string {
	name := fileName(p.Name)
	if name == "" {
		name = "file"
	}
	return "/api/blobs/" + p.Blob + "/" + url.PathEscape(name) + "?type=" + url.QueryEscape(p.ContentType)
}

// cut shortens a text to at most n bytes, between characters.
func cut(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}

func (v *view) draft(d *inbox.Draft) *Draft {
	return &Draft{
		Mode: d.Mode, Account: d.Account, To: v.persons(d.To), Cc: v.persons(d.Cc), Bcc: v.persons(d.Bcc), Subject: d.Subject,
		HTML: d.HTML, Attachments: attachments(d.Attachments), InReplyTo: d.InReplyTo, Template: templateUse(d.Template), Saved: d.Saved,
	}
}

// maxPeople bounds the participants shown of a conversation.
const maxPeople = 100

func (v *view) conversation(c *inbox.Conversation, me uint64, limit int) (*Conversation, error) {
	row, err := v.row(c)
	if err != nil {
		return nil, err
	}
	events, err := v.s.hub.Timeline.Conversation(v.tx, c.ID, timeline.Span{Limit: limit})
	if err != nil {
		return nil, err
	}
	page, err := v.page(events)
	if err != nil {
		return nil, err
	}
	from, err := v.s.hub.SendAccounts(v.tx, c)
	if err != nil {
		return nil, err
	}
	if from == nil {
		from = []string{}
	}
	out := &Conversation{
		Row: row, Timeline: page, ReplyFrom: from, ReadSeq: v.s.hub.ReadSeq(v.tx, me, c.ID),
		Participants: v.persons(c.Participants[:min(len(c.Participants), maxPeople)]),
	}
	d, err := v.s.hub.Draft(v.tx, me, c.ID)
	switch {
	case err == nil:
		out.DraftText = v.draft(d)
	case !errors.Is(err, store.ErrNotFound):
		return nil, err
	}
	return out, nil
}

// countedConversations bounds what is counted of one customer.
const countedConversations = 500

func (v *view) customer(id uint64) (*Customer, error) {
	root, err := v.s.hub.Identity.Root(v.tx, id)
	if err != nil {
		return nil, err
	}
	members, err := v.s.hub.Identity.Members(v.tx, root.ID)
	if err != nil {
		return nil, err
	}
	handles, err := v.s.hub.Identity.Handles(v.tx, root.ID)
	if err != nil {
		return nil, err
	}
	out := &Customer{
		ID: root.ID, Name: v.s.hub.Identity.DisplayName(v.tx, root), Created: root.Created, Handles: make([]Handle, 0, len(handles)), Merged: []Member{},
		Picture: firstPicture(handles),
	}
	if !root.Erased.IsZero() {
		out.Erased, out.Card.Changed = root.Erased, map[string]FieldStamp{}
		return out, nil
	}
	v.card(out, members)
	ids, err := v.s.hub.Identity.Subjects(v.tx, root.ID)
	if err != nil {
		return nil, err
	}
	for _, h := range handles {
		out.Handles = append(out.Handles, v.handle(h, root.ID))
	}
	for _, m := range members[1:] {
		mem := Member{ID: m.ID, Name: v.s.hub.Identity.DisplayName(v.tx, m)}
		if m.Merge != nil {
			mem.By, mem.Time, mem.Reason = m.Merge.By, m.Merge.Time, m.Merge.Reason
		}
		out.Merged = append(out.Merged, mem)
	}
	list, _, err := v.s.hub.List(v.tx, inbox.ListQuery{Subjects: ids, Limit: countedConversations})
	if err != nil {
		return nil, err
	}
	out.Conversations = len(list)
	for _, c := range list {
		if c.Status == inbox.Open {
			out.Open++
		}
	}
	for _, m := range members {
		out.Duplicates += v.s.hub.Identity.OpenSuggestions(v.tx, m.ID)
	}
	return out, nil
}

func (v *view) handle(h *identity.Handle, root uint64) Handle {
	out := Handle{
		Person: Person{Name: h.Name, Handle: string(h.Handle), Address: h.Handle.Address(), Customer: root, Picture: pictureURL(h)},
		Scheme: h.Handle.Scheme(), Verified: h.Verified, Shared: h.UsedByMany(), Member: h.Customer,
		Link: Link{By: h.Link.By, Time: h.Link.Time, Reason: h.Link.Reason, Confidence: h.Link.Confidence},
	}
	if id, ok := strings.CutPrefix(h.Link.By, "agent:"); ok {
		if n, err := strconv.ParseUint(id, 10, 64); err == nil {
			if a, err := v.s.auth.AgentTx(v.tx, n); err == nil {
				out.Link.Name = a.Name
			}
		}
	}
	v.hints(&out, h, root)
	if seq := v.s.hub.Timeline.LastOf(v.tx, h.ID); seq != 0 {
		if e, err := v.s.hub.Timeline.Get(v.tx, seq); err == nil {
			out.LastSeen = e.Time
		}
	}
	return out
}
