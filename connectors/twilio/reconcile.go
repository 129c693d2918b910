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

	"throughline/connectors"
	"throughline/message"
)

const (
	// listPage is the page size of Twilio's list, the largest it gives.
	listPage = 1000
	// batchItems is how many listed items go to the hub at once.
	batchItems = 200
	// batchBytes is how many bytes of files are in flight before they go there.
	batchBytes = 32 << 20
	// maxSeen is how many SIDs a cursor holds.
	maxSeen = 5000
	// restEvery is how often the cursor is stored while nothing happens.
	restEvery = time.Hour
)

// cursor is what the hub keeps for us.
type cursor struct {
	Since time.Time `json:"since"`          // everything created before is known, but for the overlap
	First time.Time `json:"first"`          // where reading began
	Seen  []string  `json:"seen,omitempty"` // SIDs within the overlap that are known, with their files
	Late  []lateOne `json:"late,omitempty"` // messages whose files are still to come
	// States is when delivery states were last looked for: a look that a crash cuts off
	// is made again. Zero is Since, as the hub has it.
	States time.Time `json:"states,omitzero"`
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
	// Any answer tells Twilio's time, by which the list is read.
	var hello struct{}
	if err := c.get(ctx, c.path("/Messages.json?PageSize=1"), &hello); err != nil {
		return err
	}
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
		r.cur.Since = r.theirNow().Add(-r.set.history).Truncate(time.Second)
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
	now := r.theirNow()
	if r.cur.States.IsZero() {
		r.cur.States = r.cur.Since
	}
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
		newer := false // the newest come first: a page of old ones is the last
		for _, raw := range raws {
			e, ok := r.incoming(raw, from, now)
			newer = newer || e.at.IsZero() || !e.at.Before(from)
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
		return newer, nil
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
	e.at, _ = parseDate(l.Created)
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
	return e, true
}

// offer stores listed messages, the oldest first.
func (r *run) offer(ctx context.Context, list []listed) error {
	var b connectors.Batch
	var parts []message.Part
	defer func() { connectors.Drop(parts) }()
	var size int64
	for i, e := range list {
		m, late, err := r.whole(ctx, e.raw)
		var unread *errNotMessage
		switch {
		case errors.As(err, &unread):
			b.Held = append(b.Held, held(e.raw, e.sid, unread.text))
		case err != nil:
			return err
		default:
			parts = append(parts, m.Parts...)
			bring(&b, m, len(late) > 0)
			if len(late) > 0 {
				r.addLate(e.sid)
			}
		}
		for _, p := range m.Parts {
			size += p.Size
		}
		r.seen[e.name()] = e.at
		if e.at.After(r.cur.Since) {
			r.cur.Since = e.at
		}
		if size < batchBytes && i < len(list)-1 {
			continue
		}
		if err := r.save(ctx, b); err != nil {
			return err
		}
		connectors.Drop(parts)
		b, parts, size = connectors.Batch{}, nil, 0
	}
	return nil
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
	if err = r.save(ctx, connectors.Batch{}); err != nil {
		r.mu.Lock() // for the next Run
		r.leave(late...)
		r.flush = r.flush || flush
		r.mu.Unlock()
	}
	return missed, err
}

func now() time.Time { return time.Now().UTC() }
