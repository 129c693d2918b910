package twilio

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	openapi "github.com/twilio/twilio-go/rest/api/v2010"

	"throughline/connectors"
	"throughline/message"
)

const (
	// listPage is the page size of Twilio's list, the largest it gives.
	listPage = 1000
	// batchItems is how many listed items go to the hub at once.
	batchItems = 200
	// maxSeen is how many SIDs a cursor holds.
	maxSeen = 5000
	// maxLate is how many messages may wait for their files.
	maxLate = 1000
	// restEvery is how often the cursor is stored while nothing happens.
	restEvery = time.Hour
	// maxBack bounds a look for delivery states after a long absence.
	maxBack = 7 * 24 * time.Hour
)

// cursor is what the hub keeps for us.
type cursor struct {
	Since time.Time `json:"since"`          // everything created before is known, but for the overlap
	First time.Time `json:"first"`          // where reading began
	Seen  []string  `json:"seen,omitempty"` // SIDs within the overlap that are known, with their files
	Late  []lateOne `json:"late,omitempty"` // messages whose files are still to come
}

// lateOne is a message whose files are still at Twilio.
type lateOne struct {
	SID   string    `json:"sid"`
	Tries int       `json:"tries"`
	Next  time.Time `json:"next"`
}

// run is the state of one Run.
type run struct {
	*Connector
	in    connectors.Sink
	cur   cursor
	saved time.Time            // Since of the cursor that the hub has
	seen  map[string]time.Time // SIDs that are known, with the time of their message
}

// Run looks for what no webhook brought: at its start, every few minutes, and
// soon after the hub refused something. It also brings files that were too slow
// for their webhook.
func (c *Connector) Run(ctx context.Context, in connectors.Sink) error {
	defer c.client.CloseIdleConnections()
	if err := c.watch(ctx, in); ctx.Err() == nil {
		return c.fault(err)
	}
	return ctx.Err()
}

func (c *Connector) watch(ctx context.Context, in connectors.Sink) error {
	in.State(connectors.State{Phase: connectors.Connecting})
	r := &run{Connector: c, in: in, seen: map[string]time.Time{}}
	if err := r.load(ctx); err != nil {
		return err
	}
	in.State(connectors.State{Phase: connectors.CatchingUp})
	if err := r.look(ctx); err != nil {
		return err
	}
	poll := time.NewTicker(r.pause())
	defer poll.Stop()
	files := time.NewTimer(0)
	defer files.Stop()
	var soon <-chan time.Time // a look soon after a refusal
	for {
		in.State(r.state())
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-poll.C:
			if err := r.look(ctx); err != nil {
				return err
			}
		case <-soon:
			soon = nil
			if err := r.look(ctx); err != nil {
				return err
			}
		case <-c.wake:
			missed, err := r.gather(ctx)
			if err != nil {
				return err
			}
			if missed && soon == nil {
				soon = time.After(c.limits.soon) // a webhook was refused
			}
		case <-files.C:
			if err := r.bringFiles(ctx); err != nil {
				return err
			}
		}
		files.Reset(r.nextFile())
	}
}

// pause is the time between two looks.
func (c *Connector) pause() time.Duration {
	if c.host.PublicURL == "" && !c.set.pollSet {
		return min(noWebhookPoll, c.set.poll)
	}
	return c.set.poll
}

// state is what people see while all is well.
func (r *run) state() connectors.State {
	s := connectors.State{Phase: connectors.Live, Lag: len(r.cur.Late)}
	r.mu.Lock()
	s.Detail = r.trouble
	r.mu.Unlock()
	if s.Detail == "" && r.host.PublicURL == "" {
		s.Detail = "the hub has no public address, so Twilio brings nothing: messages are looked for every " + r.pause().String() + ", and files cannot be sent"
	}
	return s
}

