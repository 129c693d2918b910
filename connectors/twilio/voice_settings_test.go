package twilio

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"throughline/connectors"
)

func TestHours(t *testing.T) {
	bangkok, err := time.LoadLocation("Asia/Bangkok")
	if err != nil {
		t.Fatal(err)
	}
	york, err := time.LoadLocation("America/New_York")
	if err != nil {
		t.Fatal(err)
	}
	week := []string{"mon-fri 09:00-12:00", "mon-fri 13:00-17:00", "sat,sun 10:00 - 24:00"}
	for _, tt := range []struct {
		name     string
		zone     *time.Location
		lines    []string
		holidays []string
		at       string
		closed   bool
	}{
		{"always open", time.UTC, nil, nil, "2026-11-15T03:00:00Z", false},
		{"the first minute", time.UTC, week, nil, "2026-11-18T09:00:00Z", false},
		{"a second before", time.UTC, week, nil, "2026-11-18T08:59:59Z", true},
		{"lunch", time.UTC, week, nil, "2026-11-18T12:00:00Z", true},
		{"after lunch", time.UTC, week, nil, "2026-11-18T13:00:00Z", false},
		{"the end", time.UTC, week, nil, "2026-11-18T17:00:00Z", true},
		{"sunday late", time.UTC, week, nil, "2026-11-15T23:59:59Z", false},
		{"monday in bangkok is sunday in UTC", bangkok, []string{"mon 00:00-24:00"}, nil, "2026-11-15T17:00:00Z", false},
		{"and not yet", bangkok, []string{"mon 00:00-24:00"}, nil, "2026-11-15T16:59:59Z", true},
		{"summer time", york, week, nil, "2026-07-15T13:00:00Z", false},
		{"winter time", york, week, nil, "2026-12-15T13:00:00Z", true},
		{"over the end of the week", time.UTC, []string{"sat-mon 08:00-09:00"}, nil, "2026-11-16T08:30:00Z", false},
		{"holiday", time.UTC, week, []string{"2026-11-18"}, "2026-11-18T10:00:00Z", true},
		{"holiday of another year", time.UTC, week, []string{"2025-11-18"}, "2026-11-18T10:00:00Z", false},
		{"every year", time.UTC, week, []string{"11-18"}, "2026-11-18T10:00:00Z", true},
		{"holiday by its own zone", bangkok, nil, []string{"12-25"}, "2026-12-24T17:00:00Z", true},
		{"holiday over there", bangkok, nil, []string{"12-25"}, "2026-12-25T17:00:00Z", false},
	} {
		h := hours{zone: tt.zone}
		for _, l := range tt.lines {
			must(t, h.add(l))
		}
		for _, d := range tt.holidays {
			must(t, h.close(d))
		}
		at, err := time.Parse(time.RFC3339, tt.at)
		must(t, err)
		if got := h.closedAt(at); got != tt.closed {
			t.Errorf("%s: closed %v", tt.name, got)
		}
	}
}

// The time for calling back passes while somebody is there.
func TestHoursLater(t *testing.T) {
	york, err := time.LoadLocation("America/New_York")
	must(t, err)
	week := []string{"mon-fri 09:00-12:00", "mon-fri 13:00-17:00"}
	for _, tt := range []struct {
		name     string
		zone     *time.Location
		lines    []string
		holidays []string
		at       string
		in       time.Duration
		want     string
	}{
		{"always open", time.UTC, nil, nil, "2026-11-18T22:10:30Z", time.Hour, "2026-11-18T23:10:30Z"},
		{"within", time.UTC, week, nil, "2026-11-18T10:10:30Z", time.Hour, "2026-11-18T11:10:30Z"},
		{"at night", time.UTC, week, nil, "2026-11-18T22:10:30Z", time.Hour, "2026-11-19T10:00:00Z"},
		{"over noon", time.UTC, week, nil, "2026-11-18T11:30:30Z", time.Hour, "2026-11-18T13:30:30Z"},
		{"over the weekend", time.UTC, week, nil, "2026-11-20T16:45:00Z", time.Hour, "2026-11-23T09:45:00Z"},
		{"over a holiday", time.UTC, week, []string{"11-23"}, "2026-11-20T16:45:00Z", time.Hour, "2026-11-24T09:45:00Z"},
		{"two days", time.UTC, week, nil, "2026-11-18T09:00:00Z", 15 * time.Hour, "2026-11-20T10:00:00Z"},
		{"in the line's zone", york, week, nil, "2026-11-18T23:00:00Z", time.Hour, "2026-11-19T15:00:00Z"},
		{"over the end of summer time", york, []string{"sat-sun 00:00-24:00"}, nil, "2026-11-01T05:30:00Z", 2 * time.Hour, "2026-11-01T07:30:00Z"},
		{"never open", time.UTC, []string{"mon 09:00-17:00"}, everyMonday(), "2026-11-18T09:00:00Z", time.Hour, "2026-11-18T10:00:00Z"},
	} {
		h := hours{zone: tt.zone}
		for _, l := range tt.lines {
			must(t, h.add(l))
		}
		for _, d := range tt.holidays {
			must(t, h.close(d))
		}
		at, err := time.Parse(time.RFC3339, tt.at)
		must(t, err)
		if got := h.later(at, tt.in).UTC().Format(time.RFC3339); got != tt.want {
			t.Errorf("%s: %s, want %s", tt.name, got, tt.want)
		}
	}
}

