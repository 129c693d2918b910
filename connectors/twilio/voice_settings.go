package twilio

import (
	"encoding/json"
	"net/url"
	"regexp"
	"strings"
	"time"
	"unicode/utf8"

	"throughline/connectors"
)

const (
	// maxSay is the longest text of one prompt, in characters: Twilio's limit.
	maxSay = 4096
	// maxHours and maxHolidays bound the tables.
	maxHours    = 50
	maxHolidays = 500
	// maxAsked bounds whom one key of the menu names.
	maxAsked = 50

	defaultAlone = 20 // seconds

	defaultQueue = 60 // seconds
	maxQueue     = 3600

	defaultCallBack = time.Hour
	maxCallBack     = 7 * day

	defaultVoicemail = 120 // seconds
	maxVoicemail     = 3600
)

var (
	languageForm = regexp.MustCompile(`^[a-zA-Z]{2,3}(-[a-zA-Z0-9]{2,8})*$`)
	voiceForm    = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9.-]{0,60}$`)
	menuForm     = regexp.MustCompile(`^([0-9*])\s+(.+)$`)
)

// voiceSettings is what a line has besides its account at Twilio.
type voiceSettings struct {
	language, voice            string
	greeting, closed           string
	hours                      hours
	menu                       map[string]string // key of the phone → words
	menuPrompt, invalid        string
	menuTo                     map[string][]string // whom a key rings first
	menuAlone                  time.Duration       // how long it rings at nobody else
	menuHours                  map[string]hours    // when a key leads to anybody
	voicemail                  bool
	voicemailPrompt, thanks    string
	announcement               string
	length                     int // of a message, in seconds
	transcribe, deleteAtTwilio bool
	queue                      time.Duration // how long callers wait for an agent
	queuePrompt, busyPrompt    string
	screenPrompt               string
	music                      string
	recordCalls                bool
	callBack                   time.Duration // by when a missed call is to be called back; 0: no task
}

func voiceFields() []connectors.Field {
	at := []string{"base_url"}
	return []connectors.Field{
		{Key: "account_sid", Type: "string", Label: "Account SID", Required: true, Help: "AC and 32 characters, from the first page of the Twilio Console."},
		{Key: "auth_token", Type: "secret", Label: "Auth token", Required: true, Help: "Beside the account SID. It also proves that requests come from Twilio, so it is needed with an API key too.", SentTo: at},
		{Key: "from", Type: "string", Label: "Number", Required: true, Help: "The number that is called, in international form: +14155550100."},
		{Key: "name", Type: "string", Label: "Display name", Help: "For agents."},
		{Key: "language", Type: "string", Label: "Language of the prompts", Default: "en-US", Help: "For example en-GB or th-TH."},
		{Key: "voice", Type: "string", Label: "Voice", Advanced: true, Help: "One of Twilio's voices for that language, for example Polly.Amy. Empty takes the usual one."},
		{Key: "greeting", Type: "text", Label: "Greeting", Default: "Thank you for calling.", Help: "What callers hear first."},
		{Key: "time_zone", Type: "string", Label: "Time zone", Default: "UTC", Help: "Of the hours and holidays, for example Europe/London."},
		{Key: "hours", Type: "list", Label: "Business hours", Help: "Lines such as mon-fri 09:00-17:00. Empty is always open."},
		{Key: "holidays", Type: "list", Label: "Holidays", Help: "Days that are closed: 2026-12-24, or 12-25 for every year."},
		{Key: "closed_greeting", Type: "text", Label: "Greeting outside business hours", Default: "Thank you for calling. We are closed now."},
		{Key: "menu", Type: "list", Label: "Menu", Help: "Lines of a key and words for agents: 1 Orders. Empty has no menu."},
		{Key: "menu_prompt", Type: "text", Label: "What callers hear of the menu", Help: "For orders, press 1. For repairs, press 2."},
		{Key: "menu_invalid", Type: "text", Label: "After a wrong key", Default: "Sorry, that is not one of the choices.", Advanced: true},
		{Key: "menu_to", Type: "list", Label: "Whom a key rings first", Help: "Lines of a key and a team, or agents' e-mail addresses: 2 Repairs, or 2 ann@example.com, ben@example.com. Other keys ring at everybody."},
		{Key: "menu_to_seconds", Type: "int", Label: "It rings at them alone (seconds)", Default: defaultAlone, Advanced: true, Help: "Then at everybody; at once if none of them is ready."},
		{Key: "menu_hours", Type: "list", Label: "Hours of single keys", Advanced: true, Help: "Lines of a key and its hours: 2 mon-fri 09:00-12:00. Outside them it leads to the greeting outside business hours."},
		{Key: "queue_seconds", Type: "int", Label: "Callers wait for an agent (seconds)", Default: defaultQueue, Help: "It rings at the agents who are ready. Nobody ready, or nobody in time: a message can be left. 0 rings at nobody."},
		{Key: "queue_prompt", Type: "text", Label: "While waiting", Default: "Please hold. Somebody will be with you soon."},
		{Key: "hold_music", Type: "string", Label: "Address of the music", Help: "An https address of an MP3 or WAV file, played to callers who wait or are on hold. Empty plays a quiet tune; none says the words again."},
		{Key: "call_back", Type: "duration", Label: "Call back within", Default: connectors.Brief(defaultCallBack), Help: "A missed call becomes a task for anybody, due so long after it, outside business hours counted from their next beginning. 0s makes no task."},
		{Key: "busy_prompt", Type: "text", Label: "When nobody could take the call", Default: "Sorry, nobody can take your call at the moment."},
		{Key: "screen_prompt", Type: "text", Label: "To an agent's phone", Default: "A call for you. Press any key to take it.", Advanced: true, Help: "Only a pressed key takes the call, so that no voicemail of a phone does."},
		{Key: "record_calls", Type: "bool", Label: "Record conversations", Default: false, Help: "After the announcement of the recording."},
		{Key: "voicemail", Type: "bool", Label: "Take messages", Default: true, Help: "Otherwise callers hear the greeting, and the call counts as missed."},
		{Key: "voicemail_prompt", Type: "text", Label: "Before the tone", Default: "Please leave a message after the tone."},
		{Key: "recording_announcement", Type: "text", Label: "Announcement of the recording", Help: "Said before anything is recorded, where the law wants it."},
		{Key: "voicemail_seconds", Type: "int", Label: "Longest message (seconds)", Default: defaultVoicemail, Advanced: true},
		{Key: "voicemail_thanks", Type: "text", Label: "After a message", Default: "Thank you. Goodbye.", Advanced: true},
		{Key: "transcribe", Type: "bool", Label: "Have messages written down", Default: false, Help: "By Twilio, for a fee; English only, messages of 2 to 120 seconds."},
		{Key: "delete_recording_at_twilio", Type: "bool", Label: "Delete recordings at Twilio", Default: false, Help: "Once they are stored here."},
		{Key: "poll_interval", Type: "duration", Label: "Look for missed calls every", Default: connectors.Brief(defaultPoll), Advanced: true, Help: "Twilio brings calls by itself; this finds what it could not deliver to us."},
		{Key: "history_days", Type: "int", Label: "Days to read back at the first start", Default: 0, Advanced: true, Help: "0 begins with the next call."},
		{Key: "file_mib", Type: "int", Label: "Largest recording taken in (MiB)", Default: defaultMiB, Advanced: true},
		{Key: "api_key", Type: "string", Label: "API key SID", Advanced: true, Help: "SK and 32 characters. With a key its secret opens the API instead of the auth token."},
		{Key: "api_secret", Type: "secret", Label: "API key secret", Advanced: true, SentTo: at},
		{Key: "base_url", Type: "string", Label: "Address of the API", Default: defaultBase, Advanced: true, Help: "For an account in another region, for example https://api.dublin.ie1.twilio.com."},
	}
}

// readVoice checks everything at once; the error joins one
// *connectors.SettingsError for each wrong field.
func readVoice(raw json.RawMessage) (s settings, v voiceSettings, err error) {
	read, err := connectors.ReadForm(raw, ChannelVoice, voiceFields())
	if err != nil {
		return s, v, err
	}
	read.TakeDefaults()
	f := &form{read}
	s = settings{name: f.Line("name"), types: []string{"audio/*"}, rate: 1}
	f.credentials(&s)
	if s.from = numberSpaces.Replace(f.Line("from")); !numberForm.MatchString(s.from) {
		f.Blame("from", "must be the number that is called, in international form, for example +14155550100")
	}
	f.interval(&s)
	s.history = time.Duration(f.Number("history_days", 0, 0, maxHistory)) * day
	s.fileBytes = int64(f.Number("file_mib", defaultMiB, 1, maxFileMiB)) << 20
	f.addresses(&s)
	f.prompts(&v)
	f.week(&v)
	f.keys(&v)
	return s, v, f.Err()
}

func (f *form) prompts(v *voiceSettings) {
	v.language = f.Shaped("language", languageForm, "a language such as en-GB")
	v.voice = f.Shaped("voice", voiceForm, "the name of one of Twilio's voices, such as Polly.Amy")
	for key, into := range map[string]*string{"greeting": &v.greeting, "closed_greeting": &v.closed, "menu_prompt": &v.menuPrompt,
		"menu_invalid": &v.invalid, "voicemail_prompt": &v.voicemailPrompt, "voicemail_thanks": &v.thanks,
		"recording_announcement": &v.announcement, "queue_prompt": &v.queuePrompt, "busy_prompt": &v.busyPrompt, "screen_prompt": &v.screenPrompt} {
		if *into = clean(f.Text(key)); utf8.RuneCountInString(*into) > maxSay {
			f.Blame(key, "must be at most %d characters", maxSay)
		}
	}
	v.voicemail = f.Flag("voicemail")
	v.queue = time.Duration(f.Number("queue_seconds", defaultQueue, 0, maxQueue)) * time.Second
	v.recordCalls = f.Flag("record_calls")
	v.callBack = f.Duration("call_back", defaultCallBack, 0, maxCallBack)
	if v.music = f.Line("hold_music"); v.music != "" && v.music != noMusic {
		if u, err := url.Parse(v.music); err != nil || u.Scheme != "https" || u.Host == "" {
			f.Blame("hold_music", "must be an https address of an MP3 or WAV file, for example https://www.example.com/music.mp3, or none")
		}
	}
	v.transcribe = f.Flag("transcribe")
	v.deleteAtTwilio = f.Flag("delete_recording_at_twilio")
	v.length = f.Number("voicemail_seconds", defaultVoicemail, int(minSpoken/time.Second), maxVoicemail)
}

func (f *form) week(v *voiceSettings) {
	zone := f.Line("time_zone")
	var err error
	// Local would be that of the machine, whatever that is.
	if v.hours.zone, err = time.LoadLocation(zone); err != nil || zone == "Local" {
		f.Blame("time_zone", "must be a time zone such as Europe/London")
		v.hours.zone = time.UTC
	}
	lines, _ := f.List("hours")
	if len(lines) > maxHours {
		f.Blame("hours", "must be at most %d lines", maxHours)
		lines = nil
	}
	for _, line := range lines {
		if err := v.hours.add(line); err != nil {
			f.Blame("hours", "has %q: %s; write lines such as mon-fri 09:00-17:00", line, err)
		}
	}
	days, _ := f.List("holidays")
	if len(days) > maxHolidays {
		f.Blame("holidays", "must be at most %d days", maxHolidays)
		days = nil
	}
	for _, d := range days {
		if err := v.hours.close(d); err != nil {
			f.Blame("holidays", "has %q; write 2026-12-24, or 12-25 for every year", d)
		}
	}
}

func (f *form) keys(v *voiceSettings) {
	lines, _ := f.List("menu")
	v.menu = map[string]string{}
	for _, line := range lines {
		m := menuForm.FindStringSubmatch(line)
		switch {
		case m == nil:
			f.Blame("menu", "has %q; write one key of 0 to 9 or * and words for it: 1 Orders", line)
		case v.menu[m[1]] != "":
			f.Blame("menu", "has the key %s twice", m[1])
		default:
			v.menu[m[1]] = shorten(cleanLine(m[2]), maxNameRunes)
		}
	}
	f.routes(v)
	if len(v.menu) > 0 && v.menuPrompt == "" {
		f.Blame("menu_prompt", "is missing: callers have to hear which keys there are, for example: For orders, press 1")
	}
}

// routes reads where the keys of the menu lead.
func (f *form) routes(v *voiceSettings) {
	v.menuTo, v.menuHours = map[string][]string{}, map[string]hours{}
	v.menuAlone = time.Duration(f.Number("menu_to_seconds", defaultAlone, 1, maxQueue)) * time.Second
	each := func(setting string, take func(key, rest string)) {
		lines, _ := f.List(setting)
		for _, line := range lines {
			m := menuForm.FindStringSubmatch(line)
			switch {
			case m == nil:
				f.Blame(setting, "has %q; begin each line with a key of the menu", line)
			case v.menu[m[1]] == "":
				f.Blame(setting, "has the key %s, which the menu has not", m[1])
			default:
				take(m[1], m[2])
			}
		}
	}
	each("menu_to", func(key, rest string) {
		if v.menuTo[key] != nil {
			f.Blame("menu_to", "has the key %s twice", key)
		}
		for name := range strings.SplitSeq(rest, ",") {
			if name = cleanLine(name); name != "" {
				v.menuTo[key] = append(v.menuTo[key], shorten(name, maxNameRunes))
			}
		}
		if n := len(v.menuTo[key]); n == 0 || n > maxAsked {
			f.Blame("menu_to", "must name 1 to %d for the key %s", maxAsked, key)
		}
	})
	each("menu_hours", func(key, rest string) {
		h := v.menuHours[key]
		h.zone = v.hours.zone
		if len(h.open) >= maxHours {
			f.Blame("menu_hours", "must be at most %d lines for a key", maxHours)
		} else if err := h.add(rest); err != nil {
			f.Blame("menu_hours", "has %q: %s; write lines such as %s mon-fri 09:00-12:00", rest, err, key)
		}
		v.menuHours[key] = h
	})
}
