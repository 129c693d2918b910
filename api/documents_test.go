package api

import (
	"crypto/sha256"
	"encoding/hex"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"throughline/auth"
	"throughline/message"
)

// putDocument uploads a document as c.
func putDocument(t testing.TB, c *client, customer uint64, name, contentType, content, more string) LibraryDocument {
	t.Helper()
	var d LibraryDocument
	path := "/api/documents?customer=" + itoa(int(customer)) + "&name=" + url.QueryEscape(name) + more
	c.send(201, "POST", path, contentType, strings.NewReader(content), &d)
	return d
}

// send is call with a body that is a file.
func (c *client) send(want int, method, path, contentType string, body io.Reader, answer any) {
	c.w.t.Helper()
	c.header = http.Header{"Content-Type": {contentType}}
	defer func() { c.header = nil }()
	c.call(want, method, path, body, answer)
}

// mailWithFile takes in a mail with one attachment.
func mailWithFile(t *testing.T, w *world, from, name, content string) (id uint64, sha string) {
	t.Helper()
	m := mail(from, "files-"+name, "see the file")
	m.Parts = []message.Part{{Name: name, ContentType: "application/pdf", Size: int64(len(content)), Content: message.Bytes(content)}}
	_, id = w.arrive(m)
	sum := sha256.Sum256([]byte(content))
	return id, hex.EncodeToString(sum[:])
}

func TestDocuments(t *testing.T) {
	w := newWorld(t, worldOptions{})
	c := w.browser(w.agent("Ann", auth.RoleAgent))
	var customer Customer
	c.call(201, "POST", "/api/customers", map[string]any{"name": "Zoe", "handles": []string{"zoe@example.org"}}, &customer)

	d := putDocument(t, c, customer.ID, "../../Lease 2026.pdf", "application/pdf", "%PDF-1.4 one", "&type=contract")
	if d.Title != "Lease 2026" || d.Customer.Name != "Zoe" || d.Versions[0].Name != "Lease 2026.pdf" || d.Type != "contract" {
		t.Errorf("%+v", d)
	}
	at := "/api/documents/" + itoa(int(d.ID))
	c.send(200, "POST", at+"/versions?name=lease2.pdf&note=signed", "application/pdf", strings.NewReader("%PDF-1.4 two"), &d)
	if len(d.Versions) != 2 || d.Versions[0].Number != 2 || d.Versions[0].Note != "signed" {
		t.Errorf("%+v", d.Versions)
	}
	c.call(200, "POST", at+"/restore", map[string]any{"version": 1}, &d)
	if d.Versions[0].Restored != 1 {
		t.Errorf("%+v", d.Versions)
	}
	c.call(200, "PATCH", at, map[string]any{"title": "Rent", "tags": []string{"home"}, "expires": "2020-01-31", "note": "of the flat"}, &d)
	if d.Title != "Rent" || d.Expires != "2020-01-31" || !d.Expired || d.Tags[0] != "home" {
		t.Errorf("%+v", d)
	}
	c.refused(422, "PATCH", at, map[string]any{"expires": "31.1.2020"})

	for query, want := range map[string]int{
		"": 1, "?q=ren": 1, "?q=flat": 1, "?q=nothing": 0, "?type=offer": 0, "?tag=home": 1, "?expiring=30": 1, "?deleted=true": 0,
		"?customer=" + itoa(int(customer.ID)): 1,
	} {
		var list Documents
		c.call(200, "GET", "/api/documents"+query, nil, &list)
		if len(list.Documents) != want {
			t.Errorf("%q lists %d, want %d", query, len(list.Documents), want)
		}
	}
	c.refused(404, "GET", "/api/documents?customer=9999", nil)

	// Each version is served safely, and who opened it is for managers.
	resp, body := c.do("GET", at+"/file?version=2&inline=1", nil)
	h := resp.Header
	if string(body) != "%PDF-1.4 two" || h.Get("Content-Type") != "application/pdf" || !strings.HasPrefix(h.Get("Content-Disposition"), "inline") ||
		!strings.Contains(h.Get("Content-Security-Policy"), "default-src 'none'") || h.Get("X-Content-Type-Options") != "nosniff" || !strings.Contains(h.Get("Cache-Control"), "no-store") {
		t.Errorf("%v %q", h, body)
	}
	c.refused(404, "GET", at+"/file?version=7", nil)
	c.refused(403, "GET", at+"/openings", nil)
	boss := w.browser(w.agent("Max", auth.RoleManager))
	var opened DocumentOpenings
	boss.call(200, "GET", at+"/openings", nil, &opened)
	if len(opened.Openings) != 1 || opened.Openings[0].How != "preview" || opened.Openings[0].Version != 2 {
		t.Errorf("%+v", opened)
	}
	var a Attachment
	c.call(200, "POST", at+"/attach", map[string]any{}, &a)
	if a.Name != "Lease 2026.pdf" || len(a.Blob) != 64 {
		t.Errorf("%+v", a)
	}

	// Into the bin, out of it, and for good.
	c.call(200, "DELETE", at, nil, &d)
	if d.Deleted.IsZero() {
		t.Error("not deleted")
	}
	c.refused(409, "PATCH", at, map[string]any{"title": "x"})
	c.call(200, "POST", at+"/undelete", nil, nil)
	c.call(200, "DELETE", at, nil, nil)
	c.refused(403, "POST", at+"/purge", nil)
	boss.call(204, "POST", at+"/purge", nil, nil)
	boss.refused(404, "GET", at, nil)
}

