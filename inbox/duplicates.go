package inbox

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	"throughline/identity"
	"throughline/store"
	"throughline/timeline"
)

// Who may be the same person. A follower of the log compares each customer of whom
// something new is known with those who share something rare with him, some
// milliseconds after the commit and never in its way. What it finds are suggestions;
// two customers become one without asking only by an administrator's rule.

const (
	matchBucket = "duplicates"
	matchedKey  = "matched" // up to which sequence the log has been followed
	lookKey     = "look"    // the newest Look

	// matchBatch is how many customers are brought up to date, or compared, in one
	// transaction: some tens of milliseconds.
	matchBatch = 100
	// matchedEvery is after how many events without news the place is kept.
	matchedEvery = 2000
	// matchRetry is the pause after an error: the disk may be full.
	matchRetry = 30 * time.Second
)

// followPeople keeps suggestions up to date until ctx ends.
func (h *Hub) followPeople(ctx context.Context) {
	for ctx.Err() == nil {
		if err := h.followLog(ctx); err != nil && ctx.Err() == nil {
			h.log.Error("look for duplicates", "error", err)
			select {
			case <-time.After(matchRetry):
			case <-ctx.Done():
			}
		}
	}
}

func (h *Hub) followLog(ctx context.Context) error {
	var at uint64
	if err := h.Store.View(func(tx *store.Tx) error { at = h.upTo(tx); return nil }); err != nil {
		return err
	}
	// What an earlier process noticed and did not come to compare.
	if err := h.compareNoticed(ctx); err != nil {
		return err
	}
	kept := at
	for events, err := range h.Timeline.Tail(ctx, at) {
		if err != nil {
			return err
		}
		at = events[len(events)-1].Seq
		var ids []uint64
		if err := h.Store.View(func(tx *store.Tx) error {
			ids, err = h.aboutPeople(tx, events)
			return err
		}); err != nil {
			return err
		}
		if len(ids) == 0 && at-kept < matchedEvery {
			continue
		}
		if err := h.notice(ctx, ids, at); err != nil {
			return err
		}
		kept = at
		if err := h.compareNoticed(ctx); err != nil {
			return err
		}
	}
	return nil
}

// beginMatching says from where the log is followed: in a new hub from its beginning,
// so that this comes before the first message. A data folder of an earlier program is
// looked through as a whole.
func (h *Hub) beginMatching(ctx context.Context) error {
	return h.Store.Update(ctx, func(tx *store.Tx) error {
		if tx.GetValue(matchBucket, matchedKey) != nil {
			return nil
		}
		at := h.Timeline.Last(tx)
		if at > 0 {
			if err := h.putLook(tx, &Look{Started: tx.Now(), Phase: lookIndex}); err != nil {
				return err
			}
		}
		return tx.PutValue(matchBucket, matchedKey, []byte(strconv.FormatUint(at, 10)))
	})
}

// upTo is up to where the log has been followed.
func (h *Hub) upTo(tx *store.Tx) uint64 {
	at, err := strconv.ParseUint(string(tx.GetValue(matchBucket, matchedKey)), 10, 64)
	if err != nil {
		return 0
	}
	return at
}

// aboutPeople returns the records of customers of whom events tell something new.
func (h *Hub) aboutPeople(tx *store.Tx, events []timeline.Event) (ids []uint64, err error) {
	seen := map[uint64]bool{}
	add := func(id uint64) {
		if id != 0 && !seen[id] {
			seen[id] = true
			ids = append(ids, id)
		}
	}
	for _, e := range events {
		if e.Kind == timeline.CompanyChanged { // its name is known of all who belong to it
			people, err := h.peopleOf(tx, &e)
			if err != nil {
				return nil, err
			}
			for _, p := range people {
				add(p)
			}
			continue
		}
		news := strings.HasPrefix(e.Kind, "customer.") || strings.HasPrefix(e.Kind, "handle.")
		if e.Kind == timeline.MessageReceived || e.Kind == timeline.MessageQueued {
			var d arrivalData
			if e.Data != nil {
				_ = json.Unmarshal(e.Data, &d) // our own writing; else it tells nothing new
			}
			if news = d.NewCustomer || d.News; !news && e.Kind == timeline.MessageReceived {
				continue
			}
			e.Subjects = append(slices.Clone(e.Subjects), d.Whose)
		}
		for _, s := range append(slices.Clone(e.Subjects), e.Customer) {
			id := s
			if hd, err := h.Identity.Handle(tx, s); err == nil {
				id = hd.Customer
			} else if !errors.Is(err, store.ErrNotFound) {
				return nil, err
			}
			root, err := h.Identity.Root(tx, id)
			if errors.Is(err, store.ErrNotFound) {
				continue
			}
			if err != nil {
				return nil, err
			}
			// Whom we write to first, or hear of in a report, is new too.
			if news || h.Identity.Person(tx, root.ID) == nil {
				add(id)
				add(root.ID)
			}
		}
	}
	return ids, nil
}

// peopleOf are the customers who belong to the company an event is about.
func (h *Hub) peopleOf(tx *store.Tx, e *timeline.Event) (ids []uint64, err error) {
	var data struct {
		Company uint64 `json:"company"`
	}
	if e.Data == nil || json.Unmarshal(e.Data, &data) != nil {
		return nil, nil
	}
	members, err := h.Identity.PeopleOf(tx, data.Company)
	for _, m := range members {
		root, err := h.Identity.Root(tx, m.Customer)
		if err != nil {
			return nil, ignoreNotFound(err)
		}
		ids = append(ids, root.ID)
	}
	return ids, err
}

