package twilio

import (
	"context"
	"encoding/json"
	"errors"
	"net/url"
	"slices"
	"strconv"
	"time"

	openapi "github.com/twilio/twilio-go/rest/api/v2010"

	"throughline/connectors"
	"throughline/message"
)

const (
	// statePages bounds a look for delivery states.
	statePages = 20
	// maxBack bounds one after a long absence.
	maxBack = 7 * 24 * time.Hour
)

// lookAtStates reports the states of our messages whose callbacks did not come, of the
// last hours and of all the time since it looked last.
func (r *run) lookAtStates(ctx context.Context, at time.Time) error {
	from := at.Add(-r.limits.states)
	if r.cur.States.Before(from) {
		from = r.cur.States
	}
	if back := at.Add(-maxBack); from.Before(back) {
		from = back
	}
	q := url.Values{"PageSize": {strconv.Itoa(listPage)}, "DateSent>": {from.Truncate(day).Format(time.DateOnly)}}
	if r.set.from != "" {
		q.Set("From", r.prefix+r.set.from)
	}
	var b connectors.Batch
	var told []openapi.ApiV2010Message
	pages := 0
	err := r.pages(ctx, q, func(raws []json.RawMessage) (bool, error) {
		newer := false
		pages++
		for _, raw := range raws {
			var m openapi.ApiV2010Message
			if json.Unmarshal(raw, &m) != nil {
				continue
			}
			when, ok := resourceTime(&m)
			if !ok || when.Before(from) {
				continue
			}
			newer = true
			if rep, ok := r.news(&m); ok {
				b.Reports = append(b.Reports, rep)
				told = append(told, m)
			}
		}
		return newer && pages < statePages, nil
	})
	if err != nil {
		return err
	}
	for chunk := range slices.Chunk(b.Reports, batchItems) {
		if err := r.in.Accept(ctx, connectors.Batch{Reports: chunk}); err != nil {
			return errors.Join(errors.New("the hub did not take reports"), err)
		}
	}
	for i, m := range told {
		r.told(text(m.Sid), b.Reports[i].Status)
	}
	r.cur.States = at
	return nil
}

// news makes a report of an entry of the list if the hub was not told yet.
func (r *run) news(m *openapi.ApiV2010Message) (message.Report, bool) {
	sid := text(m.Sid)
	if text(m.Direction) != "outbound-api" || !messageForm.MatchString(sid) ||
		r.set.from == "" && text(m.MessagingServiceSid) != r.set.service {
		return message.Report{}, false
	}
	code := 0
	if m.ErrorCode != nil {
		code = *m.ErrorCode
	}
	when, ok := parseDate(text(m.DateUpdated))
	if !ok {
		when = now()
	}
	rep, ok := report(sid, text(m.To), text(m.Status), code, text(m.ErrorMessage), when)
	if !ok || rep.Status == message.Sent {
		return rep, false
	}
	r.mu.Lock()
	known, had := r.reported[sid]
	r.mu.Unlock()
	return rep, !had || known.Before(rep.Status)
}
