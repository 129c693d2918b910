package twilio

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"throughline/connectors"
	"throughline/connectors/twilio/twiliotest"
	"throughline/message"
)

const (
	ourNumber   = "+12025550100"
	ourWhatsApp = "+12025550111"
	ann         = "+12025550143"
	public      = "https://hub.example.com/hooks/texts"
)

// patience is how long a test waits at most for what has to happen.
const patience = 20 * time.Second

// hub is a Sink and the record of what it was given.
type hub struct {
	mu      sync.Mutex
	batches []connectors.Batch
	cursor  []byte
	states  []connectors.State
	refuse  error
	files   map[string]string // blob names stand in for content: key/name → content
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
			s, err := read(p.Content)
			if err != nil {
				panic(err)
			}
			h.files[key+"/"+p.Name] = s
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

func (h *hub) setRefuse(err error) { h.mu.Lock(); h.refuse = err; h.mu.Unlock() }

// messages are the items by key, as a hub that drops repeats would have them.
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

func (h *hub) offered() (n int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, b := range h.batches {
		n += len(b.Messages)
	}
	return n
}

func (h *hub) changes() (list []message.Change) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, b := range h.batches {
		list = append(list, b.Changes...)
	}
	return list
}

func (h *hub) reports() (list []message.Report) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, b := range h.batches {
		list = append(list, b.Reports...)
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

func (h *hub) state() (s connectors.State) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.states) > 0 {
		s = h.states[len(h.states)-1]
	}
	return s
}

// lives is how often the live state was shown.
func (h *hub) lives() (n int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, s := range h.states {
		if s.Phase == connectors.Live {
			n++
		}
	}
	return n
}

// wait returns once ok does.
func (h *hub) wait(t *testing.T, what string, ok func() bool) {
	t.Helper()
	timeout := time.After(patience)
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
			t.Fatalf("%s did not happen; messages %+v, state %+v", what, h.messages(), h.state())
		}
	}
}

func read(c message.Content) (string, error) {
	r, err := c.Open()
	if err != nil {
		return "", err
	}
	defer r.Close()
	var b strings.Builder
	buf := make([]byte, 4096)
	for {
		n, err := r.Read(buf)
		b.Write(buf[:n])
		if err != nil {
			if errors.Is(err, http.ErrBodyReadAfterClose) {
				return "", err
			}
			return b.String(), nil
		}
	}
}

// rig is the double, a connector and the server that its webhooks reach.
type rig struct {
	*twiliotest.Server
	hub  *hub
	c    *Connector
	host connectors.Host
	set  map[string]any
	f    flavour
}

// newRig starts everything; options and settings may be changed before.
func newRig(t *testing.T, f flavour, change func(*twiliotest.Options, map[string]any, *connectors.Host)) *rig {
	t.Helper()
	opt := twiliotest.Options{Speed: 1000, Numbers: []twiliotest.Number{
		{PhoneNumber: ourNumber, SMS: true, MMS: true, SMSURL: public + routeMessage},
		{PhoneNumber: "whatsapp:" + ourWhatsApp, SMSURL: public + routeMessage},
	}}
	r := &rig{hub: newHub(), f: f}
	r.set = map[string]any{"account_sid": twiliotest.DefaultAccountSID, "auth_token": twiliotest.DefaultAuthToken, "from": ourNumber, "rate": 1000}
	if f.channel == ChannelWhatsApp {
		r.set["from"] = ourWhatsApp
	}
	r.host = connectors.Host{Log: slog.New(slog.DiscardHandler), TempDir: t.TempDir(), PublicURL: public}
	if change != nil {
		change(&opt, r.set, &r.host)
	}
	srv, err := twiliotest.Start(opt)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(srv.Close)
	r.Server = srv
	r.set["base_url"] = srv.URL()
	r.restart(t)
	return r
}

// restart makes the connector anew, as after a restart of the program.
func (r *rig) restart(t *testing.T) {
	t.Helper()
	raw, err := json.Marshal(r.set)
	if err != nil {
		t.Fatal(err)
	}
	c, err := newConnector(r.f, connectors.Account{ID: "texts", Channel: r.f.channel, Settings: raw}, r.host)
	if err != nil {
		t.Fatal(err)
	}
	r.c = c
	t.Cleanup(c.client.CloseIdleConnections)
	web := httptest.NewServer(c.Webhook(r.hub))
	t.Cleanup(web.Close)
	r.Route(public, web.URL)
}

// run runs the connector until the test or stop ends it.
func (r *rig) run(t *testing.T) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	c := r.c
	before := r.hub.lives()
	go func() { ended <- c.Run(ctx, r.hub) }()
	var once sync.Once
	stop = func() {
		once.Do(func() {
			cancel()
			select {
			case err := <-ended:
				if !errors.Is(err, context.Canceled) {
					t.Errorf("Run = %v", err)
				}
			case <-time.After(patience):
				t.Error("Run did not end")
			}
		})
	}
	t.Cleanup(stop)
	r.hub.wait(t, "live", func() bool { return r.hub.lives() > before })
	return stop
}

// outgoing is a message of ours.
func outgoing(id uint64, text string) message.Message {
	return message.Message{ID: id, Token: "tokentokentoken1", Channel: ChannelSMS, Account: "texts", Direction: message.Out, Chat: true,
		To: []message.Person{{Handle: "tel:" + ann}}, Text: text, Time: time.Now()}
}
