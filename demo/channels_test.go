package demo

import (
	"context"
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"throughline/inbox"
	"throughline/message"
	"throughline/store"
	"throughline/timeline"
)

// What came by other channels than mail.
func TestChannels(t *testing.T) {
	s := run(t, quiet)
	s.settled()
	s.Ring()
	t.Run("past texts", s.pastTexts)
	t.Run("texts", s.textIsAnswered)
	t.Run("slack", s.slackIsAnswered)
	t.Run("notices", s.colleaguesAreTold)
	t.Run("call", s.messageIsLeft)
}

// messageIsLeft: who calls while nobody is ready leaves a message, which is on the
// caller's timeline with its sound and its words.
func (s *stage) messageIsLeft(t *testing.T) {
	s.until("a voicemail", func(tx *store.Tx) (found bool, err error) {
		events, err := s.hub.Timeline.After(tx, 0, 100_000)
		for _, e := range events {
			if err != nil || e.Kind != timeline.MessageReceived {
				continue
			}
			r, err := s.hub.Message(tx, e.Message)
			if err != nil {
				return false, err
			}
			if r.Channel == lineChannel && r.Call.Outcome == message.CallVoicemail && len(r.Parts) == 1 && r.Reply != "" {
				if !strings.Contains(r.Reply, "The van did not come today") || r.Call.Choice != "Orders and deliveries" {
					t.Errorf("%q, %+v", r.Reply, r.Call)
				}
				found = true
			}
		}
		return found, err
	})
}

// colleaguesAreTold: somebody who writes first is a notice at the desk.
func (s *stage) colleaguesAreTold(t *testing.T) {
	const words = "The bell of bike 12 is gone."
	s.acting.Lock()
	err := s.slack.say(&talk{room: s.slack.fleet, who: s.slack.owen, tag: "parts"}, s.slack.owen, words)
	s.acting.Unlock()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	resp := ""
	if err := s.slack.WaitFor(ctx, func() bool {
		for _, p := range s.slack.Posted() {
			if p.Channel == s.slack.desk.ID && strings.Contains(p.Text, words) {
				resp = p.Text
			}
		}
		return resp != ""
	}); err != nil || !strings.Contains(resp, "New conversation: Owen Castellan") {
		t.Errorf("%q, %v", resp, err)
	}
	page, err := http.Get(s.DeskURL())
	if err != nil {
		t.Fatal(err)
	}
	defer page.Body.Close()
	if b, err := io.ReadAll(page.Body); err != nil || !strings.Contains(string(b), words) || !strings.Contains(string(b), "/#/inbox/all/") {
		t.Errorf("the page reads %s, %v", b, err)
	}
}

