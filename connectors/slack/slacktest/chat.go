package slacktest

import (
	"fmt"
	"regexp"
	"strings"
	"unicode/utf8"
)

// Limits of a message.
const (
	MaxText     = 40000 // characters of chat.postMessage
	MaxUpdate   = 4000  // characters of chat.update
	maxBlocks   = 50
	maxAttached = 100
)

// content is what can be written: the same for new and for changed messages.
type content struct {
	text     string
	blocks   []any
	rich     bool // blocks are Slack's own, of the text
	attach   []any
	metadata obj
	given    map[string]bool // which arguments were there, empty or not
}

func (c *call) content(most int) (content, error) {
	k := content{text: c.text("text"), given: map[string]bool{}}
	for _, name := range []string{"blocks", "attachments", "metadata"} {
		k.given[name] = c.args[name] != nil && c.args[name] != ""
	}
	if utf8.RuneCountInString(k.text) > most {
		return k, fail("msg_too_long")
	}
	if _, err := c.structure("blocks", &k.blocks); err != nil {
		return k, fail("invalid_blocks_format")
	}
	if len(k.blocks) > maxBlocks {
		return k, fail("invalid_blocks")
	}
	for i, b := range k.blocks {
		block, ok := b.(obj)
		if t, _ := block["type"].(string); !ok || t == "" {
			return k, fail("invalid_blocks")
		}
		if block["block_id"] == nil {
			block["block_id"] = secret(5)
		}
		k.blocks[i] = block
	}
	if _, err := c.structure("attachments", &k.attach); err != nil {
		return k, fail("invalid_attachments")
	}
	if len(k.attach) > maxAttached {
		return k, fail("too_many_attachments")
	}
	if found, err := c.structure("metadata", &k.metadata); found {
		kind, _ := k.metadata["event_type"].(string)
		if _, ok := k.metadata["event_payload"].(obj); err != nil || len(k.metadata) > 0 && (!ok || kind == "") {
			return k, fail("invalid_metadata_format")
		}
	}
	if strings.TrimSpace(k.text) == "" && len(k.blocks) == 0 && len(k.attach) == 0 {
		return k, fail("no_text")
	}
	k.text = kept(k.text, c.text("parse") != "none")
	if k.rich = len(k.blocks) == 0 && k.text != ""; k.rich {
		k.blocks = c.s.richText(k.text)
	}
	return k, nil
}

// destination is the channel to write to: an ID, a name, or a person for the
// direct message with them.
func (c *call) destination() (*Channel, error) {
	id, err := c.need("channel")
	if err != nil {
		return nil, err
	}
	ch := c.s.channel(id)
	if u := c.s.user(id); ch == nil && u != nil {
		if c.s.stranger(u) || u == c.s.app || u.deleted {
			return nil, fail("channel_not_found")
		}
		ch, _ = c.s.direct(c.s, c.s.app, u)
	}
	for _, other := range c.s.channels {
		if ch == nil && other.name != "" && other.name == strings.TrimPrefix(id, "#") {
			ch = other
		}
	}
	switch {
	case ch == nil || !c.s.visible(ch):
		return nil, fail("channel_not_found")
	case ch.archived:
		return nil, fail("is_archived")
	case !ch.has(c.s.app) && !c.s.hasScope("chat:write.public"):
		return nil, fail("not_in_channel")
	}
	return ch, nil
}

// thread checks thread_ts. When there is no such message any more, Slack does not
// refuse: the message lands in the channel, and only the missing thread_ts of the
// answer says so. A reply's ts stands for its thread, but the documents say not
// to use one.
func (c *call) thread(ch *Channel) (string, error) {
	ts := c.text("thread_ts")
	if ts == "" {
		return "", nil
	}
	if _, err := micros(ts); err != nil {
		return "", fail("invalid_thread_ts")
	}
	p := ch.find(ts)
	if p == nil {
		return "", nil
	}
	if p.isReply() {
		c.s.odd = append(c.s.odd, c.method+": thread_ts names a reply, not the parent of its thread")
		return p.threadTS, nil
	}
	return ts, nil
}

func chatPost(c *call) (obj, error) {
	ch, err := c.destination()
	if err != nil {
		return nil, err
	}
	k, err := c.content(MaxText)
	if err != nil {
		return nil, err
	}
	m := &message{channel: ch, user: c.s.app, text: k.text, blocks: k.blocks, attach: k.attach, metadata: k.metadata, byApp: true}
	m.rich = k.rich
	if m.threadTS, err = c.thread(ch); err != nil {
		return nil, err
	}
	if m.threadTS != "" && c.flag("reply_broadcast") {
		m.subtype = "thread_broadcast"
	}
	if name, icon := c.text("username"), c.text("icon_emoji"); name != "" || icon != "" || c.text("icon_url") != "" {
		if !c.s.hasScope("chat:write.customize") {
			return nil, c.s.needs("chat:write.customize")
		}
		m.name, m.icon, m.subtype = name, icon, "bot_message"
	}
	c.s.add(m)
	c.s.emitMessage(m)
	return obj{"channel": ch.ID, "ts": m.ts, "message": c.s.messageView(m, true)}, nil
}

