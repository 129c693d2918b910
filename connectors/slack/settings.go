package slack

import (
	"encoding/json"
	"net/url"
	"regexp"
	"strings"
	"time"

	"throughline/connectors"
)

const (
	defaultBase = "https://slack.com/api"

	defaultPoll   = 15 * time.Minute
	minPoll       = 10 * time.Second
	maxPoll       = 24 * time.Hour
	maxHistory    = 3650 // days
	defaultThread = 7    // days
	maxThread     = 365
	defaultMiB    = 20
	maxMiB        = 1000
	maxListed     = 500
)

// What is taken in, and who is a customer.
const (
	takeAll    = "all"
	takeDirect = "direct"
	takeListed = "listed"

	everybody = "everybody"
	external  = "external"
)

var (
	// Slack warns that the forms of tokens may change: only what is certainly
	// another thing is refused.
	tokenForm = regexp.MustCompile(`^[!-~]{8,500}$`)
	idForm    = regexp.MustCompile(`^[CGD][A-Z0-9]{2,30}$`)
	nameForm  = regexp.MustCompile(`^#?[^\s#<>|,]{1,80}$`)
)

// settings is the checked form of an account's settings.
type settings struct {
	name, acknowledge string
	bot, app, signing string
	base              string // without a slash at the end
	host              string // of base
	insecure          bool   // base is on this machine without https
	take              string
	listed            []string // IDs, and names without #
	notices           []string // IDs
	customers         string
	poll              time.Duration
	history           time.Duration
	threads           time.Duration
	fileBytes         int64
}

func fields() []connectors.Field {
	at := []string{"base_url"}
	return []connectors.Field{
		{Key: "bot_token", Type: "secret", Label: "Bot token", Required: true, SentTo: at,
			Help: "xoxb-…, from OAuth & Permissions of the app after it was installed in the workspace."},
		{Key: "app_token", Type: "secret", Label: "App token", SentTo: at,
			Help: "xapp-… with the scope connections:write, for Socket Mode: events come over a connection of ours, and no public address is needed."},
		{Key: "signing_secret", Type: "secret", Label: "Signing secret",
			Help: "From Basic Information of the app, if events come over HTTP instead. One of the two is needed."},
		{Key: "name", Type: "string", Label: "Display name", Help: "For agents; customers see the name of the app."},
		{Key: "take", Type: "choice", Label: "Take in", Default: takeAll, Choices: []string{takeAll, takeDirect, takeListed},
			Help: "all: everything the app is in; direct: direct messages only; listed: direct messages and the channels named below."},
		{Key: "channels", Type: "list", Label: "Channels", Help: "Names or IDs, with “listed”. The app has to be in them."},
		{Key: "notice_channels", Type: "list", Label: "Channels for notices", Advanced: true,
			Help: "IDs such as C0123456789 (at the end of the channel's details) of channels where colleagues are told what happens here: see Settings, Notices. Nothing in them is taken in. Invite the app there."},
		{Key: "customers", Type: "choice", Label: "Customers are", Default: everybody, Choices: []string{everybody, external}, Advanced: true,
			Help: "everybody in the workspace, or only external people: members of other workspaces and guests. What our own members write in a customer's thread is then shown as ours."},
		{Key: "history_days", Type: "int", Label: "Days to read back at the first start", Default: 0, Advanced: true, Help: "0 begins with the next message."},
		{Key: "thread_days", Type: "int", Label: "Look for missed answers in threads of the last days", Default: defaultThread, Advanced: true,
			Help: "After an interruption, threads that began so long ago are looked through."},
		{Key: "poll_interval", Type: "duration", Label: "Look for missed messages every", Default: connectors.Brief(defaultPoll), Advanced: true,
			Help: "Slack brings messages by itself; this finds those that it could not deliver."},
		{Key: "file_mib", Type: "int", Label: "Largest file (MiB)", Default: defaultMiB, Advanced: true},
		{Key: "acknowledge", Type: "text", Label: "Automatic acknowledgement", Advanced: true, Help: "Sent once to a person who opens a conversation. Empty sends nothing."},
		{Key: "base_url", Type: "string", Label: "Address of the API", Default: defaultBase, Advanced: true, Help: "Another one only for GovSlack (https://slack-gov.com/api) or tests."},
	}
}

