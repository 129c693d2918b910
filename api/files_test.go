package api

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"throughline/auth"
	"throughline/message"
)

func TestUpload(t *testing.T) {
	w := newWorld(t, worldOptions{api: func(o *Options) { o.UploadBytes = 1 << 20 }})
	c := w.browser(w.agent("Ann", auth.RoleAgent))
	data := bytes.Repeat([]byte("0123456789"), 1000)
	up := func(name, kind string, body []byte) (*http.Response, []byte) {
		c.header = http.Header{"Content-Type": {kind}}
		defer func() { c.header = nil }()
		return c.do("POST", "/api/uploads?name="+url.QueryEscape(name), bytes.NewReader(body))
	}
	resp, body := up("../../etc/Ürlaub\u202egpj.exe", "image/png; x=y", data)
	if resp.StatusCode != 201 {
		t.Fatalf("%d %s", resp.StatusCode, body)
	}
	var a Attachment
	must(t, jsonInto(body, &a))
	if a.Name != "Ürlaubgpj.exe" || a.ContentType != "image/png" || a.Size != 10000 || a.Blob != fmt.Sprintf("%x", sha256.Sum256(data)) {
		t.Errorf("%+v", a)
	}
	resp, body = c.do("GET", a.URL, nil)
	if resp.StatusCode != 200 || !bytes.Equal(body, data) {
		t.Fatalf("%d, %d bytes", resp.StatusCode, len(body))
	}
	if d := resp.Header.Get("Content-Disposition"); !strings.HasPrefix(d, "attachment;") || !strings.Contains(d, "filename*=utf-8''") {
		t.Errorf("disposition %q", d)
	}
	for _, h := range []string{"Content-Security-Policy", "X-Content-Type-Options", "Cache-Control", "Etag"} {
		if resp.Header.Get(h) == "" {
			t.Errorf("no %s", h)
		}
	}
	if csp := resp.Header.Get("Content-Security-Policy"); !strings.Contains(csp, "sandbox") || !strings.Contains(csp, "default-src 'none'") {
		t.Errorf("policy %q", csp)
	}
	c.header = http.Header{"Range": {"bytes=10-19"}}
	if resp, body := c.do("GET", a.URL, nil); resp.StatusCode != 206 || string(body) != "0123456789" {
		t.Errorf("range: %d %q", resp.StatusCode, body)
	}
	c.header = nil
	(&client{w: w}).refused(401, "GET", a.URL, nil)

	// One byte too many.
	if resp, body := up("big", "text/plain", make([]byte, 1<<20)); resp.StatusCode != 201 {
		t.Errorf("the largest file: %d %s", resp.StatusCode, body)
	}
	if resp, body := up("big", "text/plain", make([]byte, 1<<20+1)); resp.StatusCode != 413 || !strings.Contains(string(body), "1 MiB") {
		t.Errorf("too large a file: %d %s", resp.StatusCode, body)
	}
	if resp, _ := up("empty", "text/plain", nil); resp.StatusCode != 422 {
		t.Errorf("an empty file: %d", resp.StatusCode)
	}
	if resp, _ := up("", "text/plain", data); resp.StatusCode != 422 {
		t.Errorf("a file without a name: %d", resp.StatusCode)
	}
	c.refused(404, "GET", "/api/blobs/"+strings.Repeat("ab", 32)+"/x", nil)
	c.refused(422, "GET", "/api/blobs/nonsense/x", nil)

	// It goes out with a message.
	id, _ := w.arrive(mail("carla@example.org", "q", "photo?"))
	c.call(201, "POST", "/api/conversations/"+utoa(id)+"/replies", ReplyRequest{Mode: "reply", To: []Person{{Handle: "carla@example.org"}}, HTML: "<p>Here</p>", SeenSeq: w.seq(), Attachments: []Attachment{a}}, nil)
	sent := <-w.ch.sent
	f, err := sent.Parts[0].Content.Open()
	must(t, err)
	defer f.Close()
	if got, _ := io.ReadAll(f); !bytes.Equal(got, data) || sent.Parts[0].Name != a.Name {
		t.Errorf("sent %+v", sent.Parts)
	}
	gone := a
	gone.Blob = strings.Repeat("ab", 32)
	if p := c.refused(422, "POST", "/api/conversations/"+utoa(id)+"/replies", ReplyRequest{Mode: "reply", To: []Person{{Handle: "carla@example.org"}}, HTML: "<p>Here</p>", SeenSeq: w.seq(), Attachments: []Attachment{gone}}); p.Errors[0].Location != "body.attachments[0]" {
		t.Errorf("%+v", p)
	}
}

