package api

import (
	"fmt"
	"testing"

	"throughline/auth"
)

// TestPreferencesOverTheAPI: stated goes before set and learned, with its proof.
func TestPreferencesOverTheAPI(t *testing.T) {
	w := newWorld(t, worldOptions{})
	conversation, message := w.arrive(mail("ann@example.org", "Ann", "my invoice: please by mail only"))
	c := w.browser(w.agent("Ann", auth.RoleAgent))
	var open Conversation
	c.call(200, "GET", fmt.Sprintf("/api/conversations/%d", conversation), nil, &open)
	customer := fmt.Sprintf("/api/customers/%d", open.Customer.ID)
	c.refused(422, "POST", customer+"/preferences", StatementRequest{Channel: "nothing", Wish: "prefer", Source: "set"})
	c.refused(422, "POST", customer+"/preferences", StatementRequest{Channel: "test", Purpose: "nothing", Wish: "prefer", Source: "set"})
	c.refused(422, "POST", customer+"/preferences", StatementRequest{Wish: "quiet", From: 5, To: 5, Source: "set"})
	var p CustomerPreferences
	c.call(201, "POST", customer+"/preferences", StatementRequest{Channel: "test", Purpose: "invoice", Wish: "prefer", Source: "stated", Proof: Proof{Message: message}}, &p)
	c.call(201, "POST", customer+"/preferences", StatementRequest{Channel: "test", Wish: "never", Source: "set"}, &p)
	if len(p.Statements) != 2 {
		t.Fatalf("preferences %+v", p)
	}
	purpose := "invoice"
	c.call(200, "PATCH", fmt.Sprintf("/api/conversations/%d", conversation), ConversationChange{Purpose: &purpose}, nil)
	var a Advice
	c.call(200, "GET", fmt.Sprintf("/api/conversations/%d/advice", conversation), nil, &a)
	if a.Best == nil || a.Best.Source != "stated" || !a.Steer || a.Best.Statement.Proof.Conversation != conversation {
		t.Errorf("advice %+v", a)
	}
	purpose = "support"
	c.call(200, "PATCH", fmt.Sprintf("/api/conversations/%d", conversation), ConversationChange{Purpose: &purpose}, nil)
	a = Advice{}
	c.call(200, "GET", fmt.Sprintf("/api/conversations/%d/advice", conversation), nil, &a)
	if a.Best != nil && a.Best.Channel == "test" {
		t.Errorf("advice against what was set: %+v", a.Best)
	}
	bad := "nothing"
	c.refused(422, "PATCH", fmt.Sprintf("/api/conversations/%d", conversation), ConversationChange{Purpose: &bad})
	for _, s := range p.Statements {
		c.call(200, "DELETE", fmt.Sprintf("%s/preferences/%d", customer, s.ID), nil, &p)
	}
	if len(p.Statements) != 0 || len(p.Former) != 2 {
		t.Errorf("taken back: %+v", p)
	}
	c.refused(404, "DELETE", customer+"/preferences/1", nil)
}
