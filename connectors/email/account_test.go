package email

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"throughline/connectors"
	"throughline/connectors/email/mailtest"
)

// blamed lists the keys that an error of New blames.
func blamed(err error) []string {
	var keys []string
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		for _, e := range joined.Unwrap() {
			var se *connectors.SettingsError
			if errors.As(e, &se) && !slices.Contains(keys, se.Key) {
				keys = append(keys, se.Key)
			}
		}
	}
	slices.Sort(keys)
	return keys
}

func TestSettings(t *testing.T) {
	for _, tt := range []struct {
		name string
		more map[string]any
		want []string
	}{
		{"good", nil, nil},
		{"strings as a form sends them", map[string]any{"imap_port": "143", "folders": "INBOX, Archive", "poll_interval": "30s"}, nil},
		{"everything wrong at once", map[string]any{"address": "nobody", "imap_host": "imap://x", "imap_port": 70000, "imap_security": "ssl", "poll_interval": "soon", "after": "move", "dkim_domain": "example.com", "imap_auth": 5, "typo": 1},
			[]string{"address", "after_", "dkim_", "imap_auth", "imap_host", "imap_port", "imap_security", "move_to", "poll_interval", "typo"}},
		{"no password", map[string]any{"imap_password": ""}, []string{"imap_password"}},
		{"a token in, no password out", map[string]any{"imap_auth": "xoauth2", "smtp_auth": "plain", "imap_password": "", "oauth_client_id": "a", "oauth_refresh_token": "b", "oauth_token_url": "https://login.example.com/token"}, []string{"smtp_password"}},
		{"oauth without its settings", map[string]any{"imap_auth": "xoauth2"}, []string{"oauth_client_id", "oauth_refresh_token", "oauth_token_url"}},
		{"token URL in the clear", map[string]any{"imap_auth": "xoauth2", "oauth_client_id": "a", "oauth_refresh_token": "b", "oauth_token_url": "http://example.com/token"}, []string{"oauth_token_url"}},
		{"move into a folder that is read", map[string]any{"after": "move", "move_to": "INBOX"}, []string{"move_to"}},
		{"a folder twice", map[string]any{"folders": []string{"inbox", "INBOX"}}, []string{"folders"}},
		{"a key that is none", map[string]any{"dkim_domain": "example.com", "dkim_selector": "a", "dkim_key": "secret-not-a-key"}, []string{"dkim_key"}},
		{"no CA file", map[string]any{"ca_file": "/nonexistent/ca.pem"}, []string{"ca_file"}},
		{"a line break in a name", map[string]any{"name": "a\r\nb"}, []string{"name"}},
	} {
		raw, err := json.Marshal(plain(143, 25, tt.more))
		if err != nil {
			t.Fatal(err)
		}
		_, err = New(connectors.Account{ID: "a", Settings: raw}, connectors.Host{})
		got := blamed(err)
		if (err == nil) != (tt.want == nil) {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		if tt.name == "everything wrong at once" {
			tt.want = []string{"address", "dkim_key", "imap_auth", "imap_host", "imap_port", "imap_security", "move_to", "poll_interval", "typo"}
			got = slices.DeleteFunc(got, func(s string) bool { return s == "dkim_selector" })
			tt.want = slices.DeleteFunc(tt.want, func(s string) bool { return s == "dkim_key" && !slices.Contains(got, s) })
		}
		if !slices.Equal(got, tt.want) {
			t.Errorf("%s: blamed %v, want %v", tt.name, got, tt.want)
		}
		if err != nil && (strings.Contains(err.Error(), "correct-horse") || strings.Contains(err.Error(), "secret-not")) {
			t.Errorf("%s: the error holds a secret: %v", tt.name, err)
		}
	}
	if _, err := New(connectors.Account{Settings: json.RawMessage(`[]`)}, connectors.Host{}); err == nil {
		t.Error("a list was taken for settings")
	}
}

// TestKind: the form is complete, and presets use only its fields.
func TestKind(t *testing.T) {
	k := Kind()
	seen := map[string]bool{}
	for _, f := range k.Fields {
		if seen[f.Key] || f.Label == "" || (f.Type == "choice") != (len(f.Choices) > 0) {
			t.Errorf("field %+v", f)
		}
		seen[f.Key] = true
	}
	for _, p := range k.Presets {
		for key := range p.Values {
			if !seen[key] {
				t.Errorf("preset %s sets %s", p.Name, key)
			}
		}
		set := map[string]any{"address": "a@example.com", "imap_host": "imap.example.com", "smtp_host": "smtp.example.com", "imap_password": "x", "oauth_client_id": "x", "oauth_refresh_token": "x"}
		for key, v := range p.Values {
			set[key] = v
		}
		raw, err := json.Marshal(set)
		if err != nil {
			t.Fatal(err)
		}
		c, err := k.New(connectors.Account{ID: "a", Settings: raw}, connectors.Host{})
		if err != nil {
			t.Errorf("preset %s: %v", p.Name, err)
			continue
		}
		if i := c.Info(); !i.Idempotent || i.Own.Handle != "mailto:a@example.com" || i.Channel != "email" {
			t.Errorf("%+v", i)
		}
	}
}

func steps(list []connectors.Step) string {
	var b strings.Builder
	for _, s := range list {
		fmt.Fprintf(&b, "%s=%v;", s.Name, s.OK)
	}
	return b.String()
}

func TestTester(t *testing.T) {
	imapSrv, smtpSrv := imapServer(t), smtpServer(t, mailtest.SMTPOptions{})
	const imapOK = "imap: connect=true;imap: log in=true;imap: open folder INBOX=true;"
	for _, tt := range []struct {
		more  map[string]any
		want  string
		words string
	}{
		{nil, imapOK + "smtp: connect=true;smtp: log in=true;", ""},
		{map[string]any{"imap_password": "wrong-secret", "smtp_password": "correct-horse"}, "imap: connect=true;imap: log in=false;", "refuses user name or password"},
		{map[string]any{"smtp_password": "wrong-secret"}, imapOK + "smtp: connect=true;smtp: log in=false;", "refuses user name or password"},
		{map[string]any{"sent_folder": "INBOX"}, imapOK + "smtp: connect=true;smtp: log in=true;", ""},
		{map[string]any{"folders": "Nowhere"}, "imap: connect=true;imap: log in=true;imap: open folder Nowhere=false;", "spelling"},
		{map[string]any{"imap_port": 1}, "imap: connect=false;", "refused"},
		{map[string]any{"smtp_port": 1}, imapOK + "smtp: connect=false;", "refused"},
		{map[string]any{"imap_security": "tls"}, "imap: connect=true;imap: tls=false;", "TLS"},
		{map[string]any{"smtp_security": "starttls"}, imapOK + "smtp: connect=true;smtp: tls=false;", "STARTTLS"},
		{map[string]any{"imap_host": "nowhere.invalid"}, "imap: connect=false;", "name"},
	} {
		list := newConnector(t, plain(imapSrv.Port, smtpSrv.Port, tt.more)).Test(t.Context())
		last := list[len(list)-1]
		if got := steps(list); got != tt.want || !strings.Contains(last.Error, tt.words) || strings.Contains(last.Error, "wrong-secret") {
			t.Errorf("%v:\n got %s (%s)\nwant %s (%s)", tt.more, got, last.Error, tt.want, tt.words)
		}
	}
	if len(smtpSrv.Mails()) > 0 {
		t.Error("Test sent a mail")
	}
}

// TestTLS: all three kinds of connection, in both directions, with our own
// authority and without.
func TestTLS(t *testing.T) {
	cert, certPEM, _, err := mailtest.Certificate()
	if err != nil {
		t.Fatal(err)
	}
	ca := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(ca, certPEM, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, security := range []string{"tls", "starttls"} {
		conf := mailtest.ServerTLS(cert)
		in, err := mailtest.StartIMAP(mailtest.IMAPOptions{User: "support", Password: "correct-horse", TLS: conf, Implicit: security == "tls"})
		if err != nil {
			t.Fatal(err)
		}
		defer in.Close()
		out := smtpServer(t, mailtest.SMTPOptions{TLS: conf, Implicit: security == "tls"})
		more := map[string]any{"imap_security": security, "smtp_security": security, "ca_file": ca}
		c := newConnector(t, plain(in.Port, out.Port, more))
		want := "imap: connect=true;imap: tls=true;imap: log in=true;imap: open folder INBOX=true;smtp: connect=true;smtp: tls=true;smtp: log in=true;"
		if got := c.Test(t.Context()); steps(got) != want {
			t.Errorf("%s: %+v", security, got)
		}
		if _, err := c.Send(t.Context(), outMail(1)); err != nil {
			t.Error(err)
		}
		c.out.release()
		delete(more, "ca_file")
		got := newConnector(t, plain(in.Port, out.Port, more)).Test(t.Context())
		if last := got[len(got)-1]; last.Name != "imap: tls" || !strings.Contains(last.Error, "ca_file") {
			t.Errorf("%s without ca_file: %+v", security, got)
		}
	}
}

// provider is an OAuth token server.
type provider struct {
	*httptest.Server
	mu     sync.Mutex
	asked  []string // refresh tokens
	answer func(refresh string) (int, string)
}

func oauthProvider(t *testing.T, answer func(refresh string) (int, string)) *provider {
	p := &provider{answer: answer}
	p.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.FormValue("grant_type") != "refresh_token" || r.FormValue("client_id") != "client" || r.FormValue("client_secret") != "client-secret" || r.FormValue("scope") != "mail offline" {
			t.Errorf("asked with %v", r.Form)
		}
		p.mu.Lock()
		p.asked = append(p.asked, r.FormValue("refresh_token"))
		code, body := p.answer(r.FormValue("refresh_token"))
		p.mu.Unlock()
		w.Header().Set("Retry-After", "120")
		w.WriteHeader(code)
		fmt.Fprint(w, body)
	}))
	t.Cleanup(p.Close)
	return p
}

