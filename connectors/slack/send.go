package slack

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	slackgo "github.com/slack-go/slack"

	"throughline/connectors"
	"throughline/message"
)

const (
	// maxMarkup is where Slack cuts a text.
	maxMarkup = 40000
	// metaType names what our posts carry in their metadata.
	metaType = "throughline_message"
)

// target is where a message goes.
type target struct{ channel, thread string }

// Send posts one message, at most once: where it is not certain that Slack did
// not take it, the error is of class Unsure.
func (c *Connector) Send(ctx context.Context, m message.Message) (connectors.Receipt, error) {
	no := func(format string, args ...any) (connectors.Receipt, error) {
		return connectors.Receipt{}, &connectors.SendError{Class: connectors.Reject, Reason: fmt.Sprintf(format, args...)}
	}
	if len(m.To) != 1 || len(m.Cc)+len(m.Bcc) > 0 {
		return no("a message of this channel goes to exactly one person")
	}
	if _, _, ok := memberOf(m.To[0].Handle); !ok {
		return no("%s is not an address of this channel", m.To[0].Handle)
	}
	text := markup(m)
	switch n := utf8.RuneCountInString(text); {
	case n > maxMarkup:
		return no("the text has %d characters with its formatting; at most %d can be sent", n, maxMarkup)
	case text == "" && len(m.Parts) == 0:
		return no("the message has neither text nor a file")
	case len(m.Parts) > maxFiles:
		return no("the message has %d files; at most %d can be sent", len(m.Parts), maxFiles)
	}
	team, _, _, err := c.identity(ctx)
	if err != nil {
		return connectors.Receipt{}, sendError(err, false)
	}
	methods := []string{"chat.postMessage"}
	if len(m.Parts) > 0 {
		methods = uploading
	}
	if err := c.api.free(methods...); err != nil {
		return connectors.Receipt{}, sendError(err, false)
	}
	to, err := c.target(ctx, team, &m)
	if err != nil {
		return connectors.Receipt{}, sendError(err, false)
	}
	if len(m.Parts) > 0 {
		return c.upload(ctx, team, to, text, m.Parts)
	}
	return c.post(ctx, team, to, text, &m)
}

// target finds where a message goes: into the thread or the direct message that it
// answers, else into the direct message with its recipient.
func (c *Connector) target(ctx context.Context, team string, m *message.Message) (target, error) {
	_, user, _ := memberOf(m.To[0].Handle)
	var at place
	for i := len(m.Thread) - 1; i >= 0 && at.channel == ""; i-- {
		if p, ok := parseKey(strings.TrimSuffix(m.Thread[i], threadMark)); ok && p.team == team {
			at = p
		}
	}
	if at.channel != "" && strings.HasPrefix(at.channel, "D") {
		// Nobody else may read what is meant for one person.
		if other, err := c.partner(ctx, at.channel); err != nil {
			return target{}, err
		} else if other != user {
			at = place{}
		}
	}
	if at.channel == "" {
		d, err := c.direct(ctx, user)
		return target{channel: d}, err
	}
	to := target{channel: at.channel}
	for i := len(m.Thread) - 1; i >= 0 && to.thread == ""; i-- {
		name, ok := strings.CutSuffix(m.Thread[i], threadMark)
		if p, good := parseKey(name); ok && good && p.team == team && p.channel == at.channel {
			to.thread = p.ts
		}
	}
	return to, nil
}

// partner is the other one of a direct message.
func (c *Connector) partner(ctx context.Context, channel string) (string, error) {
	if k, ok := c.rooms.get(channel); ok && k.User != "" {
		return k.User, nil
	}
	k, err := c.askRoom(ctx, channel)
	return k.User, err
}

