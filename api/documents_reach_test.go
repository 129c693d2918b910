package api

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"strings"
	"testing"

	"throughline/auth"
	"throughline/documents"
)

// setSee changes the least roles for seeing and deleting documents.
func setSee(t *testing.T, root *client, see, del string) {
	t.Helper()
	var rules DocumentRules
	root.call(200, "GET", "/api/documents/rules", nil, &rules)
	rules.Roles.See, rules.Roles.Delete = see, del
	root.call(200, "PUT", "/api/documents/rules", map[string]any{"types": rules.Types, "roles": rules.Roles}, nil)
}

// openings are the ways in which a document was opened, newest first.
func (c *client) openings(id uint64) string {
	c.w.t.Helper()
	var o DocumentOpenings
	c.call(200, "GET", "/api/documents/"+itoa(int(id))+"/openings", nil, &o)
	var how []string
	for _, e := range o.Openings {
		how = append(how, e.How)
	}
	return strings.Join(how, " ")
}

// TestDocumentsByHash: the hash of a document leads to nothing that the rules keep from
// its holder, neither to read nor to send, and what it leads to is written down.
func TestDocumentsByHash(t *testing.T) {
	w := newWorld(t, worldOptions{})
	root, boss, c := w.browser(w.admin), w.browser(w.agent("Max", auth.RoleManager)), w.browser(w.agent("Ann", auth.RoleAgent))
	var customer Customer
	c.call(201, "POST", "/api/customers", map[string]any{"name": "Zoe", "handles": []string{"zoe@example.org"}}, &customer)
	d := putDocument(t, root, customer.ID, "passport.txt", "text/plain", "secret words", "")
	var file Attachment
	c.call(200, "POST", "/api/documents/"+itoa(int(d.ID))+"/attach", map[string]any{}, &file)
	get := func(who *client, blob string, want int) *http.Response {
		t.Helper()
		r, body := who.do("GET", "/api/blobs/"+blob+"/x.txt", nil)
		if r.StatusCode != want {
			t.Errorf("%d %s, want %d", r.StatusCode, body, want)
		}
		return r
	}
	send := func(a Attachment, want int) string {
		t.Helper()
		r, body := c.do("POST", "/api/conversations", ComposeRequest{Account: "support", To: []Person{{Handle: "mailto:kim@example.org"}}, Subject: "x", HTML: "see",
			Attachments: []Attachment{a}})
		if r.StatusCode != want {
			t.Errorf("sent: %d %s", r.StatusCode, body)
		}
		return string(body)
	}
	if cache := get(c, file.Blob, 200).Header.Get("Cache-Control"); !strings.Contains(cache, "no-store") {
		t.Errorf("a document may be kept: %s", cache)
	}
	if got := root.openings(d.ID); got != documents.ByDownload+" "+documents.ByMessage {
		t.Errorf("written down: %q", got)
	}

	setSee(t, root, "admin", "agent")
	get(c, file.Blob, 403)
	get(boss, file.Blob, 403)
	get(root, file.Blob, 200)
	if got := send(file, 403); !strings.Contains(got, "of a document that you do not see") {
		t.Error(got)
	}

	setSee(t, root, "agent", "agent")
	root.call(200, "PATCH", "/api/documents/"+itoa(int(d.ID)), map[string]any{"type": "identity"}, nil)
	get(c, file.Blob, 404)
	get(boss, file.Blob, 200)

	// Who has the same file himself may send it, and everybody reads what was sent.
	var own Attachment
	c.send(201, "POST", "/api/uploads?name=mine.txt", "text/plain", strings.NewReader("secret words"), &own)
	get(c, own.Blob, 200)
	other := w.browser(w.agent("Eve", auth.RoleAgent))
	get(other, own.Blob, 404)
	send(own, 201)
	get(other, own.Blob, 200)
	before := root.openings(d.ID)
	get(boss, own.Blob, 200)
	if got := root.openings(d.ID); got != before {
		t.Errorf("the file of a message was written down as the document: %q", got)
	}

	// What came with a mail was for everybody before it was a document's.
	message, sha := mailWithFile(t, w, "kim@example.org", "contract.pdf", "%PDF-1.4 signed")
	boss.call(201, "POST", "/api/documents/from-message", map[string]any{"message": message, "blob": sha, "type": "identity"}, nil)
	get(c, sha, 200)
	sum := sha256.Sum256([]byte("nobody has this"))
	get(c, hex.EncodeToString(sum[:]), 404)
}

// TestExportAsksTheRules: neither exporting nor erasing a customer goes around the rules
// of documents, and an export is written down as an opening.
func TestExportAsksTheRules(t *testing.T) {
	w := newWorld(t, worldOptions{})
	root, boss := w.browser(w.admin), w.browser(w.agent("Max", auth.RoleManager))
	var customer Customer
	root.call(201, "POST", "/api/customers", map[string]any{"name": "Zoe", "handles": []string{"zoe@example.org"}}, &customer)
	at := "/api/customers/" + itoa(int(customer.ID))
	d := putDocument(t, root, customer.ID, "passport.txt", "text/plain", "secret words", "")
	bin := putDocument(t, root, customer.ID, "old.txt", "text/plain", "old words", "")
	root.call(200, "DELETE", "/api/documents/"+itoa(int(bin.ID)), nil, nil)

	setSee(t, root, "admin", "agent")
	boss.refused(403, "GET", at+"/export", nil)
	boss.refused(403, "POST", at+"/erase", map[string]any{"confirm": "Zoe"})
	setSee(t, root, "manager", "admin")
	boss.refused(403, "POST", at+"/erase", map[string]any{"confirm": "Zoe"})
	if r, body := boss.do("GET", at+"/export", nil); r.StatusCode != 200 || !strings.Contains(string(body), "documents.json") {
		t.Errorf("%d", r.StatusCode)
	}
	for _, id := range []uint64{d.ID, bin.ID} {
		if got := root.openings(id); got != documents.ByExport {
			t.Errorf("written down: %q", got)
		}
	}
	setSee(t, root, "manager", "manager")
	boss.call(200, "POST", at+"/erase", map[string]any{"confirm": "Zoe"}, nil)
}