// A page that a stranger wrote is never shown as one.
func TestDocumentFilesAreHarmless(t *testing.T) {
	w := newWorld(t, worldOptions{})
	c := w.browser(w.admin)
	var customer Customer
	c.call(201, "POST", "/api/customers", map[string]any{"name": "Zoe", "handles": []string{"zoe@example.org"}}, &customer)
	for _, x := range []struct{ kind, want, shown string }{
		{"text/html", anyType, "attachment"},
		{"image/svg+xml", anyType, "attachment"},
		{"application/xhtml+xml", anyType, "attachment"},
		{"text/javascript", anyType, "attachment"},
		{"text/csv", "text/plain; charset=utf-8", "inline"},
		{"text/plain", "text/plain; charset=utf-8", "inline"},
		{"image/png", "image/png", "inline"},
		{"application/zip", "application/zip", "attachment"},
		{"no type", anyType, "attachment"},
	} {
		d := putDocument(t, c, customer.ID, "x", x.kind, "<script>alert(1)</script>"+x.kind, "")
		resp, _ := c.do("GET", d.Versions[0].URL+"&inline=1", nil)
		if got := resp.Header.Get("Content-Type"); got != x.want {
			t.Errorf("%s is served as %s", x.kind, got)
		}
		if got := resp.Header.Get("Content-Disposition"); !strings.HasPrefix(got, x.shown) {
			t.Errorf("%s: %s", x.kind, got)
		}
		if csp := resp.Header.Get("Content-Security-Policy"); !strings.HasPrefix(csp, "sandbox") {
			t.Errorf("%s: %s", x.kind, csp)
		}
	}
}

// Documents of a restricted type are not there for agents, in no list, search or
// act.
func TestRestrictedDocuments(t *testing.T) {
	w := newWorld(t, worldOptions{})
	boss, c := w.browser(w.agent("Max", auth.RoleManager)), w.browser(w.agent("Ann", auth.RoleAgent))
	var customer Customer
	c.call(201, "POST", "/api/customers", map[string]any{"name": "Zoe", "handles": []string{"zoe@example.org"}}, &customer)
	d := putDocument(t, boss, customer.ID, "passport.txt", "text/plain", "secret", "&type=identity")
	at := "/api/documents/" + itoa(int(d.ID))
	for _, r := range []struct {
		method, path string
		body         any
	}{
		{"GET", at, nil}, {"PATCH", at, map[string]any{"title": "x"}}, {"DELETE", at, nil}, {"POST", at + "/undelete", nil},
		{"GET", at + "/file", nil}, {"POST", at + "/attach", map[string]any{}}, {"POST", at + "/restore", map[string]any{"version": 1}},
	} {
		c.refused(404, r.method, r.path, r.body)
	}
	for _, query := range []string{"", "?q=passport", "?type=identity", "?customer=" + itoa(int(customer.ID))} {
		var list Documents
		c.call(200, "GET", "/api/documents"+query, nil, &list)
		if len(list.Documents) != 0 {
			t.Errorf("%q shows it", query)
		}
		boss.call(200, "GET", "/api/documents"+query, nil, &list)
		if len(list.Documents) != 1 {
			t.Errorf("%q does not show it to a manager", query)
		}
	}
	// Nor can an agent put one there and lose sight of it.
	other := putDocument(t, c, customer.ID, "a.txt", "text/plain", "a", "")
	c.refused(422, "PATCH", "/api/documents/"+itoa(int(other.ID)), map[string]any{"type": "identity"})
	c.refused(422, "POST", "/api/documents?name=x&type=identity&customer="+itoa(int(customer.ID)), "x")
}