// load reads the cursor, or makes the first one.
func (r *run) load(ctx context.Context) error {
	raw, err := r.in.Cursor(ctx)
	if err != nil {
		return err
	}
	if len(raw) > 0 {
		if err := json.Unmarshal(raw, &r.cur); err != nil {
			return fmt.Errorf("the stored position cannot be read: %w", err)
		}
		r.saved = r.cur.Since
	} else {
		r.cur.Since = time.Now().UTC().Add(-r.set.history).Truncate(time.Second)
		r.cur.First = r.cur.Since
	}
	for _, sid := range r.cur.Seen {
		r.seen[sid] = r.cur.Since
	}
	r.mu.Lock()
	r.first = r.cur.First
	r.mu.Unlock()
	return nil
}

// look compares Twilio's list with what the hub has, from the last look on.
func (r *run) look(ctx context.Context) error {
	now := time.Now().UTC()
	if _, err := r.gather(ctx); err != nil {
		return err
	}
	from := r.cur.Since.Add(-r.limits.overlap)
	if r.saved.IsZero() && r.set.history == 0 {
		from = r.cur.Since // the very first look
	}
	// Day by day, because that is how the list can be asked, and so that the
	// position advances while a long absence is made up for.
	for d := from.Truncate(day); !d.After(now.Add(clockSkew)); d = d.Add(day) {
		if err := r.lookAtDay(ctx, d, from, now); err != nil {
			return err
		}
	}
	if now.After(r.cur.Since) {
		r.cur.Since = now.Truncate(time.Second)
	}
	if r.saved.IsZero() || r.cur.Since.Sub(r.saved) > restEvery {
		if err := r.save(ctx, connectors.Batch{}); err != nil {
			return err
		}
	}
	return r.lookAtStates(ctx, now)
}

// listed is an entry of Twilio's list.
type listed struct {
	raw json.RawMessage
	sid string
	at  time.Time
}

// name is the SID, or another name for an entry that has none.
func (e *listed) name() string {
	if messageForm.MatchString(e.sid) {
		return e.sid
	}
	return held(e.raw, "", "").Source
}

// lookAtDay offers the messages of one day that the hub may not have.
func (r *run) lookAtDay(ctx context.Context, d, from, now time.Time) error {
	var fresh []listed
	err := r.pages(ctx, r.inbound(d, d.Add(day)), func(raws []json.RawMessage) (bool, error) {
		for _, raw := range raws {
			e, ok := r.incoming(raw, from, now)
			if !ok {
				continue
			}
			if _, ok := r.seen[e.name()]; ok {
				continue
			}
			if r.has(e.sid) {
				r.seen[e.sid] = e.at
				continue
			}
			fresh = append(fresh, e)
		}
		return true, nil
	})
	if err != nil {
		return err
	}
	slices.Reverse(fresh) // the list has the newest first, and its times whole seconds
	slices.SortStableFunc(fresh, func(a, b listed) int { return a.at.Compare(b.at) })
	for chunk := range slices.Chunk(fresh, batchItems) {
		if err := r.offer(ctx, chunk); err != nil {
			return err
		}
	}
	return nil
}

// inbound is the query for messages to this account in [from, before), by whole
// days. What a messaging service received can only be told from the entries.
func (c *Connector) inbound(from, before time.Time) url.Values {
	q := url.Values{"PageSize": {strconv.Itoa(listPage)}}
	if c.set.from != "" && c.set.service == "" {
		q.Set("To", c.prefix+c.set.from)
	}
	if !from.IsZero() {
		q.Set("DateSent>", from.Format(time.DateOnly))
	}
	if !before.IsZero() {
		q.Set("DateSent<", before.Format(time.DateOnly))
	}
	return q
}

// incoming tells whether an entry is a message to this account from that time on.
// What cannot be read counts, to be held.
func (r *run) incoming(raw json.RawMessage, from, now time.Time) (listed, bool) {
	e, ok := r.Connector.incoming(raw)
	if !ok || !e.at.IsZero() && e.at.Before(from) {
		return e, false
	}
	// A long message may still be coming in, part by part.
	var state struct {
		Status string `json:"status"`
	}
	if json.Unmarshal(raw, &state) == nil && state.Status == "receiving" && now.Sub(e.at) < r.limits.overlap/2 {
		return e, false
	}
	return e, true
}

