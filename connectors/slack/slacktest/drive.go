package slacktest

import (
	"errors"
	"fmt"
	"slices"
	"time"
)

// TeamID is the ID of the user's workspace.
func (u *User) TeamID() string { return u.team.ID }

// Team adds another workspace, for Slack Connect.
func (s *Server) Team(name, domain string) *Team {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.addTeam(name, domain)
}

// TeamID is the ID of the workspace the app is installed in.
func (s *Server) TeamID() string { return s.team.ID }

// AppID is the ID of the app.
func (s *Server) AppID() string { return s.appID }

// App is the app's bot user.
func (s *Server) App() *User { return s.app }

// User adds someone who has always been there.
func (s *Server) User(p Person) *User {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.addUser(s, p)
}

// Enrol adds someone who joins the workspace now: team_join.
func (s *Server) Enrol(p Person) *User {
	s.mu.Lock()
	defer s.mu.Unlock()
	u := s.addUser(s, p)
	s.emit("team_join", nil, obj{"user": s.userView(u, s.hasScope("users:read.email"), false), "event_ts": s.stamp()})
	return u
}

// Channel adds a channel that has always been there. The app is in it unless the
// room says otherwise.
func (s *Server) Channel(r Room) *Channel {
	s.mu.Lock()
	defer s.mu.Unlock()
	kind := Public
	if r.Private {
		kind = Private
	}
	c := s.addChannel(s, kind, r.Name, slices.Clone(r.Members)...)
	c.shared, c.topic, c.purpose = slices.Clone(r.Shared), r.Topic, r.Purpose
	if !r.WithoutApp {
		c.members = append(c.members, s.app)
	}
	return c
}

// SetEmoji adds a custom emoji; address may also be "alias:name".
func (s *Server) SetEmoji(name, address string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.emoji[name] = address
}

// DM is the direct message of a person with the app, or with the app and others.
func (u *User) DM(others ...*User) *Channel {
	u.srv.mu.Lock()
	defer u.srv.mu.Unlock()
	c, _ := u.srv.direct(u.srv, append([]*User{u.srv.app, u}, others...)...)
	return c
}

// Upload is a file that someone sends.
type Upload struct {
	Name, Title string
	MIMEType    string // by the name and the bytes when empty
	Content     []byte
}

// Say is what a message is besides its text.
type Say struct {
	Thread    string   // ts of the parent
	Broadcast bool     // a reply that is shown in the channel too
	Files     []Upload // with any, the message is a file_share
	Subtype   string   // any other: "me_message"; "bot_message" by a bot has no user
	Blocks    []any    // instead of Slack's own rich text
}

// Errors of what people cannot do either.
var (
	ErrNotMember = errors.New("not a member of the channel")
	ErrNoMessage = errors.New("no such message")
	ErrNotTheirs = errors.New("not their message")
)

// Say posts a message and returns its ts. The text is as Slack keeps it: "<@U…>"
// is a mention, and plain text has to go through [Escape].
func (u *User) Say(c *Channel, text string, how ...Say) (ts string, err error) {
	s := u.srv
	s.mu.Lock()
	defer s.mu.Unlock()
	var o Say
	if len(how) > 0 {
		o = how[0]
	}
	if !c.has(u) {
		return "", fmt.Errorf("%v in %s: %w", u, c.ID, ErrNotMember)
	}
	m := &message{channel: c, user: u, text: text, threadTS: o.Thread, subtype: o.Subtype, blocks: o.Blocks}
	if o.Thread != "" && c.find(o.Thread) == nil {
		return "", fmt.Errorf("thread %s: %w", o.Thread, ErrNoMessage)
	}
	if o.Thread != "" && o.Broadcast {
		m.subtype = "thread_broadcast"
	}
	for _, f := range o.Files {
		file := s.addFile(u, f.Name, f.Title, f.MIMEType, f.Content)
		file.uploaded, file.complete = true, true
		m.files = append(m.files, file)
	}
	switch {
	case len(m.files) > 0 && m.subtype == "":
		m.subtype = "file_share"
	case u.BotID == "" && m.subtype == "":
		m.clientID = secret(8) + "-" + secret(4) + "-4" + secret(3) + "-a" + secret(3) + "-" + secret(12)
	}
	if m.blocks == nil && text != "" && m.subtype != "bot_message" {
		m.blocks = s.richText(text)
	}
	s.add(m)
	s.emitMessage(m)
	s.touch()
	return m.ts, nil
}

// theirs finds a message of a user.
func (u *User) theirs(c *Channel, ts string) (*message, error) {
	m := c.find(ts)
	switch {
	case m == nil:
		return nil, fmt.Errorf("%s in %s: %w", ts, c.ID, ErrNoMessage)
	case m.user != u:
		return nil, fmt.Errorf("%s in %s: %w", ts, c.ID, ErrNotTheirs)
	}
	return m, nil
}

// Edit changes the text of an own message: message_changed.
func (u *User) Edit(c *Channel, ts, text string) error {
	s := u.srv
	s.mu.Lock()
	defer s.mu.Unlock()
	m, err := u.theirs(c, ts)
	if err != nil {
		return err
	}
	before := s.messageView(m, false)
	m.text, m.blocks = text, s.richText(text)
	m.edited = obj{"user": u.ID, "ts": s.stamp()}
	s.emitChanged(m, before)
	return nil
}

// Delete takes an own message away: message_deleted.
func (u *User) Delete(c *Channel, ts string) error {
	s := u.srv
	s.mu.Lock()
	defer s.mu.Unlock()
	m, err := u.theirs(c, ts)
	if err != nil {
		return err
	}
	before := s.messageView(m, false)
	s.remove(m)
	s.emitDeleted(m, before)
	return nil
}

