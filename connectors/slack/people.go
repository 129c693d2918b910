package slack

import (
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	slackgo "github.com/slack-go/slack"
)

// Who is who: what users.info and conversations.info tell, remembered for a while.

const (
	maxKnown  = 5000
	knownFor  = time.Hour
	unknown   = time.Minute // until somebody who could not be asked for is asked for again
	maxNames  = 20          // people and channels that one text refers to and are looked up
	maxRooms  = 5000
	roomsFor  = time.Hour
	maxOpened = 5000
	maxPhone  = 40 // bytes: what is longer is no number
)

// whoami is what auth.test says of the bot token.
type whoami struct {
	mu              sync.Mutex
	team, user, bot string
}

// identity tells the app's workspace, bot user and bot, asking once.
func (c *Connector) identity(ctx context.Context) (team, user, bot string, err error) {
	c.who.mu.Lock()
	team, user, bot = c.who.team, c.who.user, c.who.bot
	c.who.mu.Unlock()
	if team != "" {
		return team, user, bot, nil
	}
	return c.introduce(ctx)
}

// introduce asks Slack who the token is.
func (c *Connector) introduce(ctx context.Context) (team, user, bot string, err error) {
	var a *slackgo.AuthTestResponse
	if _, err := c.api.read(ctx, "auth.test", func(ctx context.Context) (err error) {
		a, err = c.api.AuthTestContext(ctx)
		return err
	}); err != nil {
		return "", "", "", err
	}
	if a.TeamID == "" || a.UserID == "" {
		return "", "", "", &apiError{method: "auth.test", code: "no workspace named"}
	}
	c.who.mu.Lock()
	defer c.who.mu.Unlock()
	c.who.team, c.who.user, c.who.bot = a.TeamID, a.UserID, a.BotID
	return a.TeamID, a.UserID, a.BotID, nil
}

type knownPerson struct {
	person
	until time.Time
}

type people struct {
	mu    sync.Mutex
	known map[string]knownPerson
}

func (p *people) get(id string) (person, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	k, ok := p.known[id]
	return k.person, ok && time.Now().Before(k.until)
}

func (p *people) put(id string, who person, d time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.known) >= maxKnown {
		clear(p.known)
	}
	p.known[id] = knownPerson{who, time.Now().Add(d)}
}

// person asks who somebody is; ok is false if it cannot be told now.
func (c *Connector) person(ctx context.Context, id string) (p person, ok bool) {
	if p, ok := c.people.get(id); ok {
		return p, p.Name != ""
	}
	p, err := c.lookUp(ctx, id)
	if err != nil {
		if !stopped(ctx, err) {
			c.people.put(id, person{}, unknown)
			c.log.Warn("a member cannot be looked up", "member", id, "error", err)
		}
		return person{}, false
	}
	return p, p.Name != ""
}

// lookUp asks Slack who somebody is.
func (c *Connector) lookUp(ctx context.Context, id string) (person, error) {
	x, err := c.api.read(ctx, "users.info", func(ctx context.Context) error {
		_, err := c.api.GetUserInfoContext(ctx, id)
		return err
	})
	if err != nil {
		return person{}, err
	}
	p := readPerson(x.body.sub("user"))
	c.people.put(id, p, knownFor)
	return p, nil
}

// readPerson reads a user object.
func readPerson(u bag) person {
	profile := u.sub("profile")
	p := person{
		Team: u.str("team_id"), Name: nameOf(profile), Bot: u.flag("is_bot") || u.str("id") == "USLACKBOT",
		Guest: u.flag("is_restricted") || u.flag("is_ultra_restricted"),
	}
	if p.Name == "" {
		p.Name = nameOf(u)
	}
	if profile.flag("is_custom_image") { // else it is Slack's own, and says less than initials
		p.Picture = profile.str("image_192")
	}
	// A stranger shares no channel with us: what is told of him is not certain.
	if e := strings.TrimSpace(profile.str("email")); !u.flag("is_stranger") && !p.Bot && len(e) <= 254 {
		p.Email = e
	}
	if n := strings.TrimSpace(profile.str("phone")); !u.flag("is_stranger") && !p.Bot && len(n) <= maxPhone {
		p.Phone = n
	}
	return p
}

type knownRoom struct {
	room
	until time.Time
}

type rooms struct {
	mu    sync.Mutex
	known map[string]knownRoom
}

func (r *rooms) get(id string) (room, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	k, ok := r.known[id]
	return k.room, ok && time.Now().Before(k.until)
}

func (r *rooms) put(k room) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.known) >= maxRooms {
		clear(r.known)
	}
	r.known[k.ID] = knownRoom{k, time.Now().Add(roomsFor)}
}

// forget makes the next question for a room go to Slack.
func (r *rooms) forget(id string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.known, id)
}

// room asks what a channel is. Without an answer it is what its ID tells.
func (c *Connector) room(ctx context.Context, id, kind string) room {
	if k, ok := c.rooms.get(id); ok {
		return k
	}
	if kind == "im" || kind == "" && strings.HasPrefix(id, "D") {
		return room{ID: id, Kind: "im"} // it has no name
	}
	k, err := c.askRoom(ctx, id)
	if err != nil {
		if !stopped(ctx, err) {
			c.log.Warn("a channel cannot be looked up", "channel", id, "error", err)
		}
		return room{ID: id, Kind: kind}
	}
	return k
}

// askRoom asks Slack what a channel is.
func (c *Connector) askRoom(ctx context.Context, id string) (room, error) {
	x, err := c.api.read(ctx, "conversations.info", func(ctx context.Context) error {
		_, err := c.api.GetConversationInfoContext(ctx, &slackgo.GetConversationInfoInput{ChannelID: id})
		return err
	})
	if err != nil {
		return room{}, err
	}
	k := readRoom(x.body.sub("channel"))
	k.ID = id
	c.rooms.put(k)
	return k, nil
}

// readRoom reads a channel object.
func readRoom(b bag) room {
	r := room{ID: b.str("id"), Name: shorten(oneLine(b.str("name")), maxNameRunes), Kind: "channel", User: b.str("user")}
	switch {
	case b.flag("is_im"):
		r.Kind, r.Name = "im", ""
	case b.flag("is_mpim"):
		r.Kind, r.Name = "mpim", ""
	case b.flag("is_private"):
		r.Kind = "group"
	}
	return r
}

// takes tells whether what is written in a room is taken in.
func (s *settings) takes(r room) bool {
	switch {
	case slices.Contains(s.notices, r.ID):
		return false // colleagues talk there
	case r.chat() || s.take == takeAll:
		return true
	case s.take == takeDirect:
		return false
	}
	return slices.Contains(s.listed, r.ID) || slices.Contains(s.listed, r.Name)
}

// directs remembers the direct message with somebody.
type directs struct {
	mu    sync.Mutex
	known map[string]string
}