func (c *Connector) incoming(raw json.RawMessage) (e listed, ok bool) {
	e.raw = raw
	// Leniently, so that an odd entry is still recognised.
	var l struct {
		SID       any    `json:"sid"`
		Direction any    `json:"direction"`
		From      any    `json:"from"`
		To        any    `json:"to"`
		Service   any    `json:"messaging_service_sid"`
		Created   string `json:"date_created"`
	}
	_ = json.Unmarshal(raw, &l)
	e.sid, _ = l.SID.(string)
	if l.Direction != "inbound" {
		return e, false
	}
	to, _ := l.To.(string)
	if strings.HasPrefix(to, "whatsapp:") != (c.channel == ChannelWhatsApp) {
		return e, false
	}
	if c.set.service != "" && l.Service != c.set.service && (c.set.from == "" || to != c.prefix+c.set.from) {
		return e, false
	}
	e.at, _ = parseDate(l.Created)
	return e, true
}

// offer stores listed messages, the oldest first.
func (r *run) offer(ctx context.Context, list []listed) error {
	var b connectors.Batch
	var parts []message.Part
	defer func() { dropParts(parts) }()
	for _, e := range list {
		m, late, err := r.whole(ctx, e.raw)
		var unread *errNotMessage
		switch {
		case errors.As(err, &unread):
			b.Held = append(b.Held, held(e.raw, e.sid, unread.text))
		case err != nil:
			return err
		default:
			parts = append(parts, m.Parts...)
			b.Messages = append(b.Messages, m)
			if late {
				r.addLate(e.sid)
			} else if len(m.Parts) > 0 && e.at.Before(r.began) {
				// An earlier run may have stored it without its files and ended
				// before it noted so.
				edit := m
				b.Changes = append(b.Changes, message.Change{Of: m.Key, Time: time.Now().UTC(), Edit: &edit})
			}
		}
		r.seen[e.name()] = e.at
		if e.at.After(r.cur.Since) {
			r.cur.Since = e.at
		}
	}
	return r.save(ctx, b)
}

// whole makes a message of an entry, with the files that come in time.
func (c *Connector) whole(ctx context.Context, raw []byte) (m message.Message, late bool, err error) {
	m, n, err := c.readResource(raw)
	if err != nil {
		return m, false, err
	}
	m.Raw = message.Bytes(raw)
	if n == 0 {
		return m, false, nil
	}
	fetching, cancel := context.WithTimeout(ctx, c.limits.file)
	defer cancel()
	files, err := c.filesOf(fetching, m.Ref)
	if ctx.Err() != nil {
		return m, false, ctx.Err()
	}
	if err != nil {
		warn(&m, waiting)
		return m, true, nil
	}
	var warnings []string
	m.Parts, warnings, late = c.fetchAll(fetching, files)
	if ctx.Err() != nil {
		dropParts(m.Parts)
		return m, false, ctx.Err()
	}
	m.Warnings = append(m.Warnings, warnings...)
	if len(files) < min(n, maxMedia) {
		warn(&m, fmt.Sprintf("of %d files Twilio still has %d", n, len(files)))
	}
	if late {
		warn(&m, waiting)
	}
	return m, late, nil
}

// save stores a batch with the cursor as it is now.
func (r *run) save(ctx context.Context, b connectors.Batch) error {
	r.trimSeen()
	r.cur.Seen = slices.Sorted(maps.Keys(r.seen))
	raw, err := json.Marshal(r.cur)
	if err != nil {
		return err
	}
	b.Cursor = raw
	if err := r.in.Accept(ctx, b); err != nil {
		return errors.Join(errors.New("the hub did not take a batch"), err)
	}
	r.saved = r.cur.Since
	return nil
}

// trimSeen forgets what no look will see again, and bounds the rest. What is
// forgotten too early is offered again and found to be there.
func (r *run) trimSeen() {
	old := r.cur.Since.Add(-2 * r.limits.overlap)
	maps.DeleteFunc(r.seen, func(_ string, at time.Time) bool { return at.Before(old) })
	if len(r.seen) > maxSeen {
		clear(r.seen)
	}
}