// direct opens the direct message with somebody; opening it again is the same one.
func (c *Connector) direct(ctx context.Context, user string) (string, error) {
	c.opened.mu.Lock()
	known := c.opened.known[user]
	c.opened.mu.Unlock()
	if known != "" {
		return known, nil
	}
	if err := c.api.free("conversations.open"); err != nil {
		return "", err
	}
	x, err := c.api.call(ctx, "conversations.open", func(ctx context.Context) error {
		_, _, _, err := c.api.OpenConversationContext(ctx, &slackgo.OpenConversationParameters{Users: []string{user}})
		return err
	})
	if err != nil {
		return "", err
	}
	id := x.body.sub("channel").str("id")
	if id == "" {
		return "", &apiError{method: "conversations.open", code: "no conversation named"}
	}
	c.opened.mu.Lock()
	defer c.opened.mu.Unlock()
	if len(c.opened.known) >= maxOpened {
		clear(c.opened.known)
	}
	c.opened.known[user] = id
	return id, nil
}

// post writes a text.
func (c *Connector) post(ctx context.Context, team string, to target, text string, m *message.Message) (connectors.Receipt, error) {
	options := []slackgo.MsgOption{slackgo.MsgOptionText(text, false), slackgo.MsgOptionTS(to.thread), slackgo.MsgOptionMetadata(
		slackgo.SlackMetadata{EventType: metaType, EventPayload: map[string]any{"id": message.OwnRef(m.ID, m.Token)}})}
	x, err := c.api.call(ctx, "chat.postMessage", func(ctx context.Context) error {
		_, _, err := c.api.PostMessageContext(ctx, to.channel, options...)
		return err
	})
	if err != nil {
		return connectors.Receipt{}, sendError(err, true)
	}
	ts := x.body.str("ts")
	if _, ok := stamp(ts); !ok {
		return connectors.Receipt{}, &connectors.SendError{Class: connectors.Unsure, Reason: "Slack's answer does not name the message"}
	}
	return connectors.Receipt{Ref: keyOf(team, to.channel, ts), Detail: "Slack took it as " + ts + " in " + to.channel}, nil
}

// uploading are the methods that upload calls, in their order, and between them the bytes
// themselves. A wish to leave the last one alone lets none of the others begin: what they
// brought would be of no use.
var uploading = []string{"files.getUploadURLExternal", "upload", "files.completeUploadExternal"}

// upload posts files with a text. Only the last of its calls shows anything.
func (c *Connector) upload(ctx context.Context, team string, to target, text string, parts []message.Part) (connectors.Receipt, error) {
	var list []slackgo.FileSummary
	for i, p := range parts {
		name := fileName(p.Name)
		if name == "" {
			name = fmt.Sprintf("file-%d", i+1)
		}
		id, err := c.putFile(ctx, name, p)
		if err != nil {
			return connectors.Receipt{}, sendError(err, false)
		}
		list = append(list, slackgo.FileSummary{ID: id, Title: name})
	}
	_, err := c.api.call(ctx, "files.completeUploadExternal", func(ctx context.Context) error {
		_, err := c.api.CompleteUploadExternalContext(ctx, slackgo.CompleteUploadExternalParameters{
			Files: list, Channel: to.channel, InitialComment: text, ThreadTimestamp: to.thread})
		return err
	})
	if err != nil {
		return connectors.Receipt{}, sendError(err, true)
	}
	ts := c.shared(ctx, list[0].ID, to.channel)
	detail := fmt.Sprintf("Slack took it with %d files in %s", len(list), to.channel)
	if ts == "" {
		// It is there, and only its name is not known yet.
		return connectors.Receipt{Ref: fileRef(team, to.channel, list[0].ID), Detail: detail}, nil
	}
	return connectors.Receipt{Ref: keyOf(team, to.channel, ts), Detail: detail}, nil
}

// fileRef names a post by its first file.
func fileRef(team, channel, file string) string {
	return Scheme + ":" + team + "/" + channel + "/" + file
}

// putFile brings the bytes of one file to Slack, where nobody sees them yet.
func (c *Connector) putFile(ctx context.Context, name string, p message.Part) (id string, err error) {
	if p.Content == nil || p.Content.Size() == 0 {
		return "", fmt.Errorf("the file %q is empty; Slack takes no empty files", name)
	}
	var a *slackgo.GetUploadURLExternalResponse
	if _, err := c.api.call(ctx, "files.getUploadURLExternal", func(ctx context.Context) (err error) {
		a, err = c.api.GetUploadURLExternalContext(ctx, slackgo.GetUploadURLExternalParameters{FileName: name, FileSize: int(p.Content.Size())})
		return err
	}); err != nil {
		return "", err
	}
	body, err := p.Content.Open()
	if err != nil {
		return "", &apiError{method: "upload", err: err}
	}
	defer body.Close()
	ctx, cancel := context.WithTimeout(ctx, c.limits.file)
	defer cancel()
	x := &exchange{plain: true}
	// The token goes along: slack-go sees to it that the address is Slack's.
	err = c.api.UploadToURL(context.WithValue(ctx, exchangeKey{}, x), slackgo.UploadToURLParameters{UploadURL: a.UploadURL, Reader: body, Filename: name})
	return a.FileID, c.api.heed("upload", x.failure("upload", err))
}

