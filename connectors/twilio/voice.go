package twilio

import (
	"log/slog"
	"sync"
	"time"

	"throughline/connectors"
	"throughline/message"
)

// ChannelVoice is the channel of calls.
const ChannelVoice = "voice"

// Voice is the channel of phone numbers that are called: a greeting, business
// hours, a menu, agents who take the call, and a machine that takes messages.
func Voice() connectors.Kind {
	return connectors.Kind{Channel: ChannelVoice, Scheme: Scheme, Fields: voiceFields(),
		New: func(a connectors.Account, h connectors.Host) (connectors.Connector, error) { return newLine(a, h) }}
}

// Line is one phone number at Twilio that can be called, and calls.
//
// Twilio asks at every step of a call what comes next. What a step has to know of
// those before it stands in the address it is asked at, which Twilio signs, so
// that nothing is forgotten when the program starts again in mid-call. Every step
// is stored before it is answered; what the hub is told of a call adds up to the
// same in any order and however often it comes.
type Line struct {
	core *Connector // the account at Twilio
	set  voiceSettings
	now  func() time.Time
	tune func() []byte // made when it is first asked for

	mu      sync.Mutex
	fetched map[string]bool // SIDs of recordings that the hub has
	written map[string]bool // SIDs of recordings that Twilio is done writing down
	ends    map[string]end  // of the waiting of callers, by SID
	led     map[string]bool // SIDs of callers whom this process led on, or who were led on before
}

func newLine(a connectors.Account, h connectors.Host) (*Line, error) {
	core, set, err := readVoice(a.Settings)
	if err != nil {
		return nil, err
	}
	if h.Log == nil {
		h.Log = slog.New(slog.DiscardHandler)
	}
	return &Line{set: set, now: time.Now, tune: sync.OnceValue(holdTune), fetched: map[string]bool{}, written: map[string]bool{}, ends: map[string]end{}, led: map[string]bool{}, core: &Connector{
		flavour: flavour{channel: ChannelVoice}, account: a.ID, set: core, host: h, log: h.Log, limits: defaultLimits(), client: newClient(),
		fetches: make(chan struct{}, maxFetches), wake: make(chan struct{}, 1),
		taken: map[string]bool{}, reported: map[string]message.Status{}, owners: map[string]string{},
	}}, nil
}

// Info describes the line. Nothing can be written over it.
func (l *Line) Info() connectors.Info {
	return connectors.Info{
		Account: l.core.account, Channel: ChannelVoice, Writing: connectors.Writing{None: true, Chat: true},
		Own: message.Person{Name: l.core.set.name, Handle: handleOf(l.core.set.from)},
		Hooks: []connectors.Hook{
			{Path: routeCall, Use: "call", Label: "A call comes in (HTTP POST)"},
			{Path: routeEnded, Use: "call_status", Label: "Call status changes (HTTP POST)"},
		},
	}
}

// has tells whether the hub has a recording, as far as that is remembered: what is
// forgotten is fetched and offered again, and found to be there.
func (l *Line) has(recording string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.fetched[recording]
}

func (l *Line) holds(recording string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.fetched) >= maxTaken {
		clear(l.fetched)
	}
	l.fetched[recording] = true
}

var (
	_ connectors.Connector = (*Line)(nil)
	_ connectors.Webhooker = (*Line)(nil)
	_ connectors.Auditor   = (*Line)(nil)
	_ connectors.Reader    = (*Line)(nil)
	_ connectors.Tester    = (*Line)(nil)
)