// comesLater tells that a pair of customers is compared when the turn of the other
// comes, so that each is compared once.
type comesLater func(tx *store.Tx, id, other uint64) bool

// compare finds out who customers may be. It reads in one transaction and writes,
// if there is anything to write, in another, with done if that is not nil. found
// counts new suggestions.
func (h *Hub) compare(ctx context.Context, ids []uint64, later comesLater, done func(tx *store.Tx) error) (found int, err error) {
	results := make(map[uint64][]identity.Found, len(ids))
	var todo []uint64
	if err := h.Store.View(func(tx *store.Tx) error {
		judging := h.Identity.Judging(tx)
		for _, id := range ids {
			if results[id], err = judging.Judge(id, func(other uint64) bool { return later(tx, id, other) }); err != nil {
				return err
			}
			if len(results[id]) > 0 || h.Identity.OpenSuggestions(tx, id) > 0 {
				todo = append(todo, id)
			}
		}
		return nil
	}); err != nil || len(todo) == 0 && done == nil {
		return 0, err
	}
	err = h.Store.Update(ctx, func(tx *store.Tx) error {
		found = 0
		changed := false
		for _, id := range todo {
			n, c, err := h.keepFound(tx, id, results[id], later)
			if err != nil {
				return err
			}
			found += n
			changed = changed || c
		}
		if done != nil {
			if err := done(tx); err != nil {
				return err
			}
		}
		if !changed {
			return nil
		}
		_, err := h.Timeline.Append(tx, timeline.Event{Kind: timeline.SuggestionChanged, Quiet: true,
			Data: eventData("open", h.Identity.CountSuggestions(tx, identity.SuggestionOpen))})
		return err
	})
	return found, err
}

// keepFound keeps what was found of one customer, as far as it still holds: others
// may have decided something meanwhile.
func (h *Hub) keepFound(tx *store.Tx, id uint64, found []identity.Found, later comesLater) (isNew int, changed bool, err error) {
	root, err := h.Identity.Root(tx, id)
	if err != nil || root.ID != id {
		return 0, false, ignoreNotFound(err)
	}
	kept := map[uint64]bool{}
	for _, f := range found {
		other, err := h.Identity.Root(tx, f.Other)
		if err != nil || other.ID != f.Other || other.ID == id {
			if ignoreNotFound(err) != nil {
				return 0, false, err
			}
			continue
		}
		if f.Rule != "" {
			again, merged, err := h.mergeByRule(tx, id, f.Other)
			if err != nil {
				return 0, false, err
			}
			if merged { // what else was found of the two is looked at again as one
				return isNew, true, nil
			}
			if again == nil { // what changed since speaks against it
				continue
			}
			f = *again
		}
		g, news, err := h.Identity.Suggest(tx, id, f.Other, f.Judgement)
		if err != nil {
			return 0, false, err
		}
		kept[f.Other] = g != nil // else something was decided of them since, or of who became one with them
		changed = changed || g != nil
		if news {
			isNew++
		}
	}
	gone, err := h.Identity.Forget(tx, id, func(other uint64) bool { return kept[other] || later(tx, id, other) })
	return isNew, changed || gone > 0, err
}

func ignoreNotFound(err error) error {
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	return err
}

// mergeByRule puts two customers together because an administrator said so. They are
// weighed once more in this transaction: since they were compared, one of them may have
// become one with somebody who speaks against it, and rules, marks and cards may have
// changed. again is what is found of them now, nil if nothing is.
func (h *Hub) mergeByRule(tx *store.Tx, id, other uint64) (again *identity.Found, merged bool, err error) {
	if err := errors.Join(h.noticeNow(tx, id), h.noticeNow(tx, other)); err != nil {
		return nil, false, err
	}
	f, err := h.Identity.Judging(tx).JudgePair(id, other)
	if err != nil || f == nil || f.Rule == "" {
		return f, false, err
	}
	// The pair keeps why.
	if _, _, err := h.Identity.Suggest(tx, id, other, f.Judgement); err != nil {
		return nil, false, err
	}
	d := identity.Decision{By: f.Rule, Time: tx.Now(), Reason: f.Reason, Confidence: f.Confidence}
	return f, true, h.merge(tx, 0, min(id, other), max(id, other), nil, d)
}

// merge joins two customers and tells it.
func (h *Hub) merge(tx *store.Tx, agent, into, other uint64, take []string, d identity.Decision) error {
	root, merged, err := h.Identity.Merge(tx, into, other, take, d)
	if err != nil {
		return linkError(err)
	}
	if _, err := h.Identity.Decide(tx, root.ID, merged.ID, identity.SuggestionSame, merged.ID, d); err != nil {
		return err
	}
	pairs := []any{"member", merged.ID, "reason", d.Reason}
	if agent == 0 {
		pairs = append(pairs, "rule", d.By)
	}
	return h.TellCustomer(tx, timeline.CustomerMerged, agent, root.ID, []uint64{merged.ID}, pairs...)
}

// unmerge parts two customers and tells it. What a rule had put together is not the
// same from now on; what a person had may be suggested again.
func (h *Hub) unmerge(tx *store.Tx, agent, member uint64, reason string) (split uint64, err error) {
	c, from, err := h.Identity.Unmerge(tx, member)
	if err != nil {
		return 0, linkError(err)
	}
	if err := h.Identity.Parted(tx, c.ID, h.decision(tx, agent, reason)); err != nil {
		return 0, err
	}
	return c.ID, h.TellCustomer(tx, timeline.CustomerUnmerged, agent, from, []uint64{c.ID}, "member", c.ID, "reason", reason)
}
