package slacktest

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"
)

// workspace is who and what there is. Its owner holds a lock.
type workspace struct {
	base      string
	now       func() time.Time
	lastID    int64
	lastStamp int64

	team     *Team
	app      *User // the app's bot user
	appID    string
	teams    []*Team
	users    []*User
	channels []*Channel
	files    []*File
	posts    []*message // by the app, in order
	ephem    []Post     // shown to one person only
	emoji    map[string]string
}

// Team is a workspace: the app's own, or one that shares channels with it.
type Team struct{ ID, Name, Domain string }

// Person says who a new user is. Only RealName is needed.
type Person struct {
	RealName, DisplayName string
	Name                  string // handle; from the real name when empty
	Email                 string // seen with users:read.email, of the own workspace only
	ShareEmail            bool   // an external person's email is seen nevertheless
	Title, Phone          string
	Team                  *Team  // nil: the app's own workspace
	TZ                    string // "Europe/Berlin"; default "Etc/UTC"
	Locale                string // "de-DE"; default "en-US"
	Bot                   bool   // another app's bot user
	Guest                 bool
}

// User is a member of a workspace, a person or a bot.
type User struct {
	srv     *Server
	ID      string
	BotID   string // of a bot
	AppID   string // of a bot
	person  Person
	team    *Team
	deleted bool
	updated int64
	version int // of the picture
}

// Kind is what sort of conversation a channel is.
type Kind string

// The kinds, by the names of conversations.list.
const (
	Public  Kind = "public_channel"
	Private Kind = "private_channel"
	IM      Kind = "im"
	MPIM    Kind = "mpim"
)

// Room says what a new channel is.
type Room struct {
	Name       string
	Private    bool
	Members    []*User
	WithoutApp bool    // the app is not in it
	Shared     []*Team // a Slack Connect channel with these
	Topic      string
	Purpose    string
}

// Channel is a conversation of any kind.
type Channel struct {
	srv      *Server
	ID       string
	Kind     Kind
	name     string
	previous []string
	topic    string
	purpose  string
	created  int64
	creator  string
	shared   []*Team
	members  []*User
	archived bool
	lastRead string
	messages []*message // by ts, replies among them
}

// message is one message as Slack keeps it.
type message struct {
	channel  *Channel
	ts       string
	threadTS string // of the thread it is in; equal to ts for its parent
	subtype  string
	user     *User
	text     string
	name     string // shown instead of the bot's own
	icon     string
	blocks   []any
	attach   []any
	metadata obj
	clientID string
	files    []*File
	edited   obj
	inviter  string
	reacts   []reaction
	byApp    bool
	rich     bool // blocks are Slack's own, of the text
	deleted  bool
}

type reaction struct {
	name  string
	users []*User
}

// File is an uploaded file.
type File struct {
	ID, Name, Title string
	MIMEType        string
	Content         []byte

	user     *User
	created  int64
	size     int
	shares   map[*Channel][]string
	uploaded bool
	complete bool
	deleted  bool
	altText  string
}

func newWorkspace(base string, o Options) *workspace {
	w := &workspace{base: base, now: o.Now, appID: "A0000000001", emoji: map[string]string{}}
	w.team = w.addTeam(o.TeamName, o.TeamDomain)
	w.users = append(w.users, &User{
		ID: "USLACKBOT", team: w.team, updated: seconds(w.now()),
		person: Person{RealName: "Slackbot", DisplayName: "Slackbot", Name: "slackbot"},
	})
	w.app = w.addUser(nil, Person{RealName: o.AppName, Bot: true})
	w.app.AppID = w.appID
	return w
}

func (w *workspace) addTeam(name, domain string) *Team {
	t := &Team{ID: w.id("T"), Name: name, Domain: domain}
	w.teams = append(w.teams, t)
	return t
}

func (w *workspace) addUser(s *Server, p Person) *User {
	u := &User{srv: s, ID: w.id("U"), person: p, team: cmp.Or(p.Team, w.team), updated: seconds(w.now())}
	u.person.TZ, u.person.Locale = cmp.Or(p.TZ, "Etc/UTC"), cmp.Or(p.Locale, "en-US")
	if p.Name == "" {
		u.person.Name = strings.ToLower(strings.ReplaceAll(p.RealName, " ", "."))
	}
	if p.Bot {
		u.BotID, u.AppID = w.id("B"), w.id("A")
	}
	w.users = append(w.users, u)
	return u
}

