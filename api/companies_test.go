package api

import (
	"fmt"
	"testing"

	"throughline/auth"
)

func TestCompaniesAndRelations(t *testing.T) {
	w := newWorld(t, worldOptions{})
	ann := w.browser(w.agent("Ann", auth.RoleAgent))
	cleo := ann.customer("Cleo", "cleo@mail.whitby.example")
	dan := ann.customer("Dan", "dan@gmail.com")
	path := fmt.Sprintf("/api/customers/%d", cleo.ID)

	var ties Ties
	ann.call(200, "GET", path+"/ties", nil, &ties)
	if len(ties.Suggested) != 1 || ties.Suggested[0].ID != 0 || ties.Suggested[0].Domain != "mail.whitby.example" {
		t.Errorf("without a company: %+v", ties.Suggested)
	}
	var firm Company
	ann.refused(422, "POST", "/api/companies", map[string]any{"name": "Anybody", "domains": []string{"yahoo.co.uk"}})
	ann.call(201, "POST", "/api/companies", map[string]any{"name": "Whitby Books", "domains": []string{" @Whitby.Example "}}, &firm)
	ann.refused(422, "POST", "/api/companies", map[string]any{"name": "Other", "domains": []string{"whitby.example"}})
	ann.call(200, "GET", path+"/ties", nil, &ties)
	if len(ties.Suggested) != 1 || ties.Suggested[0].ID != firm.ID {
		t.Errorf("by the domain above: %+v", ties.Suggested)
	}
	ann.call(200, "PUT", fmt.Sprintf("%s/companies/%d", path, firm.ID), map[string]any{"role": "Buyer"}, &ties)
	if len(ties.Companies) != 1 || ties.Companies[0].Role != "Buyer" || len(ties.Suggested) != 0 {
		t.Errorf("joined: %+v", ties)
	}
	ann.call(200, "GET", fmt.Sprintf("/api/companies/%d", firm.ID), nil, &firm)
	if len(firm.People) != 1 || firm.People[0].ID != cleo.ID {
		t.Errorf("people: %+v", firm.People)
	}
	old := firm.Changed.Rev
	ann.call(200, "PATCH", fmt.Sprintf("/api/companies/%d", firm.ID), map[string]any{"note": "pays late", "rev": old}, &firm)
	ann.refused(409, "PATCH", fmt.Sprintf("/api/companies/%d", firm.ID), map[string]any{"note": "pays early", "rev": old})

	// Dan is Cleo's assistant: each card names its own direction.
	ann.call(200, "POST", path+"/relations", map[string]any{"other": dan.ID, "kind": "assistant"}, &ties)
	if len(ties.Relations) != 1 || ties.Relations[0].Kind != "assistant" || ties.Relations[0].Customer.ID != dan.ID {
		t.Errorf("Cleo's: %+v", ties.Relations)
	}
	ann.call(200, "GET", fmt.Sprintf("/api/customers/%d/ties", dan.ID), nil, &ties)
	if len(ties.Relations) != 1 || ties.Relations[0].Kind != "principal" || ties.Relations[0].Customer.ID != cleo.ID || len(ties.Suggested) != 0 {
		t.Errorf("Dan's: %+v", ties)
	}
	ann.refused(422, "POST", path+"/relations", map[string]any{"other": dan.ID, "kind": "nemesis"})
	ann.refused(409, "POST", path+"/relations", map[string]any{"other": cleo.ID, "kind": "friend"})

	// Merged they are one and related to nobody; parted again it is as before.
	var c Customer
	ann.call(200, "POST", path+"/merge", map[string]any{"other": dan.ID}, &c)
	ann.call(200, "GET", path+"/ties", nil, &ties)
	if len(ties.Relations) != 0 || len(ties.Companies) != 1 {
		t.Errorf("merged: %+v", ties)
	}
	var split SplitCustomer
	ann.call(200, "POST", path+"/unmerge", map[string]any{"member": dan.ID}, &split)
	ann.call(200, "GET", path+"/ties", nil, &ties)
	if len(ties.Relations) != 1 {
		t.Errorf("parted: %+v", ties)
	}
	ann.call(204, "DELETE", fmt.Sprintf("/api/relations/%d", ties.Relations[0].ID), nil, nil)
	ann.call(200, "DELETE", fmt.Sprintf("%s/companies/%d", path, firm.ID), nil, &ties)
	if len(ties.Companies) != 0 || len(ties.Relations) != 0 {
		t.Errorf("at last: %+v", ties)
	}
}
