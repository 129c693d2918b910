package slack

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"throughline/connectors"
	"throughline/connectors/connectortest"
	"throughline/connectors/slack/slacktest"
	"throughline/message"
)

// hub is a Sink that can be asked what it has, as the connector does.
type hub struct{ *connectortest.Record }

func newHub() *hub { return &hub{connectortest.NewRecord()} }

// Recall lists what a hub would hold.
func (h *hub) Recall(_ context.Context, prefix, after string, limit int) (list []string, err error) {
	gone := map[string]bool{}
	for _, c := range h.Changes() {
		gone[c.Of] = gone[c.Of] || c.Deleted
	}
	for _, m := range h.Messages() {
		if strings.HasPrefix(m.Source, prefix) && m.Source > after && !gone[m.Key] {
			list = append(list, m.Source)
		}
	}
	slices.Sort(list)
	return list[:min(len(list), limit)], nil
}

func (h *hub) awaitTexts(t *testing.T, want ...string) {
	t.Helper()
	h.Wait(t, strings.Join(want, ", "), func() bool {
		got := h.Texts()
		for _, w := range want {
			if !slices.Contains(got, w) {
				return false
			}
		}
		return true
	})
}

func (h *hub) awaitLive(t *testing.T) {
	t.Helper()
	h.Wait(t, "the live state", func() bool { return h.Last().Phase == connectors.Live })
}

func (h *hub) byText(t *testing.T, text string) message.Message {
	t.Helper()
	for _, m := range h.Messages() {
		if m.Text == text {
			return m
		}
	}
	t.Fatalf("there is no message %q among %q", text, h.Texts())
	return message.Message{}
}

// exactly checks that these texts came, each once and nothing else.
func (h *hub) exactly(t *testing.T, want ...string) {
	t.Helper()
	got := h.Texts()
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) || h.Offered() != len(want) {
		t.Errorf("came %q in %d offers, want %q", got, h.Offered(), want)
	}
}

// start runs a connector under a supervisor until the test ends or stop is called.
func start(t *testing.T, c *Connector, h *hub) (sup *connectors.Supervisor, stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	sup = connectors.NewSupervisor(c, h, c.log)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		sup.Run(ctx)
	}()
	stop = func() { cancel(); <-ended }
	t.Cleanup(stop)
	return sup, stop
}

func say(t *testing.T, u *slacktest.User, c *slacktest.Channel, text string, how ...slacktest.Say) string {
	t.Helper()
	ts, err := u.Say(c, text, how...)
	if err != nil {
		t.Fatal(err)
	}
	return ts
}

func ok(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// out is a message to somebody.
func out(to *slacktest.User, text string, thread ...string) message.Message {
	return message.Message{ID: 7, Token: "abcdefgh12345678", Channel: Channel, Account: "chat", Direction: message.Out, Text: text, Thread: thread,
		To: []message.Person{{Handle: handleOf(to.TeamID(), to.ID)}}}
}

// noViolations checks that the double saw nothing improper.
func noViolations(t *testing.T, srv *slacktest.Server) {
	t.Helper()
	if v := srv.Violations(); len(v) > 0 {
		t.Errorf("improper: %q", v)
	}
}

func marshalled(t *testing.T, v any) []byte {
	t.Helper()
	b, err := json.Marshal(v)
	ok(t, err)
	return b
}
