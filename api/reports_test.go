package api

import (
	"fmt"
	"net/url"
	"testing"
	"time"

	"throughline/auth"
)

// TestBoardLists: over the API too, a number is as long as its list, that of what has
// no purpose among them.
func TestBoardLists(t *testing.T) {
	w := newWorld(t, worldOptions{})
	c := w.browser(w.agent("Max", auth.RoleManager))
	for i, purpose := range []string{"", "", "invoice", "support", "invoice", ""} {
		conversation, _ := w.arrive(mail(fmt.Sprintf("p%d@example.org", i), "P", "hello"))
		if purpose != "" {
			c.call(200, "PATCH", fmt.Sprintf("/api/conversations/%d", conversation), ConversationChange{Purpose: &purpose}, nil)
		}
	}
	must(t, w.hub.Preference.CatchUp(t.Context()))
	q := url.Values{"from": {time.Now().AddDate(0, 0, -1).Format(time.DateOnly)}, "to": {time.Now().AddDate(0, 0, 1).Format(time.DateOnly)}}
	var b Board
	c.call(200, "GET", "/api/board?"+q.Encode(), nil, &b)
	if len(b.Cells) != 3 {
		t.Fatalf("cells %+v", b.Cells)
	}
	q.Set("number", "messages")
	for _, cell := range append(b.Cells, BoardCell{Purpose: "any", In: 6}) {
		q.Set("channel", cell.Channel)
		switch cell.Purpose {
		case "":
			q.Set("purpose", "-")
		case "any":
			q.Set("purpose", "")
		default:
			q.Set("purpose", cell.Purpose)
		}
		var list BoardContacts
		c.call(200, "GET", "/api/board/contacts?"+q.Encode(), nil, &list)
		if int64(len(list.Contacts)) != cell.In+cell.Out {
			t.Errorf("%q: %d and %d behind it", cell.Purpose, cell.In+cell.Out, len(list.Contacts))
		}
	}
}
