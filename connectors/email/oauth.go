package email

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/emersion/go-sasl"

	"throughline/connectors"
)

const (
	// tokenMargin is how long before its end an access token is replaced.
	tokenMargin = time.Minute
	// tokenLife is assumed where the provider does not tell (RFC 6749 section 5.1).
	tokenLife    = time.Hour
	tokenTimeout = 30 * time.Second
	maxTokenBody = 64 << 10
)

type oauthSettings struct {
	clientID, clientSecret, refreshToken, tokenURL string
	scopes                                         []string
}

// tokens turns the refresh token into access tokens (RFC 6749 section 6) and
// keeps the newest of both.
type tokens struct {
	client *http.Client
	save   func(ctx context.Context, key, value string) error
	log    *slog.Logger

	mu      sync.Mutex
	set     oauthSettings
	access  string
	expires time.Time
	unsaved bool // the refresh token is newer than the stored one
}

// keep stores a rotated refresh token that is not stored yet. The text tells
// people that it could not be, "" when all is well.
func (t *tokens) keep(ctx context.Context) string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.keepLocked(ctx)
}

func (t *tokens) keepLocked(ctx context.Context) string {
	if !t.unsaved {
		return ""
	}
	err := t.save(ctx, "oauth_refresh_token", t.set.refreshToken)
	if err == nil {
		t.unsaved = false
		return ""
	}
	// The old one may be dead already: go on with the new one for now.
	t.log.Error("the new OAuth refresh token could not be stored; after a restart the consent may have to be given again", "error", t.clean(err.Error()))
	return "the new OAuth refresh token could not be stored: " + t.clean(err.Error()) + "; after a restart the consent may have to be given again"
}

// get returns an access token that is good for at least tokenMargin. With fresh
// set it asks the provider even if it has one. Errors are *connectors.SendError.
func (t *tokens) get(ctx context.Context, fresh bool) (string, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !fresh && t.access != "" && time.Until(t.expires) > tokenMargin {
		return t.access, nil
	}
	t.access = ""
	form := url.Values{"grant_type": {"refresh_token"}, "refresh_token": {t.set.refreshToken}, "client_id": {t.set.clientID}}
	if t.set.clientSecret != "" {
		form.Set("client_secret", t.set.clientSecret)
	}
	if len(t.set.scopes) > 0 {
		form.Set("scope", strings.Join(t.set.scopes, " "))
	}
	ctx, cancel := context.WithTimeout(ctx, tokenTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, t.set.tokenURL, strings.NewReader(form.Encode()))
	if err != nil {
		return "", &connectors.SendError{Class: connectors.AccountFault, Reason: "the OAuth token URL is not valid", Err: err}
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Accept", "application/json")
	resp, err := t.client.Do(req)
	if err != nil {
		return "", &connectors.SendError{Class: connectors.Retry, Reason: "the OAuth token server cannot be reached: " + plainCause(err), Err: err}
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxTokenBody))
	if err != nil {
		return "", &connectors.SendError{Class: connectors.Retry, Reason: "the OAuth token server broke off its answer", Err: err}
	}
	var answer struct {
		AccessToken  string      `json:"access_token"`
		RefreshToken string      `json:"refresh_token"`
		ExpiresIn    json.Number `json:"expires_in"`
		Error        string      `json:"error"`
		Description  string      `json:"error_description"`
	}
	jsonErr := json.Unmarshal(body, &answer)
	if resp.StatusCode != http.StatusOK || jsonErr != nil || answer.AccessToken == "" {
		return "", t.refusal(resp, answer.Error, answer.Description)
	}
	life := tokenLife
	if n, err := answer.ExpiresIn.Int64(); err == nil && n > 0 && n < 1<<31 {
		life = time.Duration(n) * time.Second
	}
	t.access, t.expires = answer.AccessToken, time.Now().Add(life)
	if answer.RefreshToken != "" && answer.RefreshToken != t.set.refreshToken {
		t.set.refreshToken, t.unsaved = answer.RefreshToken, true
		t.keepLocked(ctx)
	}
	return t.access, nil
}

