package notify

import (
	"errors"
	"strings"
	"testing"
	"time"

	"throughline/connectors"
	"throughline/connectors/slack/slacktest"
	"throughline/inbox"
	"throughline/store"
)

// TestNarrow: rules choose by channel, account and tag.
func TestNarrow(t *testing.T) {
	tagged := &inbox.Conversation{Channel: "slack", Account: "slack", Accounts: []string{"line"}, Tags: []string{"vip"}}
	for _, tt := range []struct {
		r    Rule
		want bool
	}{
		{Rule{}, true},
		{Rule{Channels: []string{"slack", "x"}}, true}, {Rule{Channels: []string{"email"}}, false},
		{Rule{Accounts: []string{"line"}}, true}, {Rule{Accounts: []string{"slack"}}, true}, {Rule{Accounts: []string{"other"}}, false},
		{Rule{Tags: []string{"vip"}}, true}, {Rule{Tags: []string{"late"}}, false},
		{Rule{Channels: []string{"slack"}, Tags: []string{"late"}}, false},
	} {
		if got := tt.r.chooses(tagged); got != tt.want {
			t.Errorf("%+v: %v", tt.r, got)
		}
	}
}

func TestMentioned(t *testing.T) {
	for _, tt := range []struct {
		text, name string
		want       bool
	}{
		{"@Lena Hofer look", "Lena Hofer", true}, {"ask @lena.", "Lena Hofer", true}, {"@LENA", "Lena Hofer", true},
		{"@Lenard", "Lena Hofer", false}, {"Lena", "Lena Hofer", false}, {"mail lena@example.com", "Lena Hofer", false}, {"x@lenard @lena", "Lena", true},
		{"@نسرین لطفاً", "نسرین کاظمی", true}, {"@", "", false}, {"@ ", " ", false},
	} {
		if got := mentioned(tt.text, tt.name); got != tt.want {
			t.Errorf("%q, %q: %v", tt.text, tt.name, got)
		}
	}
}

func TestRules(t *testing.T) {
	w := newWorld(t)
	good := Rule{Name: " Desk \n 1 ", Account: "slack", Place: w.desk.ID, Events: []string{OnWaiting, OnNew, OnNew}, After: time.Hour}
	for field, change := range map[string]func(*Rule){
		"name":     func(r *Rule) { r.Name = " " },
		"events":   func(r *Rule) { r.Events = nil },
		"after":    func(r *Rule) { r.After = time.Second },
		"account":  func(r *Rule) { r.Account = "line" },
		"place":    func(r *Rule) { r.Place = "" },
		"language": func(r *Rule) { r.Language = "xx" },
		"tags":     func(r *Rule) { r.Tags = []string{""} },
	} {
		r := good
		change(&r)
		_, err := w.n.Save(t.Context(), r)
		if bad := (*inbox.InvalidError)(nil); !errors.As(err, &bad) || bad.Field != field {
			t.Errorf("%s: %v", field, err)
		}
	}
	saved, err := w.n.Save(t.Context(), good)
	w.must(err)
	if saved.Name != "Desk 1" || len(saved.Events) != 2 || saved.Since.IsZero() {
		t.Errorf("%+v", saved)
	}
	places, err := w.n.Places(t.Context(), "slack")
	if err != nil || len(places) != 1 || places[0] != (connectors.Place{ID: w.desk.ID, Name: "#desk"}) {
		t.Errorf("%+v, %v", places, err)
	}
	w.must(w.n.Test(t.Context(), saved.ID))
	w.reads([]string{"This is a test"})
	// Another channel of the app is none for notices.
	help := w.slack.Channel(slacktest.Room{Name: "help", Members: []*slacktest.User{w.ann}})
	other := *saved
	other.Place = help.ID
	_, err = w.n.Save(t.Context(), other)
	w.must(err)
	if err := w.n.Test(t.Context(), saved.ID); err == nil {
		t.Error("posted where customers read")
	}
	w.say("hello")
	w.until("the trouble is told", func(tx *store.Tx) bool {
		text, err := w.n.Trouble(tx, saved.ID)
		return err == nil && strings.Contains(text, "not one for notices")
	})
	w.must(w.n.Remove(t.Context(), saved.ID))
	if err := w.n.Remove(t.Context(), saved.ID); !errors.Is(err, inbox.ErrNotFound) {
		t.Errorf("removed twice: %v", err)
	}
	w.reads([]string{"This is a test"})
}

// TestWords: every language has every text, with the same gaps.
func TestWords(t *testing.T) {
	for _, l := range languages {
		w := (&Rule{Language: l}).words()
		for _, e := range []string{OnNew, OnWaiting, OnMention, OnMissed, OnFailed} {
			for _, gap := range []string{"{name}", "{agent}", "{time}"} {
				if strings.Contains(w.title[e], gap) != strings.Contains(catalogue["en"].title[e], gap) {
					t.Errorf("%s %s: %q", l, e, w.title[e])
				}
			}
		}
		for _, s := range []string{w.assigned, w.answered, w.resolved, w.sent, w.open, w.test, w.oneMinute, w.oneHour, w.oneDay} {
			if s == "" {
				t.Errorf("%s lacks a text: %+v", l, w)
			}
		}
	}
	w := catalogue["en"]
	for d, want := range map[time.Duration]string{time.Minute: "a minute", 30 * time.Minute: "30 minutes", time.Hour: "an hour", 90 * time.Minute: "90 minutes", 48 * time.Hour: "2 days"} {
		if got := w.span(d); got != want {
			t.Errorf("%v: %q", d, got)
		}
	}
}
