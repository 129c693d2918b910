package twilio

import (
	"encoding/json"
	"net/url"
	"path"
	"regexp"
	"slices"
	"strings"
	"time"

	"throughline/connectors"
)

const (
	// defaultBase is where Twilio's API is unless the account lives elsewhere.
	defaultBase = "https://api.twilio.com"

	defaultPoll = 5 * time.Minute
	minPoll     = 10 * time.Second
	maxPoll     = 24 * time.Hour
	// noWebhookPoll is the pause between looks while Twilio cannot reach us.
	noWebhookPoll = 30 * time.Second

	maxRate      = 1000
	maxHistory   = 400 // days; Twilio keeps messages for 400 days
	maxFileMiB   = 100
	defaultMiB   = 20
	defaultSend  = 5 // MiB of all files of one message
	maxWords     = 200
	maxTemplates = 500
)

// The forms of the vendor's identifiers and of senders.
var (
	accountForm  = regexp.MustCompile(`^AC[0-9a-fA-F]{32}$`)
	keyForm      = regexp.MustCompile(`^SK[0-9a-fA-F]{32}$`)
	serviceForm  = regexp.MustCompile(`^MG[0-9a-fA-F]{32}$`)
	contentForm  = regexp.MustCompile(`^HX[0-9a-fA-F]{32}$`)
	messageForm  = regexp.MustCompile(`^(SM|MM)[0-9a-fA-F]{32}$`)
	numberForm   = regexp.MustCompile(`^\+[1-9][0-9]{6,14}$`)
	shortForm    = regexp.MustCompile(`^[0-9]{3,6}$`)
	alphaForm    = regexp.MustCompile(`^[A-Za-z0-9 +&_-]{1,11}$`)
	mediaForm    = regexp.MustCompile(`^/2010-04-01/Accounts/(AC[0-9a-fA-F]{32})/Messages/((?:SM|MM)[0-9a-fA-F]{32})/Media/(ME[0-9a-fA-F]{32})$`)
	hasLetter    = regexp.MustCompile(`[A-Za-z]`)
	typeForm     = regexp.MustCompile(`^[a-z0-9*]+/[a-z0-9*.+-]+$`)
	numberSpaces = strings.NewReplacer(" ", "", "-", "", "(", "", ")", "", ".", "", "\u00a0", "")
)

// settings is the checked form of an account's settings.
type settings struct {
	name           string
	account, token string
	user, password string // of the API: the account and its token, or an API key
	from           string // without the prefix of the channel; "" with only a service
	service        string
	rate           int
	poll           time.Duration
	pollSet        bool
	history        time.Duration
	fileBytes      int64
	sendBytes      int64
	types          []string
	stop, start    []string // folded
	help           []string // folded
	acknowledge    string
	helpAnswer     string
	api, content   string // base addresses, without a slash at the end
	templates      []string
	insecure       bool // the API is on this machine without https
}