// A PDF opens in the browser, as a page of its own and in a frame of the app, and
// stays in the sandbox: Chromium 156 shows it with exactly these headers. Its
// viewer would not open in a frame that has a sandbox attribute.
func TestPDFIsShown(t *testing.T) {
	w := newWorld(t, worldOptions{})
	ref, err := w.hub.Blobs.Put(t.Context(), strings.NewReader("%PDF-1.4\n"))
	must(t, err)
	resp, _ := w.browser(w.admin).do("GET", "/api/blobs/"+ref.SHA256+"/a.pdf?inline=1&type=application/pdf", nil)
	for header, want := range map[string]string{
		"Content-Type":                 "application/pdf",
		"Content-Disposition":          "inline; filename=a.pdf",
		"Content-Security-Policy":      fileCSP,
		"X-Content-Type-Options":       "nosniff",
		"X-Frame-Options":              "SAMEORIGIN",
		"Cross-Origin-Resource-Policy": "same-origin",
	} {
		if got := resp.Header.Get(header); got != want {
			t.Errorf("%s: %q, want %q", header, got, want)
		}
	}
	if !strings.HasPrefix(fileCSP, "sandbox; default-src 'none';") || !strings.Contains(fileCSP, "frame-ancestors 'self'") || !strings.Contains(appCSP, "frame-src 'self'") {
		t.Errorf("policies %q and %q", fileCSP, appCSP)
	}
}

func TestInline(t *testing.T) {
	w := newWorld(t, worldOptions{})
	c := w.browser(w.admin)
	ref, err := w.hub.Blobs.Put(t.Context(), strings.NewReader("<script>alert(1)</script>"))
	must(t, err)
	for kind, want := range map[string]struct{ kind, disposition string }{
		"image/png":                {"image/png", "inline"},
		"application/pdf":          {"application/pdf", "inline"},
		"text/plain":               {"text/plain; charset=utf-8", "inline"},
		"text/html":                {anyType, "attachment"},
		"application/xhtml+xml":    {anyType, "attachment"},
		"image/svg+xml":            {anyType, "attachment"},
		"application/javascript":   {anyType, "attachment"},
		"text/css":                 {anyType, "attachment"},
		"text/html;x=\"\r\nX: y\"": {anyType, "attachment"},
		"":                         {anyType, "attachment"},
	} {
		resp, _ := c.do("GET", "/api/blobs/"+ref.SHA256+"/x?inline=1&type="+url.QueryEscape(kind), nil)
		if got := resp.Header.Get("Content-Type"); got != want.kind {
			t.Errorf("%q is served as %q", kind, got)
		}
		if got := resp.Header.Get("Content-Disposition"); !strings.HasPrefix(got, want.disposition) {
			t.Errorf("%q: %s", kind, got)
		}
	}
}

