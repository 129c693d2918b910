package e2e

import (
	"archive/zip"
	"bytes"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"testing"
	"time"

	"throughline/api"
)

// TestBrowserPeople is the life of a record on the screen: people come in from a table
// and from vCards, with rows to mend; the card all teams share is edited in place while
// a colleague looks on; everything about one is exported, and then erased, of which
// nothing is left but the numbers on the board.
func TestBrowserPeople(t *testing.T) {
	t.Parallel()
	node, chromium := browserTools(t)
	f := openOffice(t, hubOptions{})
	f.admin.invite(t, "Omar Agent", "omar@example.com", "agent")
	var field api.CustomField
	if err := f.admin.call(http.MethodPost, "/api/fields", map[string]any{"name": "Frame size", "kind": "number", "of": "customer"}, &field); err != nil {
		t.Fatal(err)
	}

	mux := surroundings{http.NewServeMux()}
	mux.handle("field", func(map[string]any) (any, error) { return field.ID, nil })
	mux.handle("deliver", func(in map[string]any) (any, error) {
		l := letter{from: textOf(in, "from"), subject: textOf(in, "subject"), text: textOf(in, "text"), id: fmt.Sprintf("people-%d@example.org", time.Now().UnixNano())}
		return true, f.dovecot.Deliver(f.user, l.raw())
	})
	// unzip tells the files of an archive by their names.
	mux.handle("unzip", func(in map[string]any) (any, error) {
		b, err := base64.StdEncoding.DecodeString(textOf(in, "zip"))
		if err != nil {
			return nil, err
		}
		z, err := zip.NewReader(bytes.NewReader(b), int64(len(b)))
		if err != nil {
			return nil, err
		}
		files := map[string]string{}
		for _, entry := range z.File {
			r, err := entry.Open()
			if err != nil {
				return nil, err
			}
			text, err := io.ReadAll(r)
			if err != nil {
				return nil, err
			}
			files[entry.Name] = string(text)
		}
		return files, nil
	})
	browse(t, node, chromium, "people", f.hub, mux)
	f.check()
}
