package inbox

import (
	"bytes"
	"fmt"
	"slices"
	"time"
	"unicode"
	"unicode/utf8"

	"throughline/identity"
	"throughline/message"
	"throughline/store"
)

// The states of a conversation.
const (
	Open     = "open"
	Snoozed  = "snoozed" // out of sight until a time or the customer's next message
	Resolved = "resolved"
)

// The priorities, lowest first.
var priorities = []string{"low", "normal", "high", "urgent"}

// The lists of conversations. A list of one agent is Mine.
const (
	ViewMine       = "mine"
	ViewUnassigned = "unassigned"
	ViewAll        = "all"
	ViewSnoozed    = "snoozed"
	ViewResolved   = "resolved"
	ViewFailed     = "failed" // open, with an outgoing message that did not arrive
)

// Conversation is one matter of one customer: its messages, over any channel, and
// what is done about it. Counters are derived from the messages; Check recomputes
// them.
type Conversation struct {
	ID           uint64        `json:"-"`
	Handle       uint64        `json:"handle"`          // whose matter it is
	Whose        uint64        `json:"whose,omitempty"` // the record whose it is instead of the owner's of Handle: a person said so
	Account      string        `json:"account"`
	Channel      string        `json:"channel"`
	Subject      string        `json:"subject,omitempty"`
	Preview      string        `json:"preview,omitempty"`
	Direction    string        `json:"direction,omitempty"` // in, out or note: of the newest entry
	Call         *message.Call `json:"call,omitempty"`      // if the newest entry is a call
	Status       string        `json:"status"`
	Priority     string        `json:"priority"`
	Kind         string        `json:"kind,omitempty"` // of the first message, "" for a human one
	Assignee     uint64        `json:"assignee,omitempty"`
	Team         uint64        `json:"team,omitempty"` // that had it when it was last given to somebody, or came
	Tags         []string      `json:"tags,omitempty"`
	SnoozedUntil time.Time     `json:"snoozed_until,omitzero"`
	Waiting      time.Time     `json:"waiting,omitzero"`  // since when the customer waits for an answer
	Answered     time.Time     `json:"answered,omitzero"` // when the newest answer went out
	Last         time.Time     `json:"last"`
	Created      time.Time     `json:"created"`
	LastSeq      uint64        `json:"last_seq"`
	Messages     int           `json:"messages"`
	Unread       int           `json:"unread,omitempty"`      // incoming since anybody read or answered
	Undelivered  int           `json:"undelivered,omitempty"` // see Delivery.troubled
	Draft        uint64        `json:"draft,omitempty"`       // an agent with a draft here: the first of Drafters
	Drafters     []uint64      `json:"drafters,omitempty"`    // all agents with a draft here

	// Participants wrote in the conversation or were addressed in it; only
	// they can join it by a reference. Ours are not among them.
	Participants []message.Person `json:"participants,omitempty"`
	Accounts     []string         `json:"accounts,omitempty"` // ours that it came over

	// Purpose is what it is about, for the choice of a channel: the key of one of
	// the purposes; PurposeBy says who set it ("agent:ID", preference.ByRule or
	// preference.ByGuess).
	Purpose   string    `json:"purpose,omitempty"`
	PurposeBy string    `json:"purpose_by,omitempty"`
	Closed    time.Time `json:"closed,omitzero"` // when it was resolved last

	MergedInto uint64 `json:"merged_into,omitempty"`
	Withdrawn  bool   `json:"withdrawn,omitempty"` // its only message was taken back
	// Split: an agent took messages from here or put them here. References do
	// not make it one with another any more.
	Split bool `json:"split,omitempty"`
}

// subject is on whose timeline the conversation stands.
func (c *Conversation) subject() uint64 {
	if c.Whose != 0 {
		return c.Whose
	}
	return c.Handle
}

// Owner is the customer record whose matter a conversation is.
func (h *Hub) Owner(tx *store.Tx, c *Conversation) (uint64, error) {
	if c.Whose != 0 {
		return c.Whose, nil
	}
	hd, err := h.Identity.Handle(tx, c.Handle)
	if err != nil {
		return 0, err
	}
	return hd.Customer, nil
}

// maxParticipants bounds the record of a conversation; who comes later is not
// admitted by a reference any more and opens a conversation of his own.
const maxParticipants = 300

func (c *Conversation) has(h message.Handle) bool {
	return slices.ContainsFunc(c.Participants, func(p message.Person) bool { return p.Handle == h })
}

func (c *Conversation) admit(people ...message.Person) {
	for _, p := range people {
		if len(c.Participants) >= maxParticipants {
			return
		}
		if p.Handle != "" && !c.has(p.Handle) {
			p.Name = identity.CutName(p.Name)
			c.Participants = append(c.Participants, p)
		}
	}
}

