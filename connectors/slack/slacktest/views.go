package slacktest

import (
	"cmp"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"time"
)

// profile is what a person shows. email is left out for those who may not see
// it.
func (w *workspace) profile(u *User, email bool) obj {
	p := obj{
		"real_name": u.person.RealName, "real_name_normalized": u.person.RealName,
		"display_name": u.person.DisplayName, "display_name_normalized": u.person.DisplayName,
		"title": u.person.Title, "phone": u.person.Phone, "skype": "", "status_text": "", "status_emoji": "", "status_expiration": 0,
		"avatar_hash": fmt.Sprintf("g%s%d", strings.ToLower(u.ID), u.version), "team": u.team.ID, "fields": nil, "is_custom_image": true,
	}
	first, last, _ := strings.Cut(u.person.RealName, " ")
	p["first_name"], p["last_name"] = first, last
	for _, size := range []int{24, 32, 48, 72, 192, 512} {
		p[fmt.Sprintf("image_%d", size)] = w.avatar(u, size)
	}
	if u.BotID != "" {
		p["bot_id"], p["api_app_id"], p["always_active"] = u.BotID, u.AppID, true
	}
	if email && u.person.Email != "" && (u.team == w.team || u.person.ShareEmail && !w.stranger(u)) {
		p["email"] = u.person.Email
	}
	return p
}

func (w *workspace) avatar(u *User, size int) string {
	return fmt.Sprintf("%s/avatars/%s-%d-%d.png", w.base, u.ID, u.version, size)
}

// userView is a user object as users.info and user_change show it.
func (w *workspace) userView(u *User, email, locale bool) obj {
	v := obj{
		"id": u.ID, "team_id": u.team.ID, "name": u.person.Name, "deleted": u.deleted, "color": "9f69e7",
		"is_bot": u.BotID != "", "is_app_user": false, "updated": u.updated, "profile": w.profile(u, email),
		"who_can_share_contact_card": "EVERYONE",
	}
	if u.deleted {
		return v
	}
	zone, err := time.LoadLocation(u.person.TZ)
	if err != nil {
		zone = time.UTC
	}
	label, offset := w.now().In(zone).Zone()
	v["real_name"], v["tz"], v["tz_label"], v["tz_offset"] = u.person.RealName, u.person.TZ, label, offset
	for _, k := range []string{"is_admin", "is_owner", "is_primary_owner", "is_ultra_restricted"} {
		v[k] = false
	}
	v["is_restricted"] = u.person.Guest
	if w.stranger(u) {
		v["is_stranger"] = true
	}
	if locale {
		v["locale"] = u.person.Locale
	}
	return v
}

// shortProfile comes with events about people of other workspaces.
func (w *workspace) shortProfile(u *User) obj {
	first, _, _ := strings.Cut(u.person.RealName, " ")
	return obj{
		"avatar_hash": fmt.Sprintf("g%s%d", strings.ToLower(u.ID), u.version), "image_72": w.avatar(u, 72), "first_name": first,
		"real_name": u.person.RealName, "display_name": u.person.DisplayName, "team": u.team.ID, "name": u.person.Name,
		"is_restricted": u.person.Guest, "is_ultra_restricted": false,
	}
}

// channelView is a channel object, as the app sees it.
func (w *workspace) channelView(c *Channel) obj {
	v := obj{
		"id": c.ID, "created": c.created, "creator": c.creator, "is_archived": c.archived, "is_org_shared": false,
		"is_channel": c.Kind == Public || c.Kind == Private, "is_group": false, "is_im": c.Kind == IM, "is_mpim": c.Kind == MPIM,
		"is_private": c.Kind != Public, "is_general": false, "is_shared": c.external(), "is_ext_shared": c.external(),
		"is_pending_ext_shared": false, "pending_shared": []any{}, "unlinked": 0, "context_team_id": w.team.ID,
		"updated": c.created * 1000,
	}
	if c.Kind == IM {
		v["user"], v["is_user_deleted"] = "", false
		for _, u := range c.members {
			if u != w.app {
				v["user"], v["is_user_deleted"] = u.ID, u.deleted
			}
		}
		delete(v, "creator")
		return v
	}
	v["name"], v["name_normalized"], v["previous_names"] = c.name, c.name, append([]string{}, c.previous...)
	v["is_member"], v["parent_conversation"], v["is_read_only"] = c.has(w.app), nil, false
	v["topic"] = obj{"value": c.topic, "creator": c.creator, "last_set": c.created}
	v["purpose"] = obj{"value": c.purpose, "creator": c.creator, "last_set": c.created}
	if c.has(w.app) {
		v["last_read"] = c.lastRead
	}
	if c.external() {
		ids := []string{w.team.ID}
		for _, t := range c.shared {
			ids = append(ids, t.ID)
		}
		v["shared_team_ids"], v["internal_team_ids"], v["connected_team_ids"] = ids, []string{w.team.ID}, ids
		v["conversation_host_id"], v["pending_connected_team_ids"] = w.team.ID, []string{}
	}
	return v
}

