package slack

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strconv"
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
		{Key: "customers", Type: "choice", Label: "Customers are", Default: everybody, Choices: []string{everybody, external}, Advanced: true,
			Help: "everybody in the workspace, or only external people: members of other workspaces and guests. What our own members write in a customer's thread is then shown as ours."},
		{Key: "history_days", Type: "int", Label: "Days to read back at the first start", Default: 0, Advanced: true, Help: "0 begins with the next message."},
		{Key: "thread_days", Type: "int", Label: "Look for missed answers in threads of the last days", Default: defaultThread, Advanced: true,
			Help: "After an interruption, threads that began so long ago are looked through."},
		{Key: "poll_interval", Type: "duration", Label: "Look for missed messages every", Default: defaultPoll.String(), Advanced: true,
			Help: "Slack brings messages by itself; this finds those that it could not deliver."},
		{Key: "file_mib", Type: "int", Label: "Largest file (MiB)", Default: defaultMiB, Advanced: true},
		{Key: "acknowledge", Type: "text", Label: "Automatic acknowledgement", Advanced: true, Help: "Sent once to a person who opens a conversation. Empty sends nothing."},
		{Key: "base_url", Type: "string", Label: "Address of the API", Default: defaultBase, Advanced: true, Help: "Another one only for GovSlack (https://slack-gov.com/api) or tests."},
	}
}

// form reads the JSON object of settings and gathers everything wrong with it.
type form struct {
	values map[string]any
	errs   []error
}

func (f *form) blame(key, format string, args ...any) {
	f.errs = append(f.errs, &connectors.SettingsError{Key: key, Text: fmt.Sprintf(format, args...)})
}

func (f *form) text(key string) string {
	switch v := f.values[key].(type) {
	case nil:
		return ""
	case string:
		return v
	}
	f.blame(key, "must be a text")
	return ""
}

// str is for one line of text, without the space around it.
func (f *form) str(key string) string {
	s := strings.TrimSpace(f.text(key))
	if strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r == 0x7f }) {
		f.blame(key, "must be one line without control characters")
		return ""
	}
	return s
}

// shaped is for a text of a certain form, or none. What is wrong may be a secret
// and is not repeated.
func (f *form) shaped(key string, form *regexp.Regexp, want string) string {
	s := f.str(key)
	if s != "" && !form.MatchString(s) {
		f.blame(key, "must be %s", want)
		return ""
	}
	return s
}

func (f *form) choice(key string, choices ...string) string {
	s := f.str(key)
	if s == "" {
		return choices[0]
	}
	if !slices.Contains(choices, s) {
		f.blame(key, "must be one of %s", strings.Join(choices, ", "))
		return choices[0]
	}
	return s
}

func (f *form) number(key string, byDefault, low, high int) int {
	var n int
	var err error
	switch v := f.values[key].(type) {
	case nil:
		return byDefault
	case json.Number:
		n, err = strconv.Atoi(v.String())
	case string:
		if strings.TrimSpace(v) == "" {
			return byDefault
		}
		n, err = strconv.Atoi(strings.TrimSpace(v))
	default:
		err = strconv.ErrSyntax
	}
	if err != nil || n < low || n > high {
		f.blame(key, "must be a whole number from %d to %d", low, high)
		return byDefault
	}
	return n
}

func (f *form) list(key string) (out []string) {
	switch v := f.values[key].(type) {
	case nil:
		return nil
	case string:
		out = strings.FieldsFunc(v, func(r rune) bool { return r == ',' || r == '\n' })
	case []any:
		for _, e := range v {
			s, ok := e.(string)
			if !ok {
				f.blame(key, "must be a list of texts")
				return nil
			}
			out = append(out, s)
		}
	default:
		f.blame(key, "must be a list of texts")
		return nil
	}
	for i := range out {
		out[i] = strings.TrimSpace(out[i])
	}
	return slices.DeleteFunc(out, func(s string) bool { return s == "" })
}

