package inbox

import (
	"context"
	"maps"
	"slices"

	"throughline/message"
	"throughline/store"
	"throughline/timeline"
)

// findings are all that is of somebody, or leads to him. They are looked for in all
// that there is, in short views, before the transactions that erase.
type findings struct {
	subjects      []uint64 // his records and addresses at that time
	at            uint64   // the end of the log before the first look
	messages      []uint64 // his
	others        []uint64 // others' messages, that name or quote him
	events        []uint64 // that may name him, or tell of a note
	conversations []uint64 // his, and others' in which he stands
	among         []uint64 // others', of which he is a participant
	linked        []uint64 // records from which addresses came to him
	news          []uint64 // his, for items that have not come
	lastNews      uint64   // what came later was not looked at
	answered      []string // keys of automatic answers to him
	// lines are the subjects that he wrote first, of others' conversations.
	lines map[uint64]map[string]bool
	tags  map[string]bool // of his conversations: whether others' have them too
	// names are those under which he wrote from others' addresses, by the number of the
	// handle: whether others use them there too.
	names map[uint64]map[string]bool
}

// find looks through all conversations and messages: what was sent to him too, or has
// a sign of his, stands on nobody's timeline but the addressee's.
func (h *Hub) find(ctx context.Context, customer uint64) (*findings, error) {
	f := &findings{lines: map[uint64]map[string]bool{}, tags: map[string]bool{}, names: map[uint64]map[string]bool{}}
	var e *eraser
	if err := h.Store.View(func(tx *store.Tx) (err error) {
		f.at = h.Timeline.Last(tx)
		e, err = h.eraser(tx, customer, nil)
		return err
	}); err != nil {
		return nil, err
	}
	f.subjects, e.found = e.subjects, f
	for _, look := range []func(context.Context, *eraser) error{f.inConversations, f.inMessages, f.inLog, f.inRest} {
		if err := look(ctx, e); err != nil {
			return nil, err
		}
	}
	return f, nil
}

// inConversations looks for his, and for the tags that only they have.
func (f *findings) inConversations(ctx context.Context, e *eraser) error {
	if err := pages(ctx, e.Store, e.conversations, func(_ *store.Tx, id uint64, c *Conversation) error {
		if !e.ownsThis(c) {
			if slices.ContainsFunc(c.Participants, func(p message.Person) bool { return e.is(p.Handle) }) {
				f.among = append(f.among, id)
			}
			return nil
		}
		e.own[id] = true
		f.conversations = append(f.conversations, id)
		for _, tag := range c.Tags {
			f.tags[tag] = false
		}
		return nil
	}); err != nil {
		return err
	}
	e.all = true
	for tag := range f.tags {
		if err := e.Store.View(func(tx *store.Tx) (err error) {
			f.tags[tag], err = e.others(tx, tag)
			return err
		}); err != nil {
			return err
		}
	}
	return nil
}

// inMessages looks for those that are his, name him, or repeat what he wrote.
func (f *findings) inMessages(ctx context.Context, e *eraser) error {
	if err := pages(ctx, e.Store, e.messages, func(_ *store.Tx, id uint64, r *Record) error {
		his, err := e.his(r)
		switch {
		case err != nil:
			return err
		case !his && e.named(r):
			f.others = append(f.others, id)
		case his:
			if !r.Erased || e.named(r) {
				f.messages = append(f.messages, id)
			}
			f.lent(e, r)
			if !e.own[r.Conversation] && f.lines[r.Conversation] == nil {
				f.lines[r.Conversation] = map[string]bool{}
			}
		}
		return nil
	}); err != nil {
		return err
	}
	for id := range f.lines {
		if err := f.joined(ctx, e, id); err != nil {
			return err
		}
	}
	slices.Sort(f.others)
	f.others = slices.Compact(f.others)
	return f.usedByOthers(ctx, e)
}

// inLog looks through his timeline and his conversations.
func (f *findings) inLog(ctx context.Context, e *eraser) error {
	others := map[uint64]bool{}
	for _, id := range f.among {
		others[id] = true
	}
	add := func(ev *timeline.Event) {
		if ev.Data != nil || ev.Note != 0 {
			f.events = append(f.events, ev.Seq)
		}
		if ev.Conversation != 0 && !e.own[ev.Conversation] {
			others[ev.Conversation] = true
		}
		if ev.Kind == timeline.HandleLinked {
			f.linked = append(f.linked, ev.Subjects...)
		}
	}
	if err := e.walk(ctx, e.Timeline.Subjects, f.subjects, add); err != nil {
		return err
	}
	for _, id := range f.conversations {
		if err := e.walk(ctx, func(tx *store.Tx, ids []uint64, s timeline.Span) (timeline.Page, error) {
			return e.Timeline.Conversation(tx, ids[0], s)
		}, []uint64{id}, add); err != nil {
			return err
		}
	}
	slices.Sort(f.events)
	slices.Sort(f.linked)
	f.events, f.linked = slices.Compact(f.events), slices.Compact(f.linked)
	f.conversations = slices.AppendSeq(f.conversations, maps.Keys(others))
	return nil
}

// walk calls fn for every event of a timeline, the newest first.
func (e *eraser) walk(ctx context.Context, page func(*store.Tx, []uint64, timeline.Span) (timeline.Page, error), of []uint64, fn func(ev *timeline.Event)) error {
	for s := (timeline.Span{Limit: erasePace}); ; {
		if err := ctx.Err(); err != nil {
			return err
		}
		var p timeline.Page
		if err := e.Store.View(func(tx *store.Tx) (err error) {
			p, err = page(tx, of, s)
			return err
		}); err != nil {
			return err
		}
		for i := range p.Events {
			fn(&p.Events[i])
		}
		if s.Before = p.Before; s.Before == 0 {
			return nil
		}
	}
}

// inRest looks for news of his and automatic answers to him.
func (f *findings) inRest(ctx context.Context, e *eraser) error {
	if err := pages(ctx, e.Store, e.early, func(tx *store.Tx, id uint64, n *early) error {
		f.lastNews = id
		if e.isNews(tx, n) {
			f.news = append(f.news, id)
		}
		return nil
	}); err != nil {
		return err
	}
	after := ""
	for more := true; more; {
		if err := ctx.Err(); err != nil {
			return err
		}
		more = false
		if err := e.Store.View(func(tx *store.Tx) error {
			n := 0
			for key := range tx.ValuesAfter(automaticBucket, after) {
				if after = key; e.answeredBy(key) {
					f.answered = append(f.answered, key)
				}
				if n++; n == checkPage {
					more = true
					break
				}
			}
			return nil
		}); err != nil {
			return err
		}
	}
	return nil
}
