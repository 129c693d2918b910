package slack

import (
	"encoding/json"
	"errors"
	"fmt"
	"html"
	"io"
	"strings"

	"throughline/connectors"
	"throughline/message"
)

// record is what is kept of an item: the message as Slack delivered it, and what
// else had to be asked for to understand it. So it can be understood again
// without asking anybody.
type record struct {
	Item   json.RawMessage   `json:"item"`
	Team   string            `json:"team"` // the app's workspace
	Room   room              `json:"room"`
	People map[string]person `json:"people,omitempty"`
	Rooms  map[string]string `json:"rooms,omitempty"` // names of channels that the text refers to
	// Ours tells that a member of our own workspace wrote it while only external
	// people are customers; To is then whom he answers.
	Ours bool   `json:"ours,omitempty"`
	To   string `json:"to,omitempty"`
}

// room is a channel or a direct message.
type room struct {
	ID   string `json:"id"`
	Name string `json:"name,omitempty"`
	Kind string `json:"kind,omitempty"` // channel, group, im or mpim, as in events
	User string `json:"user,omitempty"` // of an im: the other one
}

// chat tells that there is one stream, in which threads are the exception.
func (r room) chat() bool {
	return r.Kind == "im" || r.Kind == "mpim" || r.Kind == "" && strings.HasPrefix(r.ID, "D")
}

// person is what Slack's directory tells of somebody.
type person struct {
	Team  string `json:"team,omitempty"`
	Name  string `json:"name,omitempty"`
	Email string `json:"email,omitempty"`
	Phone string `json:"phone,omitempty"` // as its owner wrote it
	Bot   bool   `json:"bot,omitempty"`
	Guest bool   `json:"guest,omitempty"`
	// Picture is the address of the one he has chosen.
	Picture string `json:"picture,omitempty"`
}

const (
	maxTextBytes = 1 << 20
	maxNameRunes = 120
	maxAttached  = 20
)

// Read understands a message again.
func (c *Connector) Read(raw message.Content, source string) (message.Message, error) {
	r, err := raw.Open()
	if err != nil {
		return message.Message{}, err
	}
	defer r.Close()
	b, err := io.ReadAll(io.LimitReader(r, maxFrame+1))
	if err != nil {
		return message.Message{}, err
	}
	if len(b) > maxFrame {
		return message.Message{}, errors.New("it is too large")
	}
	m, files, err := readRecord(b, source)
	if err != nil {
		return m, err
	}
	m.Channel, m.Account, m.Raw = Channel, c.account, raw
	if len(files) > 0 {
		m.Warnings = append(m.Warnings, "its files are not here: they were at Slack and could not be fetched")
		return m, connectors.ErrPartial
	}
	return m, nil
}

// readRecord makes a message of a record, without its account and its files,
// which are returned as Slack names them. source stands in for what a record does
// not tell. Pure.
func readRecord(raw []byte, source string) (m message.Message, files []file, err error) {
	var rec record
	if err := json.Unmarshal(raw, &rec); err != nil || len(rec.Item) == 0 {
		return m, nil, errors.New("it is not a message of Slack")
	}
	if at, ok := parseKey(source); ok {
		if rec.Team == "" {
			rec.Team = at.team
		}
		if rec.Room.ID == "" {
			rec.Room.ID = at.channel
		}
	}
	if rec.Team == "" || rec.Room.ID == "" {
		return m, nil, errors.New("it does not tell its workspace and channel")
	}
	e, err := readEntry(rec.Item)
	if err != nil {
		return m, nil, err
	}
	if e.user == "" {
		return m, nil, errors.New("it does not tell who wrote it")
	}
	if !memberForm(e.user) {
		return m, nil, fmt.Errorf("%q is not the ID of a person", oneLine(e.user))
	}
	m = rec.message(&e)
	return m, e.files, nil
}

