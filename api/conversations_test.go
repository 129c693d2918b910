package api

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"throughline/auth"
	"throughline/connectors"
)

func TestConversation(t *testing.T) {
	w := newWorld(t, worldOptions{undo: time.Hour})
	ann := w.browser(w.agent("Ann", auth.RoleAgent))
	id, mid := w.arrive(mail("carla@example.org", "order", "Where is my order?"))

	var rows Rows
	ann.call(200, "GET", "/api/conversations?view=unassigned", nil, &rows)
	if len(rows.Rows) != 1 || rows.Rows[0].ID != id || rows.Seq != w.seq() || rows.Next != "" {
		t.Fatalf("%+v", rows)
	}
	r := rows.Rows[0]
	if r.Customer.Name != "Carla" || r.Customer.Handles[0] != "mailto:carla@example.org" || r.Status != "open" || r.Unread != 1 || r.Preview != "Where is my order?" {
		t.Errorf("%+v", r)
	}
	path := "/api/conversations/" + utoa(id)
	var c Conversation
	ann.call(200, "GET", path, nil, &c)
	if len(c.Timeline.Entries) != 1 || c.Timeline.Seq != w.seq() || !slices.Equal(c.ReplyFrom, []string{"support"}) {
		t.Fatalf("%+v", c)
	}
	m := c.Timeline.Entries[0].Message
	if m == nil || m.ID != mid || m.From.Customer != r.Customer.ID || !m.To[0].Own || m.Reply != "Where is my order?" {
		t.Errorf("%+v", m)
	}

	var rec Recipients
	ann.call(200, "GET", path+"/recipients", nil, &rec)
	if rec.Account != "support" || len(rec.To) != 1 || rec.To[0].Address != "carla@example.org" || rec.InReplyTo != mid {
		t.Errorf("%+v", rec)
	}
	var d Draft
	ann.refused(404, "GET", path+"/draft", nil)
	ann.call(200, "PUT", path+"/draft", Draft{Mode: "reply", To: []Person{{Handle: "not yet an addr"}}, HTML: "<p>Dear"}, &d)
	ann.call(200, "GET", path, nil, &c)
	if c.DraftText == nil || c.DraftText.HTML != "<p>Dear" || c.Draft != ann.agent.ID {
		t.Errorf("draft %+v by %d", c.DraftText, c.Draft)
	}

	// As a program writes it: what is for reading only need not be sent.
	reply := fmt.Sprintf(`{"mode":"reply","to":[{"handle":"carla@example.org"}],"html":"<p>On its way.</p>","seen_seq":%d,"in_reply_to":%d}`, c.LastSeq, mid)
	var e Entry
	ann.call(201, "POST", path+"/replies", reply, &e)
	if e.Kind != "message.queued" || e.Message.Reply != "On its way." || e.Message.Delivery == nil || !e.Message.Delivery.CanUndo || e.Message.To[0].Handle != "mailto:carla@example.org" {
		t.Fatalf("%+v", e.Message)
	}
	ann.call(200, "POST", "/api/messages/"+utoa(e.Message.ID)+"/undo", nil, &d)
	if d.HTML != "<p>On its way.</p>" || d.To[0].Address != "carla@example.org" {
		t.Errorf("taken back: %+v", d)
	}
	if p := ann.refused(409, "POST", "/api/messages/"+utoa(e.Message.ID)+"/undo", nil); !strings.Contains(p.Detail, "late") {
		t.Error(p.Detail)
	}
	ann.call(204, "DELETE", path+"/draft", nil, nil)

	var note Entry
	ann.call(201, "POST", path+"/notes", NoteRequest{Text: "A regular."}, &note)
	if note.Note == nil || note.Note.Text != "A regular." || note.Note.Agent != ann.agent.ID {
		t.Errorf("%+v", note)
	}
	var page Page
	ann.call(200, "GET", path+"/timeline?limit=1", nil, &page)
	if len(page.Entries) != 1 || page.Before == 0 {
		t.Fatalf("%+v", page)
	}
	ann.call(200, "GET", fmt.Sprintf("%s/timeline?limit=10&before=%d", path, page.Before), nil, &page)
	if len(page.Entries) == 0 || page.Entries[0].Seq >= note.Seq {
		t.Errorf("%+v", page)
	}
	ann.refused(422, "GET", path+"/timeline?before=1&after=1", nil)
	ann.refused(404, "GET", "/api/conversations/999999", nil)
}

