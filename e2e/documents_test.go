package e2e

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"throughline/api"
)

// page makes a PDF of one page with one line of text.
func page(text string) string {
	content := "BT /F1 12 Tf 72 700 Td (" + text + ") Tj ET"
	objects := []string{
		"<</Type/Catalog/Pages 2 0 R>>", "<</Type/Pages/Kids[3 0 R]/Count 1>>",
		"<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Contents 4 0 R/Resources<</Font<</F1 5 0 R>>>>>>",
		fmt.Sprintf("<</Length %d>>stream\n%s\nendstream", len(content), content),
		"<</Type/Font/Subtype/Type1/BaseFont/Helvetica/Encoding/WinAnsiEncoding>>",
	}
	b, xref := "%PDF-1.7\n", ""
	for i, o := range objects {
		xref += fmt.Sprintf("%010d 00000 n \n", len(b))
		b += fmt.Sprintf("%d 0 obj\n%s\nendobj\n", i+1, o)
	}
	return fmt.Sprintf("%sxref\n0 6\n0000000000 65535 f \n%strailer\n<</Size 6/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n", b, xref, len(b))
}

// TestDocuments is a document's way through the program: upload, version, text found
// in a process of its own, link, link taken back, and a kill in the middle of an
// upload.
func TestDocuments(t *testing.T) {
	t.Parallel()
	h := newHub(t, hubOptions{})
	h.start()
	c := h.setup()
	var customer api.Customer
	if err := c.call(http.MethodPost, "/api/customers", map[string]any{"name": "Ann", "handles": []string{"ann@example.org"}}, &customer); err != nil {
		t.Fatal(err)
	}
	list := func(query string) []api.LibraryDocument {
		t.Helper()
		return must[api.Documents](t)(get[api.Documents](c, "/api/documents?"+query)).Documents
	}
	live := c.live(t, must[api.Documents](t)(get[api.Documents](c, "/api/documents")).Seq)
	upload := func(path, text string) {
		t.Helper()
		if _, _, err := c.send(http.MethodPost, path, "application/pdf", strings.NewReader(page(text))); err != nil {
			t.Fatal(err)
		}
		// Its text is read in the background.
		live.entry(t, "document.changed", func(api.Entry) bool {
			d := list("")
			return len(d) == 1 && d[0].Versions[0].Text.State == "done"
		})
	}
	upload(fmt.Sprintf("/api/documents?customer=%d&name=lease.pdf&type=contract", customer.ID), "deposit of the apple tree house")
	d := list("q=depos+apple")
	if len(d) != 1 || len(d[0].Snippet) == 0 {
		t.Fatalf("the text of a PDF is not found: %+v", d)
	}
	at := fmt.Sprintf("/api/documents/%d", d[0].ID)
	upload(at+"/versions?name=lease-2.pdf", "rent of the cherry tree house")
	if len(list("q=deposit")) != 0 || len(list("q=cherry")) != 1 {
		t.Error("not the text of the current version is searched")
	}

	var link api.NewDocumentLink
	if err := c.call(http.MethodPost, at+"/links", map[string]any{"days": 2}, &link); err != nil {
		t.Fatal(err)
	}
	outside := func(method string) (int, string) {
		t.Helper()
		req, err := http.NewRequest(method, h.url()+link.Path, nil)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := httpClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		return resp.StatusCode, string(body)
	}
	if status, body := outside(http.MethodPost); status != 200 || body != page("rent of the cherry tree house") {
		t.Errorf("the link gives %d and %d bytes", status, len(body))
	}

	// A kill while a file is coming in.
	r, w := io.Pipe()
	broken := make(chan error, 1)
	go func() {
		_, _, err := c.send(http.MethodPost, fmt.Sprintf("/api/documents?customer=%d&name=half.bin", customer.ID), "application/octet-stream", r)
		broken <- err
	}()
	if _, err := w.Write(make([]byte, 1<<20)); err != nil {
		t.Fatal(err)
	}
	h.kill()
	w.CloseWithError(io.ErrUnexpectedEOF)
	if err := <-broken; err == nil {
		t.Error("half a file was taken")
	}
	h.start()
	if left, err := os.ReadDir(filepath.Join(h.dir, "blobs", "tmp")); err != nil || len(left) != 0 {
		t.Errorf("%d files are left of it (%v)", len(left), err)
	}
	if d := list(""); len(d) != 1 || len(d[0].Versions) != 2 || len(list("q=cherry")) != 1 {
		t.Errorf("after the kill: %+v", d)
	}
	if status, _ := outside(http.MethodGet); status != 200 {
		t.Errorf("the link after the kill: %d", status)
	}
	if err := c.call(http.MethodDelete, fmt.Sprintf("%s/links/%d", at, link.Link.ID), nil, nil); err != nil {
		t.Fatal(err)
	}
	if status, _ := outside(http.MethodPost); status != http.StatusGone {
		t.Errorf("the link after it was taken back: %d", status)
	}
	h.check()
}

// TestBrowserDocuments is the same on the screen.
func TestBrowserDocuments(t *testing.T) {
	t.Parallel()
	node, chromium := browserTools(t)
	h := newHub(t, hubOptions{})
	h.start()
	c := h.setup()
	mux := surroundings{http.NewServeMux()}
	// customer makes one.
	mux.handle("customer", func(map[string]any) (any, error) {
		var customer api.Customer
		err := c.call(http.MethodPost, "/api/customers", map[string]any{"name": "Ann", "handles": []string{"ann@example.org"}}, &customer)
		return customer, err
	})
	browse(t, node, chromium, "documents", h, mux)
	h.check()
}
