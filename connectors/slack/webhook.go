package slack

import (
	"bytes"
	"context"
	"errors"
	"io"
	"mime"
	"net/http"
	"slices"

	slackgo "github.com/slack-go/slack"

	"throughline/connectors"
)

// routeEvents is our only route below Host.PublicURL.
const routeEvents = "/events"

// Webhook serves the Events API over HTTP.
func (c *Connector) Webhook(in connectors.Sink) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), c.limits.webhook)
		defer cancel()
		status, text := c.answer(ctx, in, r)
		w.Header().Set("Cache-Control", "no-store")
		if status == http.StatusOK {
			w.Header().Set("Content-Type", "text/plain; charset=utf-8")
			_, _ = io.WriteString(w, text)
			return
		}
		if status == http.StatusMethodNotAllowed {
			w.Header().Set("Allow", http.MethodPost)
		}
		http.Error(w, text, status)
	})
}

// answer takes one request in. text is the body of the answer, or the reason for
// people who look for it.
func (c *Connector) answer(ctx context.Context, in connectors.Sink, r *http.Request) (status int, text string) {
	if r.URL.Path != routeEvents {
		return http.StatusNotFound, "Slack's address here ends in " + routeEvents
	}
	if r.Method != http.MethodPost {
		return http.StatusMethodNotAllowed, "Slack sends POST requests to this address"
	}
	if c.set.signing == "" {
		return http.StatusServiceUnavailable, "this account has no signing secret, so that requests cannot be checked"
	}
	body, err := io.ReadAll(http.MaxBytesReader(nil, r.Body, maxFrame))
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		return http.StatusRequestEntityTooLarge, "the request is larger than any event"
	case err != nil:
		return http.StatusBadRequest, "the request did not come whole"
	}
	if err := verify(c.set.signing, r.Header, body); err != nil {
		c.turnedAway(err, body)
		return http.StatusForbidden, err.Error()
	}
	c.welcome()
	if kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type")); kind == "application/x-www-form-urlencoded" {
		return http.StatusOK, "" // a button or a command: of no use here
	}
	outer, _ := readBag(body)
	if outer.str("type") == "url_verification" {
		return http.StatusOK, outer.str("challenge")
	}
	if err := c.brings(ctx, in, body); err != nil {
		c.log.Error("an event was not taken in", "error", err)
		return http.StatusServiceUnavailable, "the hub cannot store it now"
	}
	return http.StatusOK, ""
}

// brings stores what a request brought; nil means durable.
func (c *Connector) brings(ctx context.Context, in connectors.Sink, body []byte) error {
	o, err := c.event(ctx, body, c.limits.live)
	if err != nil {
		c.wants(func() { c.missed = true })
		return err
	}
	defer o.drop()
	if len(o.Messages)+len(o.Changes)+len(o.Held)+len(o.People) > 0 {
		if err := in.Accept(ctx, o.Batch); err != nil {
			c.wants(func() { c.missed = true })
			return err
		}
	}
	if o.empty() && !o.goodbye {
		return nil
	}
	c.leave(o)
	return nil
}

// maxBrought is how many messages requests may leave for Run to note; for what is
// dropped a look at the histories makes up.
const maxBrought = 10 * maxSeen

// leave notes for Run what a request brought.
func (c *Connector) leave(o outcome) {
	c.mu.Lock()
	if len(c.brought)+len(o.marks) > maxBrought {
		c.brought, c.missed = nil, true
	}
	c.brought = append(c.brought, o.marks...)
	for _, l := range o.late {
		if slices.Contains(c.late, l) {
			continue
		}
		if len(c.late) >= maxLate {
			c.late, c.missed = slices.Delete(c.late, 0, 1), true
		}
		c.late = append(c.late, l)
	}
	c.recheck = c.recheck || o.goodbye
	again := o.goodbye || len(o.late) > 0 || len(c.brought) > maxSeen || c.missed
	c.mu.Unlock()
	if again {
		c.nudge()
	}
}

// wants changes what Run looks at, and wakes it.
func (c *Connector) wants(change func()) {
	c.mu.Lock()
	change()
	c.mu.Unlock()
	c.nudge()
}

// turnedAway remembers for people that a request failed its check, if it names our
// workspace: strangers knock at every address.
func (c *Connector) turnedAway(why error, body []byte) {
	c.who.mu.Lock()
	team := c.who.team
	c.who.mu.Unlock()
	if team == "" || !bytes.Contains(body, []byte(team)) {
		return
	}
	if outer, _ := readBag(body); outer.str("team_id") != team {
		return
	}
	c.mu.Lock()
	had := c.trouble != ""
	c.trouble = "a request to " + c.host.PublicURL + routeEvents + " was turned away: " + why.Error()
	c.mu.Unlock()
	if had {
		return
	}
	c.log.Warn("a request of Slack was turned away", "reason", why)
	c.nudge()
}

// welcome forgets the trouble: a request passed.
func (c *Connector) welcome() {
	c.mu.Lock()
	had := c.trouble != ""
	c.trouble = ""
	c.mu.Unlock()
	if had {
		c.nudge()
	}
}

var (
	errNoTime    = errors.New("it has no time or no signature of Slack's; only Slack may send here")
	errOld       = errors.New("it is older than five minutes, or the clock of this machine is wrong")
	errSignature = errors.New("its signature is not that of the signing secret of this account; compare it with Basic Information of the app")
)

// verify checks a request as docs.slack.dev/authentication/verifying-requests-from-slack
// says: signature over version, time and body, at most five minutes from our clock.
func verify(secret string, header http.Header, body []byte) error {
	v, err := slackgo.NewSecretsVerifier(header, secret)
	if err == nil {
		_, _ = v.Write(body) // a hash takes everything
		err = v.Ensure()
	} else if !errors.Is(err, slackgo.ErrExpiredTimestamp) {
		return errNoTime
	}
	switch {
	case errors.Is(err, slackgo.ErrExpiredTimestamp):
		return errOld
	case err != nil:
		return errSignature
	}
	return nil
}