// TestNewer has two agents answer at once: the second sees the first answer
// before his own goes out.
func TestNewer(t *testing.T) {
	w := newWorld(t, worldOptions{undo: time.Hour})
	ann, bob := w.browser(w.agent("Ann", auth.RoleAgent)), w.browser(w.agent("Bob", auth.RoleAgent))
	id, _ := w.arrive(mail("carla@example.org", "order", "Where is it?"))
	path := "/api/conversations/" + utoa(id) + "/replies"
	reply := ReplyRequest{Mode: "reply", To: []Person{{Handle: "carla@example.org"}}, HTML: "<p>Soon.</p>", SeenSeq: w.seq()}
	var first Entry
	ann.call(201, "POST", path, reply, &first)
	p := bob.refused(409, "POST", path, reply)
	if !strings.HasSuffix(p.Type, "/newer") || len(p.Newer) != 1 || p.Newer[0].Message.Reply != "Soon." {
		t.Fatalf("%+v", p)
	}
	reply.SeenSeq = p.Newer[0].Seq
	bob.call(201, "POST", path, reply, nil)

	reply.SeenSeq = w.seq()
	w.accept(mail("carla@example.org", "again", "Never mind", "order"))
	if p := bob.refused(409, "POST", path, reply); len(p.Newer) != 1 || p.Newer[0].Kind != "message.received" {
		t.Errorf("%+v", p)
	}
	reply.Anyway, reply.Then = true, "resolve"
	bob.call(201, "POST", path, reply, nil)
	var c Conversation
	bob.call(200, "GET", "/api/conversations/"+utoa(id), nil, &c)
	if c.Status != "resolved" {
		t.Errorf("status %s", c.Status)
	}
}

func TestChange(t *testing.T) {
	w := newWorld(t, worldOptions{})
	ann := w.browser(w.agent("Ann", auth.RoleAgent))
	id, _ := w.arrive(mail("carla@example.org", "a", "one"))
	other, _ := w.arrive(mail("dan@example.org", "b", "two"))
	path := "/api/conversations/" + utoa(id)
	ptr := func(s string) *string { return &s }
	until := time.Now().Add(time.Hour).UTC().Truncate(time.Second)

	var row Row
	ann.call(200, "PATCH", path, ConversationChange{Assignee: &ann.agent.ID, Priority: ptr("high"), Tags: &[]string{"vip", "order"}, SeenSeq: w.seq()}, &row)
	if row.Assignee != ann.agent.ID || row.Priority != "high" || !slices.Equal(row.Tags, []string{"order", "vip"}) || row.Unread != 0 {
		t.Errorf("%+v", row)
	}
	if p := ann.refused(422, "PATCH", path, ConversationChange{Status: ptr("snoozed")}); p.Errors[0].Location != "body.snoozed_until" {
		t.Errorf("%+v", p)
	}
	ann.call(200, "PATCH", path, ConversationChange{Status: ptr("snoozed"), SnoozedUntil: &until}, &row)
	if row.Status != "snoozed" || !row.SnoozedUntil.Equal(until) {
		t.Errorf("%+v", row)
	}
	nobody := uint64(987654)
	if p := ann.refused(422, "PATCH", path, ConversationChange{Assignee: &nobody}); p.Errors[0].Location != "body.assignee" {
		t.Errorf("%+v", p)
	}
	var rows Rows
	ann.call(200, "POST", "/api/conversations/batch", BatchChange{IDs: []uint64{id, other}, ConversationChange: ConversationChange{Status: ptr("resolved")}}, &rows)
	if len(rows.Rows) != 2 || rows.Rows[1].Status != "resolved" {
		t.Errorf("%+v", rows)
	}
	var n Counts
	ann.call(200, "GET", "/api/counts", nil, &n)
	if n.Resolved != 2 || n.All != 0 {
		t.Errorf("%+v", n)
	}
	var tags Tags
	ann.call(200, "GET", "/api/tags", nil, &tags)
	if len(tags.Tags) != 2 || tags.Tags[1] != (TagCount{"vip", 1}) {
		t.Errorf("%+v", tags)
	}
	ann.call(200, "GET", "/api/conversations?view=resolved&tag=vip", nil, &rows)
	if len(rows.Rows) != 1 || rows.Rows[0].ID != id {
		t.Errorf("%+v", rows)
	}
	ann.call(204, "POST", path+"/read", ReadRequest{Seq: w.seq()}, nil)
	ann.refused(404, "PATCH", "/api/conversations/999999", ConversationChange{Status: ptr("open")})
}