func fields(f flavour) []connectors.Field {
	at := []string{"base_url"}
	list := []connectors.Field{
		{Key: "account_sid", Type: "string", Label: "Account SID", Required: true, Help: "AC and 32 characters, from the first page of the Twilio Console."},
		{Key: "auth_token", Type: "secret", Label: "Auth token", Required: true, Help: "Beside the account SID. It also proves that requests come from Twilio, so it is needed with an API key too.", SentTo: at},
	}
	if f.channel == ChannelSMS {
		list = append(list,
			connectors.Field{Key: "from", Type: "string", Label: "Sender", Help: "The number in international form (+14155550100), a short code, or a sender of letters such as SHOP, which nobody can answer. May be empty with a messaging service."},
			connectors.Field{Key: "messaging_service", Type: "string", Label: "Messaging service SID", Help: "MG and 32 characters, if messages go out through a messaging service."})
	} else {
		list = append(list,
			connectors.Field{Key: "from", Type: "string", Label: "WhatsApp number", Required: true, Help: "The number of the WhatsApp sender in international form, +14155550100."},
			connectors.Field{Key: "messaging_service", Type: "string", Label: "Messaging service SID", Advanced: true, Help: "MG and 32 characters, if messages go out through a messaging service."},
			connectors.Field{Key: "templates", Type: "list", Label: "Templates", Help: "Content SIDs (HX…) that agents may use. Empty offers all that WhatsApp has approved."})
	}
	return append(list,
		connectors.Field{Key: "name", Type: "string", Label: "Display name", Help: "For agents; customers see the number."},
		connectors.Field{Key: "rate", Type: "int", Label: "Messages per second", Default: f.rate, Advanced: true, Help: "No more than the sender is allowed; Twilio queues what is too fast, and refuses it when its queue is full."},
		connectors.Field{Key: "poll_interval", Type: "duration", Label: "Look for missed messages every", Default: connectors.Brief(defaultPoll), Advanced: true, Help: "Twilio brings messages by itself; this finds those that it could not deliver to us."},
		connectors.Field{Key: "history_days", Type: "int", Label: "Days to read back at the first start", Default: 0, Advanced: true, Help: "0 begins with the next message."},
		connectors.Field{Key: "file_mib", Type: "int", Label: "Largest file taken in (MiB)", Default: defaultMiB, Advanced: true},
		connectors.Field{Key: "file_types", Type: "list", Label: "Types of file taken in", Default: defaultTypes(), Advanced: true, Help: "Media types; image/* is all of a kind."},
		connectors.Field{Key: "send_mib", Type: "int", Label: "Files of one answer (MiB)", Default: sendMiB(f), Advanced: true, Help: "Carriers refuse larger messages."},
		connectors.Field{Key: "stop_words", Type: "list", Label: "Words that forbid further messages", Default: f.stop, Advanced: true, Help: "A message that is nothing but one of them."},
		connectors.Field{Key: "start_words", Type: "list", Label: "Words that allow them again", Default: f.start, Advanced: true},
		connectors.Field{Key: "help_words", Type: "list", Label: "Words that ask for help", Default: f.help, Advanced: true},
		connectors.Field{Key: "help_answer", Type: "text", Label: "Automatic answer to them", Advanced: true, Help: "Who writes, and how to stop it. Sent at most once a day to each number. Leave it empty where Twilio answers HELP itself, as it does for texts unless told otherwise."},
		connectors.Field{Key: "acknowledge", Type: "text", Label: "Automatic acknowledgement", Advanced: true, Help: "Sent once to a person who opens a conversation. Empty sends nothing. It costs like any other message."},
		connectors.Field{Key: "api_key", Type: "string", Label: "API key SID", Advanced: true, Help: "SK and 32 characters. With a key its secret opens the API instead of the auth token."},
		connectors.Field{Key: "api_secret", Type: "secret", Label: "API key secret", Advanced: true, SentTo: at},
		connectors.Field{Key: "base_url", Type: "string", Label: "Address of the API", Default: defaultBase, Advanced: true, Help: "For an account in another region, for example https://api.dublin.ie1.twilio.com."},
	)
}

func sendMiB(f flavour) int {
	if f.channel == ChannelWhatsApp {
		return 16
	}
	return defaultSend
}

func defaultTypes() []string {
	return []string{"image/*", "audio/*", "video/*", "text/*", "application/*"}
}

// form is what is read of the settings, with everything wrong with them.
type form struct{ *connectors.Form }

// readSettings checks everything at once; the error joins one
// *connectors.SettingsError for each wrong field.
func readSettings(fl flavour, raw json.RawMessage) (settings, error) {
	read, err := connectors.ReadForm(raw, fl.channel, fields(fl))
	if err != nil {
		return settings{}, err
	}
	f := &form{read}
	s := settings{name: f.Line("name"), acknowledge: f.Text("acknowledge"), helpAnswer: f.Text("help_answer")}
	f.credentials(&s)
	f.sender(fl, &s)
	f.amounts(fl, &s)
	f.words(fl, &s)
	f.addresses(&s)
	return s, f.Err()
}

func (f *form) credentials(s *settings) {
	if s.account = f.Shaped("account_sid", accountForm, "AC and 32 characters of 0-9 and a-f, as the Twilio Console shows it"); f.Line("account_sid") == "" {
		f.Blame("account_sid", "is missing: AC and 32 characters, from the first page of the Twilio Console")
	}
	if s.token = f.Line("auth_token"); s.token == "" {
		f.Blame("auth_token", "is missing: it proves that requests come from Twilio")
	}
	s.user, s.password = s.account, s.token
	key, secret := f.Shaped("api_key", keyForm, "SK and 32 characters of 0-9 and a-f"), f.Line("api_secret")
	switch {
	case f.Line("api_key") != "" && secret == "":
		f.Blame("api_secret", "is missing: the API key needs its secret")
	case f.Line("api_key") == "" && secret != "":
		f.Blame("api_key", "is missing: the secret belongs to an API key, SK and 32 characters")
	case key != "":
		s.user, s.password = key, secret
	}
}

