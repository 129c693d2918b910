package api

import (
	"fmt"
	"slices"
	"testing"

	"throughline/auth"
)

// TestPurposes: administrators change them, nobody removes one that was used.
func TestPurposes(t *testing.T) {
	w := newWorld(t, worldOptions{})
	c := w.browser(w.agent("Ada", auth.RoleAdmin))
	var p Purposes
	c.call(200, "GET", "/api/purposes", nil, &p)
	p.Purposes = append(p.Purposes, Purpose{Key: "repair", Names: map[string]string{"en": "Repair"}})
	p.Rules = append(p.Rules, PurposeRule{Purpose: "repair", Words: []string{"broken"}})
	c.call(200, "PUT", "/api/purposes", p, &p)
	msg := mail("ann@example.org", "Ann", "hello")
	msg.Subject = "My bike is BROKEN"
	conversation, _ := w.arrive(msg)
	var open Conversation
	c.call(200, "GET", fmt.Sprintf("/api/conversations/%d", conversation), nil, &open)
	if open.Purpose != "repair" || open.PurposeBy != "rule" {
		t.Errorf("purpose %q by %q", open.Purpose, open.PurposeBy)
	}
	old := p
	old.Version--
	c.refused(422, "PUT", "/api/purposes", old)
	fewer := p
	fewer.Purposes = p.Purposes[1:]
	c.refused(422, "PUT", "/api/purposes", fewer)
	p.Threshold = 0.2
	c.refused(422, "PUT", "/api/purposes", p)
}

// TestTryPurpose: a trial tells which rule holds, or what the classifier takes the
// text for, and changes nothing.
func TestTryPurpose(t *testing.T) {
	w := newWorld(t, worldOptions{})
	c := w.browser(w.agent("Ada", auth.RoleAdmin))
	var p Purposes
	c.call(200, "GET", "/api/purposes", nil, &p)
	p.Rules = []PurposeRule{
		{Purpose: "offer", Address: []string{"@Shop.example.com"}, Text: []string{"catalogue", "price list"}},
		{Purpose: "delivery", Words: []string{"parcel"}},
		{Purpose: "invoice", Account: "billing", Tag: "late"},
	}
	c.call(200, "PUT", "/api/purposes", p, &p)
	for _, tt := range []struct {
		name    string
		in      PurposeTrial
		purpose string
		by      string
		rule    int
		guess   string
	}{
		{"address and text", PurposeTrial{Address: "buyer@shop.example.com", Text: "Please send your Price  List."}, "offer", "rule", 0, "offer"},
		{"address without the text", PurposeTrial{Address: "buyer@shop.example.com", Text: "hello"}, "", "", -1, ""},
		{"subject", PurposeTrial{Subject: "My PARCEL is late"}, "delivery", "rule", 1, "delivery"},
		{"a word in another", PurposeTrial{Subject: "parcels"}, "", "", -1, ""},
		{"inbox and tag", PurposeTrial{Account: "billing", Tags: []string{"late"}, Subject: "x"}, "invoice", "rule", 2, ""},
		{"inbox without the tag", PurposeTrial{Account: "billing", Subject: "x"}, "", "", -1, ""},
		{"only proposed", PurposeTrial{Text: "my invoice was charged twice, refund please"}, "", "", -1, "invoice"},
	} {
		var got PurposeTried
		c.call(200, "POST", "/api/purposes/try", tt.in, &got)
		if got.Purpose != tt.purpose || got.By != tt.by || got.Rule != tt.rule || got.Guess.Purpose != tt.guess {
			t.Errorf("%s: %+v", tt.name, got)
		}
	}
	p.Threshold = 0.5
	c.call(200, "PUT", "/api/purposes", p, &p)
	var got PurposeTried
	c.call(200, "POST", "/api/purposes/try", PurposeTrial{Text: "my invoice was charged twice, refund please"}, &got)
	if got.Purpose != "invoice" || got.By != "classifier" || len(got.Guess.Words) == 0 {
		t.Errorf("with a threshold: %+v", got)
	}
}