// TestPaging pages through a list while conversations at its top change: none of
// the others is missed or comes twice.
func TestPaging(t *testing.T) {
	w := newWorld(t, worldOptions{})
	ann := w.browser(w.agent("Ann", auth.RoleAgent))
	for i := range 60 {
		w.accept(mail(fmt.Sprintf("c%02d@example.org", i), fmt.Sprintf("m%d", i), "hello"))
	}
	seen := map[uint64]int{}
	var rows Rows
	ann.call(200, "GET", "/api/conversations?limit=25", nil, &rows)
	for pages := 1; ; pages++ {
		for _, r := range rows.Rows {
			seen[r.ID]++
		}
		if rows.Next == "" {
			if pages != 3 {
				t.Errorf("%d pages", pages)
			}
			break
		}
		next := rows.Next
		w.accept(mail(fmt.Sprintf("c%02d@example.org", 59-pages), "again", "me again", fmt.Sprintf("m%d", 59-pages)))
		w.accept(mail(fmt.Sprintf("new%d@example.org", pages), "new", "hello"))
		rows = Rows{}
		ann.call(200, "GET", "/api/conversations?limit=25&cursor="+next, nil, &rows)
	}
	if len(seen) != 60 {
		t.Errorf("%d conversations of 60", len(seen))
	}
	for id, n := range seen {
		if n != 1 {
			t.Errorf("conversation %d came %d times", id, n)
		}
	}
	ann.refused(422, "GET", "/api/conversations?cursor=***", nil)
	ann.refused(422, "GET", "/api/conversations?limit=0", nil)
	ann.refused(422, "GET", "/api/conversations?limt=5", nil)
}

func TestComposeAndFailure(t *testing.T) {
	w := newWorld(t, worldOptions{})
	ann := w.browser(w.agent("Ann", auth.RoleAgent))
	w.ch.fail.Store(&connectors.SendError{Class: connectors.Reject, Reason: "mailbox unavailable", Code: "550 5.1.1"})
	var c Conversation
	ann.call(201, "POST", "/api/conversations", ComposeRequest{Account: "support", To: []Person{{Name: "Zoë", Handle: "zoe@example.org"}}, Subject: "News", HTML: "<p>Hello</p>"}, &c)
	mid := c.Timeline.Entries[0].Message.ID
	wake, stop := w.hub.Store.Watch()
	defer stop()
	var m Message
	for {
		ann.call(200, "GET", "/api/messages/"+utoa(mid), nil, &m)
		if m.Delivery.Status == "failed" {
			break
		}
		<-wake
	}
	if m.Delivery.Reason != "mailbox unavailable" || !m.Delivery.CanRetry || len(m.Delivery.Attempts) != 1 {
		t.Errorf("%+v", m.Delivery)
	}
	var rows Rows
	ann.call(200, "GET", "/api/conversations?view=failed", nil, &rows)
	if len(rows.Rows) != 1 || rows.Rows[0].Undelivered != 1 {
		t.Errorf("%+v", rows)
	}
	m = Message{}
	ann.call(200, "POST", "/api/messages/"+utoa(mid)+"/dismiss", nil, &m)
	if !m.Delivery.Dismissed {
		t.Errorf("%+v", m.Delivery)
	}
	ann.refused(409, "POST", "/api/messages/"+utoa(mid)+"/dismiss", nil)
	w.ch.fail.Store(nil)
	ann.call(200, "POST", "/api/messages/"+utoa(mid)+"/retry", nil, nil)
	if sent := <-w.ch.sent; sent.ID != mid {
		t.Errorf("sent %d", sent.ID)
	}
	for field, body := range map[string]ComposeRequest{
		"body.to[0]":   {Account: "support", To: []Person{{Handle: "nonsense"}}, HTML: "<p>x</p>"},
		"body.account": {Account: "nope", To: []Person{{Handle: "a@example.org"}}, HTML: "<p>x</p>"},
		"body.html":    {Account: "support", To: []Person{{Handle: "a@example.org"}}, HTML: "<p></p>"},
	} {
		if p := ann.refused(422, "POST", "/api/conversations", body); len(p.Errors) != 1 || p.Errors[0].Location != field {
			t.Errorf("%s: %+v", field, p)
		}
	}
}

