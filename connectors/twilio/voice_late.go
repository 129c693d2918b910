package twilio

import (
	"context"
	"encoding/json"
	"strings"

	"throughline/connectors"
	"throughline/message"
)

// Recordings of conversations that are still to come. A call of ours has no entry of
// its own in Twilio's list, only its legs have: what is late of it is remembered by
// the name of the call in our addresses and, where it is known, the recording.

// lateTalk is how a late recording of a conversation is remembered; without a SID it
// is whatever was recorded of the call.
func lateTalk(of, sid string) string { return of + "/" + sid }

// expectTalks has the recordings of a call of ours looked for when it is over, in case no
// request tells of them. It is noted while the call goes on: from its end on nothing but
// the note leads to them, and the program may be killed in that moment.
func (l *Line) expectTalks(of string) {
	if l.set.recordCalls && !callForm.MatchString(of) {
		l.core.comesLate(lateTalk(of, ""))
	}
}

// find asks Twilio for what is late.
func (w *watching) find(ctx context.Context, late string) (b connectors.Batch, f found, err error) {
	if of, sid, talk := strings.Cut(late, "/"); talk {
		return w.line.talks(ctx, of, sid)
	}
	var raw json.RawMessage
	if err := w.get(ctx, w.path("/Calls/"+late+".json"), &raw); err != nil {
		return b, f, err
	}
	return w.line.news(ctx, raw)
}

// talks fetches the recordings of a call's conversation, or one of them.
func (l *Line) talks(ctx context.Context, of, sid string) (b connectors.Batch, f found, err error) {
	name, ok := callName(of)
	if !ok {
		return b, found{done: true}, nil
	}
	list := []recording{{sid: sid, call: of, talk: true}}
	waiting := false
	if sid == "" {
		if list, waiting, f.early, err = l.ofCall(ctx, name, of); err != nil || f.early {
			return b, f, err
		}
	}
	f.done = !waiting
	for _, r := range list {
		left, missing := "", false
		if !l.has(r.sid) {
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
		}
		f.got = append(f.got, r.sid)
		if l.set.deleteAtTwilio {
			f.delete = append(f.delete, r.sid)
		}
	}
	if ctx.Err() != nil {
		connectors.Drop(f.parts)
		return b, found{}, ctx.Err()
	}
	if len(f.parts)+len(f.left) > 0 {
		b.Changes = []message.Change{{Of: name, Time: now(), Call: &message.Call{}, Edit: &message.Message{Parts: f.parts, Warnings: f.left}}}
	}
	return b, f, nil
}

// neverCame tells people of recordings that are not looked for any more.
func neverCame(late string, sids []string) (b connectors.Batch) {
	of, _, _ := strings.Cut(late, "/")
	name, ok := callName(of)
	if !ok || len(sids) == 0 {
		return b
	}
	edit := &message.Message{}
	for _, sid := range sids {
		edit.Warnings = append(edit.Warnings, leftAtTwilio(sid, "it could not be fetched"))
	}
	b.Changes = []message.Change{{Of: name, Time: now(), Call: &message.Call{}, Edit: edit}}
	return b
}

// ofCall lists what was recorded of a call of ours: by its legs while it was a plain
// one, and by its conference. early tells that the call goes on.
func (l *Line) ofCall(ctx context.Context, name, of string) (list []recording, waiting, early bool, err error) {
	if l.core.host.Desk == nil {
		return nil, false, false, nil
	}
	m, err := l.core.host.Desk.Call(ctx, name)
	if err != nil || m.Call == nil || !m.Call.Over() {
		return nil, false, err == nil && m.Call != nil, err
	}
	for _, leg := range m.Call.Legs {
		if leg.Ref == "" || leg.Answered.IsZero() {
			continue
		}
		some, more, err := l.recordings(ctx, leg.Ref)
		if err != nil {
			return nil, false, false, err
		}
		for _, r := range some {
			r.call, r.talk = of, true
			list = append(list, r)
		}
		waiting = waiting || more
	}
	talks, more, err := l.conversations(ctx, of)
	return append(list, talks...), waiting || more, false, err
}
