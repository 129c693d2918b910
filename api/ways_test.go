package api

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"throughline/auth"
	"throughline/connectors"
	"throughline/message"
)

// TestWays: the composer is offered what the customer really has, and why it cannot
// be used.
func TestWays(t *testing.T) {
	w, c := newTextWorld(t, worldOptions{}, func(c *texter) { c.About.Writing.Window = 24 * time.Hour })
	a := w.staff(auth.RoleManager)
	id, _ := w.arrive(mail("ann@example.org", "q", "where is it?"))
	var conv Conversation
	a.call(200, "GET", "/api/conversations/"+utoa(id), nil, &conv)
	customer := conv.Customer.ID
	a.call(200, "POST", fmt.Sprintf("/api/customers/%d/handles", customer), LinkRequest{Handle: "+447700900123", Reason: "she said so"}, nil)
	ways := func() (list []Way) {
		t.Helper()
		var out Ways
		a.call(200, "GET", fmt.Sprintf("/api/conversations/%d/ways", id), nil, &out)
		return out.Ways
	}
	list := ways()
	if len(list) != 2 || list[0].Account != "support" || !list[0].Proposed || !list[0].Writing.Letter || list[0].Handles[0].Handle != "mailto:ann@example.org" {
		t.Fatalf("ways %+v", list)
	}
	text := list[1]
	if text.Account != "mobile" || text.Name != "Shop mobile" || text.Address != "+447700900001" || text.Proposed || text.Writing.WindowSeconds != 86400 || !text.Templates ||
		len(text.Handles) != 1 || text.Handles[0].Handle != "tel:+447700900123" || text.Handles[0].Blocked != "window" || !strings.Contains(text.Handles[0].Reason, "has not written") {
		t.Fatalf("by text: %+v", text)
	}
	c.take(t, connectors.Batch{Messages: []message.Message{c.message("+447700900123", "hello")}})
	if h := ways()[1].Handles[0]; h.Blocked != "" || !h.Until.After(time.Now()) {
		t.Errorf("after a text: %+v", h)
	}
	path := fmt.Sprintf("/api/customers/%d/handles/tel:+447700900123/consent", customer)
	w.staff(auth.RoleAgent).refused(403, "PUT", path, ConsentRequest{Channel: "text", State: "opt_out", Reason: "on the phone"})
	a.refused(422, "PUT", path, ConsentRequest{Channel: "pigeon", State: "opt_out", Reason: "on the phone"})
	var shown Customer
	a.call(200, "PUT", path, ConsentRequest{Channel: "text", State: "opt_out", Reason: "on the phone"}, &shown)
	i := slices.IndexFunc(shown.Handles, func(h Handle) bool { return h.Scheme == "tel" })
	if i < 0 || len(shown.Handles[i].Consents) != 1 || shown.Handles[i].Consents[0].Name != "Sam" || shown.Handles[i].Consents[0].State != "opt_out" {
		t.Errorf("customer %+v", shown.Handles)
	}
	if h := ways()[1].Handles[0]; h.Blocked != "opted_out" || h.Since.IsZero() || !strings.Contains(h.Reason, "on the phone") {
		t.Errorf("after an opt-out: %+v", h)
	}
	p := a.refused(409, "POST", fmt.Sprintf("/api/conversations/%d/replies", id), ReplyRequest{Mode: "reply", Account: "mobile",
		To: []Person{{Handle: "tel:+447700900123"}}, HTML: "<p>hi</p>", SeenSeq: 1 << 40})
	if !strings.Contains(p.Detail, "since") || !strings.Contains(p.Detail, "on the phone") {
		t.Errorf("refused with %q", p.Detail)
	}
	var toCustomer Ways
	a.call(200, "GET", fmt.Sprintf("/api/customers/%d/ways", customer), nil, &toCustomer)
	if len(toCustomer.Ways) != 2 || len(toCustomer.Ways[0].Handles) != 1 || len(toCustomer.Ways[1].Handles) != 1 {
		t.Errorf("ways to the customer %+v", toCustomer.Ways)
	}
}

// TestTemplates lists them and sends one.
func TestTemplates(t *testing.T) {
	w, c := newTextWorld(t, worldOptions{}, func(c *texter) {
		c.About.Writing.Window = time.Hour
		c.templates = []message.Template{{ID: "late", Name: "Delay", Text: "Dear {{1}}, it is late.", Gaps: []string{"1"}}}
	})
	a := w.staff(auth.RoleAgent)
	var list Templates
	a.call(200, "GET", "/api/accounts/mobile/templates", nil, &list)
	if len(list.Templates) != 1 || list.Templates[0].Gaps[0] != "1" {
		t.Fatalf("%+v", list)
	}
	a.call(200, "GET", "/api/accounts/support/templates", nil, &list)
	if len(list.Templates) != 0 {
		t.Errorf("mail has templates: %+v", list)
	}
	a.refused(404, "GET", "/api/accounts/nobody/templates", nil)
	first := ComposeRequest{Account: "mobile", To: []Person{{Handle: "+447700900123"}}, HTML: "<p>hello</p>"}
	if p := a.refused(422, "POST", "/api/conversations", first); !strings.Contains(p.Detail, "choose a template") {
		t.Errorf("own words: %s", p.Detail)
	}
	first.HTML, first.Template = "", &TemplateUse{ID: "late"}
	if p := a.refused(422, "POST", "/api/conversations", first); p.Errors[0].Location != "body.template.values.1" {
		t.Errorf("an empty gap: %+v", p)
	}
	first.Template.Values = map[string]string{"1": "Ann"}
	var conv Conversation
	a.call(201, "POST", "/api/conversations", first, &conv)
	m := conv.Timeline.Entries[0].Message
	if m.Reply != "Dear Ann, it is late." || m.Template == nil || m.Template.ID != "late" || m.HasHTML || m.Subject != "" {
		t.Errorf("shown %+v", m)
	}
	if sent := <-c.sent; sent.Text != "Dear Ann, it is late." || sent.Template == nil {
		t.Errorf("sent %+v", sent)
	}
}