// shared asks which message came of an upload, "" if that is not known in time.
func (c *Connector) shared(ctx context.Context, id, channel string) string {
	for _, pause := range c.limits.appear {
		if sleep(ctx, pause) != nil {
			return ""
		}
		file, err := c.askFile(ctx, id)
		if err != nil {
			c.log.Warn("the message of a file is not known", "file", id, "error", err)
			return ""
		}
		shares := file.sub("shares")
		for side := range shares {
			for _, share := range shares.sub(side).list(channel) {
				if ts := share.str("ts"); ts != "" {
					return ts
				}
			}
		}
	}
	return ""
}

// Find looks for a post that an attempt of unclear outcome left behind: by the
// name in its metadata, and posts with files by their words and files.
func (c *Connector) Find(ctx context.Context, m message.Message, since time.Time, taken func(ref string) bool) (connectors.Receipt, error) {
	team, user, _, err := c.identity(ctx)
	if err != nil {
		return connectors.Receipt{}, fault(err)
	}
	if _, _, ok := memberOf(firstTo(m)); !ok {
		return connectors.Receipt{}, connectors.ErrNotFound
	}
	to, err := c.target(ctx, team, &m)
	if err != nil {
		return connectors.Receipt{}, fault(err)
	}
	list, _, err := c.history(ctx, to.channel, to.thread, c.postedAfter(since), "")
	if err != nil {
		return connectors.Receipt{}, fault(err)
	}
	own := message.OwnRef(m.ID, m.Token)
	others := func(e *entry) bool {
		return taken(keyOf(team, to.channel, e.ts)) || len(e.files) > 0 && taken(fileRef(team, to.channel, e.files[0].id))
	}
	for _, e := range list {
		if e.user != user || e.subtype == "tombstone" || others(&e) {
			continue
		}
		named := e.meta.str("event_type") == metaType
		if named && e.meta.sub("event_payload").str("id") != own {
			continue
		}
		if named || len(m.Parts) > 0 && sameFiles(&e, &m) {
			return connectors.Receipt{Ref: keyOf(team, to.channel, e.ts), Detail: "found at Slack as " + e.ts + " in " + to.channel}, nil
		}
	}
	return connectors.Receipt{}, connectors.ErrNotFound
}

// findBack is how much earlier than it was made a post is looked for: our clock may have
// been set meanwhile. More of a history does no harm, as posts are known by what they carry.
const findBack = time.Hour

// postedAfter is from when on a post is looked for that was made after a time of our
// clock: by Slack's, where ours is ahead.
func (c *Connector) postedAfter(since time.Time) string {
	return stampOf(since.Add(min(0, time.Duration(c.api.ahead.Load())) - findBack))
}

func firstTo(m message.Message) message.Handle {
	if len(m.To) != 1 {
		return ""
	}
	return m.To[0].Handle
}

// sameFiles tells whether a post has the words and the files of a message.
func sameFiles(e *entry, m *message.Message) bool {
	if len(e.files) != len(m.Parts) || render(e.text, names{}).text != render(markup(*m), names{}).text {
		return false
	}
	left := map[string]int{}
	for i, p := range m.Parts {
		name := fileName(p.Name)
		if name == "" {
			name = fmt.Sprintf("file-%d", i+1)
		}
		left[name+"/"+strconv.FormatInt(p.Size, 10)]++
	}
	for _, f := range e.files {
		left[fileName(f.name)+"/"+strconv.FormatInt(f.size, 10)]--
	}
	for _, n := range left {
		if n != 0 {
			return false
		}
	}
	return true
}
