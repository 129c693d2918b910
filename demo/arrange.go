package demo

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/emersion/go-imap/v2"

	"throughline/identity"
	"throughline/inbox"
	"throughline/message"
	"throughline/preference"
	"throughline/store"
	"throughline/timeline"
)

// poisoned is the mail that its server fails to hand over, for a while.
type poisoned struct {
	box int
	uid imap.UID
}

// arrivalPatience is how long Live waits for more of the past before it begins
// anyway.
const arrivalPatience = time.Minute

// arrived waits until the hub has taken in the mails of the past.
func (w *World) arrived(ctx context.Context) error {
	return w.complete(ctx, func(tx *store.Tx) (missing int) {
		for box := range boxes {
			h := w.hub.Health(tx, accountIDs[box])
			missing += max(0, w.due[box]-h.Stored-h.Duplicate-h.Held)
		}
		return missing
	})
}

// complete waits until nothing is missing, which is asked after each commit.
func (w *World) complete(ctx context.Context, missing func(tx *store.Tx) int) error {
	wake, stop := w.hub.Store.Watch()
	defer stop()
	late := time.NewTimer(arrivalPatience)
	defer late.Stop()
	for least := math.MaxInt; ; {
		var left int
		if err := w.hub.Store.View(func(tx *store.Tx) error { left = missing(tx); return nil }); err != nil || left == 0 {
			return err
		}
		if left < least { // a slow machine, but it goes on
			least = left
			late.Reset(arrivalPatience)
		}
		select {
		case <-wake:
		case <-late.C:
			w.log.Warn("the demo's past is not complete")
			return nil
		case <-w.closing:
			return context.Canceled
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// placed is a conversation and what its messages belong to: one of the three, or
// none.
type placed struct {
	*inbox.Conversation
	thread *thread
	chat   *chat
	talk   *talk
}

// story is what is planned for a conversation, nil for one that is not of ours.
func (c placed) story() (p *plan, tag string) {
	switch {
	case c.thread != nil:
		return &c.thread.plan, c.thread.matter.tag
	case c.chat != nil:
		return &c.chat.plan, c.chat.matter.tag
	case c.talk != nil:
		return &c.talk.plan, c.talk.tag
	}
	return nil, ""
}

// open lists the newest open conversations, at most limit, with their threads.
func (w *World) open(limit int) (list []placed, err error) {
	err = w.hub.Store.View(func(tx *store.Tx) error {
		convs, _, err := w.hub.List(tx, inbox.ListQuery{View: inbox.ViewAll, Limit: limit})
		if err != nil {
			return err
		}
		for _, c := range convs {
			p, err := w.placeOf(tx, c)
			if err != nil {
				return err
			}
			list = append(list, p)
		}
		return nil
	})
	return list, err
}

// placeOf finds the thread of a conversation by its newest messages, or else the
// chat or the talk.
func (w *World) placeOf(tx *store.Tx, c *inbox.Conversation) (placed, error) {
	p := placed{Conversation: c}
	page, err := w.hub.Timeline.Conversation(tx, c.ID, timeline.Span{Limit: 20})
	if err != nil {
		return p, err
	}
	for _, e := range slices.Backward(page.Events) {
		if e.Message == 0 {
			continue
		}
		r, err := w.hub.Message(tx, e.Message)
		if err != nil {
			return p, err
		}
		if t := w.cast.threads[r.Ref]; t != nil {
			return placed{Conversation: c, thread: t}, nil
		}
		if p.chat == nil && p.talk == nil {
			p.chat, p.talk = w.cast.texts[r.Ref], w.slack.talks[r.Ref]
		}
	}
	return p, nil
}

// agent is the ID of a place in a plan.
func (w *World) agent(place int) uint64 {
	switch place {
	case nobody:
		return 0
	case visitor:
		return w.Visitor
	}
	return w.agents[place]
}

// work is what one change does to many conversations.
type work struct {
	actor, assignee uint64
	status, tag     string
	priority        string
	snooze          time.Duration
}

// arrange does what the agents have done before the visitor came.
func (w *World) arrange(ctx context.Context) error {
	list, err := w.open(2 * pastThreads)
	if err != nil {
		return err
	}
	// Alike changes of the desk go together: few transactions, and the lists settle
	// at once. What is done was done at its time.
	todo := map[work][]uint64{}
	var notes []placed
	for _, c := range list {
		job := work{actor: w.agents[0], status: inbox.Resolved, tag: "undeliverable"}
		if p, tag := c.story(); p != nil {
			job = work{actor: cmp.Or(w.agent(p.agent), w.agents[0]), assignee: w.agent(p.agent), status: cmp.Or(p.status, inbox.Resolved),
				tag: tag, priority: p.priority, snooze: p.snooze}
			if p.note != "" {
				notes = append(notes, c)
			}
		}
		if job.status == inbox.Resolved {
			if err := w.settle(ctx, c, job); err != nil {
				return fmt.Errorf("resolve a conversation: %w", err)
			}
			continue
		}
		todo[job] = append(todo[job], c.ID)
	}
	jobs := slices.SortedFunc(maps.Keys(todo), func(a, b work) int {
		return cmp.Or(strings.Compare(b.status, a.status), cmp.Compare(todo[a][0], todo[b][0]))
	})
	for _, job := range jobs {
		ch := inbox.Change{Status: &job.status, Tags: &[]string{job.tag}}
		if job.assignee != 0 {
			ch.Assignee = &job.assignee
		}
		if job.priority != "" {
			ch.Priority = &job.priority
		}
		if job.snooze > 0 {
			until := time.Now().Add(job.snooze).Truncate(time.Minute)
			ch.SnoozedUntil = &until
		}
		if err := w.hub.Change(ctx, job.actor, todo[job], ch); err != nil {
			return fmt.Errorf("arrange conversations: %w", err)
		}
	}
	for _, c := range notes {
		if _, err := w.hub.AddNote(ctx, w.agent(c.thread.plan.agent), c.ID, c.thread.fill.Replace(c.thread.plan.note)); err != nil {
			return fmt.Errorf("add a note: %w", err)
		}
	}
	if err := w.introduce(ctx); err != nil {
		return err
	}
	if err := w.relate(ctx); err != nil {
		return err
	}
	return w.fileAway(ctx)
}

// settle ends a conversation some hours after its last message, with its purpose where
// no rule gave one.
func (w *World) settle(ctx context.Context, c placed, job work) error {
	ch := inbox.Change{Status: &job.status, Tags: &[]string{job.tag}}
	if job.assignee != 0 {
		ch.Assignee = &job.assignee
	}
	if job.priority != "" {
		ch.Priority = &job.priority
	}
	if p := purposeOf(job.tag); c.Purpose == "" && p != "" && !slices.ContainsFunc(rules(), func(r preference.Rule) bool { return r.Tag == job.tag }) {
		ch.Purpose = &p
	}
	return w.hub.Change(store.At(ctx, c.Last.Add(w.cast.between(time.Hour, 20*time.Hour))), job.actor, []uint64{c.ID}, ch)
}

// introduce does what is known about customers: two records that are one person,
// and some cards filled in.
func (w *World) introduce(ctx context.Context) error {
	ids := map[string]uint64{}
	if err := w.hub.Store.View(func(tx *store.Tx) error {
		find := func(p person) {
			if h, ok := w.hub.Identity.Find(tx, message.NewHandle("mailto", p.address)); ok {
				ids[p.address] = h.Customer
			}
		}
		for _, p := range twoAddresses {
			find(p)
		}
		for _, l := range w.cast.langs {
			for _, p := range l.people {
				find(p)
			}
		}
		return nil
	}); err != nil {
		return err
	}
	if a, b := ids[twoAddresses[0].address], ids[twoAddresses[1].address]; a != 0 && b != 0 {
		if err := w.hub.Merge(ctx, w.agents[1], a, b, nil, false, "wrote from her shop about the same bicycle"); err != nil {
			return fmt.Errorf("merge customers: %w", err)
		}
	}
	for _, l := range w.cast.langs {
		for _, p := range l.people {
			id := ids[p.address]
			var edits []identity.Edit
			if p.company != "" {
				edits = append(edits, identity.Edit{Field: identity.FieldCompany, Value: p.company})
			}
			edits = append(edits, identity.Edit{Field: identity.FieldLanguage, Value: l.code})
			if id == 0 {
				continue
			}
			if err := w.hub.EditCard(ctx, w.agents[0], id, edits); err != nil {
				return fmt.Errorf("fill in a customer's card: %w", err)
			}
		}
	}
	return nil
}