// readSettings checks everything at once; the error joins one
// *connectors.SettingsError for each wrong field.
func readSettings(raw json.RawMessage) (settings, error) {
	f := &form{}
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	if err := dec.Decode(&f.values); err != nil {
		return settings{}, errors.New("the settings are not a JSON object")
	}
	known := map[string]bool{}
	for _, d := range fields() {
		known[d.Key] = true
	}
	for key := range f.values {
		if !known[key] {
			f.blame(key, "is not a setting of an account of channel %s", Channel)
		}
	}
	s := settings{
		name: f.str("name"), acknowledge: f.text("acknowledge"),
		take: f.choice("take", takeAll, takeDirect, takeListed), customers: f.choice("customers", everybody, external),
		history:   time.Duration(f.number("history_days", 0, 0, maxHistory)) * 24 * time.Hour,
		threads:   time.Duration(f.number("thread_days", defaultThread, 0, maxThread)) * 24 * time.Hour,
		fileBytes: int64(f.number("file_mib", defaultMiB, 1, maxMiB)) << 20,
		poll:      defaultPoll,
	}
	if v := f.str("poll_interval"); v != "" {
		d, err := time.ParseDuration(v)
		if err != nil || d < minPoll || d > maxPoll {
			f.blame("poll_interval", "must be a duration from %v to %v, for example 15m", minPoll, maxPoll)
		} else {
			s.poll = d
		}
	}
	f.tokens(&s)
	f.channels(&s)
	f.address(&s)
	slices.SortStableFunc(f.errs, func(a, b error) int { return strings.Compare(a.Error(), b.Error()) })
	return s, errors.Join(f.errs...)
}

// token is for a secret that does not begin like another one.
func (f *form) token(key, want string, others ...string) string {
	s := f.shaped(key, tokenForm, want)
	for _, o := range others {
		if strings.HasPrefix(s, o) {
			f.blame(key, "must be %s", want)
			return ""
		}
	}
	return s
}

func (f *form) tokens(s *settings) {
	s.bot = f.token("bot_token", "a token that begins with xoxb-, from OAuth & Permissions of the app", "xapp-", "xoxp-", "xoxe")
	s.app = f.token("app_token", "a token that begins with xapp-, from Basic Information of the app, App-Level Tokens", "xox")
	s.signing = f.token("signing_secret", "the signing secret from Basic Information of the app, 32 characters", "xox", "xapp-")
	if f.str("bot_token") == "" {
		f.blame("bot_token", "is missing: xoxb-…, from OAuth & Permissions of the app")
	}
	if f.str("app_token") == "" && f.str("signing_secret") == "" {
		f.blame("app_token", "is missing: xapp-… for Socket Mode, or else a signing secret for events over HTTP")
	}
}

func (f *form) channels(s *settings) {
	s.listed = f.list("channels")
	switch {
	case len(s.listed) > maxListed:
		f.blame("channels", "must be at most %d", maxListed)
	case s.take == takeListed && len(s.listed) == 0:
		f.blame("channels", "is empty: name the channels to take in, or choose another value of take")
	case s.take != takeListed && len(s.listed) > 0:
		f.blame("channels", "counts only with take: %s", takeListed)
	}
	for i, c := range s.listed {
		if !idForm.MatchString(c) && !nameForm.MatchString(c) {
			f.blame("channels", "has %q; write names such as #support, or IDs such as C0123456789", c)
			break
		}
		s.listed[i] = strings.TrimPrefix(c, "#")
	}
}

func (f *form) address(s *settings) {
	s.base = strings.TrimRight(f.str("base_url"), "/")
	if s.base == "" {
		s.base = defaultBase
	}
	u, err := url.Parse(s.base)
	if err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" ||
		u.Scheme != "https" && (u.Scheme != "http" || !isLoopback(u.Hostname())) {
		f.blame("base_url", "must be an https address without a query, for example %s", defaultBase)
		return
	}
	s.host, s.insecure = strings.ToLower(u.Host), u.Scheme == "http"
}

func isLoopback(host string) bool { return host == "localhost" || host == "127.0.0.1" || host == "::1" }
