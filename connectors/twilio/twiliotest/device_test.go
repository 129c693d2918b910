package twiliotest

import (
	"encoding/base64"
	"errors"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/twilio/twilio-go/client/jwt"
)

func TestDeviceTokens(t *testing.T) {
	const key, secret = "SK00000000000000000000000000000001", "key-secret"
	srv, app := start(t, Options{Frozen: true, APIKeys: map[string]string{key: secret}})
	sid := srv.PutApplication(Application{VoiceURL: app.url + "/out"})
	app.on("/out", `<Say>Hello</Say>`)
	issue := func(change func(*jwt.AccessTokenParams, *jwt.VoiceGrant)) string {
		t.Helper()
		grant := &jwt.VoiceGrant{Incoming: jwt.Incoming{Allow: true}, Outgoing: jwt.Outgoing{ApplicationSid: sid}}
		p := jwt.AccessTokenParams{AccountSid: srv.AccountSID(), SigningKeySid: key, Secret: secret, Identity: "ann"}
		if change != nil {
			change(&p, grant)
		}
		p.Grants = append(p.Grants, grant)
		token := jwt.CreateAccessToken(p)
		signed, err := token.ToJwt()
		if err != nil {
			t.Fatal(err)
		}
		return signed
	}
	d, err := srv.Device(issue(nil))
	if err != nil || d.Identity != "ann" || !d.Incoming || d.ApplicationSID != sid {
		t.Fatalf("%+v %v", d, err)
	}
	call, err := d.Connect(url.Values{"To": {customer}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := call.WaitEnd(ctx(t)); err != nil || app.wait("/out", nil).form["From"] != "client:ann" {
		t.Errorf("%+v %v", call.State(), err)
	}
	app.on("/voice", "<Dial><Client>ann</Client></Dial>")
	if call, err = srv.Call(customer, ours); err != nil {
		t.Fatal(err)
	}
	leg, err := d.Ringing(ctx(t))
	if err != nil || leg.From() != customer {
		t.Fatalf("%v %v", leg, err)
	}
	leg.Decline()
	if _, err := call.WaitEnd(ctx(t)); err != nil {
		t.Error(err)
	}

	now := float64(time.Now().Unix())
	good := issue(nil)
	parts := strings.Split(good, ".")
	for name, c := range map[string]struct {
		token string
		code  int
	}{
		"garbage":       {"abc", 20101},
		"other header":  {base64.RawURLEncoding.EncodeToString([]byte(`{"typ":"JWT","alg":"none"}`)) + "." + parts[1] + ".", 20101},
		"other key":     {issue(func(p *jwt.AccessTokenParams, _ *jwt.VoiceGrant) { p.SigningKeySid = "SKx" }), 20103},
		"other account": {issue(func(p *jwt.AccessTokenParams, _ *jwt.VoiceGrant) { p.AccountSid = "ACx" }), 20103},
		"other secret":  {issue(func(p *jwt.AccessTokenParams, _ *jwt.VoiceGrant) { p.Secret = "x" }), 20107},
		"expired":       {issue(func(p *jwt.AccessTokenParams, _ *jwt.VoiceGrant) { p.ValidUntil = now - 10 }), 20104},
		"two days":      {issue(func(p *jwt.AccessTokenParams, _ *jwt.VoiceGrant) { p.ValidUntil = now + 2*86400 }), 20157},
		"tomorrow":      {issue(func(p *jwt.AccessTokenParams, _ *jwt.VoiceGrant) { p.Nbf = now + 600 }), 20105},
		"nobody":        {issue(func(p *jwt.AccessTokenParams, _ *jwt.VoiceGrant) { p.Identity = "" }), 20106},
		"no such application": {issue(func(_ *jwt.AccessTokenParams, g *jwt.VoiceGrant) {
			g.Outgoing.ApplicationSid = "AP00000000000000000000000000000009"
		}), 20106},
	} {
		_, err := srv.Device(c.token)
		var te *TokenError
		if !errors.As(err, &te) || te.Code != c.code {
			t.Errorf("%s: %v, want code %d", name, err, c.code)
		}
	}
}
