package slacktest_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/slack-go/slack"
	"github.com/slack-go/slack/slackevents"
	"github.com/slack-go/slack/socketmode"

	"throughline/connectors/slack/slacktest"
)

// fast are times that a test can wait for.
func fast() slacktest.Options {
	return slacktest.Options{
		Unlimited: true, RetryDelays: []time.Duration{0, 10 * time.Millisecond, 10 * time.Millisecond}, CloseGrace: 10 * time.Millisecond,
	}
}

func start(t *testing.T, o slacktest.Options) *slacktest.Server {
	t.Helper()
	s, err := slacktest.Start(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		s.Close()
		if odd := s.Violations(); len(odd) > 0 {
			t.Errorf("violations: %q", odd)
		}
	})
	return s
}

func client(s *slacktest.Server, o ...slack.Option) *slack.Client {
	return slack.New(s.BotToken, append([]slack.Option{slack.OptionAPIURL(s.API()), slack.OptionAppLevelToken(s.AppToken)}, o...)...)
}

// must gives the value of a call that cannot fail here.
func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func ctx(t *testing.T) context.Context {
	c, stop := context.WithTimeout(t.Context(), 20*time.Second)
	t.Cleanup(stop)
	return c
}

func TestTalkOverSocketMode(t *testing.T) {
	s := start(t, fast())
	ana := s.User(slacktest.Person{RealName: "Ana Example", Email: "ana@example.com"})
	support := s.Channel(slacktest.Room{Name: "support", Members: []*slacktest.User{ana}})
	api := client(s)
	sm := socketmode.New(api)
	c, stop := context.WithCancel(ctx(t))
	got := make(chan *slackevents.MessageEvent, 10)
	ended := make(chan error, 1)
	go func() { ended <- sm.RunContext(c) }()
	go func() {
		for e := range sm.Events {
			if e.Type == socketmode.EventTypeEventsAPI {
				sm.Ack(*e.Request)
				if m, ok := e.Data.(slackevents.EventsAPIEvent).InnerEvent.Data.(*slackevents.MessageEvent); ok {
					got <- m
				}
			}
		}
	}()
	if err := s.WaitFor(c, func() bool { return s.Sockets() == 1 }); err != nil {
		t.Fatal(err)
	}
	ts := must(ana.Say(support, "Hello <@"+s.App().ID+">"))
	m := <-got
	if m.TimeStamp != ts || m.User != ana.ID || m.Channel != support.ID || m.ChannelType != "channel" {
		t.Errorf("message: %+v", m)
	}
	if _, _, err := api.PostMessageContext(c, support.ID, slack.MsgOptionText("See https://example.com/a & b", false), slack.MsgOptionTS(ts)); err != nil {
		t.Fatal(err)
	}
	if own := <-got; own.BotID == "" || own.ThreadTimeStamp != ts {
		t.Errorf("own message: %+v", own)
	}
	posts := s.Posted()
	if len(posts) != 1 || posts[0].Text != "See <https://example.com/a> &amp; b" || posts[0].ThreadTS != ts {
		t.Errorf("posted: %+v", posts)
	}
	if err := s.WaitDelivered(c); err != nil {
		t.Fatal(err)
	}
	var kinds []string
	for _, d := range s.Deliveries() {
		kinds = append(kinds, d.Type)
	}
	if !slices.Contains(kinds, "app_mention") || len(kinds) != 3 {
		t.Errorf("deliveries: %q", kinds)
	}
	stop()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}