// gather takes over what webhooks left for Run.
func (r *run) gather(ctx context.Context) (missed bool, err error) {
	r.mu.Lock()
	late, flush := r.late, r.flush
	missed = r.missed
	r.late, r.flush, r.missed = nil, false, false
	if flush {
		for sid := range r.taken {
			if _, ok := r.seen[sid]; !ok {
				r.seen[sid] = now()
			}
		}
	}
	r.mu.Unlock()
	for _, sid := range late {
		r.addLate(sid)
		r.seen[sid] = now()
	}
	if len(late) == 0 && !flush {
		return missed, nil
	}
	return missed, r.save(ctx, connectors.Batch{})
}

func (r *run) addLate(sid string) {
	if slices.ContainsFunc(r.cur.Late, func(l lateOne) bool { return l.SID == sid }) {
		return
	}
	if len(r.cur.Late) >= maxLate {
		r.log.Warn("too many messages wait for their files; the oldest is given up", "message", r.cur.Late[0].SID)
		r.cur.Late = r.cur.Late[1:]
	}
	r.cur.Late = append(r.cur.Late, lateOne{SID: sid, Next: time.Now().UTC().Add(r.limits.again[0])})
}

// nextFile is how long until a file is tried again.
func (r *run) nextFile() time.Duration {
	wait := 24 * time.Hour
	for _, l := range r.cur.Late {
		wait = min(wait, max(0, time.Until(l.Next)))
	}
	return wait
}

// bringFiles tries the files that are due, and brings them as a change of their
// message: all of them, because a change replaces what is there.
func (r *run) bringFiles(ctx context.Context) error {
	var due []lateOne
	now := time.Now().UTC()
	for _, l := range r.cur.Late {
		if !l.Next.After(now) {
			due = append(due, l)
		}
	}
	for _, l := range due {
		if err := r.bring(ctx, l); err != nil {
			return err
		}
	}
	return nil
}

func (r *run) bring(ctx context.Context, l lateOne) error {
	done := func() {
		r.cur.Late = slices.DeleteFunc(r.cur.Late, func(o lateOne) bool { return o.SID == l.SID })
	}
	var raw json.RawMessage
	err := r.get(ctx, r.path("/Messages/"+l.SID+".json"), &raw)
	var m message.Message
	late := true
	if err == nil {
		m, late, err = r.whole(ctx, raw)
	}
	defer func() { dropParts(m.Parts) }()
	if ctx.Err() != nil {
		return ctx.Err()
	}
	var gone *apiError
	switch {
	case err == nil && !late:
		done()
		r.holds(l.SID, false)
		r.seen[l.SID] = now()
		if len(m.Parts) == 0 {
			return r.save(ctx, connectors.Batch{}) // all were left at Twilio for good
		}
		return r.save(ctx, connectors.Batch{Changes: []message.Change{{Of: m.Key, Time: now(), Edit: &m}}})
	case errors.As(err, &gone) && gone.status == 404, l.Tries+1 >= len(r.limits.again):
		r.log.Warn("the files of a message are given up", "message", l.SID, "tries", l.Tries+1)
		done()
		return r.save(ctx, connectors.Batch{})
	}
	for i := range r.cur.Late {
		if o := &r.cur.Late[i]; o.SID == l.SID {
			o.Tries++
			o.Next = now().Add(r.limits.again[o.Tries])
		}
	}
	return r.save(ctx, connectors.Batch{})
}

func now() time.Time { return time.Now().UTC() }

// lookAtStates reports the states of our messages whose callbacks did not come.
func (r *run) lookAtStates(ctx context.Context, at time.Time) error {
	from := at.Add(-r.limits.states)
	if r.saved.Before(from) {
		from = r.saved
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
	err := r.pages(ctx, q, func(raws []json.RawMessage) (bool, error) {
		newer := false
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
		return newer, nil
	})
	if err != nil || len(b.Reports) == 0 {
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