// refusal explains an answer without a token. Only invalid_grant and its kin
// need a person; anything else may pass.
func (t *tokens) refusal(resp *http.Response, code, description string) error {
	e := &connectors.SendError{Class: connectors.Retry, Code: strconv.Itoa(resp.StatusCode)}
	switch code {
	case "invalid_grant":
		e.Class, e.Reason = connectors.AccountFault, "the OAuth consent has ended or was taken back; give it again"
	case "invalid_client", "unauthorized_client", "invalid_scope", "unsupported_grant_type", "invalid_request":
		e.Class, e.Reason = connectors.AccountFault, "the OAuth token server refuses the client; check client ID, secret and scopes"
	default:
		e.Reason = "the OAuth token server gave no token"
		if s, err := strconv.Atoi(resp.Header.Get("Retry-After")); err == nil && s > 0 && s < 86400 {
			e.After = time.Duration(s) * time.Second
		}
	}
	if code != "" {
		e.Reason += ": " + t.clean(code)
	}
	if description != "" {
		e.Reason += " (" + t.clean(description) + ")"
	}
	return e
}

// clean makes a provider's words fit for people: one line, not long, and
// without our secrets should the provider repeat them.
func (t *tokens) clean(s string) string {
	return oneLine(redact(s, t.set.clientSecret, t.set.refreshToken))
}

// forget drops an access token that a server refused.
func (t *tokens) forget(token string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.access == token {
		t.access = ""
	}
}

// current lists the tokens of this moment, for redaction.
func (t *tokens) current() []string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return []string{t.access, t.set.refreshToken}
}

// errTokenRefused carries what a mail server answered to a bearer token.
type errTokenRefused struct{ status string }

func (e *errTokenRefused) Error() string {
	return "the server refused the access token (status " + e.status + ")"
}

// bearer is a SASL client for XOAUTH2 (Google's and Microsoft's mechanism) and
// OAUTHBEARER (RFC 7628). On failure both send one more challenge; instead of
// answering it, which not every server gets right, the exchange is given up.
type bearer struct {
	mech, user, token, host string
	port                    int
}

func (b bearer) Start() (string, []byte, error) {
	if b.mech == authXOAuth2 {
		return "XOAUTH2", []byte("user=" + b.user + "\x01auth=Bearer " + b.token + "\x01\x01"), nil
	}
	user := strings.NewReplacer("=", "=3D", ",", "=2C").Replace(b.user) // RFC 5801 section 4
	return "OAUTHBEARER", fmt.Appendf(nil, "n,a=%s,\x01host=%s\x01port=%d\x01auth=Bearer %s\x01\x01", user, b.host, b.port, b.token), nil
}

func (b bearer) Next(challenge []byte) ([]byte, error) {
	var answer struct {
		Status any `json:"status"`
	}
	if json.Unmarshal(challenge, &answer) != nil {
		if raw, err := base64.StdEncoding.DecodeString(string(challenge)); err == nil {
			json.Unmarshal(raw, &answer)
		}
	}
	status := "unknown"
	if answer.Status != nil {
		status = oneLine(fmt.Sprint(answer.Status))
	}
	return nil, &errTokenRefused{status: status}
}

// loginSASL is AUTH=LOGIN. Unlike go-sasl's it sends nothing unasked and does
// not care how a server spells its two questions.
type loginSASL struct {
	user, password string
	step           int
}

func (l *loginSASL) Start() (string, []byte, error) { return "LOGIN", nil, nil }

func (l *loginSASL) Next([]byte) ([]byte, error) {
	l.step++
	switch l.step {
	case 1:
		return []byte(l.user), nil
	case 2:
		return []byte(l.password), nil
	}
	return nil, errors.New("the server asked a third question during LOGIN")
}

var _ sasl.Client = (*loginSASL)(nil)
var _ sasl.Client = bearer{}

// redact blots out secrets of four characters or more.
func redact(s string, secrets ...string) string {
	for _, secret := range secrets {
		if len(secret) >= 4 {
			s = strings.ReplaceAll(s, secret, "…")
		}
	}
	return s
}

// maxReason is how many runes of a server's words are shown to people.
const maxReason = 300

// oneLine makes foreign words fit for a line on the screen and in the log.
func oneLine(s string) string {
	s = strings.ToValidUTF8(s, "\uFFFD")
	s = strings.Join(strings.FieldsFunc(s, func(r rune) bool { return r <= ' ' || r == 0x7f }), " ")
	if r := []rune(s); len(r) > maxReason {
		s = string(r[:maxReason]) + "…"
	}
	return s
}
