package slack

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"slices"
	"sync"

	"throughline/message"
)

// Events that nobody understands, and those that say nothing to us.

// oddities bounds how much of what nobody understands is kept.
type oddities struct {
	mu    sync.Mutex
	count map[string]int
}

// maxOdd is how many events of one unknown type are kept; the others are only
// acknowledged.
const maxOdd = 10

func (o *oddities) keep(kind string) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.count) > 1000 {
		clear(o.count)
	}
	o.count[kind]++
	return o.count[kind] <= maxOdd
}

// known are the types of event that say nothing to us.
func known(kind string) bool {
	return slices.Contains([]string{
		"app_home_opened", "app_rate_limited", "app_requested", "assistant_thread_started", "assistant_thread_context_changed",
		"channel_archive", "channel_created", "channel_deleted", "channel_history_changed", "channel_id_changed", "channel_left",
		"channel_shared", "channel_unarchive", "channel_unshared", "dnd_updated", "dnd_updated_user", "email_domain_changed", "emoji_changed",
		"file_change", "file_comment_added", "file_comment_deleted", "file_comment_edited", "file_created", "file_deleted", "file_public",
		"file_shared", "file_unshared", "group_archive", "group_close", "group_deleted", "group_history_changed", "group_left", "group_open",
		"group_unarchive", "im_close", "im_created", "im_history_changed", "im_open", "invite_requested", "link_shared",
		"member_joined_channel", "member_left_channel", "message_metadata_deleted", "message_metadata_posted", "message_metadata_updated",
		"pin_added", "pin_removed", "shared_channel_invite_accepted", "shared_channel_invite_approved", "shared_channel_invite_declined",
		"shared_channel_invite_received", "shared_channel_invite_requested", "star_added", "star_removed", "subteam_created",
		"subteam_members_changed", "subteam_self_added", "subteam_self_removed", "subteam_updated", "team_access_granted",
		"team_access_revoked", "team_domain_change", "team_rename", "user_huddle_changed", "user_profile_changed", "user_status_changed",
	}, kind)
}

// oddEvent is an event that is kept for people because nobody understands it.
func (c *Connector) oddEvent(payload []byte, id, reason string) message.Held {
	if id == "" {
		sum := sha256.Sum256(payload)
		id = hex.EncodeToString(sum[:12])
	}
	if outer, ok := readBag(payload); ok && outer["token"] != nil {
		delete(outer, "token") // of an older way to prove where events come from
		if b, err := json.Marshal(outer); err == nil {
			payload = b
		}
	}
	return heldItem("slack-event:"+oneLine(id), "", reason, payload)
}