// form is what is read of the settings, with everything wrong with them.
type form struct{ *connectors.Form }

// readSettings checks everything at once; the error joins one
// *connectors.SettingsError for each wrong field.
func readSettings(raw json.RawMessage) (settings, error) {
	read, err := connectors.ReadForm(raw, Channel, fields())
	if err != nil {
		return settings{}, err
	}
	f := &form{read}
	s := settings{
		name: f.Line("name"), acknowledge: f.Text("acknowledge"),
		take: f.Choice("take"), customers: f.Choice("customers"),
		history:   time.Duration(f.Number("history_days", 0, 0, maxHistory)) * 24 * time.Hour,
		threads:   time.Duration(f.Number("thread_days", defaultThread, 0, maxThread)) * 24 * time.Hour,
		fileBytes: int64(f.Number("file_mib", defaultMiB, 1, maxMiB)) << 20,
		poll:      f.Duration("poll_interval", defaultPoll, minPoll, maxPoll),
	}
	f.tokens(&s)
	f.channels(&s)
	f.address(&s)
	return s, f.Err()
}

// token is for a secret that does not begin like another one.
func (f *form) token(key, want string, others ...string) string {
	s := f.Shaped(key, tokenForm, want)
	for _, o := range others {
		if strings.HasPrefix(s, o) {
			f.Blame(key, "must be %s", want)
			return ""
		}
	}
	return s
}

func (f *form) tokens(s *settings) {
	s.bot = f.token("bot_token", "a token that begins with xoxb-, from OAuth & Permissions of the app", "xapp-", "xoxp-", "xoxe")
	s.app = f.token("app_token", "a token that begins with xapp-, from Basic Information of the app, App-Level Tokens", "xox")
	s.signing = f.token("signing_secret", "the signing secret from Basic Information of the app, 32 characters", "xox", "xapp-")
	if f.Line("bot_token") == "" {
		f.Blame("bot_token", "is missing: xoxb-…, from OAuth & Permissions of the app")
	}
	if f.Line("app_token") == "" && f.Line("signing_secret") == "" {
		f.Blame("app_token", "is missing: xapp-… for Socket Mode, or else a signing secret for events over HTTP")
	}
}

func (f *form) channels(s *settings) {
	s.listed, _ = f.List("channels")
	switch {
	case len(s.listed) > maxListed:
		f.Blame("channels", "must be at most %d", maxListed)
	case s.take == takeListed && len(s.listed) == 0:
		f.Blame("channels", "is empty: name the channels to take in, or choose another value of take")
	case s.take != takeListed && len(s.listed) > 0:
		f.Blame("channels", "counts only with take: %s", takeListed)
	}
	for i, c := range s.listed {
		if !idForm.MatchString(c) && !nameForm.MatchString(c) {
			f.Blame("channels", "has %q; write names such as #support, or IDs such as C0123456789", c)
			break
		}
		s.listed[i] = strings.TrimPrefix(c, "#")
	}
	s.notices, _ = f.List("notice_channels")
	for _, c := range s.notices {
		if !idForm.MatchString(c) || c[0] == 'D' || len(s.notices) > maxListed {
			f.Blame("notice_channels", "has %q; write IDs such as C0123456789, at most %d: a name could come to mean another channel", c, maxListed)
			break
		}
	}
}

func (f *form) address(s *settings) {
	s.base = strings.TrimRight(f.Line("base_url"), "/")
	if s.base == "" {
		s.base = defaultBase
	}
	u, err := url.Parse(s.base)
	if err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" ||
		u.Scheme != "https" && (u.Scheme != "http" || !isLoopback(u.Hostname())) {
		f.Blame("base_url", "must be an https address without a query, for example %s", defaultBase)
		return
	}
	s.host, s.insecure = strings.ToLower(u.Host), u.Scheme == "http"
}

func isLoopback(host string) bool { return host == "localhost" || host == "127.0.0.1" || host == "::1" }
