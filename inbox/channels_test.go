package inbox

import (
	"slices"
	"testing"
)

// TestListByChannel: a conversation stands on the list of each channel over which
// something of it came or went.
func TestListByChannel(t *testing.T) {
	w := newWorld(t)
	c := w.texter("mobile", "+447700900001", nil)
	letters := w.accept(mail("ann@example.org", "q", "question"))[0]
	texts := w.texted(c, c.message("+447700900321", "hello"))
	o := textReply(letters, "mobile", "and by text")
	w.reply(o)
	for _, tt := range []struct {
		channel string
		want    []uint64
	}{{"", []uint64{letters, texts}}, {"test", []uint64{letters}}, {"text", []uint64{letters, texts}}, {"pigeon", nil}} {
		if got := w.listed(ListQuery{View: ViewAll, Channel: tt.channel}); !slices.Equal(got, tt.want) {
			t.Errorf("%q: %v, want %v", tt.channel, got, tt.want)
		}
		var handles []uint64
		for _, id := range tt.want {
			handles = append(handles, w.conversation(id).Handle)
		}
		if len(handles) == 0 {
			continue
		}
		if got := w.listed(ListQuery{Subjects: handles, Channel: tt.channel}); !slices.Equal(got, tt.want) {
			t.Errorf("%q of the customers: %v, want %v", tt.channel, got, tt.want)
		}
	}
}