func TestMessageDocument(t *testing.T) {
	pixel := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Cookie") != "" || r.Header.Get("Referer") != "" {
			t.Errorf("the proxy tells %v", r.Header)
		}
		w.Header().Set("Content-Type", "image/gif")
		io.WriteString(w, "GIF89a")
	}))
	defer pixel.Close()
	w := newWorld(t, worldOptions{})
	c := w.browser(w.admin)
	// The test's picture server is on a port of its own, which the proxy would
	// not ask: let the dialer lead there.
	w.s.images.client.Transport.(*http.Transport).DialContext = func(ctx context.Context, network, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, pixel.Listener.Addr().String())
	}
	defer w.s.images.client.CloseIdleConnections()
	m := mail("carla@example.org", "n", "Hello. Quoted.")
	m.Reply, m.Quoted = "Hello.", "Quoted."
	m.HTML = `<p onclick="x()">Hello.</p><script>x()</script><img src="cid:logo"><img src="http://pictures.example/p.gif?a=1&amp;b=2"><blockquote type="cite">Quoted.</blockquote>`
	m.Parts = []message.Part{{Name: "logo.png", ContentType: "image/png", ContentID: "logo", Inline: true, Size: 3, Content: message.Bytes("PNG")}}
	_, id := w.arrive(m)
	path := "/api/messages/" + utoa(id)

	var msg Message
	c.call(200, "GET", path, nil, &msg)
	if !msg.HasHTML || !msg.HasQuoted || !msg.RemoteImages || msg.Quoted != "Quoted." || msg.Attachments[0].ContentID != "logo" {
		t.Errorf("%+v", msg)
	}
	resp, body := c.do("GET", path+"/html", nil)
	doc := string(body)
	csp := resp.Header.Get("Content-Security-Policy")
	for _, want := range []string{"default-src 'none'", w.http.URL + "/api/blobs/", "sandbox", "frame-ancestors 'self'", "form-action 'none'"} {
		if !strings.Contains(csp, want) {
			t.Errorf("policy %q lacks %q", csp, want)
		}
	}
	for _, bad := range []string{"<script", "onclick", "http://pictures.example", "/api/image?"} {
		if strings.Contains(doc, bad) {
			t.Errorf("%q is in %s", bad, doc)
		}
	}
	if !strings.Contains(doc, "Quoted.") || !strings.Contains(doc, `dir="auto"`) || !strings.Contains(doc, `http-equiv="Content-Security-Policy"`) {
		t.Error(doc)
	}
	if _, body := c.do("GET", path+"/html?quoted=0", nil); strings.Contains(string(body), "Quoted.") {
		t.Error("quoted=0 shows the quote")
	}
	src := regexp.MustCompile(`src="([^"]+)"`)
	_, body = c.do("GET", path+"/html?images=1&theme=dark", nil)
	found := src.FindAllStringSubmatch(string(body), -1)
	if len(found) != 2 {
		t.Fatalf("%d pictures in %s", len(found), body)
	}
	// The frame has no cookie: the addresses hold by themselves.
	stranger := &client{w: w}
	for i, want := range []string{"PNG", "GIF89a"} {
		target := strings.ReplaceAll(found[i][1], "&amp;", "&")
		resp, body := stranger.do("GET", target, nil)
		if resp.StatusCode != 200 || string(body) != want || resp.Header.Get("Cross-Origin-Resource-Policy") != "cross-origin" {
			t.Errorf("%s: %d %q", target, resp.StatusCode, body)
		}
		stranger.refused(403, "GET", strings.Replace(target, "sig=", "sig=A", 1), nil)
		stranger.refused(403, "GET", strings.Replace(target, "p.gif", "q.gif", 1)+"x", nil)
	}
	c.refused(403, "GET", "/api/image?url=http%3A%2F%2Fpictures.example%2Fother.gif", nil)
	c.refused(404, "GET", "/api/messages/999999/html", nil)

	plain, id2 := w.arrive(mail("dan@example.org", "p", "see https://example.org <b>"))
	_ = plain
	_, body = c.do("GET", "/api/messages/"+utoa(id2)+"/html", nil)
	if !strings.Contains(string(body), `href="https://example.org"`) || !strings.Contains(string(body), "&lt;b&gt;") {
		t.Errorf("%s", body)
	}
	resp, body = c.do("GET", path+"/raw", nil)
	if !strings.HasPrefix(string(body), "raw ") || !strings.HasPrefix(resp.Header.Get("Content-Disposition"), "attachment") || resp.Header.Get("Content-Type") != "text/plain; charset=utf-8" {
		t.Errorf("%s %v", body, resp.Header)
	}
}

func TestSigned(t *testing.T) {
	now := time.Date(2026, 3, 1, 23, 59, 0, 0, time.UTC)
	s := &signer{secret: []byte("0123456789abcdef"), now: func() time.Time { return now }}
	get := func(target string) bool { return s.holds(httptest.NewRequest("GET", target, nil)) }
	target := s.sign("/api/blobs/x/y.png?type=image%2Fpng")
	if !get(target) {
		t.Fatal("a fresh address does not hold")
	}
	for _, bad := range []string{target + "x", strings.Replace(target, "y.png", "z.png", 1), strings.Replace(target, "expires=", "expires=9", 1), "/api/blobs/x/y.png", target + "&sig=" + target} {
		if get(bad) {
			t.Errorf("%s holds", bad)
		}
	}
	now = now.Add(signedFor)
	if !get(target) {
		t.Error("it ends too soon")
	}
	now = now.Add(day)
	if get(target) {
		t.Error("it holds for ever")
	}
	if (&signer{now: time.Now}).holds(httptest.NewRequest("GET", target, nil)) {
		t.Error("without a secret anything holds")
	}
}