func (f *form) sender(fl flavour, s *settings) {
	s.service = f.Shaped("messaging_service", serviceForm, "MG and 32 characters of 0-9 and a-f")
	from := strings.TrimPrefix(f.Line("from"), fl.prefix)
	tight := numberSpaces.Replace(from)
	switch {
	case from == "" && fl.channel == ChannelWhatsApp:
		f.Blame("from", "is missing: the number of the WhatsApp sender, for example +14155550100")
	case from == "":
		if f.Line("messaging_service") == "" {
			f.Blame("from", "is missing: the number that sends, for example +14155550100, or else a messaging service")
		}
	case numberForm.MatchString(tight):
		s.from = tight
	case fl.channel == ChannelSMS && shortForm.MatchString(tight):
		s.from = tight
	case fl.channel == ChannelSMS && alphaForm.MatchString(from) && hasLetter.MatchString(from):
		s.from = from
	case fl.channel == ChannelWhatsApp:
		f.Blame("from", "must be a number in international form, for example +14155550100")
	default:
		f.Blame("from", "must be a number in international form (+14155550100), a short code of 3 to 6 digits, or at most 11 letters and digits with a letter among them")
	}
}

func (f *form) amounts(fl flavour, s *settings) {
	s.rate = f.Number("rate", fl.rate, 1, maxRate)
	s.history = time.Duration(f.Number("history_days", 0, 0, maxHistory)) * 24 * time.Hour
	s.fileBytes = int64(f.Number("file_mib", defaultMiB, 1, maxFileMiB)) << 20
	s.sendBytes = int64(f.Number("send_mib", sendMiB(fl), 1, maxFileMiB)) << 20
	f.interval(s)
}

func (f *form) interval(s *settings) {
	s.poll = f.Duration("poll_interval", defaultPoll, minPoll, maxPoll)
	s.pollSet = s.poll != defaultPoll
}

func (f *form) words(fl flavour, s *settings) {
	for _, w := range []struct {
		key  string
		def  []string
		into *[]string
	}{{"stop_words", fl.stop, &s.stop}, {"start_words", fl.start, &s.start}, {"help_words", fl.help, &s.help}} {
		list, set := f.List(w.key)
		if !set {
			list = w.def
		}
		if len(list) > maxWords {
			f.Blame(w.key, "must be at most %d words", maxWords)
			continue
		}
		for _, word := range list {
			if folded := fold(word); folded != "" {
				*w.into = append(*w.into, folded)
			}
		}
	}
	for _, word := range s.start {
		if slices.Contains(s.stop, word) {
			f.Blame("start_words", "has %q, which is also one of stop_words", word)
		}
	}
	for _, word := range s.help {
		if slices.Contains(s.stop, word) || slices.Contains(s.start, word) {
			f.Blame("help_words", "has %q, which is also one of stop_words or start_words", word)
		}
	}
	var set bool
	if s.types, set = f.List("file_types"); !set {
		s.types = defaultTypes()
	}
	for i, t := range s.types {
		s.types[i] = strings.ToLower(t)
		if !typeForm.MatchString(s.types[i]) {
			f.Blame("file_types", "has %q; write media types such as image/* or application/pdf", t)
		} else if _, err := path.Match(s.types[i], ""); err != nil {
			f.Blame("file_types", "has %q; write media types such as image/* or application/pdf", t)
		}
	}
	if fl.channel != ChannelWhatsApp {
		return
	}
	s.templates, _ = f.List("templates")
	if len(s.templates) > maxTemplates {
		f.Blame("templates", "must be at most %d", maxTemplates)
	}
	for _, sid := range s.templates {
		if !contentForm.MatchString(sid) {
			f.Blame("templates", "has %q; write content SIDs, HX and 32 characters", sid)
			break
		}
	}
}

func (f *form) addresses(s *settings) {
	s.api = strings.TrimRight(f.Line("base_url"), "/")
	if s.api == "" {
		s.api = defaultBase
	}
	u, err := url.Parse(s.api)
	if err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" ||
		u.Scheme != "https" && (u.Scheme != "http" || !isLoopback(u.Hostname())) {
		f.Blame("base_url", "must be an https address without a query, for example https://api.dublin.ie1.twilio.com")
		return
	}
	s.insecure = u.Scheme == "http"
	// Templates live on a host of their own, in the same region.
	s.content = s.api
	if rest, ok := strings.CutPrefix(u.Host, "api."); ok && strings.HasSuffix(u.Hostname(), ".twilio.com") {
		u.Host = "content." + rest
		s.content = u.String()
	}
}

func isLoopback(host string) bool { return host == "localhost" || host == "127.0.0.1" || host == "::1" }
