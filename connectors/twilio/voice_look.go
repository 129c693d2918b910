package twilio

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	"throughline/connectors"
	"throughline/message"
)

// Run looks for calls and recordings that no webhook brought: at its start, every
// few minutes, and soon after the hub refused something.
func (l *Line) Run(ctx context.Context, in connectors.Sink) error {
	defer l.core.client.CloseIdleConnections()
	if err := l.watch(ctx, in); ctx.Err() == nil {
		return l.core.fault(err)
	}
	return ctx.Err()
}

// watching is the state of one Run.
type watching struct {
	*run // its Late are calls that go on, or whose recordings are still to come, and lateTalk
	line *Line
}

func (l *Line) watch(ctx context.Context, in connectors.Sink) error {
	in.State(connectors.State{Phase: connectors.Connecting})
	w := &watching{line: l, run: &run{Connector: l.core, in: in, seen: map[string]time.Time{}}}
	// Any answer tells Twilio's time, by which the list is read.
	var hello struct{}
	if err := w.get(ctx, w.path("/Calls.json?PageSize=1"), &hello); err != nil {
		return err
	}
	if err := w.load(ctx); err != nil {
		return err
	}
	in.State(connectors.State{Phase: connectors.CatchingUp})
	if err := w.look(ctx); err != nil {
		return err
	}
	if err := w.lookAfter(ctx); err != nil {
		return err
	}
	poll := time.NewTicker(w.pause())
	defer poll.Stop()
	after := time.NewTicker(w.limits.after)
	defer after.Stop()
	late := time.NewTimer(w.nextFile())
	defer late.Stop()
	give := time.NewTimer(w.line.nextEnd())
	defer give.Stop()
	var soon <-chan time.Time // a look soon after a refusal
	for {
		in.State(w.state())
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-poll.C:
			if err := w.look(ctx); err != nil {
				return err
			}
		case <-soon:
			soon = nil
			if err := w.look(ctx); err != nil {
				return err
			}
		case <-w.wake:
			missed, err := w.gather(ctx)
			if err != nil {
				return err
			}
			if missed && soon == nil {
				soon = time.After(w.limits.soon)
			}
		case <-late.C:
			if err := w.again(ctx); err != nil {
				return err
			}
		case <-after.C:
			if err := w.lookAfter(ctx); err != nil {
				return err
			}
		case <-give.C:
			w.line.endWaits(ctx)
		}
		late.Reset(w.nextFile())
		give.Reset(w.line.nextEnd())
	}
}

// state is what people see while all is well. A call that goes on is no backlog.
func (w *watching) state() connectors.State {
	s := connectors.State{Phase: connectors.Live}
	w.mu.Lock()
	s.Detail = w.trouble
	w.mu.Unlock()
	if s.Detail == "" && w.host.PublicURL == "" {
		s.Detail = "the hub has no public address, so Twilio cannot ask what callers are to hear: set public_url"
	}
	return s
}

// called is the query for calls to this line from a day on.
func (l *Line) called(from time.Time) string {
	q := url.Values{"PageSize": {strconv.Itoa(listPage)}, "To": {l.core.set.from}}
	if !from.IsZero() {
		q.Set("StartTime>", from.Format(time.DateOnly))
	}
	return "/Calls.json?" + q.Encode()
}

// incomingCall reads of an entry of the list what it takes to know it, leniently.
func incomingCall(raw json.RawMessage) (e listed, from string, ok bool) {
	var r struct {
		SID       any    `json:"sid"`
		Direction any    `json:"direction"`
		From      any    `json:"from"`
		Created   string `json:"date_created"`
	}
	_ = json.Unmarshal(raw, &r)
	e.raw = raw
	e.sid, _ = r.SID.(string)
	e.at, _ = parseDate(r.Created)
	from, _ = r.From.(string)
	return e, from, r.Direction == "inbound"
}

// source names an entry, also one that has no SID.
func (e *listed) source() string { return heldCall(e.raw, e.sid, "").Source }

// look compares Twilio's list with what the hub has, from the last look on.
func (w *watching) look(ctx context.Context) error {
	now := w.theirNow()
	if _, err := w.gather(ctx); err != nil {
		return err
	}
	from := w.cur.Since.Add(-w.limits.overlap)
	if w.saved.IsZero() && w.set.history == 0 {
		from = w.cur.Since // the very first look
	}
	var fresh []listed
	err := w.list(ctx, w.line.called(from), func(raws []json.RawMessage) (bool, error) {
		newer := false
		for _, raw := range raws {
			e, _, ok := incomingCall(raw)
			newer = newer || e.at.IsZero() || !e.at.Before(from)
			if !ok || !e.at.IsZero() && e.at.Before(from) {
				continue
			}
			_, known := w.seen[e.sid]
			if _, odd := w.seen[e.source()]; !known && !odd {
				fresh = append(fresh, e)
			}
		}
		return newer, nil
	})
	if err != nil {
		return err
	}
	slices.Reverse(fresh) // the newest come first
	for _, e := range fresh {
		if err := w.bring(ctx, e); err != nil {
			return err
		}
	}
	if now.After(w.cur.Since) {
		w.cur.Since = now.Truncate(time.Second)
	}
	if w.saved.IsZero() || w.cur.Since.Sub(w.saved) > restEvery {
		return w.save(ctx, connectors.Batch{})
	}
	return nil
}