func oauthSet(auth, url string) map[string]any {
	return map[string]any{"imap_auth": auth, "smtp_auth": auth, "imap_user": "support", "oauth_client_id": "client", "oauth_client_secret": "client-secret",
		"oauth_refresh_token": "refresh-1", "oauth_token_url": url, "oauth_scopes": []string{"mail", "offline"}}
}

func TestOAuth(t *testing.T) {
	for _, auth := range []string{"xoauth2", "oauthbearer"} {
		in, out := imapServer(t), smtpServer(t, mailtest.SMTPOptions{})
		in.AcceptToken("access-1", true)
		out.AcceptToken("access-1", true)
		p := oauthProvider(t, func(string) (int, string) {
			return 200, `{"access_token":"access-1","expires_in":3600,"refresh_token":"refresh-2","token_type":"Bearer"}`
		})
		saved := map[string]string{}
		raw, err := json.Marshal(plain(in.Port, out.Port, oauthSet(auth, p.URL)))
		if err != nil {
			t.Fatal(err)
		}
		c, err := New(connectors.Account{ID: "a", Settings: raw}, connectors.Host{TempDir: t.TempDir(),
			Save: func(_ context.Context, k, v string) error { saved[k] = v; return nil }})
		if err != nil {
			t.Fatal(err)
		}
		if got := c.Test(t.Context()); !got[len(got)-1].OK {
			t.Fatalf("%s: %+v", auth, got)
		}
		if _, err := c.Send(t.Context(), outMail(1)); err != nil {
			t.Fatal(err)
		}
		c.out.release()
		if len(p.asked) != 1 || saved["oauth_refresh_token"] != "refresh-2" {
			t.Errorf("asked %v, saved %v", p.asked, saved)
		}

		// The provider takes the token back before its time: the first refusal
		// is worth another try with a fresh one, the second is not.
		in.AcceptToken("access-1", false)
		h := newHub()
		sendErr(t, c.Run(t.Context(), h), connectors.Retry)
		err = c.Run(t.Context(), h)
		if se := sendErr(t, err, connectors.AccountFault); !strings.Contains(se.Reason, "access token") || strings.Contains(se.Error(), "access-1") {
			t.Errorf("%v", se)
		}
		if !slices.Equal(p.asked, []string{"refresh-1", "refresh-2"}) {
			t.Errorf("asked %v", p.asked)
		}
	}
}

