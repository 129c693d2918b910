package slacktest_test

import (
	"context"
	"errors"
	"sync"
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

// listener is a Socket Mode client of slack-go that acknowledges everything.
type listener struct {
	messages chan *slackevents.MessageEvent
	others   chan slackevents.EventsAPIEvent
	bad      chan []byte // what slack-go does not understand, and so does not acknowledge
	clicks   chan slack.InteractionCallback
}

func listen(t *testing.T, s *slacktest.Server) listener {
	t.Helper()
	sm := socketmode.New(client(s))
	c, stop := context.WithCancel(ctx(t))
	l := listener{
		make(chan *slackevents.MessageEvent, 100), make(chan slackevents.EventsAPIEvent, 100), make(chan []byte, 100),
		make(chan slack.InteractionCallback, 100),
	}
	var work sync.WaitGroup
	work.Go(func() {
		if err := sm.RunContext(c); !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	})
	work.Go(func() {
		for {
			select {
			case e := <-sm.Events:
				l.take(sm, e)
			case <-c.Done():
				return
			}
		}
	})
	t.Cleanup(func() { stop(); work.Wait() })
	if err := s.WaitFor(c, func() bool { return s.Sockets() > 0 }); err != nil {
		t.Fatal(err)
	}
	return l
}

func (l listener) take(sm *socketmode.Client, e socketmode.Event) {
	switch e.Type {
	case socketmode.EventTypeEventsAPI:
		sm.Ack(*e.Request)
		event := e.Data.(slackevents.EventsAPIEvent)
		if m, ok := event.InnerEvent.Data.(*slackevents.MessageEvent); ok {
			l.messages <- m
		} else {
			l.others <- event
		}
	case socketmode.EventTypeInteractive:
		sm.Ack(*e.Request)
		l.clicks <- e.Data.(slack.InteractionCallback)
	case socketmode.EventTypeErrorBadMessage:
		l.bad <- e.Data.(*socketmode.ErrorBadMessage).Message
	}
}

func TestTalkOverSocketMode(t *testing.T) {
	s := start(t, fast())
	ana := s.User(slacktest.Person{RealName: "Ana Example", Email: "ana@example.com"})
	support := s.Channel(slacktest.Room{Name: "support", Members: []*slacktest.User{ana}})
	l := listen(t, s)
	ts := must(ana.Say(support, "Hello <@"+s.App().ID+">"))
	m := <-l.messages
	if m.TimeStamp != ts || m.User != ana.ID || m.Channel != support.ID || m.ChannelType != "channel" {
		t.Errorf("message: %+v", m)
	}
	if e := <-l.others; e.InnerEvent.Type != "app_mention" {
		t.Errorf("event: %+v", e.InnerEvent)
	}
	_, _, err := client(s).PostMessageContext(ctx(t), support.ID, slack.MsgOptionText("See https://example.com/a & b", false), slack.MsgOptionTS(ts))
	if err != nil {
		t.Fatal(err)
	}
	if own := <-l.messages; own.BotID == "" || own.ThreadTimeStamp != ts {
		t.Errorf("own message: %+v", own)
	}
	posts := s.Posted()
	if len(posts) != 1 || posts[0].Text != "See <https://example.com/a> &amp; b" || posts[0].ThreadTS != ts {
		t.Errorf("posted: %+v", posts)
	}
	if err := s.WaitDelivered(ctx(t)); err != nil {
		t.Fatal(err)
	}
	if n := len(s.Deliveries()); n != 3 {
		t.Errorf("%d deliveries", n)
	}
}