// message is the message that an entry makes.
func (rec *record) message(e *entry) message.Message {
	at, _ := stamp(e.ts)
	key := keyOf(rec.Team, rec.Room.ID, e.ts)
	m := message.Message{
		Channel: Channel, Direction: message.In, Kind: message.Human, Key: key, Source: key, Ref: key,
		From: rec.person(e.user, e), Time: at, Received: at, Member: true, Chat: rec.Room.chat(),
	}
	if root := e.root(); root != "" {
		m.Refs = append(m.Refs, keyOf(rec.Team, rec.Room.ID, root))
		m.Refs = append(m.Refs, m.Refs[0]+threadMark)
	} else if !m.Chat {
		// A thread may follow; its name tells where answers go.
		m.Refs = []string{key + threadMark}
	}
	if !m.Chat && rec.Room.Name != "" {
		m.Subject = "#" + rec.Room.Name
	}
	if rec.Ours && rec.To != "" {
		m.Direction, m.To = message.Out, []message.Person{rec.person(rec.To, &entry{})}
	}
	rec.words(e, &m)
	return m
}

// words fills in the texts.
func (rec *record) words(e *entry, m *message.Message) {
	text := e.text
	if len(text) > maxTextBytes {
		text = text[:maxTextBytes]
		m.Warnings = append(m.Warnings, "the text was too long and is cut")
	}
	n := rec.names()
	out := render(text, n)
	// What is shared or forwarded comes as an attachment.
	for i, a := range e.attached {
		if i == maxAttached || text != "" && !a.flag("is_share") && !a.flag("is_msg_unfurl") {
			continue // previews that Slack adds to links
		}
		shared := a.str("text")
		if shared == "" {
			shared = a.str("fallback")
		}
		if shared == "" {
			continue
		}
		q := render(shared[:min(len(shared), maxTextBytes)], n)
		lead := oneLine(a.str("author_name"))
		if lead != "" {
			q.text, q.html = lead+":\n"+q.text, html.EscapeString(lead)+":<br>"+q.html
		}
		if out.text != "" {
			out.text += "\n"
		}
		out.text += "> " + strings.ReplaceAll(q.text, "\n", "\n> ")
		out.html += "<blockquote>" + q.html + "</blockquote>"
		out.rich = true
	}
	m.Text, m.Reply = out.text, out.text
	if out.rich {
		m.HTML = out.html
	}
}

// names knows those that the record has.
func (rec *record) names() names {
	return names{
		person: func(id string) string { return rec.People[id].Name },
		channel: func(id string) string {
			if id == rec.Room.ID && rec.Room.Name != "" {
				return rec.Room.Name
			}
			return rec.Rooms[id]
		},
	}
}

// person is somebody as the record knows him: his workspace is his own, which for
// members of other workspaces is not the app's.
func (rec *record) person(user string, e *entry) message.Person {
	p := rec.People[user]
	for _, team := range []string{e.team, e.profile.str("team"), rec.Team} {
		if p.Team == "" {
			p.Team = team
		}
	}
	if p.Name == "" {
		p.Name = nameOf(e.profile)
	}
	out := message.Person{Name: p.Name, Handle: handleOf(p.Team, user), Picture: p.Picture}
	if strings.Contains(p.Email, "@") {
		out.Hints = []message.Handle{message.NewHandle("mailto", p.Email)}
	}
	if p.Phone != "" {
		out.Hints = append(out.Hints, message.NewHandle("tel", p.Phone))
	}
	return out
}

// nameOf is how a profile wants its owner to be called.
func nameOf(profile bag) string {
	for _, key := range []string{"real_name", "display_name", "name"} {
		if s := shorten(oneLine(profile.str(key)), maxNameRunes); s != "" {
			return s
		}
	}
	return ""
}

// heldItem is an item that cannot be understood, with all that came of it.
func heldItem(source, key, reason string, raw []byte) message.Held {
	return message.Held{Source: source, Key: key, Reason: reason, Raw: message.Bytes(raw)}
}

var _ connectors.Reader = (*Connector)(nil)
