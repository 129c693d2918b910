package twilio

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/mail"
	"net/url"
	"slices"
	"strconv"
	"time"
	"unicode/utf8"

	openapi "github.com/twilio/twilio-go/rest/api/v2010"

	"throughline/connectors"
	"throughline/message"
)

const (
	// shareTime is how long Twilio may fetch a file of ours; a message can wait
	// for hours in its queue.
	shareTime = 24 * time.Hour
	// findPage and findPages bound a search for an unclear attempt.
	findPage  = 100
	findPages = 10
	// clockSkew is how far Twilio's clock and ours may be apart.
	clockSkew = 2 * time.Minute
	// templateSpan is how long after an attempt a message made of a template is
	// believed to be its result even if its words are not as expected.
	templateSpan = 5 * time.Minute
)

// Pause is how long until the sender may send again.
func (c *Connector) Pause() time.Duration { return c.pace.pause() }

// Send hands one message to Twilio, at most once: where it is not certain that
// Twilio did not take it, the error is of class Unsure.
func (c *Connector) Send(ctx context.Context, m message.Message) (connectors.Receipt, error) {
	params, err := c.compose(m)
	if err != nil {
		return connectors.Receipt{}, err
	}
	c.pace.took()
	sent, err := c.rest(ctx).CreateMessage(params)
	if err != nil {
		return connectors.Receipt{}, c.sendError(err)
	}
	sid := text(sent.Sid)
	if !messageForm.MatchString(sid) {
		return connectors.Receipt{}, &connectors.SendError{Class: connectors.Unsure, Reason: "Twilio's answer does not name the message"}
	}
	return connectors.Receipt{Ref: sid, Detail: "Twilio took it as " + sid + " (" + oneLine(text(sent.Status)) + ")"}, nil
}

// compose makes the request of a message; an error is a *SendError of class Reject.
func (c *Connector) compose(m message.Message) (*openapi.CreateMessageParams, error) {
	no := func(format string, args ...any) (*openapi.CreateMessageParams, error) {
		return nil, &connectors.SendError{Class: connectors.Reject, Reason: fmt.Sprintf(format, args...)}
	}
	if len(m.To) != 1 || len(m.Cc)+len(m.Bcc) > 0 {
		return no("a message of this channel goes to exactly one number")
	}
	to := c.wireOf(m.To[0].Handle)
	if to == "" {
		return no("%s is not an address of this channel", m.To[0].Handle)
	}
	p := &openapi.CreateMessageParams{}
	p.SetTo(to)
	if c.set.from != "" {
		p.SetFrom(c.prefix + c.set.from)
	}
	if c.set.service != "" {
		p.SetMessagingServiceSid(c.set.service)
	}
	if c.host.PublicURL != "" {
		p.SetStatusCallback(c.url(routeStatus) + "?" + url.Values{ownParam: {ownValue(m)}}.Encode())
	}
	if m.Template != nil {
		if !contentForm.MatchString(m.Template.ID) {
			return no("%q is not a template of Twilio", oneLine(m.Template.ID))
		}
		p.SetContentSid(m.Template.ID)
		if len(m.Template.Values) > 0 {
			b, err := json.Marshal(m.Template.Values)
			if err != nil {
				return no("the values of the template cannot be written: %v", err)
			}
			p.SetContentVariables(string(b))
		}
		return p, nil
	}
	body := trim(m.Text)
	if n := utf8.RuneCountInString(body); n > c.text {
		return no("the text has %d characters; at most %d can be sent", n, c.text)
	}
	if body == "" && len(m.Parts) == 0 {
		return no("the message has neither text nor a file")
	}
	if body != "" {
		p.SetBody(body)
	}
	if len(m.Parts) == 0 {
		return p, nil
	}
	return c.attach(p, m.Parts)
}

func (c *Connector) attach(p *openapi.CreateMessageParams, parts []message.Part) (*openapi.CreateMessageParams, error) {
	no := func(format string, args ...any) (*openapi.CreateMessageParams, error) {
		return nil, &connectors.SendError{Class: connectors.Reject, Reason: fmt.Sprintf(format, args...)}
	}
	if len(parts) > c.files {
		return no("the message has %d files; at most %d can be sent", len(parts), c.files)
	}
	var size int64
	var links []string
	for _, part := range parts {
		size += part.Size
		link := ""
		if c.host.Share != nil {
			link = c.host.Share(part, shareTime)
		}
		if link == "" {
			return no("files need a public address of the hub, from which Twilio fetches them; set public_url, or send the text alone")
		}
		links = append(links, link)
	}
	if size > c.set.sendBytes {
		return no("the files have %d KiB together; at most %d MiB can be sent", (size+1023)/1024, c.set.sendBytes>>20)
	}
	p.SetMediaUrl(links)
	return p, nil
}

