package api

import (
	"fmt"
	"testing"

	"throughline/auth"
)

// TestComparePair: two customers side by side whom nothing suggested, decided by hand,
// merged anyway with the values of one of them, and parted.
func TestComparePair(t *testing.T) {
	w := newWorld(t, worldOptions{})
	c := w.browser(w.agent("Ann", auth.RoleAgent))
	var a, b Customer
	c.call(201, "POST", "/api/customers", CustomerRequest{Name: "Ann Lee", Handles: []string{"mailto:ann@example.org"}}, &a)
	c.call(201, "POST", "/api/customers", CustomerRequest{Name: "Anne Moss", Handles: []string{"mailto:moss@example.net"}}, &b)
	path := fmt.Sprintf("/api/customers/%d/compare/%d", a.ID, b.ID)
	var d Duplicate
	c.call(200, "GET", path, nil, &d)
	if d.State != "open" || d.A.Name != "Ann Lee" || d.B.Name != "Anne Moss" || d.ID != 0 {
		t.Errorf("side by side: %+v", d)
	}
	c.call(200, "POST", path, PairVerdict{DuplicateVerdict: DuplicateVerdict{State: "not_same"}}, &d)
	c.call(409, "POST", path, PairVerdict{DuplicateVerdict: DuplicateVerdict{State: "same"}}, nil)
	c.call(200, "POST", path, PairVerdict{DuplicateVerdict: DuplicateVerdict{State: "same", Into: a.ID, Take: []string{"name"}}, Anyway: true}, &d)
	var one Customer
	c.call(200, "GET", fmt.Sprintf("/api/customers/%d", b.ID), nil, &one)
	if one.ID != a.ID || one.Name != "Anne Moss" || len(one.Handles) != 2 {
		t.Errorf("merged: %+v", one)
	}
	c.call(200, "GET", path, nil, &d)
	if d.State != "same" || d.B.Fields["name"] != "Anne Moss" {
		t.Errorf("each by itself: %+v", d)
	}
	c.call(200, "POST", fmt.Sprintf("/api/duplicates/%d", d.ID), DuplicateVerdict{State: "open"}, nil)
}
