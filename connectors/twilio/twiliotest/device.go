package twiliotest

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"time"
)

// maxTokenLife is the longest time an access token may be valid.
const maxTokenLife = 24 * time.Hour

// Device is a browser that has signed in with an access token, as the vendor's Voice SDK does.
type Device struct {
	s              *Server
	Identity       string
	ApplicationSID string // that outgoing calls go to; "" when the token does not allow them
	Incoming       bool   // whether the token lets it be rung
	Expires        time.Time
}

// TokenError is why an access token was refused; Code is Twilio's, e.g. 20104 for one that has expired.
type TokenError struct {
	Code int
	Text string
}

func (e *TokenError) Error() string {
	return fmt.Sprintf("twiliotest: access token: %d: %s", e.Code, e.Text)
}

// accessToken is the payload of a token.
type accessToken struct {
	Issuer  string   `json:"iss"`
	Subject string   `json:"sub"`
	Expires float64  `json:"exp"`
	Start   *float64 `json:"nbf"`
	Grants  struct {
		Identity string `json:"identity"`
		Voice    *struct {
			Incoming struct {
				Allow bool `json:"allow"`
			} `json:"incoming"`
			Outgoing struct {
				ApplicationSID string `json:"application_sid"`
			} `json:"outgoing"`
		} `json:"voice"`
	} `json:"grants"`
}

// Device signs a browser in with an access token. It refuses what the vendor refuses, with the vendor's codes: a token
// that is not a JWT of the right kind (20101), issued by an unknown API key or for another account (20103), expired
// (20104), not valid yet (20105), without a voice grant or an identity (20106), with a wrong signature (20107), or valid
// for more than a day (20157).
func (s *Server) Device(token string) (*Device, error) {
	refuse := func(code int, text string) (*Device, error) { return nil, &TokenError{code, text} }
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return refuse(20101, "not a JWT of three parts")
	}
	var head struct {
		Type    string `json:"typ"`
		Alg     string `json:"alg"`
		Content string `json:"cty"`
	}
	var t accessToken
	if decodePart(parts[0], &head) != nil || decodePart(parts[1], &t) != nil {
		return refuse(20101, "header or payload is not JSON in base64url")
	}
	if head.Type != "JWT" || head.Alg != "HS256" || head.Content != "twilio-fpa;v=1" {
		return refuse(20101, "the header must have typ JWT, alg HS256 and cty twilio-fpa;v=1")
	}
	secret, known := s.opt.APIKeys[t.Issuer]
	if !known || t.Subject != s.opt.AccountSID {
		return refuse(20103, "issuer must be an API key and subject the account")
	}
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(parts[0] + "." + parts[1]))
	sig, err := base64.RawURLEncoding.DecodeString(parts[2])
	if err != nil || !hmac.Equal(sig, mac.Sum(nil)) {
		return refuse(20107, "wrong signature")
	}
	now := s.opt.Now()
	expires := time.Unix(int64(t.Expires), 0)
	switch {
	case !expires.After(now):
		return refuse(20104, "expired")
	case expires.Sub(now) > maxTokenLife:
		return refuse(20157, "valid for more than 24 hours")
	case t.Start != nil && time.Unix(int64(*t.Start), 0).After(now):
		return refuse(20105, "not valid yet")
	case t.Grants.Voice == nil || t.Grants.Identity == "":
		return refuse(20106, "a voice grant and an identity are needed")
	}
	d := &Device{s: s, Identity: t.Grants.Identity, ApplicationSID: t.Grants.Voice.Outgoing.ApplicationSID,
		Incoming: t.Grants.Voice.Incoming.Allow, Expires: expires}
	if _, ok := s.application(d.ApplicationSID); d.ApplicationSID != "" && !ok {
		return refuse(20106, "the application of the outgoing grant does not exist")
	}
	return d, nil
}

func decodePart(part string, into any) error {
	b, err := base64.RawURLEncoding.DecodeString(part)
	if err != nil {
		return err
	}
	return json.Unmarshal(b, into)
}

// Connect calls out from the browser; see Server.Connect.
func (d *Device) Connect(params url.Values) (*Call, error) {
	if d.ApplicationSID == "" {
		return nil, &TokenError{20106, "the token does not allow outgoing calls"}
	}
	return d.s.Connect(d.Identity, d.ApplicationSID, params)
}

// Ringing waits until the browser rings.
func (d *Device) Ringing(ctx context.Context) (*Call, error) {
	if !d.Incoming {
		return nil, &TokenError{20106, "the token does not allow incoming calls"}
	}
	return d.s.NextRinging(ctx, "client:"+d.Identity)
}
