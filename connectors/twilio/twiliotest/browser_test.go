package twiliotest

import (
	"bufio"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/twilio/twilio-go/client/jwt"
)

// page is a page that has signed in as a browser.
type page struct {
	t     *testing.T
	base  string
	token string
	lines *bufio.Scanner
}

func openPage(t *testing.T, srv *Server, token string) *page {
	t.Helper()
	p := &page{t: t, base: srv.URL() + devicePath, token: url.QueryEscape(token)}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, p.base+"events?token="+p.token, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { resp.Body.Close(); http.DefaultClient.CloseIdleConnections() })
	if resp.Header.Get("Access-Control-Allow-Origin") != "*" || resp.Header.Get("Content-Type") != "text/event-stream" {
		t.Errorf("%v", resp.Header)
	}
	p.lines = bufio.NewScanner(resp.Body)
	return p
}

// next is the next event of a kind, until which match is true.
func (p *page) next(kind string, match func(deviceCall) bool) (c deviceCall) {
	p.t.Helper()
	name := ""
	for p.lines.Scan() {
		switch l := p.lines.Text(); {
		case strings.HasPrefix(l, "event: "):
			name = l[7:]
		case strings.HasPrefix(l, "data: ") && name == kind:
			c = deviceCall{}
			if err := json.Unmarshal([]byte(l[6:]), &c); err != nil {
				p.t.Fatal(err)
			}
			if match(c) {
				return c
			}
		}
	}
	p.t.Fatalf("the stream ended before the %s event", kind)
	return c
}

func (p *page) press(status int, path string, form url.Values) {
	p.t.Helper()
	resp, err := http.PostForm(p.base+path+"?token="+p.token, form)
	if err != nil {
		p.t.Fatal(err)
	}
	b, _ := io.ReadAll(resp.Body)
	resp.Body.Close()
	if resp.StatusCode != status {
		p.t.Errorf("%s: %d %s, want %d", path, resp.StatusCode, b, status)
	}
}

func always(deviceCall) bool { return true }

// A page without the vendor's SDK rings, answers, mutes, sends digits and hangs up.
func TestBrowserPage(t *testing.T) {
	const key, secret = "SK00000000000000000000000000000001", "key-secret"
	srv, app := start(t, Options{Frozen: true, APIKeys: map[string]string{key: secret}})
	access := jwt.CreateAccessToken(jwt.AccessTokenParams{AccountSid: srv.AccountSID(), SigningKeySid: key, Secret: secret, Identity: "ann",
		Grants: []jwt.BaseGrant{&jwt.VoiceGrant{Incoming: jwt.Incoming{Allow: true}}}})
	token, err := access.ToJwt()
	if err != nil {
		t.Fatal(err)
	}
	openPage(t, srv, "nonsense").next("refused", always)
	p := openPage(t, srv, token)
	p.next("ready", always)
	app.on("/voice", "<Dial><Client>ann</Client></Dial>")
	call, err := srv.Call(customer, ours)
	if err != nil {
		t.Fatal(err)
	}
	c := p.next("call", func(c deviceCall) bool { return c.Status == "ringing" })
	if c.From != customer {
		t.Errorf("%+v", c)
	}
	at := "calls/" + c.SID
	p.press(http.StatusConflict, at+"/digits", url.Values{"digits": {"abc"}})
	p.press(http.StatusConflict, at+"/sing", nil)
	p.press(http.StatusConflict, "calls/CA0/answer", nil)
	p.press(http.StatusNoContent, at+"/answer", nil)
	p.press(http.StatusConflict, at+"/answer", nil)
	p.next("call", func(c deviceCall) bool { return c.Status == "in-progress" })
	p.press(http.StatusNoContent, at+"/mute", url.Values{"muted": {"true"}})
	p.next("call", func(c deviceCall) bool { return c.Muted })
	p.press(http.StatusNoContent, at+"/digits", url.Values{"digits": {"12#"}})
	p.press(http.StatusNoContent, at+"/hangup", nil)
	p.next("call", func(c deviceCall) bool { return c.Status == "completed" })
	if _, err := call.WaitEnd(ctx(t)); err != nil {
		t.Error(err)
	}
	stranger := &page{t: t, base: p.base, token: "nonsense"}
	stranger.press(http.StatusUnauthorized, at+"/answer", nil)
}