// bring offers a call of the list with its recordings.
func (w *watching) bring(ctx context.Context, e listed) error {
	b, f, err := w.line.news(ctx, e.raw)
	defer func() { connectors.Drop(f.parts) }()
	var unread *errNotMessage
	if errors.As(err, &unread) {
		b = connectors.Batch{Held: []message.Held{heldCall(e.raw, e.sid, unread.text)}}
		if w.seen[e.source()] = e.at; e.at.IsZero() {
			w.seen[e.source()] = w.theirNow()
		}
	} else if err != nil {
		return err
	} else {
		w.seen[e.sid] = e.at
		if !f.done {
			w.addLate(e.sid)
		}
	}
	if err := w.save(ctx, b); err != nil {
		return err
	}
	if !w.line.settle(ctx, f) {
		w.addLate(e.sid)
		return w.save(ctx, connectors.Batch{})
	}
	return nil
}

// again looks once more at the calls that are due.
func (w *watching) again(ctx context.Context) error {
	for _, l := range slices.Clone(w.cur.Late) {
		if l.Next.After(now()) {
			continue
		}
		if err := w.once(ctx, l); err != nil {
			return err
		}
	}
	return nil
}

func (w *watching) once(ctx context.Context, l lateOne) error {
	b, f, err := w.find(ctx, l.SID)
	defer func() { connectors.Drop(f.parts) }()
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err == nil && !f.early {
		if err := w.save(ctx, b); err != nil {
			return err
		}
		f.done = w.line.settle(ctx, f) && f.done
	}
	rest := connectors.Batch{}
	i := slices.IndexFunc(w.cur.Late, func(o lateOne) bool { return o.SID == l.SID })
	if err == nil && f.early { // that is no try
		w.cur.Late[i].Next = now().Add(w.limits.again[0])
		return nil
	}
	var gone *apiError
	switch {
	case err == nil && f.done, errors.As(err, &gone) && gone.status == http.StatusNotFound:
		w.cur.Late = slices.Delete(w.cur.Late, i, i+1)
	case l.Tries+1 >= len(w.limits.again):
		w.log.Warn("the rest of a call is given up", "call", l.SID, "tries", l.Tries+1)
		rest = neverCame(l.SID, f.missed)
		w.cur.Late = slices.Delete(w.cur.Late, i, i+1)
	default:
		w.cur.Late[i].Tries++
		w.cur.Late[i].Next = now().Add(w.limits.again[l.Tries+1])
	}
	return w.save(ctx, rest)
}

// found is what was found at Twilio of a call.
type found struct {
	parts  []message.Part
	words  string   // what was said
	left   []string // of recordings that are not taken in, for people
	missed []string // SIDs of recordings that did not come
	got    []string // SIDs of the recordings whose parts these are
	delete []string // SIDs of recordings to be deleted once the hub has them
	done   bool     // nothing more is to come
	early  bool     // the call goes on: there is nothing to look for yet
}

// news makes of an entry what the hub is to be told.
func (l *Line) news(ctx context.Context, raw json.RawMessage) (b connectors.Batch, f found, err error) {
	m, over, err := l.readResource(raw)
	if err != nil {
		return b, f, err
	}
	m.Raw = message.Bytes(raw)
	f.done = over
	if over {
		list, waiting, err := l.recordings(ctx, m.Ref)
		if err != nil {
			return b, f, err
		}
		f.done = !waiting
		if l.set.recordCalls {
			talks, more, err := l.conversations(ctx, m.Ref)
			if err != nil {
				return b, f, err
			}
			f.done = f.done && !more
			list = append(list, talks...)
		}
		for _, r := range list {
			c := *m.Call
			if !r.talk {
				c = left(c, r.length)
			}
			m.Call = &c
			left, missing, voicemail := "", false, !r.talk && c.Outcome == message.CallVoicemail && time.Duration(r.length)*time.Second >= minSpoken
			if voicemail && l.set.transcribe {
				words, done, err := l.transcript(ctx, r.sid)
				if err != nil {
					return b, f, err
				}
				if words != "" {
					f.words = words
				}
				// It may still be written down, for as long as that can take.
				f.done = f.done && (done || l.core.theirNow().Sub(m.Received) > writingTime)
			}
			if (r.talk || voicemail) && !l.has(r.sid) {
				fetching, cancel := context.WithTimeout(ctx, l.core.limits.file)
				var parts []message.Part
				parts, left, missing = l.fetch(fetching, r)
				cancel()
				f.parts = append(f.parts, parts...)
			}
			switch {
			case left != "":
				f.left = append(f.left, left)
				continue
			case missing:
				f.done, f.missed = false, append(f.missed, r.sid)
				continue
			case l.mayDelete(r, m.Received, l.core.theirNow()):
				f.delete = append(f.delete, r.sid)
			case l.set.deleteAtTwilio:
				f.done = false // it is still being written down
			}
			f.got = append(f.got, r.sid)
		}
		if ctx.Err() != nil {
			connectors.Drop(f.parts)
			return b, found{}, ctx.Err()
		}
	}
	b.Messages = []message.Message{m}
	b.Changes = []message.Change{{Of: m.Key, Time: now(), Call: m.Call, Edit: &message.Message{Parts: f.parts, Text: f.words, Reply: f.words, Warnings: f.left}}}
	return b, f, nil
}

// settle notes what the hub now has, and deletes at Twilio what may go; false if
// something could not be deleted.
func (l *Line) settle(ctx context.Context, f found) bool {
	for _, sid := range f.got {
		l.holds(sid)
	}
	all := true
	for _, sid := range f.delete {
		all = l.delete(ctx, sid) && all
	}
	return all
}