// sendError classes a failed request to send.
func (c *Connector) sendError(err error) error {
	var e *apiError
	if !errors.As(err, &e) {
		// Twilio said yes, but not in words that can be read.
		return &connectors.SendError{Class: connectors.Unsure, Reason: "Twilio's answer cannot be read", Err: err}
	}
	known := codes[e.code]
	se := &connectors.SendError{Gone: codes[e.code].dead, Code: codeText(e.code), Reason: c.safe(explain(e.code, e.message)), Err: errors.New(c.safe(e.Error()))}
	switch {
	case e.err != nil && e.written:
		se.Class, se.Reason = connectors.Unsure, "the connection to Twilio broke before it confirmed the message"
	case e.err != nil:
		se.Reason = "Twilio cannot be reached: " + c.safe(plainCause(e.err))
	case e.status >= 500, e.status == http.StatusRequestTimeout:
		// The vendor does not say that nothing was done.
		se.Class, se.Reason = connectors.Unsure, fmt.Sprintf("Twilio answers %d %s; it may have taken the message all the same", e.status, http.StatusText(e.status))
	case e.status == http.StatusTooManyRequests:
		// "Aren't processed and are safe to retry": documentation of error 20429.
		se.Class, se.After = connectors.Retry, max(e.after, known.after, c.limits.rateLimit)
		c.pace.hold(min(se.After, time.Minute))
	case known.words != "":
		se.Class, se.After = known.class, max(known.after, e.after)
	case e.status == http.StatusUnauthorized:
		se.Class, se.Reason = connectors.AccountFault, codes[20003].words
	case e.status == http.StatusForbidden, e.status == http.StatusNotFound, e.status == http.StatusPaymentRequired:
		se.Class = connectors.AccountFault
	case e.status < 400:
		se.Class, se.Reason = connectors.AccountFault, "the address of the API forwards elsewhere; check it in the settings"
	default:
		se.Class = connectors.Reject
	}
	return se
}

// Find looks among the messages to this recipient for one that an attempt of
// unclear outcome left behind.
func (c *Connector) Find(ctx context.Context, m message.Message, since time.Time, taken func(ref string) bool) (connectors.Receipt, error) {
	if len(m.To) != 1 || c.wireOf(m.To[0].Handle) == "" {
		return connectors.Receipt{}, connectors.ErrNotFound
	}
	query := url.Values{"To": {c.wireOf(m.To[0].Handle)}, "PageSize": {strconv.Itoa(findPage)}}
	if c.set.from != "" {
		query.Set("From", c.prefix+c.set.from)
	}
	// No filter by day: a message that waits in the queue has no date of sending.
	since = since.Add(time.Duration(c.ahead.Load()))
	from := since.Add(-clockSkew)
	type candidate struct {
		r  openapi.ApiV2010Message
		at time.Time
	}
	var exact, near []candidate
	pages := 0
	err := c.pages(ctx, query, func(raws []json.RawMessage) (bool, error) {
		pages++
		newer := 0
		for _, raw := range raws {
			var r openapi.ApiV2010Message
			if json.Unmarshal(raw, &r) != nil {
				continue
			}
			at, ok := resourceTime(&r)
			if !ok || at.Before(from.Truncate(time.Second)) {
				continue
			}
			newer++
			if text(r.Direction) != "outbound-api" || taken(text(r.Sid)) || c.set.from == "" && text(r.MessagingServiceSid) != c.set.service {
				continue
			}
			if owner := c.ownerOf(text(r.Sid)); owner != "" && owner != message.OwnRef(m.ID, m.Token) {
				continue
			}
			// How many files it has is known only when Twilio has fetched them.
			bare := text(r.NumMedia) == "0" || r.NumMedia == nil
			switch {
			case trim(text(r.Body)) == trim(m.Text) && (bare || len(m.Parts) > 0 || m.Template != nil):
				exact = append(exact, candidate{r, at})
			case m.Template != nil && at.Before(since.Add(templateSpan)):
				near = append(near, candidate{r, at})
			}
		}
		return newer > 0 && pages < findPages, nil
	})
	if err != nil {
		return connectors.Receipt{}, c.fault(err)
	}
	if len(exact) == 0 && len(near) == 1 {
		exact = near // the words of a template may be laid out differently
	}
	if len(exact) == 0 {
		return connectors.Receipt{}, connectors.ErrNotFound
	}
	// The oldest: a later one with the same words is a later attempt's.
	first := slices.MinFunc(exact, func(a, b candidate) int { return a.at.Compare(b.at) })
	sid := text(first.r.Sid)
	return connectors.Receipt{Ref: sid, Detail: "Twilio has it as " + sid + " (" + oneLine(text(first.r.Status)) + ")"}, nil
}

// pages goes through Twilio's list of messages, newest first, until page says
// that it is enough.
func (c *Connector) pages(ctx context.Context, query url.Values, page func([]json.RawMessage) (more bool, err error)) error {
	return c.list(ctx, "/Messages.json?"+query.Encode(), page)
}

// list goes through a list of the account: messages, calls, recordings or
// transcripts.
func (c *Connector) list(ctx context.Context, of string, page func([]json.RawMessage) (more bool, err error)) error {
	next := "/2010-04-01/Accounts/" + c.set.account + of
	for seen := map[string]bool{}; next != "" && !seen[next]; {
		seen[next] = true
		var answer struct {
			Messages   []json.RawMessage `json:"messages"`
			Calls      []json.RawMessage `json:"calls"`
			Recordings []json.RawMessage `json:"recordings"`
			Written    []json.RawMessage `json:"transcriptions"`
			Next       *string           `json:"next_page_uri"`
		}
		if err := c.get(ctx, c.set.api+next, &answer); err != nil {
			return err
		}
		more, err := page(slices.Concat(answer.Messages, answer.Calls, answer.Recordings, answer.Written))
		if err != nil || !more {
			return err
		}
		// Only its path is followed, so that it stays on the host that we trust.
		u, err := url.Parse(text(answer.Next))
		if err != nil || u.Path == "" {
			return nil
		}
		next = u.RequestURI()
	}
	return nil
}

// parseDate reads a date of the API.
func parseDate(s string) (time.Time, bool) {
	t, err := mail.ParseDate(s)
	return t.UTC(), err == nil
}
