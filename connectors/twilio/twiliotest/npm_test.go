package twiliotest

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"throughline/connectors"
	"throughline/connectors/connectortest"
	"throughline/connectors/twilio"
)

// TestVendorsNodeClient lets the vendor's client for Node drive the double and check the signatures of its webhooks.
func TestVendorsNodeClient(t *testing.T) {
	dir := connectortest.NPM(t, "npm")

	const key, secret = "SK00000000000000000000000000000001", "key-secret"
	srv, err := Start(Options{Frozen: true, APIKeys: map[string]string{key: secret}, Numbers: []Number{{PhoneNumber: ours, SMS: true, Voice: true}}})
	if err != nil {
		t.Fatal(err)
	}
	defer srv.Close()
	device := ourDevice(t, srv, key, secret)
	node := exec.CommandContext(t.Context(), "node", "peer.mjs")
	node.Dir, node.Stderr = dir, os.Stderr
	node.Env = append(os.Environ(), "BASE="+srv.URL(), "ACCOUNT_SID="+srv.AccountSID(), "AUTH_TOKEN="+srv.AuthToken(),
		"OURS="+ours, "CUSTOMER="+customer, "AGENT="+agent,
		"API_KEY="+key, "API_SECRET="+secret, "IDENTITY="+device.Identity)
	stdin, err := node.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := node.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := node.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = node.Process.Kill(); _ = node.Wait() }()
	lines := bufio.NewScanner(stdout)
	next := func() string {
		if !lines.Scan() {
			t.Fatalf("the peer ended: %v", lines.Err())
		}
		return lines.Text()
	}
	web := next()
	srv.PutNumber(Number{PhoneNumber: ours, SMS: true, Voice: true, SMSURL: web + "/sms?a=b&c=%20d", VoiceURL: web + "/voice",
		StatusCallback: web + "/ended"})

	// The API, with a throttled request on the way, which the vendor's client repeats.
	srv.Inject(Fault{Method: "POST", Path: "/Messages.json", Status: 429})
	_, _ = io.WriteString(stdin, "drive\n")
	if l := next(); l != "driven" {
		t.Fatalf("the peer said %q", l)
	}

	// Webhooks of every kind.
	a, err := srv.Receive(customer, ours, "Hello, سلام", Media{ContentType: "image/png", Data: []byte("x")})
	if err != nil || len(a.Replies) != 1 || a.Replies[0].Body != "Thanks & bye, سلام 😀" {
		t.Errorf("%+v %v", a, err)
	}
	srv.Advance(10 * time.Second) // the states of what was sent
	if _, err := srv.WaitMessage(ctx(t), func(m Message) bool { return m.SID == a.Message.SID }); err != nil {
		t.Error(err)
	}
	for _, err := range []error{
		srv.SendForm(web+"/form?x=1", map[string][]string{"B": {"2", "1", "2"}, "A": {""}}),
		srv.SendJSON(web+"/json", []byte(`{"a": 1}`)), srv.SendJSON(web+"/json?x=1", []byte(`{}`)),
	} {
		if err != nil {
			t.Error(err)
		}
	}
	if _, err := srv.post(hook{url: web + "/get?x=1", method: "GET", form: map[string][]string{"B": {"a b"}}}); err != nil {
		t.Error(err)
	}
	call, err := srv.Call(customer, ours)
	if err != nil {
		t.Fatal(err)
	}
	if err := call.Press("1"); err != nil {
		t.Fatal(err)
	}
	leg, err := srv.NextRinging(ctx(t), "client:ann")
	if err != nil {
		t.Fatal(err)
	}
	if err := leg.Answer(); err != nil {
		t.Fatal(err)
	}
	if _, err := call.WaitState(ctx(t), func(st State) bool { return st.TalkingTo == leg.SID() }); err != nil {
		t.Fatal(err)
	}
	leg.HangUp()
	if _, err := call.WaitEnd(ctx(t)); err != nil {
		t.Fatal(err)
	}
	if err := srv.Wait(ctx(t), func() bool {
		return slices.ContainsFunc(srv.Deliveries(), func(d Delivery) bool { return d.URL == web+"/ended" })
	}); err != nil {
		t.Fatal(err)
	}
	_, _ = io.WriteString(stdin, "end\n")
	var seen struct {
		Webhooks []struct {
			Method, Path string
			Valid        bool
		}
		API map[string]any
	}
	if err := json.Unmarshal([]byte(next()), &seen); err != nil {
		t.Fatal(err)
	}
	kinds := map[string]bool{}
	for _, h := range seen.Webhooks {
		kinds[h.Path] = true
		if !h.Valid {
			t.Errorf("the vendor's validator refuses %s %s", h.Method, h.Path)
		}
	}
	for _, k := range []string{"/sms", "/voice", "/menu", "/leg", "/done", "/ended", "/json", "/form", "/get"} {
		if !kinds[k] {
			t.Errorf("no webhook to %s", k)
		}
	}
	for k, want := range map[string]string{"created": "[SM queued outbound-api 1 true <nil>]", "listed": "[Two Hello]",
		"fetched": "Hello", "refused": "RestException 400 21211", "missing": "RestException 404 20404",
		"stranger": "RestException 401 20003", "numbers": "[true]", "call": "[queued outbound-api]", "canceled": "canceled",
		"queue": "[5 0]", "queueGone": "true", "participant": "[bob queued Room]", "held": "true", "recordings": "0",
		"error": "<nil>"} {
		if got := fmt.Sprint(seen.API[k]); got != want {
			t.Errorf("%s: %s, want %s", k, got, want)
		}
	}
	if n := srv.Notes(); len(n) > 0 {
		t.Errorf("notes: %v", n)
	}
	theirs, _ := seen.API["token"].(string)
	for whose, token := range map[string]string{"the vendor's": theirs, "our": device.Token} {
		if d, err := srv.Device(token); err != nil || d.Identity != device.Identity || !d.Incoming || d.ApplicationSID != "" {
			t.Errorf("%s token: %+v %v", whose, d, err)
		}
	}
	if a, b := claims(t, theirs), claims(t, device.Token); !reflect.DeepEqual(a, b) {
		t.Errorf("the vendor's token says %v, ours %v", a, b)
	}
}

// ourDevice is what the connector lets a browser sign in with.
func ourDevice(t *testing.T, srv *Server, key, secret string) connectors.Device {
	t.Helper()
	set, err := json.Marshal(map[string]string{"account_sid": srv.AccountSID(), "auth_token": srv.AuthToken(), "from": ours, "api_key": key, "api_secret": secret,
		"base_url": srv.URL()})
	if err != nil {
		t.Fatal(err)
	}
	line, err := twilio.Voice().New(connectors.Account{ID: "line", Channel: twilio.ChannelVoice, Settings: set}, connectors.Host{PublicURL: "https://hub.example.com/hooks/line"})
	if err != nil {
		t.Fatal(err)
	}
	d, err := line.(connectors.Phone).Device(7)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// claims are header and payload of a token, but for what says when it was made. That
// it is valid from now on may be said or not.
func claims(t *testing.T, token string) []map[string]any {
	t.Helper()
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		t.Fatalf("%q is no token", token)
	}
	both := make([]map[string]any, 2)
	for i := range both {
		if err := decodePart(parts[i], &both[i]); err != nil {
			t.Fatal(err)
		}
	}
	for _, k := range []string{"jti", "iat", "nbf", "exp"} {
		delete(both[1], k)
	}
	return both
}
