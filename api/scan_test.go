package api

import (
	"context"
	"errors"
	"io"
	"strings"
	"sync/atomic"
	"testing"

	"throughline/auth"
	"throughline/store"
)

// scanner finds a virus in every file that says so.
type scanner struct{ down atomic.Bool }

func (s *scanner) Scan(_ context.Context, r io.Reader) (string, error) {
	if s.down.Load() {
		return "", errors.New("clamd cannot be reached")
	}
	data, err := io.ReadAll(r)
	if strings.Contains(string(data), "a virus") {
		return "Test.Virus", err
	}
	return "", err
}

// scannedFile waits on a stream until the scanner has spoken of a message's file.
func scannedFile(s *stream, id uint64) Attachment {
	f := s.until("entry", func(f LiveFrame) bool {
		return f.Entry.Kind == "message.scanned" && f.Entry.Message != nil && f.Entry.Message.ID == id && f.Entry.Message.Attachments[0].Scan.State != "waiting"
	})
	return f.Entry.Message.Attachments[0]
}

// What messages bring is kept, and shut until the scanner has found nothing in it; what
// it finds something in is not sent.
func TestFilesOfMessagesAreScanned(t *testing.T) {
	w := newWorld(t, worldOptions{scanner: &scanner{}})
	c := w.browser(w.agent("Ann", auth.RoleAgent))
	stream := c.live("?since=0")
	good, _ := mailWithFile(t, w, "kim@example.org", "good.pdf", "%PDF-1.4 fine")
	bad, sha := mailWithFile(t, w, "lee@example.org", "bad.pdf", "%PDF-1.4 a virus")
	if a := scannedFile(stream, good); a.Scan.State != "clean" || a.Scan.Shut {
		t.Errorf("%+v", a.Scan)
	} else if resp, body := c.do("GET", a.URL, nil); resp.StatusCode != 200 || string(body) != "%PDF-1.4 fine" {
		t.Errorf("%d %s", resp.StatusCode, body)
	}
	a := scannedFile(stream, bad)
	if a.Scan.State != "infected" || a.Scan.Found != "Test.Virus" || !a.Scan.Shut {
		t.Errorf("%+v", a.Scan)
	}
	for _, more := range []string{"", "&inline=1", "&inline=1&type=image/png"} {
		if resp, body := c.do("GET", a.URL+more, nil); resp.StatusCode != 409 || strings.Contains(string(body), "%PDF") {
			t.Errorf("%s: %d %s", more, resp.StatusCode, body)
		}
	}
	// Kept all the same: the message has it, with its name.
	var m Message
	c.call(200, "GET", "/api/messages/"+itoa(int(bad)), nil, &m)
	if len(m.Attachments) != 1 || m.Attachments[0].Name != "bad.pdf" || m.Attachments[0].Scan == nil {
		t.Errorf("%+v", m.Attachments)
	}

	// Nothing of it goes out: not as an upload, and not forwarded.
	var file Attachment
	c.send(201, "POST", "/api/uploads?name=fine.txt", "text/plain", strings.NewReader("fine"), &file)
	if p := c.refused(409, "POST", "/api/uploads?name=x.txt", "there is a virus here"); !strings.Contains(p.Detail, "Test.Virus") {
		t.Error(p.Detail)
	}
	var conversation uint64
	must(t, w.hub.Store.View(func(tx *store.Tx) error {
		r, err := w.hub.Message(tx, bad)
		if err == nil {
			conversation = r.Conversation
		}
		return err
	}))
	reply := func(blob string) map[string]any {
		return map[string]any{"mode": "reply", "html": "<p>here</p>", "to": []map[string]any{{"handle": "mailto:lee@example.org"}}, "seen_seq": 1, "anyway": true,
			"attachments": []map[string]any{{"name": "forwarded.pdf", "content_type": "application/pdf", "size": 16, "blob": blob, "url": ""}}}
	}
	at := "/api/conversations/" + itoa(int(conversation)) + "/replies"
	if p := c.refused(409, "POST", at, reply(sha)); !strings.Contains(p.Detail, "forwarded.pdf was not sent") || !strings.Contains(p.Detail, "Test.Virus") {
		t.Error(p.Detail)
	}
}

// While the scanner cannot be asked files stay shut, unless administrators chose
// otherwise.
func TestScannerAway(t *testing.T) {
	for _, lenient := range []bool{false, true} {
		sc := &scanner{}
		sc.down.Store(true)
		w := newWorld(t, worldOptions{scanner: sc, lenient: lenient})
		c := w.browser(w.agent("Ann", auth.RoleAgent))
		stream := c.live("?since=0")
		id, _ := mailWithFile(t, w, "kim@example.org", "a.pdf", "%PDF-1.4 fine")
		a := scannedFile(stream, id)
		if a.Scan.State != "unreachable" || a.Scan.Shut == lenient {
			t.Errorf("lenient %v: %+v", lenient, a.Scan)
		}
		want, made := 503, 503
		if lenient {
			want, made = 200, 201
		}
		if resp, _ := c.do("GET", a.URL, nil); resp.StatusCode != want {
			t.Errorf("lenient %v: %d", lenient, resp.StatusCode)
		}
		if resp, body := c.do("POST", "/api/uploads?name=x.txt", "x"); resp.StatusCode != made {
			t.Errorf("lenient %v: upload %d %s", lenient, resp.StatusCode, body)
		}
	}
}
