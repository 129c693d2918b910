package notify

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"

	"throughline/connectors"
	"throughline/inbox"
	"throughline/message"
	"throughline/store"
)

// maxPreview is how much of a message a notice shows, in characters.
const maxPreview = 280

// postDue posts and changes what is due, and tells how long nothing else is.
func (n *Notify) postDue(ctx context.Context) (time.Duration, error) {
	for ctx.Err() == nil {
		var id uint64
		wait := time.Hour
		err := n.hub.Store.View(func(tx *store.Tx) error {
			for e := range n.notices.Scan(tx, store.Range{Index: "due"}) {
				t, err := n.notices.Get(tx, e.ID)
				if err != nil {
					return err
				}
				if left := time.Until(t.Due); left > 0 {
					wait = min(wait, left)
				} else {
					id = e.ID
				}
				break
			}
			return nil
		})
		if err != nil || id == 0 {
			return wait, err
		}
		if err := n.attempt(ctx, id); err != nil {
			return 0, err
		}
	}
	return 0, ctx.Err()
}

// attempt posts or changes one notice. That it is made is written before.
func (n *Notify) attempt(ctx context.Context, id uint64) error {
	var t *Notice
	var text connectors.Notice
	var tried time.Time
	ready := false
	err := n.hub.Store.Update(ctx, func(tx *store.Tx) (err error) {
		ready = false
		if t, err = n.notices.Get(tx, id); err != nil {
			return err
		}
		done := false
		if text, done, err = n.words(tx, t); err != nil {
			return err
		}
		switch {
		case t.Ref == "" && (text.Title == "" || tx.Now().Sub(t.Created) > giveUp):
			t.Due, t.Closed = time.Time{}, tx.Now() // nobody wants it any more
		case t.Ref != "" && (text.Title == "" || digest(text) == t.Shown):
			t.Due = time.Time{}
			if done || text.Title == "" {
				t.Closed = tx.Now()
			}
		default:
			ready, tried = true, t.Tried
			t.Due = tx.Now().Add(n.limits.again)
			if t.Ref == "" && t.Tried.IsZero() {
				t.Tried = tx.Now()
			}
		}
		return n.notices.Put(tx, id, t)
	})
	if err != nil || !ready {
		return err
	}
	ref, postErr := n.post(ctx, t, text, tried)
	if ctx.Err() != nil && postErr != nil {
		return ctx.Err() // the next start asks what became of it
	}
	return n.hub.Store.Update(context.WithoutCancel(ctx), func(tx *store.Tx) error {
		t, err := n.notices.Get(tx, id)
		if err != nil {
			return err
		}
		if postErr != nil {
			n.failed(tx, t, postErr, tried.IsZero())
			return n.notices.Put(tx, id, t)
		}
		t.Ref, t.Shown, t.Tried, t.Tries, t.Error, t.Due = ref, digest(text), time.Time{}, 0, "", time.Time{}
		if !tried.IsZero() {
			t.Shown = "" // it may be that of the former attempt, with what there was to say then
		}
		now, done, err := n.words(tx, t)
		if err != nil {
			return err
		}
		switch {
		case now.Title == "" || done && digest(now) == t.Shown:
			t.Closed = tx.Now()
		case digest(now) != t.Shown: // it went on meanwhile
			t.Due = tx.Now().Add(n.limits.settle)
		}
		return n.notices.Put(tx, id, t)
	})
}

// post lets the connector work; a panic in it is a failed attempt.
func (n *Notify) post(ctx context.Context, t *Notice, text connectors.Notice, tried time.Time) (ref string, err error) {
	to, ok := n.hub.Notifier(t.Account)
	if !ok {
		return "", &connectors.SendError{Class: connectors.Retry, Reason: errOff}
	}
	defer func() {
		if p := recover(); p != nil {
			err = &connectors.SendError{Class: connectors.Unsure, Reason: "the connector failed while posting", Err: fmt.Errorf("panic: %v", p)}
		}
	}()
	if t.Ref != "" {
		return t.Ref, to.UpdateNotice(ctx, t.Ref, text)
	}
	return to.PostNotice(ctx, t.Place, text, tried)
}

