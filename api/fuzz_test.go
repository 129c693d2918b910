package api

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// FuzzBodies sends a body to every operation that takes one: whatever it is, the
// hub neither fails nor panics. The IDs in it may be those of real things.
func FuzzBodies(f *testing.F) {
	w := newWorld(f, worldOptions{})
	boss := w.browser(w.admin)
	conversation, m := w.arrive(mail("carla@example.org", "a", "hello"))
	var ops []route
	for _, r := range w.s.routes {
		switch {
		case r.method == http.MethodGet, r.method == http.MethodDelete:
		case strings.Contains(r.path, "session"), strings.Contains(r.path, "setup"), strings.Contains(r.path, "password"), strings.Contains(r.path, "agents"):
			// They hash passwords on purpose slowly, or sign the test out.
		default:
			ops = append(ops, r)
		}
	}
	for _, s := range []string{
		``, `{}`, `[]`, `null`, `"x"`, `{"name":"x"}`, `{"name":"\u0000"}`, `{"text":" "}`, `{"seq":18446744073709551615}`, `{"seq":-1}`,
		`{"status":"snoozed","snoozed_until":"2200-01-01T00:00:00Z"}`, `{"tags":["a","\u0007",""]}`, `{"ids":[1],"status":"open"}`,
		`{"mode":"reply","to":[{"handle":"carla@example.org","address":""}],"html":"<p>x</p>","seen_seq":9,"anyway":true}`,
		`{"mode":"forward","to":[{"handle":"tel:+44","address":"x"}],"html":"<img src=cid:x>","seen_seq":0,"attachments":[{"name":"../x","content_type":"a/b","blob":"00","size":-1,"url":""}]}`,
		`{"account":"support","to":[{"handle":"a@b","address":"x"}],"html":"x","subject":"a\r\nBcc: b@example.org"}`,
		`{"mode":"note","html":""}`, `{"message":2,"to":0}`, `{"into":1}`, `{"handle":"carla@example.org"}`, `{"other":2}`, `{"member":2}`,
		`{"name":"x","handles":["a@example.org","mailto:","tel:0"]}`, `{"channel":"test","settings":{"host":5}}`, `{"id":"a","channel":"x","name":"","settings":{}}`,
		`{"sources":[""]}`, `{"preferences":{"signature":"x"}}`, `{"shared":true}`, `{"note":"` + strings.Repeat("x", 5000) + `"}`,
	} {
		f.Add(s, uint8(0))
	}
	f.Fuzz(func(t *testing.T, body string, which uint8) {
		for i, r := range ops {
			if which != 0 && int(which)%len(ops) != i {
				continue
			}
			id := utoa(conversation)
			if strings.Contains(r.path, "/messages/") {
				id = utoa(m)
			}
			path := strings.NewReplacer("{id}", id, "{handle}", "mailto:carla@example.org", "{token}", "x").Replace(r.path)
			if strings.Contains(path, "/accounts/") {
				path = strings.Replace(path, "/accounts/"+id, "/accounts/support", 1)
			}
			req := httptest.NewRequest(r.method, path, strings.NewReader(body))
			req.Header.Set("Content-Type", "application/json")
			req.Header.Set(csrfHeader, boss.csrf)
			req.AddCookie(&http.Cookie{Name: cookieName, Value: boss.session})
			rec := httptest.NewRecorder()
			w.s.Handler().ServeHTTP(rec, req)
			if rec.Code >= 500 || rec.Code < 200 {
				t.Errorf("%s %s with %q: %d %s", r.method, path, body, rec.Code, rec.Body)
			}
		}
	})
}