// React adds a reaction to a message; a second time it does nothing.
func (u *User) React(c *Channel, ts, name string) error {
	return u.reaction(c, ts, name, u.srv.react)
}

// Unreact takes a reaction away.
func (u *User) Unreact(c *Channel, ts, name string) error {
	return u.reaction(c, ts, name, u.srv.unreact)
}

func (u *User) reaction(c *Channel, ts, name string, do func(*message, *User, string) bool) error {
	u.srv.mu.Lock()
	defer u.srv.mu.Unlock()
	m := c.find(ts)
	if m == nil {
		return fmt.Errorf("%s in %s: %w", ts, c.ID, ErrNoMessage)
	}
	do(m, u, name)
	return nil
}

// Change alters who someone is: user_change.
func (u *User) Change(change func(*Person)) {
	s := u.srv
	s.mu.Lock()
	defer s.mu.Unlock()
	change(&u.person)
	u.version++
	u.updated = seconds(s.now())
	s.userChanged(u)
}

// Deactivate ends someone's membership of the workspace: user_change.
func (u *User) Deactivate() {
	s := u.srv
	s.mu.Lock()
	defer s.mu.Unlock()
	u.deleted, u.updated = true, seconds(s.now())
	s.userChanged(u)
}

func (s *Server) userChanged(u *User) {
	s.emit("user_change", nil, obj{
		"user": s.userView(u, s.hasScope("users:read.email"), true), "cache_ts": seconds(s.now()), "event_ts": s.stamp(),
	})
}

// Add puts someone into the channel: member_joined_channel and a message.
func (c *Channel) Add(u *User) {
	c.srv.mu.Lock()
	defer c.srv.mu.Unlock()
	if !c.has(u) {
		c.srv.join(c, u, nil)
	}
}

// Remove takes someone out: member_left_channel, or channel_left or group_left
// when it is the app.
func (c *Channel) Remove(u *User) {
	s := c.srv
	s.mu.Lock()
	defer s.mu.Unlock()
	if u == s.app && c.has(u) {
		event := "channel_left"
		if c.Kind != Public {
			event = "group_left"
		}
		s.emit(event, c, obj{"channel": c.ID, "actor_id": c.creator, "event_ts": s.stamp()})
	}
	c.members = slices.DeleteFunc(c.members, func(o *User) bool { return o == u })
	if u != s.app {
		s.emit("member_left_channel", c, obj{
			"user": u.ID, "channel": c.ID, "channel_type": c.ID[:1], "team": u.team.ID, "event_ts": s.stamp(),
		})
	}
}

// Rename gives the channel another name: channel_rename and a message.
func (c *Channel) Rename(name string) {
	s := c.srv
	s.mu.Lock()
	defer s.mu.Unlock()
	old := c.name
	c.previous, c.name = append([]string{old}, c.previous...), name
	s.emit("channel_rename", c, obj{
		"channel": obj{"id": c.ID, "name": name, "name_normalized": name, "created": c.created}, "event_ts": s.stamp(),
	})
	m := &message{channel: c, user: s.user(c.creator), subtype: "channel_name", text: fmt.Sprintf("has renamed the channel from %q to %q", old, name)}
	s.add(m)
	s.emitMessage(m)
}

// Archive closes the channel: channel_archive.
func (c *Channel) Archive() {
	s := c.srv
	s.mu.Lock()
	defer s.mu.Unlock()
	c.archived = true
	s.emit("channel_archive", c, obj{"channel": c.ID, "user": c.creator, "event_ts": s.stamp()})
}

// Unfurl adds the preview of a link to a message: a message_changed that is no
// edit, as it has the same text and no "edited".
func (s *Server) Unfurl(c *Channel, ts, title, link string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	m := c.find(ts)
	if m == nil {
		return fmt.Errorf("%s in %s: %w", ts, c.ID, ErrNoMessage)
	}
	before := s.messageView(m, false)
	m.attach = append(m.attach, obj{"id": len(m.attach) + 1, "title": title, "title_link": link, "from_url": link, "fallback": title})
	s.emitChanged(m, before)
	return nil
}

// DeleteFile takes a file away; messages keep a tombstone of it: file_deleted.
func (s *Server) DeleteFile(id string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	f := s.file(id)
	if f == nil {
		return fmt.Errorf("no file %q", id)
	}
	f.deleted, f.Content = true, nil
	s.emit("file_deleted", nil, obj{"file_id": id, "event_ts": s.stamp()})
	return nil
}

// Files are all files there are, deleted ones too.
func (s *Server) Files() []*File {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.files)
}

// RevokeTokens makes the bot token useless: tokens_revoked.
func (s *Server) RevokeTokens() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.api.revoked = true
	s.emit("tokens_revoked", nil, obj{"tokens": obj{"oauth": []string{}, "bot": []string{s.app.ID}}, "event_ts": s.stamp()})
}

// Uninstall takes the app out of the workspace: tokens_revoked and
// app_uninstalled, then nothing works.
func (s *Server) Uninstall() {
	s.RevokeTokens()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.emit("app_uninstalled", nil, obj{"event_ts": s.stamp()})
	s.api.removed = true
}

// Reinstall undoes [Server.Uninstall] and [Server.RevokeTokens]; the tokens are
// the same.
func (s *Server) Reinstall() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.api.revoked, s.api.removed = false, false
}

// Time is when a message was posted.
func Time(ts string) time.Time {
	us, err := micros(ts)
	if err != nil {
		return time.Time{}
	}
	return time.UnixMicro(us)
}