// Administrators may ask for more than being an agent.
func TestDocumentRolesOfTheRules(t *testing.T) {
	w := newWorld(t, worldOptions{})
	root := w.browser(w.admin)
	var rules DocumentRules
	root.call(200, "GET", "/api/documents/rules", nil, &rules)
	if len(rules.Types) < 5 || rules.Bytes == 0 || rules.Roles.See != "agent" {
		t.Fatalf("%+v", rules)
	}
	rules.Roles = DocumentRoles{See: "agent", Add: "manager", Delete: "admin", Share: "manager"}
	rules.Types = append(rules.Types, DocumentType{Key: "lease", Name: " Mietvertrag\n"})
	root.call(200, "PUT", "/api/documents/rules", map[string]any{"types": rules.Types, "roles": rules.Roles}, &rules)
	if i := slices.IndexFunc(rules.Types, func(t DocumentType) bool { return t.Key == "lease" }); i < 0 || rules.Types[i].Name != "Mietvertrag" {
		t.Errorf("%+v", rules.Types)
	}
	// What each role gets at each act: the guard's answer comes before the request is
	// read, so an empty one tells who may.
	for _, x := range []struct {
		id   string
		need minRole
	}{
		{"listDocuments", agent}, {"getDocument", agent}, {"getDocumentFile", agent}, {"attachDocument", agent}, {"listDocumentOpenings", manager},
		{"addDocument", manager}, {"fileDocument", manager}, {"changeDocument", manager}, {"addDocumentVersion", manager}, {"restoreDocumentVersion", manager},
		{"listDocumentLinks", agent}, {"shareDocument", manager}, {"revokeDocumentLink", manager}, {"rereadDocuments", admin},
		{"deleteDocument", admin}, {"undeleteDocument", admin}, {"purgeDocument", admin}, {"getDocumentRules", agent}, {"setDocumentRules", admin},
	} {
		i := slices.IndexFunc(w.s.routes, func(r route) bool { return r.id == x.id })
		r := w.s.routes[i]
		for _, c := range []struct {
			role minRole
			auth auth.Role
		}{{agent, auth.RoleAgent}, {manager, auth.RoleManager}, {admin, auth.RoleAdmin}} {
			resp, _ := w.browser(w.agent("X", c.auth)).do(r.method, strings.ReplaceAll(r.path, "{id}", "0"), nil)
			if may := resp.StatusCode != http.StatusForbidden; may != (c.role >= x.need) {
				t.Errorf("%s as %s: %d", x.id, c.role, resp.StatusCode)
			}
		}
	}
}

func TestAttachmentIntoDocuments(t *testing.T) {
	w := newWorld(t, worldOptions{})
	c := w.browser(w.agent("Ann", auth.RoleAgent))
	id, sha := mailWithFile(t, w, "kim@example.org", "contract.pdf", "%PDF-1.4 signed")
	var d LibraryDocument
	c.call(201, "POST", "/api/documents/from-message", map[string]any{"message": id, "blob": sha, "type": "contract"}, &d)
	if d.Title != "contract" || d.Versions[0].Message != id || d.Customer.Name == "" {
		t.Errorf("%+v", d)
	}
	c.refused(422, "POST", "/api/documents/from-message", map[string]any{"message": id, "blob": strings.Repeat("0", 64)})
	c.refused(404, "POST", "/api/documents/from-message", map[string]any{"message": 9999, "blob": sha})
	// Again, as a version of the one there is.
	c.call(201, "POST", "/api/documents/from-message", map[string]any{"message": id, "blob": sha, "document": d.ID}, &d)
	if len(d.Versions) != 2 {
		t.Errorf("%+v", d.Versions)
	}
	var page Page
	c.call(200, "GET", "/api/customers/"+itoa(int(d.Customer.ID))+"/timeline", nil, &page)
	var kinds []string
	for _, e := range page.Entries {
		kinds = append(kinds, e.Kind)
		if strings.HasPrefix(e.Kind, "document.") && (e.Document == nil || e.Document.Title != "contract") {
			t.Errorf("%+v", e)
		}
	}
	if !slices.Contains(kinds, "document.added") || !slices.Contains(kinds, "document.version") {
		t.Errorf("the timeline tells %v", kinds)
	}
}
