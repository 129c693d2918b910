package inbox

import (
	"slices"
	"testing"
	"time"

	"throughline/connectors"
	"throughline/message"
)

// A connector is told what the hub holds of its account, without what was deleted.
func TestRecall(t *testing.T) {
	w := newWorld(t)
	c := w.texter("line", "+447700900001", func(*texter) {})
	other := w.texter("other", "+447700900002", func(*texter) {})
	var keys []string
	for i, source := range []string{"room/1/3", "room/1/1", "room/1/2", "room/2/1"} {
		m := c.message(annsNumber, "hello")
		m.Source = source
		keys = append(keys, m.Key)
		w.take(c, connectors.Batch{Messages: []message.Message{m}})
		if i == 0 {
			m := other.message(annsNumber, "hello")
			m.Source = "room/1/9"
			w.take(other, connectors.Batch{Messages: []message.Message{m}})
		}
	}
	w.take(c, connectors.Batch{Held: []message.Held{{Source: "room/1/4", Reason: "odd"}}})
	s := &sink{hub: w.Hub, account: "line"}
	for _, tt := range []struct {
		prefix, after string
		limit         int
		want          []string
	}{
		{"room/1/", "", 10, []string{"room/1/1", "room/1/2", "room/1/3"}},
		{"room/1/", "room/1/1", 10, []string{"room/1/2", "room/1/3"}},
		{"room/1/", "", 2, []string{"room/1/1", "room/1/2"}},
		{"room/2/", "room/1/1", 10, []string{"room/2/1"}},
		{"room/3/", "", 10, nil},
	} {
		if got, err := s.Recall(t.Context(), tt.prefix, tt.after, tt.limit); err != nil || !slices.Equal(got, tt.want) {
			t.Errorf("%+v: %q, %v", tt, got, err)
		}
	}
	w.take(c, connectors.Batch{Changes: []message.Change{{Of: keys[2], Time: time.Now(), Deleted: true}}})
	if got, err := s.Recall(t.Context(), "room/1/", "", 10); err != nil || !slices.Equal(got, []string{"room/1/1", "room/1/3"}) {
		t.Errorf("after a deletion: %q, %v", got, err)
	}
}