func (w *workspace) addChannel(s *Server, kind Kind, name string, members ...*User) *Channel {
	letter := "C"
	if kind == IM {
		letter = "D"
	}
	c := &Channel{srv: s, ID: w.id(letter), Kind: kind, name: name, created: seconds(w.now()), members: members, lastRead: "0000000000.000000"}
	if len(members) > 0 {
		c.creator = members[0].ID
	}
	w.channels = append(w.channels, c)
	return c
}

func (w *workspace) user(id string) *User {
	for _, u := range w.users {
		if u.ID == id {
			return u
		}
	}
	return nil
}

func (w *workspace) channel(id string) *Channel {
	for _, c := range w.channels {
		if c.ID == id {
			return c
		}
	}
	return nil
}

func (w *workspace) file(id string) *File {
	for _, f := range w.files {
		if f.ID == id {
			return f
		}
	}
	return nil
}

// direct finds or makes the conversation of exactly these members.
func (w *workspace) direct(s *Server, members ...*User) (c *Channel, found bool) {
	kind, name := IM, ""
	if len(members) > 2 {
		kind = MPIM
		var names []string
		for _, u := range members {
			names = append(names, u.person.Name)
		}
		name = "mpdm-" + strings.Join(names, "--") + "-1"
	}
	for _, c := range w.channels {
		if c.Kind == kind && len(c.members) == len(members) && !slices.ContainsFunc(members, func(u *User) bool { return !c.has(u) }) {
			return c, true
		}
	}
	c = w.addChannel(s, kind, name, members...)
	for _, u := range members {
		if u.team != w.team && !slices.Contains(c.shared, u.team) {
			c.shared = append(c.shared, u.team)
		}
	}
	return c, false
}

// external says that someone of another workspace is in it.
func (c *Channel) external() bool { return len(c.shared) > 0 }

func (c *Channel) has(u *User) bool { return slices.Contains(c.members, u) }

// Name of the channel, without "#"; empty for a direct message.
func (c *Channel) Name() string {
	c.srv.mu.Lock()
	defer c.srv.mu.Unlock()
	return c.name
}

func (c *Channel) find(ts string) *message {
	i, ok := slices.BinarySearchFunc(c.messages, ts, func(m *message, ts string) int { return strings.Compare(m.ts, ts) })
	if !ok {
		return nil
	}
	return c.messages[i]
}

// visible says that the app may know of the channel.
func (w *workspace) visible(c *Channel) bool { return c.Kind == Public || c.has(w.app) }

// stranger says that a person is of another workspace and in no shared channel
// the app can see.
func (w *workspace) stranger(u *User) bool {
	return u.team != w.team && !slices.ContainsFunc(w.channels, func(c *Channel) bool { return c.has(u) && w.visible(c) })
}

// replies of a thread, oldest first, without its parent.
func (c *Channel) replies(ts string) []*message {
	var list []*message
	for _, m := range c.messages {
		if m.threadTS == ts && m.ts != ts {
			list = append(list, m)
		}
	}
	return list
}

func (m *message) isReply() bool { return m.threadTS != "" && m.threadTS != m.ts }

// add puts a new message into its channel. A first reply makes its parent the
// parent of a thread.
func (w *workspace) add(m *message) {
	m.ts = w.stamp()
	if m.threadTS != "" {
		if p := m.channel.find(m.threadTS); p != nil {
			p.threadTS = p.ts
		}
	}
	m.channel.messages = append(m.channel.messages, m)
	for _, f := range m.files {
		f.shares[m.channel] = append(f.shares[m.channel], m.ts)
	}
	if m.byApp {
		w.posts = append(w.posts, m)
	}
}

// remove takes a message away. The parent of a thread leaves a tombstone, as
// its replies stay.
func (w *workspace) remove(m *message) {
	c := m.channel
	m.deleted = true
	i := slices.Index(c.messages, m)
	if m.threadTS == m.ts && len(c.replies(m.ts)) > 0 {
		c.messages[i] = &message{channel: c, ts: m.ts, threadTS: m.ts, subtype: "tombstone", user: w.user("USLACKBOT"), text: "This message was deleted."}
		return
	}
	c.messages = slices.Delete(c.messages, i, i+1)
}

// String names a user as an error does.
func (u *User) String() string { return fmt.Sprintf("%s (%s)", u.ID, u.person.RealName) }
