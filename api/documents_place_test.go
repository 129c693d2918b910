package api

import (
	"fmt"
	"strings"
	"testing"

	"throughline/auth"
)

func TestDocumentsOfACompany(t *testing.T) {
	w := newWorld(t, worldOptions{})
	c, boss := w.browser(w.agent("Ann", auth.RoleAgent)), w.browser(w.agent("Max", auth.RoleManager))
	zoe := c.customer("Zoe", "zoe@whitby.example")
	var firm Company
	c.call(201, "POST", "/api/companies", map[string]any{"name": "Whitby Books"}, &firm)
	c.call(200, "PUT", fmt.Sprintf("/api/customers/%d/companies/%d", zoe.ID, firm.ID), map[string]any{}, nil)
	putDocument(t, c, zoe.ID, "of-zoe.txt", "text/plain", "of Zoe", "")
	var d LibraryDocument
	c.send(201, "POST", fmt.Sprintf("/api/documents?company=%d&name=frame.txt", firm.ID), "text/plain", strings.NewReader("frame contract"), &d)
	if d.Customer != nil || d.Company == nil || d.Company.Name != "Whitby Books" {
		t.Errorf("%+v", d)
	}
	c.refused(422, "POST", "/api/documents?name=x.txt", "x")
	c.refused(422, "POST", "/api/documents?company=9999&name=x.txt", "x")
	for query, want := range map[string]string{
		fmt.Sprintf("company=%d", firm.ID):                  "frame",
		fmt.Sprintf("company=%d&people=true", firm.ID):      "frame of-zoe",
		fmt.Sprintf("company=%d&people=true&q=of", firm.ID): "of-zoe",
		fmt.Sprintf("company=%d&q=frame", firm.ID):          "frame",
		fmt.Sprintf("customer=%d", zoe.ID):                  "of-zoe",
		fmt.Sprintf("customer=%d&q=frame", zoe.ID):          "",
		"": "frame of-zoe",
	} {
		var list Documents
		c.call(200, "GET", "/api/documents?"+query, nil, &list)
		var titles []string
		for _, d := range list.Documents {
			titles = append(titles, d.Title)
		}
		if got := strings.Join(titles, " "); got != want {
			t.Errorf("%q lists %q, want %q", query, got, want)
		}
	}
	c.refused(404, "GET", "/api/documents?company=9999", nil)

	// While it has documents it stays.
	if p := boss.refused(409, "DELETE", fmt.Sprintf("/api/companies/%d", firm.ID), nil); !strings.Contains(p.Detail, "1 documents") {
		t.Error(p.Detail)
	}
	at := fmt.Sprintf("/api/documents/%d", d.ID)
	d = LibraryDocument{}
	c.call(200, "POST", at+"/move", map[string]any{"customer": zoe.ID}, &d)
	if d.Company != nil || d.Customer == nil || d.Customer.ID != zoe.ID {
		t.Errorf("%+v", d)
	}
	boss.call(204, "DELETE", fmt.Sprintf("/api/companies/%d", firm.ID), nil, nil)
	var page Page
	c.call(200, "GET", fmt.Sprintf("/api/customers/%d/timeline", zoe.ID), nil, &page)
	moved := false
	for _, e := range page.Entries {
		moved = moved || e.Kind == "document.moved" && e.Document != nil && e.Document.Title == "frame"
	}
	if !moved {
		t.Error("the timeline does not tell of it")
	}
}