// messageView is a message as history, replies and events show it; metadata is
// shown only when it was asked for.
func (w *workspace) messageView(m *message, metadata bool) obj {
	v := obj{"type": "message", "ts": m.ts, "text": m.text}
	put := func(k, s string) {
		if s != "" {
			v[k] = s
		}
	}
	put("subtype", m.subtype)
	put("thread_ts", m.threadTS)
	put("client_msg_id", m.clientID)
	put("inviter", m.inviter)
	if u := m.user; u != nil {
		if m.subtype != "bot_message" {
			v["user"] = u.ID
			put("team", u.team.ID)
		}
		if u.BotID != "" {
			v["bot_id"], v["app_id"] = u.BotID, u.AppID
			if m.subtype == "bot_message" {
				v["username"] = cmp.Or(m.name, u.person.RealName)
				if m.icon != "" {
					v["icons"] = obj{"emoji": m.icon}
				}
			} else {
				v["bot_profile"] = obj{
					"id": u.BotID, "app_id": u.AppID, "user_id": u.ID, "name": u.person.RealName, "team_id": u.team.ID, "deleted": u.deleted,
					"updated": u.updated, "icons": obj{"image_36": w.avatar(u, 32), "image_48": w.avatar(u, 48), "image_72": w.avatar(u, 72)},
				}
			}
		}
		if u.team != w.team {
			v["user_team"], v["source_team"], v["user_profile"] = u.team.ID, u.team.ID, w.shortProfile(u)
		}
	}
	if m.subtype == "tombstone" {
		v["hidden"] = true
	}
	if m.isReply() {
		if p := m.channel.find(m.threadTS); p != nil && p.user != nil {
			v["parent_user_id"] = p.user.ID
		}
	} else if replies := m.channel.replies(m.ts); len(replies) > 0 {
		var who []string
		for _, r := range replies {
			if id := r.user.ID; !slices.Contains(who, id) {
				who = append(who, id)
			}
		}
		v["reply_count"], v["reply_users"], v["reply_users_count"] = len(replies), who, len(who)
		v["latest_reply"], v["is_locked"], v["subscribed"] = replies[len(replies)-1].ts, false, false
	}
	if m.blocks != nil {
		v["blocks"] = m.blocks
	}
	if m.attach != nil {
		v["attachments"] = m.attach
	}
	if metadata && m.metadata != nil {
		v["metadata"] = m.metadata
	}
	if m.edited != nil {
		v["edited"] = m.edited
	}
	if len(m.files) > 0 {
		var files []any
		for _, f := range m.files {
			files = append(files, w.fileIn(f, m.channel))
		}
		v["files"], v["upload"], v["display_as_bot"] = files, false, false
	}
	if len(m.reacts) > 0 {
		var list []any
		for _, r := range m.reacts {
			var who []string
			for _, u := range r.users {
				who = append(who, u.ID)
			}
			list = append(list, obj{"name": r.name, "users": who, "count": len(who)})
		}
		v["reactions"] = list
	}
	return v
}

// fileIn is a file within a message. In a Slack Connect channel it is only a
// note to ask files.info.
func (w *workspace) fileIn(f *File, c *Channel) obj {
	if f.deleted {
		return obj{"id": f.ID, "mode": "tombstone"}
	}
	if c.external() && f.user.team != w.team {
		return obj{"id": f.ID, "mode": "file_access", "file_access": "check_file_info", "created": 0, "timestamp": 0, "user": ""}
	}
	return w.fileView(f, false)
}

// fileView is a file object; shares only as files.info shows them.
func (w *workspace) fileView(f *File, shares bool) obj {
	key := f.user.team.ID + "-" + f.ID
	name := url.PathEscape(f.Name)
	ext := f.ext()
	v := obj{
		"id": f.ID, "created": f.created, "timestamp": f.created, "name": f.Name, "title": cmp.Or(f.Title, f.Name), "mimetype": f.MIMEType,
		"filetype": ext, "pretty_type": strings.ToUpper(ext), "user": f.user.ID, "user_team": f.user.team.ID, "editable": false,
		"size": f.size, "mode": "hosted", "is_external": false, "external_type": "", "is_public": false, "public_url_shared": false,
		"display_as_bot": false, "username": "", "url_private": w.base + "/files-pri/" + key + "/" + name,
		"url_private_download": w.base + "/files-pri/" + key + "/download/" + name, "media_display_type": "unknown",
		"permalink": w.base + "/files/" + f.user.ID + "/" + f.ID + "/" + name, "is_starred": false, "has_rich_preview": false,
		"file_access": "visible", "comments_count": 0,
	}
	if f.altText != "" {
		v["alt_txt"] = f.altText
	}
	lists := map[Kind][]string{Public: {}, Private: {}, IM: {}}
	in := map[string]map[string][]any{"public": {}, "private": {}}
	for c, stamps := range f.shares {
		kind, side := c.Kind, "private"
		switch kind {
		case Public:
			side = "public"
			v["is_public"] = true
		case MPIM:
			kind = Private
		}
		lists[kind] = append(lists[kind], c.ID)
		for _, ts := range stamps {
			share := obj{"ts": ts, "team_id": w.team.ID, "share_user_id": f.user.ID, "reply_users": []string{}, "reply_users_count": 0, "reply_count": 0}
			if c.name != "" {
				share["channel_name"] = c.name
			}
			if m := c.find(ts); m != nil && m.threadTS != "" {
				share["thread_ts"] = m.threadTS
			}
			in[side][c.ID] = append(in[side][c.ID], share)
		}
	}
	for kind, key := range map[Kind]string{Public: "channels", Private: "groups", IM: "ims"} {
		v[key] = slices.Sorted(slices.Values(lists[kind]))
		if len(lists[kind]) == 0 {
			v[key] = []string{}
		}
	}
	if shares {
		out := obj{}
		for side, m := range in {
			if len(m) > 0 {
				out[side] = maps.Clone(m)
			}
		}
		v["shares"] = out
	}
	return v
}

// ext is Slack's "filetype": the extension, or "binary".
func (f *File) ext() string {
	if i := strings.LastIndexByte(f.Name, '.'); i >= 0 && i < len(f.Name)-1 {
		return strings.ToLower(f.Name[i+1:])
	}
	return "binary"
}