// everyMonday of the months after November 2026 is a holiday.
func everyMonday() (days []string) {
	for d := time.Date(2026, 11, 16, 0, 0, 0, 0, time.UTC); d.Year() < 2028; d = d.AddDate(0, 0, 7) {
		days = append(days, d.Format(time.DateOnly))
	}
	return days
}

func TestVoiceSettings(t *testing.T) {
	good := map[string]any{"account_sid": "AC" + strings.Repeat("0", 32), "auth_token": "secret", "from": "+1 (202) 555-0122"}
	read := func(key string, value any) (voiceSettings, error) {
		m := map[string]any{}
		for k, v := range good {
			m[k] = v
		}
		if key != "" {
			m[key] = value
		}
		raw, _ := json.Marshal(m)
		_, v, err := readVoice(raw)
		return v, err
	}
	v, err := read("", nil)
	if err != nil || !v.voicemail || v.length != defaultVoicemail || v.greeting == "" || v.hours.closedAt(time.Now()) {
		t.Errorf("%+v, %v", v, err)
	}
	if l := (&Line{set: v}); l.CallBack(time.Unix(0, 0)) != time.Unix(3600, 0) {
		t.Errorf("to be called back by %v", l.CallBack(time.Unix(0, 0)))
	}
	if v, err := read("call_back", "0s"); err != nil || !(&Line{set: v}).CallBack(time.Now()).IsZero() {
		t.Errorf("%+v, %v", v, err)
	}
	if v, err := read("voicemail", "no"); err != nil || v.voicemail {
		t.Errorf("%+v, %v", v, err)
	}
	for _, tt := range []struct {
		key   string
		value any
		blame string
	}{
		{"from", "SHOP", "from"},
		{"from", "", "from"},
		{"colour", "red", "colour"},
		{"time_zone", "Mars/Olympus", "time_zone"},
		{"time_zone", "Local", "time_zone"},
		{"hours", []string{"always"}, "hours"},
		{"hours", []string{"mon 17:00-09:00"}, "hours"},
		{"hours", []string{"mon 9-17"}, "hours"},
		{"hours", []string{"lundi 09:00-17:00"}, "hours"},
		{"holidays", []string{"2026-02-30"}, "holidays"},
		{"holidays", []string{"christmas"}, "holidays"},
		{"menu", []string{"1 Orders"}, "menu_prompt"},
		{"menu", []string{"12 Orders"}, "menu"},
		{"menu", []string{"1 Orders", "1 Repairs"}, "menu"},
		{"language", "english please", "language"},
		{"voice", "<x>", "voice"},
		{"voicemail", "perhaps", "voicemail"},
		{"voicemail_seconds", 1, "voicemail_seconds"},
		{"menu_to", []string{"1 ann@example.com"}, "menu_to"},
		{"menu_hours", []string{"1 mon 09:00-17:00"}, "menu_hours"},
		{"menu_to_seconds", 0, "menu_to_seconds"},
		{"call_back", "-1h", "call_back"},
		{"call_back", "soon", "call_back"},
		{"voicemail_seconds", maxVoicemail + 1, "voicemail_seconds"},
		{"greeting", strings.Repeat("a", maxSay+1), "greeting"},
		{"auth_token", "", "auth_token"},
	} {
		_, err := read(tt.key, tt.value)
		var se *connectors.SettingsError
		if !errors.As(err, &se) || se.Key != tt.blame || strings.Contains(err.Error(), "secret ") {
			t.Errorf("%s %v: %v", tt.key, tt.value, err)
		}
	}
}

func FuzzHours(f *testing.F) {
	f.Add("mon-fri 09:00-17:00")
	f.Add("sat,sun 10:00 - 24:00")
	f.Add("- -")
	f.Fuzz(func(t *testing.T, line string) {
		h := hours{zone: time.UTC}
		if h.add(line) != nil {
			return
		}
		s := h.open[0]
		if s.from >= s.until || s.until > 24*60 || s.from < 0 || s.days == [7]bool{} {
			t.Errorf("%q became %+v", line, s)
		}
	})
}