// TestRetiredPurpose: what has it keeps it, nothing new gets it, and it can be taken
// up again.
func TestRetiredPurpose(t *testing.T) {
	w := newWorld(t, worldOptions{})
	c := w.browser(w.agent("Ada", auth.RoleAdmin))
	var p Purposes
	c.call(200, "GET", "/api/purposes", nil, &p)
	p.Rules = []PurposeRule{{Purpose: "delivery", Text: []string{"parcel"}}}
	c.call(200, "PUT", "/api/purposes", p, &p)
	conversation, _ := w.arrive(mail("ann@example.org", "Ann", "where is my parcel?"))
	path := fmt.Sprintf("/api/conversations/%d", conversation)
	var open Conversation
	c.call(200, "GET", path, nil, &open)
	customer := fmt.Sprintf("/api/customers/%d", open.Customer.ID)
	c.call(201, "POST", customer+"/preferences", StatementRequest{Channel: "test", Purpose: "delivery", Wish: "prefer", Source: "set"}, nil)
	at := slices.IndexFunc(p.Purposes, func(x Purpose) bool { return x.Key == "delivery" })
	p.Purposes[at].Archived = true
	c.call(200, "PUT", "/api/purposes", p, &p)

	c.call(200, "GET", path, nil, &open)
	if open.Purpose != "delivery" || open.PurposeBy != "rule" {
		t.Errorf("a conversation lost its purpose: %q by %q", open.Purpose, open.PurposeBy)
	}
	var mine CustomerPreferences
	c.call(200, "GET", customer+"/preferences", nil, &mine)
	if len(mine.Statements) != 1 || mine.Statements[0].Purpose != "delivery" {
		t.Errorf("what was said of it is gone: %+v", mine.Statements)
	}
	c.call(200, "PATCH", path, ConversationChange{Tags: &[]string{"x"}}, nil)
	open = Conversation{}
	other, _ := w.arrive(mail("bob@example.org", "Bob", "where is my parcel?"))
	c.call(200, "GET", fmt.Sprintf("/api/conversations/%d", other), nil, &open)
	if open.Purpose != "" {
		t.Errorf("a retired purpose was given: %q", open.Purpose)
	}
	key := "delivery"
	c.refused(422, "PATCH", fmt.Sprintf("/api/conversations/%d", other), ConversationChange{Purpose: &key})
	p.Purposes[at].Archived = false
	c.call(200, "PUT", "/api/purposes", p, &p)
	c.call(200, "PATCH", fmt.Sprintf("/api/conversations/%d", other), ConversationChange{Purpose: &key}, nil)
}

// TestLearnedPurposes: what agents set teaches, and the words that tell are shown.
func TestLearnedPurposes(t *testing.T) {
	w := newWorld(t, worldOptions{})
	c := w.browser(w.agent("Ada", auth.RoleAdmin))
	for i, text := range []string{"the bicycle chain broke", "bicycle wheel bent", "my bill is wrong", "bill sent twice"} {
		conversation, _ := w.arrive(mail(fmt.Sprintf("p%d@example.org", i), "P", text))
		purpose := []string{"support", "support", "invoice", "invoice"}[i]
		c.call(200, "PATCH", fmt.Sprintf("/api/conversations/%d", conversation), ConversationChange{Purpose: &purpose}, nil)
	}
	must(t, w.hub.Preference.CatchUp(t.Context()))
	var l LearnedPurposes
	c.call(200, "GET", "/api/purposes/learned", nil, &l)
	if len(l.Purposes) != 2 {
		t.Fatalf("learned %+v", l)
	}
	for _, p := range l.Purposes {
		want := map[string]string{"support": "bicycle", "invoice": "bill"}[p.Purpose]
		if p.Lessons != 2 || len(p.Words) == 0 || p.Words[0].Word != want {
			t.Errorf("%+v", p)
		}
	}
}
