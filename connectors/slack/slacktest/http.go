package slacktest

import (
	"bytes"
	"cmp"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// maxRedirects is how many Slack follows when it delivers.
const maxRedirects = 2

// Sign is the value of X-Slack-Signature for a body that is sent at a time (in
// seconds, the value of X-Slack-Request-Timestamp).
func Sign(signingSecret, timestamp string, body []byte) string {
	h := hmac.New(sha256.New, []byte(signingSecret))
	fmt.Fprintf(h, "v0:%s:%s", timestamp, body)
	return "v0=" + hex.EncodeToString(h.Sum(nil))
}

// Request makes a signed request as Slack sends them, for tests that want to
// change it before they send it.
func (s *Server) Request(ctx context.Context, address, contentType string, body []byte) (*http.Request, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, address, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	ts := strconv.FormatInt(seconds(s.opt.Now()), 10)
	r.Header.Set("Content-Type", contentType)
	r.Header.Set("User-Agent", "Slackbot 1.0 (+https://api.slack.com/robots)")
	r.Header.Set("X-Slack-Request-Timestamp", ts)
	r.Header.Set("X-Slack-Signature", Sign(s.SigningSecret, ts, body))
	return r, nil
}

var errRedirects = errors.New("too many redirects")

// deliverer is the client that events are delivered with.
func deliverer() *http.Client {
	return &http.Client{
		Transport: &http.Transport{MaxIdleConnsPerHost: 16},
		CheckRedirect: func(_ *http.Request, via []*http.Request) error {
			if len(via) > maxRedirects {
				return errRedirects
			}
			return nil
		},
	}
}

// exchange sends a request and reads a short answer, within the time for it.
func (s *Server) exchange(r *http.Request) (*http.Response, []byte, error) {
	ctx, stop := context.WithTimeout(r.Context(), s.opt.AckTimeout)
	defer stop()
	res, err := s.client.Do(r.WithContext(ctx))
	if err != nil {
		return nil, nil, err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(io.LimitReader(res.Body, 64<<10))
	return res, body, err
}

// post delivers an event over HTTP. It returns why there should be a retry, ""
// when there is nothing to do, and whether the app asked for no retry.
func (s *Server) post(address string, payload []byte, attempt int, reason string) (string, bool) {
	r, err := s.Request(s.ctx, address, "application/json", payload)
	if err != nil {
		s.violation("event address: %v", err)
		return reasonConnect, true
	}
	if attempt > 0 {
		r.Header.Set("X-Slack-Retry-Num", strconv.Itoa(attempt))
		r.Header.Set("X-Slack-Retry-Reason", reason)
	}
	res, _, err := s.exchange(r)
	reason, noRetry := "", false
	switch {
	case errors.Is(err, errRedirects):
		reason = reasonRedirects
	case errors.Is(err, context.DeadlineExceeded):
		reason = reasonTimeout
	case err != nil:
		reason = reasonConnect
	case res.StatusCode < 200 || res.StatusCode > 299:
		reason, noRetry = reasonStatus, res.Header.Get("X-Slack-No-Retry") == "1"
	}
	s.judge(reason == "")
	return reason, noRetry
}

// judge switches events off when nearly all of an hour's many deliveries failed.
func (s *Server) judge(ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	d, now := &s.out, s.opt.Now()
	d.results = append(d.results, result{now, ok})
	if ok {
		d.good++
	}
	for now.Sub(d.results[0].at) > time.Hour {
		if d.results[0].ok {
			d.good--
		}
		d.results = d.results[1:]
	}
	if n := len(d.results); n >= s.opt.DisableAfter && d.good*20 < n {
		d.disabled = true
	}
}

// EventsDisabled says that Slack gave up on the address for events. It stays so
// until [Server.SubscribeURL].
func (s *Server) EventsDisabled() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.out.disabled
}

// SubscribeURL verifies an address with a challenge, as the app's settings do,
// and sends events there from then on. "" goes back to Socket Mode.
func (s *Server) SubscribeURL(ctx context.Context, address string) error {
	if address != "" {
		if err := s.challenge(ctx, address); err != nil {
			return err
		}
	}
	s.SetEventsURL(address)
	return nil
}

func (s *Server) challenge(ctx context.Context, address string) error {
	challenge := secret(52)
	r, err := s.Request(ctx, address, "application/json",
		marshal(obj{"token": s.VerificationToken, "challenge": challenge, "type": "url_verification"}))
	if err != nil {
		return err
	}
	res, body, err := s.exchange(r)
	if err != nil {
		return fmt.Errorf("the address did not answer the challenge: %w", err)
	}
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("the address answered the challenge with %s", res.Status)
	}
	got := strings.TrimSpace(string(body))
	var v struct{ Challenge string }
	if form, err := url.ParseQuery(got); json.Unmarshal(body, &v) == nil {
		got = v.Challenge
	} else if err == nil {
		got = cmp.Or(form.Get("challenge"), got)
	}
	if got != challenge {
		return errors.New("the address did not return the challenge")
	}
	return nil
}

// SetInteractivityURL sends clicks to an address; "" sends them by Socket Mode.
func (s *Server) SetInteractivityURL(address string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.out.actionsURL = address
}

// RateLimitEvents tells the app that it gets no events for a minute, as Slack
// does above 30,000 an hour. It goes to the address only.
func (s *Server) RateLimitEvents() {
	s.EmitRaw(marshal(obj{
		"token": s.VerificationToken, "type": "app_rate_limited", "team_id": s.TeamID(), "minute_rate_limited": seconds(s.opt.Now()) / 60 * 60,
		"api_app_id": s.AppID(),
	}))
}

// SetEventsURL sends events to an address that is not asked for a challenge, as
// if it had answered one long ago.
func (s *Server) SetEventsURL(address string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.out.eventsURL, s.out.disabled, s.out.results, s.out.good = address, false, nil, 0
}
