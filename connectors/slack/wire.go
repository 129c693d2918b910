package slack

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"throughline/message"
)

// What Slack sends, read with patience: Slack adds fields and types whenever it
// likes, and one odd field must not cost a message.

// bag is a JSON object whose values are looked at one by one.
type bag map[string]json.RawMessage

func readBag(raw json.RawMessage) (b bag, ok bool) {
	return b, json.Unmarshal(raw, &b) == nil && b != nil
}

// str is a text, "" if it is missing, null or no text.
func (b bag) str(key string) string { return quoted(b[key]) }

// text is a text that may be missing but not be something else.
func (b bag) text(key string) (string, error) {
	raw, ok := b[key]
	if !ok || string(raw) == "null" {
		return "", nil
	}
	var s string
	if json.Unmarshal(raw, &s) != nil {
		return "", fmt.Errorf("its %q is not a text", key)
	}
	return s, nil
}

func (b bag) flag(key string) bool {
	var v bool
	return json.Unmarshal(b[key], &v) == nil && v
}

func (b bag) number(key string) int64 {
	var v float64
	if json.Unmarshal(b[key], &v) != nil || v < -1<<53 || v > 1<<53 {
		return 0
	}
	return int64(v)
}

func (b bag) sub(key string) bag {
	s, _ := readBag(b[key])
	return s
}

// items is a list of anything.
func (b bag) items(key string) (raws []json.RawMessage) {
	_ = json.Unmarshal(b[key], &raws) // no list is an empty one
	return raws
}

// list is a list of objects; what else is in it is left out.
func (b bag) list(key string) (out []bag) {
	for _, raw := range b.items(key) {
		if s, ok := readBag(raw); ok {
			out = append(out, s)
		}
	}
	return out
}

func (b bag) texts(key string) (out []string) {
	for _, raw := range b.items(key) {
		if s := quoted(raw); s != "" {
			out = append(out, s)
		}
	}
	return out
}

// entry is a message as events and histories have it.
type entry struct {
	raw      json.RawMessage
	ts       string
	thread   string // root of its thread, its own ts for the root itself; "" outside
	parent   string // author of the root
	subtype  string
	user     string
	team     string // of the author
	bot      string
	client   string // client_msg_id: somebody typed it
	text     string
	edited   string // ts of the last edit
	latest   string // of a root: ts of the last answer
	profile  bag    // comes with people of other workspaces
	files    []file
	attached []bag
	reacts   []bag
	meta     bag
}

// file is a file of a message.
type file struct {
	id, name, kind string
	size           int64
	url            string
	mode           string
}

const maxReactions = 50 // kinds of one message that are looked at

// readEntry reads a message. The error says what is wrong with it.
func readEntry(raw json.RawMessage) (e entry, err error) {
	b, ok := readBag(raw)
	if !ok {
		return e, errors.New("it is not a JSON object")
	}
	e = entry{
		raw: raw, thread: b.str("thread_ts"), parent: b.str("parent_user_id"), bot: b.str("bot_id"), client: b.str("client_msg_id"),
		edited: b.sub("edited").str("ts"), latest: b.str("latest_reply"), profile: b.sub("user_profile"), attached: b.list("attachments"),
		reacts: b.list("reactions"), meta: b.sub("metadata"),
	}
	if len(e.reacts) > maxReactions {
		e.reacts = e.reacts[:maxReactions]
	}
	var errs [4]error
	e.ts, errs[0] = b.text("ts")
	e.subtype, errs[1] = b.text("subtype")
	e.user, errs[2] = b.text("user")
	e.text, errs[3] = b.text("text")
	e.team = b.str("user_team")
	for _, key := range []string{"source_team", "team"} {
		if e.team == "" {
			e.team = b.str(key)
		}
	}
	for _, f := range b.list("files") {
		e.files = append(e.files, readFile(f))
	}
	if _, ok := stamp(e.ts); !ok && errs[0] == nil {
		errs[0] = errors.New(`its "ts" is not a time`)
	}
	return e, errors.Join(errs[:]...)
}

func readFile(b bag) file {
	f := file{id: b.str("id"), name: b.str("name"), kind: b.str("mimetype"), size: b.number("size"), url: b.str("url_private_download"), mode: b.str("mode")}
	if f.url == "" {
		f.url = b.str("url_private")
	}
	if f.name == "" {
		f.name = b.str("title")
	}
	return f
}

// root is the ts of the thread that e is an answer in, "" if it is none.
func (e *entry) root() string {
	if e.thread == e.ts {
		return ""
	}
	return e.thread
}

// stamp reads a ts: seconds, a dot and a number that makes it unique in its
// channel.
func stamp(ts string) (time.Time, bool) {
	sec, frac, ok := strings.Cut(ts, ".")
	s, err := strconv.ParseUint(sec, 10, 40)
	if !ok || err != nil || len(frac) != 6 {
		return time.Time{}, false
	}
	us, err := strconv.ParseUint(frac, 10, 32)
	if err != nil {
		return time.Time{}, false
	}
	return time.Unix(int64(s), int64(us)*1000).UTC(), true
}

// stampOf writes a time as a ts.
func stampOf(t time.Time) string {
	if t.Unix() < 0 {
		return "0000000000.000000"
	}
	return fmt.Sprintf("%010d.%06d", t.Unix(), t.Nanosecond()/1000)
}

// Names: a message is "slack:WORKSPACE/CHANNEL/TS", and its thread that of its
// root and threadMark.

const threadMark = "/thread"

func keyOf(team, channel, ts string) string { return Scheme + ":" + team + "/" + channel + "/" + ts }

// place is a message's place at Slack.
type place struct{ team, channel, ts string }

func parseKey(key string) (p place, ok bool) {
	rest, ok := strings.CutPrefix(key, Scheme+":")
	if !ok {
		return p, false
	}
	f := strings.Split(rest, "/")
	if len(f) != 3 || f[0] == "" || f[1] == "" {
		return p, false
	}
	if _, ok = stamp(f[2]); !ok {
		return p, false
	}
	return place{f[0], f[1], f[2]}, true
}

// handleOf names a member of a workspace.
func handleOf(team, user string) message.Handle {
	return message.NewHandle(Scheme, team+"/"+user)
}

// memberOf is the other way round.
func memberOf(h message.Handle) (team, user string, ok bool) {
	team, user, ok = strings.Cut(h.Address(), "/")
	return team, user, ok && h.Scheme() == Scheme && memberForm(user) && team != ""
}

// memberForm tells whether s looks like the ID of a person.
func memberForm(s string) bool {
	return len(s) > 1 && len(s) <= 30 && (s[0] == 'U' || s[0] == 'W') && !strings.ContainsFunc(s, func(r rune) bool {
		return (r < 'A' || r > 'Z') && (r < '0' || r > '9')
	})
}