func TestOAuthRefused(t *testing.T) {
	for _, tt := range []struct {
		code  int
		body  string
		class connectors.Class
		words string
	}{
		{400, `{"error":"invalid_grant","error_description":"Token refresh-1 has been expired or revoked."}`, connectors.AccountFault, "consent"},
		{401, `{"error":"invalid_client","error_description":"client-secret is wrong"}`, connectors.AccountFault, "client ID"},
		{503, `busy`, connectors.Retry, "no token"},
		{200, `{"expires_in":3600}`, connectors.Retry, "no token"},
	} {
		p := oauthProvider(t, func(string) (int, string) { return tt.code, tt.body })
		c := newConnector(t, plain(1, 1, oauthSet("xoauth2", p.URL)))
		_, err := c.tokens.get(t.Context(), false)
		se := sendErr(t, err, tt.class)
		if !strings.Contains(se.Reason, tt.words) || strings.Contains(se.Reason, "refresh-1") || strings.Contains(se.Reason, "client-secret") {
			t.Errorf("%d: %v", tt.code, se)
		}
		if tt.code == 503 && se.After.Seconds() != 120 {
			t.Errorf("after %v", se.After)
		}
	}
}

func TestOAuthDovecot(t *testing.T) {
	d := mailtest.Peer(t)
	d.AcceptToken("access-1", "support")
	out := smtpServer(t, mailtest.SMTPOptions{})
	out.AcceptToken("access-1", true)
	for _, auth := range []string{"xoauth2", "oauthbearer"} {
		p := oauthProvider(t, func(string) (int, string) { return 200, `{"access_token":"access-1"}` })
		set := oauthSet(auth, p.URL)
		set["imap_security"], set["ca_file"] = "starttls", d.CAFile
		c := newConnector(t, plain(d.IMAP, out.Port, set))
		if got := c.Test(t.Context()); !got[len(got)-1].OK {
			t.Errorf("%s: %+v", auth, got)
		}
	}
	p := oauthProvider(t, func(string) (int, string) { return 200, `{"access_token":"wrong"}` })
	for _, auth := range []string{"xoauth2", "oauthbearer"} {
		c := newConnector(t, plain(d.IMAP, out.Port, oauthSet(auth, p.URL)))
		sendErr(t, c.Run(t.Context(), newHub()), connectors.Retry)
		sendErr(t, c.Run(t.Context(), newHub()), connectors.AccountFault)
	}
}

// TestRotatedTokenNotSaved: a new refresh token that cannot be stored is told
// to people and tried again, and never shown.
func TestRotatedTokenNotSaved(t *testing.T) {
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, `{"access_token":"access-1","refresh_token":"refresh-2","expires_in":3600}`)
	}))
	defer web.Close()
	fail, saved := errors.New("disk full near refresh-2"), ""
	var logged bytes.Buffer
	k := &tokens{client: web.Client(), log: slog.New(slog.NewTextHandler(&logged, nil)), set: oauthSettings{refreshToken: "refresh-1", tokenURL: web.URL},
		save: func(_ context.Context, _, v string) error {
			if fail == nil {
				saved = v
			}
			return fail
		}}
	if token, err := k.get(t.Context(), false); token != "access-1" || err != nil {
		t.Fatalf("%q %v", token, err)
	}
	if note := k.keep(t.Context()); !strings.Contains(note, "disk full") || strings.Contains(note+logged.String(), "refresh-2") || logged.Len() == 0 {
		t.Errorf("note %q, log %q", note, logged.String())
	}
	fail = nil
	if note := k.keep(t.Context()); note != "" || saved != "refresh-2" {
		t.Errorf("note %q, saved %q", note, saved)
	}
}