// own finds a message that the app may change.
func (c *call) own(wrong string) (*message, error) {
	ch, err := c.target("")
	if err != nil {
		return nil, err
	}
	ts, err := c.need("ts")
	if err != nil {
		return nil, err
	}
	m := ch.find(ts)
	switch {
	case m == nil:
		return nil, fail("message_not_found")
	case ch.archived:
		return nil, fail("is_archived")
	case m.user != c.s.app || m.subtype == "channel_join":
		return nil, fail(wrong)
	}
	return m, nil
}

// chatUpdate changes a message. Blocks, attachments and metadata that are not
// given stay as they are; given and empty, they go.
func chatUpdate(c *call) (obj, error) {
	m, err := c.own("cant_update_message")
	if err != nil {
		return nil, err
	}
	k, err := c.content(MaxUpdate)
	if err != nil {
		return nil, err
	}
	before := c.s.messageView(m, false)
	m.text = k.text
	if k.given["blocks"] || m.rich {
		m.blocks, m.rich = k.blocks, k.rich
	}
	if k.given["attachments"] {
		m.attach = k.attach
	}
	if k.given["metadata"] {
		m.metadata = k.metadata
	}
	m.edited = obj{"user": c.s.app.ID, "ts": c.s.stamp()}
	c.s.emitChanged(m, before)
	return obj{"channel": m.channel.ID, "ts": m.ts, "text": m.text, "message": c.s.messageView(m, true)}, nil
}

func chatDelete(c *call) (obj, error) {
	m, err := c.own("cant_delete_message")
	if err != nil {
		return nil, err
	}
	before := c.s.messageView(m, false)
	c.s.remove(m)
	c.s.emitDeleted(m, before)
	return obj{"channel": m.channel.ID, "ts": m.ts}, nil
}

func chatEphemeral(c *call) (obj, error) {
	ch, err := c.destination()
	if err != nil {
		return nil, err
	}
	id, err := c.need("user")
	if err != nil {
		return nil, err
	}
	u := c.s.user(id)
	if u == nil || !ch.has(u) {
		return nil, fail("user_not_in_channel")
	}
	k, err := c.content(MaxText)
	if err != nil {
		return nil, err
	}
	ts := c.s.stamp()
	c.s.ephem = append(c.s.ephem, Post{Channel: ch.ID, TS: ts, Text: k.text, To: id, Blocks: k.blocks})
	return obj{"message_ts": ts}, nil
}

func chatPermalink(c *call) (obj, error) {
	ch, err := c.target("")
	if err != nil {
		return nil, err
	}
	ts, err := c.need("message_ts")
	if err != nil {
		return nil, err
	}
	m := ch.find(ts)
	if m == nil {
		return nil, fail("message_not_found")
	}
	link := fmt.Sprintf("%s/archives/%s/p%s", c.s.base, ch.ID, strings.ReplaceAll(ts, ".", ""))
	if m.isReply() {
		link += "?thread_ts=" + m.threadTS + "&cid=" + ch.ID
	}
	return obj{"channel": ch.ID, "permalink": link}, nil
}

// emojiName is what may stand between colons.
var emojiName = regexp.MustCompile(`^[a-z0-9_+'\-]{1,100}(::skin-tone-[2-6])?$`)

// reacted finds the message and the name of a reaction.
func (c *call) reacted(named bool) (*message, string, error) {
	ch, err := c.target("")
	if err != nil {
		return nil, "", err
	}
	name := strings.Trim(c.text("name"), ":")
	if named && !emojiName.MatchString(name) {
		return nil, "", fail("invalid_name")
	}
	ts := c.text("timestamp")
	if ts == "" {
		return nil, "", fail("no_item_specified")
	}
	if _, err := micros(ts); err != nil {
		return nil, "", fail("bad_timestamp")
	}
	m := ch.find(ts)
	switch {
	case m == nil:
		return nil, "", fail("message_not_found")
	case ch.archived:
		return nil, "", fail("is_archived")
	case !ch.has(c.s.app):
		return nil, "", fail("not_in_channel")
	}
	return m, name, nil
}

func reactionsAdd(c *call) (obj, error) {
	m, name, err := c.reacted(true)
	if err != nil {
		return nil, err
	}
	if !c.s.react(m, c.s.app, name) {
		return nil, fail("already_reacted")
	}
	return nil, nil
}

func reactionsRemove(c *call) (obj, error) {
	m, name, err := c.reacted(true)
	if err != nil {
		return nil, err
	}
	if !c.s.unreact(m, c.s.app, name) {
		return nil, fail("no_reaction")
	}
	return nil, nil
}

func reactionsGet(c *call) (obj, error) {
	m, _, err := c.reacted(false)
	if err != nil {
		return nil, err
	}
	return obj{"type": "message", "channel": m.channel.ID, "message": c.s.messageView(m, false)}, nil
}
