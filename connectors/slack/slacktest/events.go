package slacktest

import (
	"slices"
	"strings"
)

// channelType is how events call a kind of channel.
func channelType(k Kind) string {
	switch k {
	case Private:
		return "group"
	case IM, MPIM:
		return string(k)
	}
	return "channel"
}

// subscription is the event type that has to be subscribed for messages of a
// kind of channel, and its scope.
func subscription(k Kind) (name, scope string) {
	switch k {
	case Private:
		return "message.groups", "groups:history"
	case IM:
		return "message.im", "im:history"
	case MPIM:
		return "message.mpim", "mpim:history"
	}
	return "message.channels", "channels:history"
}

// scopeOfEvent is what an app needs to hear an event that is not a message.
func scopeOfEvent(event string, k Kind) string {
	switch event {
	case "app_mention":
		return "app_mentions:read"
	case "reaction_added", "reaction_removed":
		return "reactions:read"
	case "member_joined_channel", "member_left_channel", "channel_rename", "channel_archive", "channel_unarchive":
		return scopeOf(k, "read")
	case "team_join", "user_change":
		return "users:read"
	case "file_shared", "file_deleted":
		return "files:read"
	}
	return ""
}

// subscribed says that the app hears an event: subscribed, in the channel and
// with the scope.
func (s *Server) subscribed(event, scope string, c *Channel) bool {
	return (s.opt.Events == nil || slices.Contains(s.opt.Events, event)) &&
		(scope == "" || s.hasScope(scope)) && (c == nil || c.has(s.app))
}

// emit sends an event about a channel (nil: about none) if the app hears it.
func (s *Server) emit(event string, c *Channel, inner obj) {
	kind := Public
	if c != nil {
		kind = c.Kind
	}
	if s.subscribed(event, scopeOfEvent(event, kind), c) {
		inner["type"] = event
		s.send(c, inner)
	}
}

// emitMessage tells of a new message, with app_mention when the app is
// mentioned and file_shared for every file.
func (s *Server) emitMessage(m *message) {
	c := m.channel
	for _, f := range m.files {
		s.emit("file_shared", c, obj{"file_id": f.ID, "user_id": f.user.ID, "file": obj{"id": f.ID}, "channel_id": c.ID, "event_ts": m.ts})
	}
	name, scope := subscription(c.Kind)
	if s.subscribed(name, scope, c) {
		s.send(c, s.messageEvent(m))
	}
	if c.Kind != IM && m.user != s.app && strings.Contains(m.text, "<@"+s.app.ID+">") && (m.subtype == "" || m.subtype == "file_share") {
		v := s.messageEvent(m)
		for _, k := range []string{"channel_type", "subtype", "parent_user_id"} {
			delete(v, k)
		}
		s.emit("app_mention", c, v)
	}
}

func (s *Server) messageEvent(m *message) obj {
	v := s.messageView(m, true)
	v["channel"], v["channel_type"], v["event_ts"] = m.channel.ID, channelType(m.channel.Kind), m.ts
	if m.subtype == "thread_broadcast" {
		if p := m.channel.find(m.threadTS); p != nil {
			v["root"] = s.messageView(p, false)
		}
	}
	return v
}

// emitChanged tells that a message is not as it was.
func (s *Server) emitChanged(m *message, before obj) {
	name, scope := subscription(m.channel.Kind)
	if !s.subscribed(name, scope, m.channel) {
		return
	}
	ts := s.stamp()
	s.send(m.channel, obj{
		"type": "message", "subtype": "message_changed", "hidden": true, "channel": m.channel.ID, "channel_type": channelType(m.channel.Kind),
		"ts": ts, "event_ts": ts, "message": s.messageView(m, true), "previous_message": before,
	})
}

// emitDeleted tells that a message is no more.
func (s *Server) emitDeleted(m *message, before obj) {
	name, scope := subscription(m.channel.Kind)
	if !s.subscribed(name, scope, m.channel) {
		return
	}
	ts := s.stamp()
	s.send(m.channel, obj{
		"type": "message", "subtype": "message_deleted", "hidden": true, "channel": m.channel.ID, "channel_type": channelType(m.channel.Kind),
		"ts": ts, "event_ts": ts, "deleted_ts": m.ts, "previous_message": before,
	})
}

// react adds a reaction; false when it is there already.
func (s *Server) react(m *message, u *User, name string) bool {
	i := slices.IndexFunc(m.reacts, func(r reaction) bool { return r.name == name })
	if i < 0 {
		m.reacts = append(m.reacts, reaction{name: name})
		i = len(m.reacts) - 1
	}
	if slices.Contains(m.reacts[i].users, u) {
		return false
	}
	m.reacts[i].users = append(m.reacts[i].users, u)
	s.emitReaction("reaction_added", m, u, name)
	return true
}

// unreact takes a reaction away; false when there is none.
func (s *Server) unreact(m *message, u *User, name string) bool {
	i := slices.IndexFunc(m.reacts, func(r reaction) bool { return r.name == name })
	if i < 0 || !slices.Contains(m.reacts[i].users, u) {
		return false
	}
	r := &m.reacts[i]
	r.users = slices.DeleteFunc(r.users, func(o *User) bool { return o == u })
	if len(r.users) == 0 {
		m.reacts = slices.Delete(m.reacts, i, i+1)
	}
	s.emitReaction("reaction_removed", m, u, name)
	return true
}

func (s *Server) emitReaction(event string, m *message, u *User, name string) {
	v := obj{
		"user": u.ID, "reaction": name, "item": obj{"type": "message", "channel": m.channel.ID, "ts": m.ts}, "event_ts": s.stamp(),
	}
	if m.user != nil {
		v["item_user"] = m.user.ID
	}
	s.emit(event, m.channel, v)
}

// join puts someone into a channel and tells of it, with the message that
// everyone in a channel sees.
func (s *Server) join(c *Channel, u, inviter *User) {
	c.members = append(c.members, u)
	v := obj{"user": u.ID, "channel": c.ID, "channel_type": strings.ToUpper(c.ID[:1]), "team": u.team.ID, "event_ts": s.stamp()}
	m := &message{channel: c, user: u, subtype: "channel_join", text: "<@" + u.ID + "> has joined the channel"}
	if inviter != nil {
		v["inviter"], m.inviter = inviter.ID, inviter.ID
	}
	s.emit("member_joined_channel", c, v)
	s.add(m)
	s.emitMessage(m)
}
