package slacktest

import (
	"slices"
	"strings"
)

// authTest answers who the token is.
func authTest(c *call) (obj, error) {
	w := c.s.workspace
	return obj{
		"url": w.base + "/", "team": w.team.Name, "team_id": w.team.ID, "user": w.app.person.Name, "user_id": w.app.ID, "bot_id": w.app.BotID,
		"is_enterprise_install": false,
	}, nil
}

func (c *call) userView(u *User) obj {
	return c.s.userView(u, c.s.hasScope("users:read.email"), c.flag("include_locale"))
}

func usersInfo(c *call) (obj, error) {
	id, err := c.need("user")
	if err != nil {
		return nil, err
	}
	u := c.s.user(id)
	if u == nil {
		return nil, fail("user_not_found")
	}
	return obj{"user": c.userView(u)}, nil
}

// usersList gives the members of the workspace and those of others who are in a
// channel with it.
func usersList(c *call) (obj, error) {
	limit, err := c.limit(1000, 1000)
	if err != nil {
		return nil, err
	}
	all := slices.DeleteFunc(slices.Clone(c.s.users), c.s.stranger)
	part, next, err := page(c, all, limit)
	if err != nil {
		return nil, err
	}
	views := []any{}
	for _, u := range part {
		views = append(views, c.userView(u))
	}
	return obj{"members": views, "cache_ts": seconds(c.s.now()), "response_metadata": cursor(next)}, nil
}

func usersLookup(c *call) (obj, error) {
	email, err := c.need("email")
	if err != nil {
		return nil, err
	}
	for _, u := range c.s.users {
		if u.team == c.s.team && !u.deleted && u.person.Email != "" && strings.EqualFold(u.person.Email, email) {
			return obj{"user": c.userView(u)}, nil
		}
	}
	return nil, fail("users_not_found")
}

func botsInfo(c *call) (obj, error) {
	id, err := c.need("bot")
	if err != nil {
		return nil, err
	}
	for _, u := range c.s.users {
		if u.BotID != "" && u.BotID == id {
			return obj{"bot": obj{
				"id": u.BotID, "deleted": u.deleted, "name": u.person.RealName, "updated": u.updated, "app_id": u.AppID, "user_id": u.ID,
				"icons": obj{"image_36": c.s.avatar(u, 32), "image_48": c.s.avatar(u, 48), "image_72": c.s.avatar(u, 72)},
			}}, nil
		}
	}
	return nil, fail("bot_not_found")
}

// teamInfo tells of the own workspace and of those that share a channel with it.
func teamInfo(c *call) (obj, error) {
	id := c.text("team")
	for _, t := range c.s.teams {
		if t.ID == id || id == "" && t == c.s.team {
			return obj{"team": obj{
				"id": t.ID, "name": t.Name, "domain": t.Domain, "url": "https://" + t.Domain + ".slack.example.com/", "email_domain": "",
				"icon": obj{"image_default": true}, "avatar_base_url": c.s.base + "/avatars/", "is_verified": false,
			}}, nil
		}
	}
	return nil, fail("team_not_found")
}

func emojiList(c *call) (obj, error) {
	list := obj{}
	for name, address := range c.s.emoji {
		list[name] = address
	}
	return obj{"emoji": list, "cache_ts": c.s.stamp()}, nil
}
