package inbox

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"throughline/connectors"
	"throughline/message"
	"throughline/store/storetest"
)

// TestWebhookFails: what the store refuses is refused to the provider.
func TestWebhookFails(t *testing.T) {
	w := newWorld(t)
	c := w.texter("mobile", "+447700900001", nil)
	hook, err := w.Webhook("mobile")
	if err != nil {
		t.Fatal(err)
	}
	post := func() int {
		rec := httptest.NewRecorder()
		hook.ServeHTTP(rec, httptest.NewRequest("POST", "/?from=123", strings.NewReader("hello")))
		return rec.Code
	}
	if code := post(); code != http.StatusOK {
		t.Errorf("answered with %d", code)
	}
	if c.host.PublicURL != "https://hub.example.com/hooks/mobile" || w.WebhookURL("mobile") != c.host.PublicURL || w.WebhookURL("support") != "" {
		t.Errorf("the provider is told %q", c.host.PublicURL)
	}
	w.stop()
	if err := w.Store.Close(); err != nil {
		t.Fatal(err)
	}
	if code := post(); code != http.StatusServiceUnavailable {
		t.Errorf("with the store closed answered with %d", code)
	}
}

var _ connectors.Webhooker = (*texter)(nil)

// FuzzShared reads any token and name; none that the hub did not make leads to a
// file.
func FuzzShared(f *testing.F) {
	h := &Hub{Store: storetest.Open(f), public: "https://hub.example.com"}
	if err := h.makeShareKey(f.Context()); err != nil {
		f.Fatal(err)
	}
	u := h.share(message.Part{Name: "a.png", ContentType: "image/png", Blob: strings.Repeat("ab", 32)}, time.Hour)
	token, name, _ := strings.Cut(strings.TrimPrefix(u, h.public+SharePath), "/")
	if got, err := h.Shared(token, name, time.Now()); err != nil || got.ContentType != "image/png" || got.Blob != strings.Repeat("ab", 32) {
		f.Fatalf("%+v, %v", got, err)
	}
	f.Add(token, "b.png")
	f.Add(token[:10], name)
	f.Add("", "")
	f.Fuzz(func(t *testing.T, tok, n string) {
		got, err := h.Shared(tok, n, time.Now())
		if err == nil && (tok != token || n != name) {
			t.Errorf("%q %q leads to %+v", tok, n, got)
		}
	})
}
