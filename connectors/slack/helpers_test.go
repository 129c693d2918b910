package slack

import (
	"context"
	"encoding/json"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"throughline/connectors"
	"throughline/connectors/slack/slacktest"
	"throughline/message"
)

// waitMost is how long a test waits at most for what has to happen.
const waitMost = 20 * time.Second

// hub is a Sink and the record of what it was given.
type hub struct {
	mu      sync.Mutex
	batches []connectors.Batch
	cursor  []byte
	states  []connectors.State
	refuse  error
	files   map[string]string // "KEY/NAME" to content
	changed chan struct{}
}

func newHub() *hub { return &hub{files: map[string]string{}, changed: make(chan struct{})} }

func (h *hub) touch() { close(h.changed); h.changed = make(chan struct{}) }

func (h *hub) Cursor(context.Context) ([]byte, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.cursor, nil
}

func (h *hub) Accept(_ context.Context, b connectors.Batch) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.refuse != nil {
		return h.refuse
	}
	keep := func(key string, parts []message.Part) {
		for _, p := range parts {
			r, err := p.Content.Open()
			if err != nil {
				panic(err)
			}
			s, err := io.ReadAll(r)
			r.Close()
			if err != nil {
				panic(err)
			}
			h.files[key+"/"+p.Name] = string(s)
		}
	}
	for _, m := range b.Messages {
		keep(m.Key, m.Parts)
	}
	for _, c := range b.Changes {
		if c.Edit != nil {
			keep(c.Of, c.Edit.Parts)
		}
	}
	h.batches = append(h.batches, b)
	if b.Cursor != nil {
		h.cursor = b.Cursor
	}
	h.touch()
	return nil
}

func (h *hub) State(s connectors.State) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.states = append(h.states, s)
	h.touch()
}

// Recall lists what a hub would hold.
func (h *hub) Recall(_ context.Context, prefix, after string, limit int) (list []string, err error) {
	gone := map[string]bool{}
	for _, c := range h.changes() {
		gone[c.Of] = gone[c.Of] || c.Deleted
	}
	for _, m := range h.messages() {
		if strings.HasPrefix(m.Source, prefix) && m.Source > after && !gone[m.Key] {
			list = append(list, m.Source)
		}
	}
	slices.Sort(list)
	return list[:min(len(list), limit)], nil
}

func (h *hub) setRefuse(err error) { h.mu.Lock(); h.refuse = err; h.mu.Unlock() }

// messages are the items as a hub that drops repeats would have them.
func (h *hub) messages() (list []message.Message) {
	h.mu.Lock()
	defer h.mu.Unlock()
	seen := map[string]bool{}
	for _, b := range h.batches {
		for _, m := range b.Messages {
			if !seen[m.Key] {
				seen[m.Key] = true
				list = append(list, m)
			}
		}
	}
	return list
}

// offered is how many items were offered, repeats too.
func (h *hub) offered() (n int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, b := range h.batches {
		n += len(b.Messages)
	}
	return n
}

func (h *hub) texts() (list []string) {
	for _, m := range h.messages() {
		list = append(list, m.Text)
	}
	return list
}

func (h *hub) changes() (list []message.Change) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, b := range h.batches {
		list = append(list, b.Changes...)
	}
	return list
}

func (h *hub) held() (list []message.Held) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, b := range h.batches {
		list = append(list, b.Held...)
	}
	return list
}

func (h *hub) file(key string) (string, bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	s, ok := h.files[key]
	return s, ok
}

func (h *hub) shown() []connectors.State {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.states)
}

func (h *hub) last() connectors.State {
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.states) == 0 {
		return connectors.State{}
	}
	return h.states[len(h.states)-1]
}

// wait returns once ok does.
func (h *hub) wait(t *testing.T, what string, ok func() bool) {
	t.Helper()
	timeout := time.After(waitMost)
	for {
		h.mu.Lock()
		changed := h.changed
		h.mu.Unlock()
		if ok() {
			return
		}
		select {
		case <-changed:
		case <-timeout:
			t.Fatalf("%s did not come: %q, held %+v, changes %+v, states %+v", what, h.texts(), h.held(), h.changes(), h.shown())
		}
	}
}

func (h *hub) awaitTexts(t *testing.T, want ...string) {
	t.Helper()
	h.wait(t, strings.Join(want, ", "), func() bool {
		got := h.texts()
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
	h.wait(t, "the live state", func() bool { return h.last().Phase == connectors.Live })
}

func (h *hub) byText(t *testing.T, text string) message.Message {
	t.Helper()
	for _, m := range h.messages() {
		if m.Text == text {
			return m
		}
	}
	t.Fatalf("there is no message %q among %q", text, h.texts())
	return message.Message{}
}

// exactly checks that these texts came, each once and nothing else.
func (h *hub) exactly(t *testing.T, want ...string) {
	t.Helper()
	got := h.texts()
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) || h.offered() != len(want) {
		t.Errorf("came %q in %d offers, want %q", got, h.offered(), want)
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
