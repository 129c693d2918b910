package slack

import (
	"encoding/json"
	"errors"
	"flag"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"throughline/connectors"
	"throughline/message"
)

var update = flag.Bool("update", false, "write the golden files anew")

// offline is a connector that knows who it is and a few people, and can ask nobody.
func offline(t testing.TB) *Connector {
	t.Helper()
	c, err := newConnector(connectors.Account{ID: "chat", Channel: Channel,
		Settings: json.RawMessage(`{"bot_token":"xoxb-test-token","app_token":"xapp-test-token","base_url":"http://127.0.0.1:1/api"}`)},
		connectors.Host{Log: slog.New(slog.DiscardHandler), TempDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	c.limits.names, c.limits.live = time.Nanosecond, time.Nanosecond
	c.who.team, c.who.user, c.who.bot = "T0EXAMPLE", "U0BOT", "B0BOT"
	for id, p := range map[string]person{
		"U0ANN": {Team: "T0EXAMPLE", Name: "Ann Example", Email: "ann@example.com"},
		"U0BOB": {Team: "T0OTHER", Name: "Bob Example"},
		"U0BOT": {Team: "T0EXAMPLE", Name: "throughline", Bot: true},
	} {
		c.people.put(id, p, time.Hour)
	}
	c.rooms.put(room{ID: "C0HELP", Name: "help", Kind: "channel"})
	c.rooms.put(room{ID: "G0TEAM", Kind: "mpim"})
	return c
}

// shown is what an event came to, for a golden file.
type shown struct {
	Messages []message.Message `json:"messages,omitempty"`
	Changes  []shownChange     `json:"changes,omitempty"`
	Held     []string          `json:"held,omitempty"`
	Marks    []string          `json:"marks,omitempty"`
	Late     []string          `json:"late,omitempty"`
	Goodbye  bool              `json:"goodbye,omitempty"`
}

type shownChange struct {
	Of       string            `json:"of"`
	Time     time.Time         `json:"time"`
	Text     string            `json:"text,omitempty"`
	HTML     string            `json:"html,omitempty"`
	Deleted  bool              `json:"deleted,omitempty"`
	Reaction *message.Reaction `json:"reaction,omitempty"`
}

// TestGolden compares what events come to with testdata/*.golden; each *.json
// there is the payload of one event.
func TestGolden(t *testing.T) {
	files, err := filepath.Glob("testdata/events/*.json")
	if err != nil || len(files) < 20 {
		t.Fatalf("%d payloads, %v", len(files), err)
	}
	for _, name := range files {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".json"), func(t *testing.T) {
			payload, err := os.ReadFile(name)
			ok(t, err)
			o, err := offline(t).event(t.Context(), payload, time.Nanosecond)
			ok(t, err)
			var s shown
			s.Messages, s.Goodbye = o.Messages, o.goodbye
			for i := range s.Messages {
				again, err := offline(t).Read(s.Messages[i].Raw, s.Messages[i].Source)
				if errors.Is(err, connectors.ErrPartial) {
					err = nil // its files are at Slack
				}
				if err != nil || again.Text != s.Messages[i].Text || again.HTML != s.Messages[i].HTML || again.From.Name != s.Messages[i].From.Name {
					t.Errorf("read again: %+v, %v", again, err)
				}
			}
			for _, ch := range o.Changes {
				sc := shownChange{Of: ch.Of, Time: ch.Time, Deleted: ch.Deleted, Reaction: ch.Reaction}
				if ch.Edit != nil {
					sc.Text, sc.HTML = ch.Edit.Text, ch.Edit.HTML
				}
				s.Changes = append(s.Changes, sc)
			}
			for _, h := range o.Held {
				s.Held = append(s.Held, h.Source+": "+h.Reason)
			}
			for _, m := range o.marks {
				s.Marks = append(s.Marks, m.room+"/"+m.ts+" "+m.root)
			}
			for _, l := range o.late {
				s.Late = append(s.Late, l.Room+"/"+l.TS+" "+l.Root)
			}
			b, err := json.MarshalIndent(s, "", "  ")
			ok(t, err)
			golden := strings.TrimSuffix(name, ".json") + ".golden"
			if *update {
				ok(t, os.WriteFile(golden, append(b, '\n'), 0o644))
			}
			want, err := os.ReadFile(golden)
			ok(t, err)
			if string(want) != string(b)+"\n" {
				t.Errorf("came to\n%s\nwant\n%s", b, want)
			}
		})
	}
}