func (c *Conversation) addAccount(a string) {
	if a != "" && !slices.Contains(c.Accounts, a) {
		c.Accounts = append(c.Accounts, a)
	}
}

// hidden conversations stand on no list: merged ones, and those whose only
// message was taken back before it went out.
func (c *Conversation) hidden() bool { return c.MergedInto != 0 || c.Messages == 0 }

// listKeys makes one index key for each list the conversation is on.
func (c *Conversation) listKeys(rest func(store.Key) store.Key) []store.Key {
	if c.hidden() {
		return nil
	}
	switch c.Status {
	case Snoozed:
		return []store.Key{rest(store.K().Str(ViewSnoozed))}
	case Resolved:
		return []store.Key{rest(store.K().Str(ViewResolved))}
	}
	keys := make([]store.Key, 0, 3)
	keys = append(keys, rest(store.K().Str(ViewAll)), rest(store.K().Str(mineOr(c.Assignee))))
	if c.Undelivered > 0 {
		keys = append(keys, rest(store.K().Str(ViewFailed)))
	}
	return keys
}

func mineOr(assignee uint64) string {
	if assignee == 0 {
		return ViewUnassigned
	}
	return fmt.Sprintf("%s:%d", ViewMine, assignee)
}

// on tells whether the conversation stands on a list.
func (c *Conversation) on(view string, agent uint64) bool {
	switch view {
	case ViewMine:
		return c.Status == Open && c.Assignee == agent
	case ViewUnassigned:
		return c.Status == Open && c.Assignee == 0
	case ViewAll:
		return c.Status == Open
	case ViewFailed:
		return c.Status == Open && c.Undelivered > 0
	}
	return c.Status == view
}

// Conversation returns a conversation, or the one it was merged into. Outside of an
// Update its lists are for reading only, as with store.Table.Peek.
func (h *Hub) Conversation(tx *store.Tx, id uint64) (*Conversation, error) {
	for range 1000 {
		c, err := h.conversations.Peek(tx, id)
		if err != nil {
			return nil, err
		}
		c.ID = id
		if c.MergedInto == 0 {
			return c, nil
		}
		id = c.MergedInto
	}
	return nil, fmt.Errorf("inbox: conversation %d is merged in a ring; run throughline check", id)
}

// ListQuery asks for a stretch of a list. Tag, Channel, Team and Subjects narrow it down; with
// Subjects and no View it is all conversations of these handles and customer records.
type ListQuery struct {
	View     string
	Agent    uint64 // who asks, for ViewMine
	Sort     string // "newest" (default) or "waiting": longest waiting first
	Tag      string
	Channel  string // one over which something of the conversation came or went
	Team     uint64 // that it is with
	Subjects []uint64
	After    store.Key // from the last answer
	Limit    int
}

// listScan bounds what one narrowed-down list looks at.
const listScan = 5000

// List returns conversations in order and where to go on; next is nil at the end.
func (h *Hub) List(tx *store.Tx, q ListQuery) (list []*Conversation, next store.Key, err error) {
	if len(q.Subjects) > 0 {
		return h.listSubjects(tx, q)
	}
	r := store.Range{Index: "list", After: q.After}
	if q.Sort == "waiting" {
		r.Index = "waiting"
	}
	switch q.View {
	case ViewMine:
		r.Prefix = store.K().Str(mineOr(q.Agent))
	case ViewUnassigned, ViewAll, ViewSnoozed, ViewResolved, ViewFailed:
		r.Prefix = store.K().Str(q.View)
	default:
		return nil, nil, &InvalidError{"view", fmt.Sprintf("there is no list %q", q.View)}
	}
	if q.Tag != "" && q.Sort != "waiting" {
		r.Index, r.Prefix = "tag", store.K().Str(q.Tag)
	}
	channels, err := h.channels(tx, q)
	if err != nil {
		return nil, nil, err
	}
	seen := 0
	for e := range h.conversations.Scan(tx, r) {
		if len(list) == q.Limit || seen == listScan {
			return list, next, nil
		}
		seen++
		c, err := h.Conversation(tx, e.ID)
		if err != nil {
			return nil, nil, err
		}
		next = e.Pos
		if q.Tag != "" && !(slices.Contains(c.Tags, q.Tag) && c.on(q.View, q.Agent)) || !c.over(q.Channel, channels) || q.Team != 0 && c.Team != q.Team {
			continue
		}
		list = append(list, c)
	}
	return list, nil, nil
}

// channels tells the channel of each account, if a list is narrowed down by that.
func (h *Hub) channels(tx *store.Tx, q ListQuery) (map[string]string, error) {
	if q.Channel == "" {
		return nil, nil
	}
	list, err := h.Accounts.ListTx(tx)
	if err != nil {
		return nil, err
	}
	of := make(map[string]string, len(list))
	for _, a := range list {
		of[a.ID] = a.Channel
	}
	return of, nil
}