func TestMoveAndMerge(t *testing.T) {
	w := newWorld(t, worldOptions{})
	ann := w.browser(w.agent("Ann", auth.RoleAgent))
	a, _ := w.arrive(mail("carla@example.org", "a", "first matter"))
	_, second := w.arrive(mail("carla@example.org", "a2", "second matter", "a"))
	path := "/api/conversations/" + utoa(a)
	var c Conversation
	ann.call(200, "POST", path+"/move", MoveRequest{Message: second, To: 0}, &c)
	if c.ID == a || c.Messages != 1 {
		t.Fatalf("%+v", c.Row)
	}
	ann.refused(422, "POST", path+"/move", MoveRequest{Message: second})
	ann.call(200, "POST", path+"/merge", MergeRequest{Into: c.ID}, &c)
	if c.Messages != 2 {
		t.Errorf("%+v", c.Row)
	}
	var there Conversation
	ann.call(200, "GET", path, nil, &there)
	if there.ID != c.ID {
		t.Errorf("conversation %d leads to %d, not %d", a, there.ID, c.ID)
	}
	ann.refused(409, "POST", path+"/merge", MergeRequest{Into: c.ID})
}

func TestCustomers(t *testing.T) {
	w := newWorld(t, worldOptions{})
	ann := w.browser(w.agent("Ann", auth.RoleAgent))
	w.accept(mail("carla@example.org", "a", "one"), mail("carla@example.net", "b", "two"))
	find := func(q string) uint64 {
		t.Helper()
		var list Customers
		ann.call(200, "GET", "/api/customers?q="+url.QueryEscape(q), nil, &list)
		if len(list.Customers) != 1 {
			t.Fatalf("%q finds %+v", q, list)
		}
		return list.Customers[0].ID
	}
	org, net := find("carla@example.org"), find("carla@example.net")
	path := "/api/customers/" + utoa(org)

	var c Customer
	company := "Example Ltd"
	ann.call(200, "PATCH", path, CustomerChange{Company: &company}, &c)
	if c.Company != company || len(c.Handles) != 1 || c.Conversations != 1 || c.Open != 1 {
		t.Errorf("%+v", c)
	}
	ann.call(200, "POST", path+"/merge", CustomerMerge{Other: net, Reason: "same person"}, &c)
	if len(c.Handles) != 2 || len(c.Merged) != 1 || c.Merged[0].ID != net || c.Merged[0].Reason != "same person" {
		t.Errorf("%+v", c)
	}
	ann.call(200, "GET", "/api/customers/"+utoa(net), nil, &c)
	if c.ID != org {
		t.Errorf("the merged record leads to %d", c.ID)
	}
	var page Page
	ann.call(200, "GET", path+"/timeline", nil, &page)
	var rows Rows
	ann.call(200, "GET", path+"/conversations", nil, &rows)
	if len(rows.Rows) != 2 {
		t.Errorf("%d conversations", len(rows.Rows))
	}
	var split SplitCustomer
	ann.call(200, "POST", path+"/unmerge", CustomerUnmerge{Member: net}, &split)
	if split.Customer.ID != org || split.Split.ID != net || len(split.Customer.Handles) != 1 {
		t.Errorf("%+v", split)
	}

	ann.call(200, "POST", path+"/handles", LinkRequest{Handle: "carla@example.net", Reason: "she said so"}, &c)
	if len(c.Handles) != 2 || c.Handles[1].Link.Name != "Ann" || c.Handles[1].Link.Reason != "she said so" || c.Handles[1].LastSeen.IsZero() {
		t.Errorf("%+v", c.Handles)
	}
	ann.refused(422, "POST", path+"/handles", LinkRequest{Handle: "nonsense"})
	yes := true
	h := path + "/handles/" + url.PathEscape("mailto:carla@example.net")
	ann.call(200, "PATCH", h, HandleChange{Shared: &yes}, &c)
	if !c.Handles[1].Shared {
		t.Errorf("%+v", c.Handles)
	}
	ann.call(200, "DELETE", h+"?reason=wrong", nil, &split)
	if len(split.Customer.Handles) != 1 || split.Split.Handles[0].Handle != "mailto:carla@example.net" {
		t.Errorf("%+v", split)
	}
	ann.refused(404, "DELETE", h, nil)
	ann.call(201, "POST", "/api/customers", CustomerRequest{Name: "Nia", Handles: []string{"nia@example.org"}}, &c)
	ann.refused(409, "POST", "/api/customers", CustomerRequest{Name: "Nia", Handles: []string{"nia@example.org"}})
	ann.refused(404, "GET", "/api/customers/999999", nil)
}