// failed decides what comes of a failed attempt. first tells that there was none of
// unclear outcome before.
func (n *Notify) failed(tx *store.Tx, t *Notice, why error, first bool) {
	var se *connectors.SendError
	if !errors.As(why, &se) {
		se = &connectors.SendError{Reason: why.Error()}
	}
	t.Error = se.Error()
	wait := min(n.limits.retry<<min(t.Tries, 10), retryMost)
	t.Tries++
	switch {
	case se.Class == connectors.Reject || se.Class == connectors.OptOut:
		t.Due, t.Closed = time.Time{}, tx.Now()
		n.log.Warn("a notice is given up", "account", t.Account, "reason", t.Error)
		return
	case se.Class == connectors.Unsure:
		wait = max(wait, n.limits.again)
	case se.Class == connectors.AccountFault:
		wait = retryMost
	}
	if se.Class != connectors.Unsure && first {
		t.Tried = time.Time{} // it certainly was not posted
	}
	t.Due = tx.Now().Add(max(wait, se.After))
}

// digest tells whether two notices read the same.
func digest(n connectors.Notice) string {
	sum := sha256.Sum256([]byte(strings.Join([]string{n.Title, n.Text, n.State, n.Link, n.Button}, "\x00")))
	return hex.EncodeToString(sum[:8])
}

// words are a notice as it has to read now; without a title it is wanted no more.
// done tells that nothing will change.
func (n *Notify) words(tx *store.Tx, t *Notice) (out connectors.Notice, done bool, err error) {
	gone := func(err error) (connectors.Notice, bool, error) {
		if errors.Is(err, store.ErrNotFound) {
			err = nil
		}
		return connectors.Notice{}, true, err
	}
	if t.Erased {
		return n.erased(tx, t), true, nil
	}
	r, err := n.rules.Get(tx, t.Rule)
	if err != nil {
		return gone(err)
	}
	c, err := n.hub.Conversation(tx, t.Conversation)
	if err != nil {
		return gone(err)
	}
	who, err := n.customer(tx, c)
	if err != nil {
		return gone(err)
	}
	agents, err := n.agents(tx)
	if err != nil {
		return out, false, err
	}
	w := r.words()
	out = connectors.Notice{
		Key: t.key(), Title: fill(w.title[t.Event], "name", who, "agent", agents[t.Agent], "time", w.span(r.After)),
		Button: w.open, Link: fmt.Sprintf("%s/#/inbox/all/%d", n.url(), c.ID),
	}
	var lines []string
	if c.Subject != "" && r.Preview {
		lines = append(lines, cut(c.Subject, maxPreview))
	}
	m, err := n.hub.Message(tx, t.Message)
	switch {
	case errors.Is(err, store.ErrNotFound):
	case err != nil:
		return out, false, err
	case t.Event == OnFailed:
		d, err := n.hub.Delivery(tx, m.ID)
		if err != nil {
			return gone(err)
		}
		if d.Status != message.Failed && d.Status != message.Unsure {
			out.State, done = w.sent, d.Status != message.Queued && d.Status != message.Sending
			if !done {
				out.State = ""
			}
		} else {
			lines = append(lines, cut(d.Reason, maxPreview))
		}
	case r.Preview && m.Deleted.IsZero():
		lines = append(lines, cut(cmp.Or(strings.TrimSpace(m.Reply), m.Text), maxPreview))
	}
	if t.Note != 0 && r.Preview {
		if note, err := n.hub.Note(tx, t.Note); err == nil {
			lines = append(lines, cut(note.Text, maxPreview))
		}
	}
	out.Text = strings.Join(lines, "\n")
	state := []string{n.accountName(tx, c.Account)}
	if c.Assignee != 0 {
		state = append(state, fill(w.assigned, "agent", agents[c.Assignee]))
	}
	if out.State != "" {
		state = append(state, out.State)
	}
	switch {
	case c.Status == inbox.Resolved:
		state, done = append(state, w.resolved), true
	case c.Answered.After(t.Created):
		state = append(state, w.answered)
	}
	out.State = strings.Join(state, " · ")
	return out, done || tx.Now().Sub(t.Created) > follow, nil
}

// customer names whose matter a conversation is.
func (n *Notify) customer(tx *store.Tx, c *inbox.Conversation) (string, error) {
	owner, err := n.hub.Owner(tx, c)
	if err != nil {
		return "", err
	}
	root, err := n.hub.Identity.Root(tx, owner)
	if err != nil {
		return "", err
	}
	return cmp.Or(root.Name, n.hub.Identity.DisplayName(tx, root)), nil
}

func (n *Notify) accountName(tx *store.Tx, id string) string {
	list, err := n.hub.Accounts.ListTx(tx)
	for _, a := range list {
		if err == nil && a.ID == id && a.Name != "" {
			return a.Name
		}
	}
	return id
}

// cut is the beginning of a text on one line.
func cut(s string, most int) string {
	r := []rune(strings.Join(strings.Fields(s), " "))
	if len(r) > most {
		return string(r[:most-1]) + "…"
	}
	return string(r)
}