// TestPublicAddress is the table of addresses that the image proxy stays away
// from, whatever name leads there.
func TestPublicAddress(t *testing.T) {
	for _, a := range []string{
		"127.0.0.1:80", "127.8.8.8:80", "0.0.0.0:80", "10.0.0.1:80", "172.16.0.1:80", "172.31.255.255:80", "192.168.1.1:80",
		"169.254.169.254:80", "100.64.0.1:80", "192.0.0.8:80", "192.0.2.1:80", "198.18.0.1:80", "198.51.100.1:80", "203.0.113.1:80",
		"224.0.0.1:80", "240.0.0.1:80", "255.255.255.255:80",
		"[::]:80", "[::1]:80", "[::ffff:127.0.0.1]:80", "[::ffff:10.0.0.1]:80", "[::127.0.0.1]:80", "[fe80::1]:80", "[fe80::1%eth0]:80", "[fc00::1]:80", "[fd00:ec2::254]:80",
		"[64:ff9b::7f00:1]:80", "[2001:db8::1]:80", "[2002:7f00:1::]:80", "[2001::1]:80", "[ff02::1]:80", "[fec0::1]:80", "nonsense", "localhost:80",
	} {
		if publicAddress(a) == nil {
			t.Errorf("%s counts as public", a)
		}
	}
	for _, a := range []string{"8.8.8.8:443", "93.184.216.34:80", "[2606:4700::1111]:443", "[::ffff:8.8.8.8]:80", "172.32.0.1:80", "100.128.0.1:80"} {
		if err := publicAddress(a); err != nil {
			t.Errorf("%s: %v", a, err)
		}
	}
}

// TestImageProxy checks what it fetches with the real dialer, whose table of
// addresses refuses this machine, and with one that leads to a server here.
func TestImageProxy(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/ok":
			w.Header().Set("Content-Type", "image/png")
			io.WriteString(w, "PNG")
		case "/html":
			w.Header().Set("Content-Type", "text/html")
		case "/svg":
			w.Header().Set("Content-Type", "image/svg+xml")
		case "/big":
			w.Header().Set("Content-Type", "image/png")
			w.Header().Set("Content-Length", itoa(imageBytes+1))
		case "/loop":
			http.Redirect(w, r, "/loop", http.StatusFound)
		case "/away":
			http.Redirect(w, r, "file:///etc/passwd", http.StatusFound)
		case "/port":
			http.Redirect(w, r, "http://pictures.example:6379/", http.StatusFound)
		default:
			http.NotFound(w, r)
		}
	}))
	defer srv.Close()
	port := srv.Listener.Addr().String()

	// DNS rebinding: the name is harmless, what it resolves to is not. The check
	// is in the dialer, after the look-up.
	real := newImageProxy()
	defer real.client.CloseIdleConnections()
	for _, u := range []string{"http://localhost/ok", "http://127.0.0.1/ok", "http://[::1]/ok", "http://0x7f.1/ok", "http://2130706433/ok", "http://169.254.169.254/latest/meta-data/"} {
		if resp, _, err := real.fetch(t.Context(), u); err == nil {
			resp.Body.Close()
			t.Errorf("%s was fetched", u)
		}
	}
	p := newImageProxy()
	p.client.Transport.(*http.Transport).DialContext = func(ctx context.Context, network, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, port)
	}
	defer p.client.CloseIdleConnections()
	for path, ok := range map[string]bool{"/ok": true, "/html": false, "/svg": false, "/big": false, "/loop": false, "/away": false, "/port": false, "/missing": false} {
		resp, kind, err := p.fetch(t.Context(), "http://pictures.example"+path)
		if (err == nil) != ok {
			t.Errorf("%s: %v", path, err)
		}
		if err == nil {
			if kind != "image/png" {
				t.Errorf("%s is %s", path, kind)
			}
			resp.Body.Close()
		}
	}
	for _, u := range []string{"ftp://pictures.example/ok", "http://user:pw@pictures.example/ok", "http://pictures.example:25/ok", "javascript:1", "//pictures.example/ok", "http:///ok", ":"} {
		if resp, _, err := p.fetch(t.Context(), u); err == nil {
			resp.Body.Close()
			t.Errorf("%s was fetched", u)
		}
	}
}