// Texts of the past are there with their pictures; one who has mailed and texted is
// one customer.
func (s *stage) pastTexts(t *testing.T) {
	channels, pictures, both := map[string]int{}, 0, 0
	if err := s.hub.Store.View(func(tx *store.Tx) error {
		for _, l := range s.cast.langs {
			for i, p := range l.people {
				mail, ok := s.hub.Identity.Find(tx, message.NewHandle("mailto", p.address))
				if !ok || !isKnown(i) {
					continue
				}
				tel, ok := s.hub.Identity.Find(tx, message.NewHandle("tel", s.cast.number(l, i)))
				if !ok {
					t.Errorf("the number of %s is not known", p.name)
					continue
				}
				a, err := s.hub.Identity.Root(tx, mail.Customer)
				if err != nil {
					return err
				}
				if b, err := s.hub.Identity.Root(tx, tel.Customer); err != nil || a.ID != b.ID {
					t.Errorf("%s is two customers: %v", p.name, err)
				}
				list, _, err := s.hub.List(tx, inbox.ListQuery{Subjects: []uint64{tel.ID}, Limit: 10})
				if err != nil {
					return err
				}
				both += len(list)
			}
		}
		events, err := s.hub.Timeline.After(tx, 0, 100_000)
		for _, e := range events {
			if e.Message == 0 {
				continue
			}
			r, err := s.hub.Message(tx, e.Message)
			if err != nil {
				return err
			}
			channels[r.Channel]++
			if r.Channel != "email" {
				pictures += len(r.Parts)
			}
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
	if channels["sms"] < 10 || channels["whatsapp"] < 8 || pictures < 3 || both < 8 {
		t.Errorf("%v, %d pictures, %d texts of people who have mailed", channels, pictures, both)
	}
}

// Whoever is texted texts back, over the channel on which he was asked.
func (s *stage) textIsAnswered(t *testing.T) {
	list, err := s.open(100)
	if err != nil {
		t.Fatal(err)
	}
	answered := map[string]bool{}
	for _, c := range list {
		if c.chat == nil || answered[c.Channel] || time.Since(c.Last) > 20*time.Hour {
			continue
		}
		answered[c.Channel] = true
		if err := s.reply(t.Context(), s.Visitor, c.ID, c.LastSeq, "<p>We look into it.</p>", ""); err != nil {
			t.Fatal(err)
		}
		var now *inbox.Conversation
		s.until("an answer by "+c.Channel, func(tx *store.Tx) (ok bool, err error) {
			now, err = s.hub.Conversation(tx, c.ID)
			return err == nil && now.Messages == c.Messages+2 && now.Direction == "in", err
		})
		if want := s.words(func() string { return c.chat.say(c.chat.matter.then) }); now.Channel != c.Channel || !strings.HasPrefix(want, now.Preview) {
			t.Errorf("%s: %q, want %q", now.Channel, now.Preview, want)
		}
	}
	if len(answered) != phones {
		t.Errorf("answered by %v only", answered)
	}
}

// Slack's past has threads, with what colleagues answered there as ours; whoever is
// answered there answers in the same thread.
func (s *stage) slackIsAnswered(t *testing.T) {
	list, err := s.open(100)
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, c := range list {
		if c.talk == nil {
			continue
		}
		n++
		if err := s.reply(t.Context(), s.Visitor, c.ID, c.LastSeq, "<p>We look into it.</p>", ""); err != nil {
			t.Fatal(err)
		}
		var now *inbox.Conversation
		s.until("an answer in Slack", func(tx *store.Tx) (ok bool, err error) {
			now, err = s.hub.Conversation(tx, c.ID)
			return err == nil && now.Messages == c.Messages+2 && now.Direction == "in", err
		})
		if err := s.hub.Store.View(func(tx *store.Tx) error {
			page, err := s.hub.Timeline.Conversation(tx, c.ID, timeline.Span{Limit: 50})
			if err != nil {
				return err
			}
			ours, files := 0, 0
			for _, e := range page.Events {
				if e.Message == 0 {
					continue
				}
				r, err := s.hub.Message(tx, e.Message)
				if err != nil {
					return err
				}
				files += len(r.Parts)
				if r.Direction == message.Out && r.Agent == 0 && r.From.Name == colleagues[1].name {
					ours++
				}
			}
			if damage := c.talk.tag == "damage"; damage != (ours > 0) || damage != (files > 0) {
				t.Errorf("%s: %d answers of ours, %d files", c.talk.tag, ours, files)
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
	}
	if n != openTalks {
		t.Errorf("%d talks are open", n)
	}
	if v := s.slack.Violations(); len(v) > 0 {
		t.Errorf("Slack would shrug at %q", v)
	}
}

// Every number is one of those reserved for drama, and nobody has two.
func TestNumbers(t *testing.T) {
	c := newCast(1)
	seen := map[string]string{textNumber: "ours", whatsAppNumber: "ours", deadNumber: "dead", stopNumber: "stop", newNumber: "Emily Stone"}
	for _, l := range c.langs {
		for i, p := range l.people {
			n := c.number(l, i)
			if other := seen[n]; other != "" {
				t.Errorf("%s and %s have %s", p.name, other, n)
			}
			seen[n] = p.name
		}
	}
	for n := range seen {
		if !regexp.MustCompile(`^(\+44770090[0-9]{4}|\+120255501[0-9]{2})$`).MatchString(n) || strings.HasPrefix(n, "+4477009") && !strings.HasPrefix(n, "+447700900") {
			t.Errorf("%s may be somebody's", n)
		}
	}
}