// Channels are those over which something of a conversation came or went, the newest
// one first. of tells the channel of each account; one that is gone counts only while
// it is the newest.
func (c *Conversation) Channels(of map[string]string) []string {
	list := []string{c.Channel}
	for _, a := range c.Accounts {
		if ch := of[a]; ch != "" && !slices.Contains(list, ch) {
			list = append(list, ch)
		}
	}
	return list
}

// over tells whether a channel is one of them; "" is any.
func (c *Conversation) over(channel string, of map[string]string) bool {
	return channel == "" || slices.Contains(c.Channels(of), channel)
}

// listSubjects lists the conversations of one customer, newest first. A customer's
// conversations are few enough to be sorted here; After is the position in time.
func (h *Hub) listSubjects(tx *store.Tx, q ListQuery) (list []*Conversation, next store.Key, err error) {
	channels, err := h.channels(tx, q)
	if err != nil {
		return nil, nil, err
	}
	for _, id := range q.Subjects {
		n := 0
		// The rest of the index key is the position in time.
		r := store.Range{Index: "whose", Prefix: store.K().Uint(id)}
		if q.After != nil {
			r.After = slices.Concat(r.Prefix, q.After)
		}
		for e := range h.conversations.Scan(tx, r) {
			c, err := h.Conversation(tx, e.ID)
			if err != nil {
				return nil, nil, err
			}
			if q.View != "" && !c.on(q.View, q.Agent) || q.Tag != "" && !slices.Contains(c.Tags, q.Tag) || !c.over(q.Channel, channels) || q.Team != 0 && c.Team != q.Team {
				continue
			}
			list = append(list, c)
			if n++; n > q.Limit {
				break
			}
		}
	}
	slices.SortFunc(list, func(a, b *Conversation) int {
		return slices.Compare(store.K().TimeDesc(a.Last).Uint(a.ID), store.K().TimeDesc(b.Last).Uint(b.ID))
	})
	if len(list) > q.Limit {
		list = list[:q.Limit]
		last := list[len(list)-1]
		next = store.K().TimeDesc(last.Last).Uint(last.ID)
	}
	return list, next, nil
}

// Counts are the lengths of the lists.
type Counts struct{ Mine, Unassigned, All, Snoozed, Resolved, Failed, Held, Duplicates int }

// Counts reads the maintained counters, for one agent.
func (h *Hub) Counts(tx *store.Tx, agent uint64) Counts {
	n := func(view string) int { return h.conversations.Count(tx, "list", store.K().Str(view)) }
	return Counts{
		Mine: n(mineOr(agent)), Unassigned: n(ViewUnassigned), All: n(ViewAll),
		Snoozed: n(ViewSnoozed), Resolved: n(ViewResolved), Failed: n(ViewFailed),
		Held: h.held.Len(tx), Duplicates: h.Identity.CountSuggestions(tx, identity.SuggestionOpen),
	}
}

// TagCount is a tag and how many conversations have it.
type TagCount struct {
	Name  string
	Count int
}

// Tags returns all tags in use, in order of the alphabet.
func (h *Hub) Tags(tx *store.Tx) []TagCount {
	var tags []TagCount
	r := store.Range{Index: "tag"}
	for {
		found := false
		for e := range h.conversations.Scan(tx, r) {
			name, group := firstComponent(e.Pos)
			tags = append(tags, TagCount{Name: name, Count: h.conversations.Count(tx, "tag", group)})
			r.After, found = afterGroup(group), true
			break
		}
		if !found {
			return tags
		}
	}
}

// shows makes r what a list tells of the conversation.
func (c *Conversation) shows(r *Record) {
	c.Preview, c.Direction, c.Call = preview(readable(r)), string(r.Direction), r.Call
}

// previewRunes is the length of a preview.
const previewRunes = 140

// preview is the beginning of a text on one line.
func preview(s string) string {
	out := make([]byte, 0, previewRunes)
	n, space := 0, false
	for _, r := range s {
		if unicode.IsSpace(r) || unicode.IsControl(r) {
			space = len(out) > 0
			continue
		}
		if space {
			out, space = append(out, ' '), false
		}
		out = utf8.AppendRune(out, r)
		if n++; n == previewRunes {
			out = append(out, "…"...)
			break
		}
	}
	return string(out)
}

// firstComponent is the string an index position begins with, and the key of its
// group. Tags hold no control characters, so nothing in them was escaped.
func firstComponent(pos store.Key) (string, store.Key) {
	i := bytes.IndexByte(pos, 0)
	return string(pos[:i]), pos[:i+1]
}

// afterGroup is a position behind every entry of a group.
func afterGroup(group store.Key) store.Key {
	return append(slices.Clone(group), bytes.Repeat([]byte{0xff}, 24)...)
}