// TestChangedMessage: an entry shows edits, reactions and deletion as they come.
func TestChangedMessage(t *testing.T) {
	w, c := newTextWorld(t, worldOptions{}, nil)
	a := w.browser(w.admin)
	live := a.live("")
	m := c.message("+447700900123", "one")
	m.From.Hints = []message.Handle{"mailto:ann@example.org"}
	c.take(t, connectors.Batch{Messages: []message.Message{m}})
	e := live.until("entry", func(f LiveFrame) bool { return f.Entry.Message != nil }).Entry
	if e.Message.AccountName != "Shop mobile" || e.Message.Address != "+447700900001" || e.Message.Channel != "text" {
		t.Errorf("entry %+v", e.Message)
	}
	next := func(kind string, change message.Change) *Message {
		t.Helper()
		change.Of, change.Time = m.Key, time.Now()
		c.take(t, connectors.Batch{Changes: []message.Change{change}})
		return live.until("entry", func(f LiveFrame) bool { return f.Entry.Kind == kind }).Entry.Message
	}
	bob := message.Person{Name: "Bob", Handle: "tel:+447700900124"}
	if got := next("message.edited", message.Change{Edit: &message.Message{Text: "two", Reply: "two"}}); got.Reply != "two" || got.Edited.IsZero() || got.Versions != 1 || got.Former != nil {
		t.Errorf("edited %+v", got)
	}
	if got := next("message.reaction", message.Change{Reaction: &message.Reaction{Emoji: "👍", By: bob}}); len(got.Reactions) != 1 || got.Reactions[0].By.Name != "Bob" {
		t.Errorf("reaction %+v", got)
	}
	if got := next("message.reaction", message.Change{Reaction: &message.Reaction{Emoji: "👍", By: bob, Gone: true}}); len(got.Reactions) != 0 {
		t.Errorf("reaction taken back %+v", got)
	}
	if got := next("message.deleted", message.Change{Deleted: true}); got.Deleted.IsZero() || got.Reply != "" {
		t.Errorf("deleted %+v", got)
	}
	var whole Message
	a.call(200, "GET", "/api/messages/"+utoa(e.Message.ID), nil, &whole)
	if len(whole.Former) != 2 || whole.Former[0].Text != "one" || whole.Former[1].Text != "two" {
		t.Errorf("former %+v", whole.Former)
	}
	var cust Customer
	a.call(200, "GET", "/api/customers/"+utoa(e.Message.From.Customer), nil, &cust)
	if h := cust.Handles[0].Hints; len(h) != 1 || h[0].Handle != "mailto:ann@example.org" {
		t.Errorf("hints %+v", h)
	}
	a.call(200, "POST", fmt.Sprintf("/api/customers/%d/handles", cust.ID), LinkRequest{Handle: "mailto:ann@example.org"}, nil)
	var linked Customer
	a.call(200, "GET", "/api/customers/"+utoa(cust.ID), nil, &linked)
	for _, h := range linked.Handles {
		if len(h.Hints) != 0 {
			t.Errorf("still hinted: %+v", h)
		}
	}
}

// TestTimelineByChannel pages through the messages of one channel.
func TestTimelineByChannel(t *testing.T) {
	w, c := newTextWorld(t, worldOptions{}, nil)
	a := w.browser(w.admin)
	var customer uint64
	for i := range 12 {
		c.take(t, connectors.Batch{Messages: []message.Message{c.message("+447700900123", fmt.Sprintf("text %d", i))}})
		_, _ = w.arrive(mail("ann@example.org", fmt.Sprintf("m%d", i), "mail"))
		if i > 0 {
			continue
		}
		var list Customers
		a.call(200, "GET", "/api/customers?q=ann@example.org", nil, &list)
		customer = list.Customers[0].ID
		a.call(200, "POST", fmt.Sprintf("/api/customers/%d/handles", customer), LinkRequest{Handle: "+447700900123"}, nil)
	}
	read := func(query string) (texts []string, p Page) {
		t.Helper()
		a.call(200, "GET", fmt.Sprintf("/api/customers/%d/timeline?limit=5&channel=text%s", customer, query), nil, &p)
		for _, e := range p.Entries {
			texts = append(texts, e.Message.Reply)
		}
		return texts, p
	}
	var all []string
	for query := ""; ; {
		texts, p := read(query)
		all = append(texts, all...)
		if p.Before == 0 {
			break
		}
		query = fmt.Sprintf("&before=%d", p.Before)
	}
	var want []string
	for i := range 12 {
		want = append(want, fmt.Sprintf("text %d", i))
	}
	if !slices.Equal(all, want) {
		t.Errorf("backwards %q", all)
	}
	all = nil
	for query := "&after=1"; ; {
		texts, p := read(query)
		all = append(all, texts...)
		if p.After == 0 {
			break
		}
		query = fmt.Sprintf("&after=%d", p.After)
	}
	if !slices.Equal(all, want[1:]) { // the first event is the first text
		t.Errorf("forwards %q", all)
	}
	if texts, _ := read(""); !slices.Equal(texts, want[7:]) {
		t.Errorf("the newest are %q", texts)
	}
}
