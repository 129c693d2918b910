package e2e

import (
	"fmt"
	"slices"

	"throughline/api"
)

// tokenOf finds what names a message in this test.
func tokenOf(m api.Message) string {
	if m.Direction == "out" {
		return replyToken.FindString(m.Reply)
	}
	return mailToken.FindString(m.Reply)
}

// settle waits until all that was posted is taken in and all that was written is
// sent, also what customers answer to it.
func (c *crash) settle() {
	c.t.Helper()
	// What is missing then is named by judge.
	if err := eventually("everything taken in and sent", func() error {
		c.post(0)
		a, err := c.admin.account("support")
		if err != nil {
			return err
		}
		if a.Health.Queued > 0 {
			// What was put off need not wait.
			if err := c.admin.call("POST", "/api/accounts/support/kick", nil, nil); err != nil {
				return err
			}
		}
		c.mu.Lock()
		want := len(c.planned) + len(c.answers)
		waiting := len(c.waiting)
		c.mu.Unlock()
		if in := a.Health.Stored + a.Health.Duplicate + a.Health.Held; in < want || a.Health.Queued > 0 || waiting > 0 {
			return fmt.Errorf("%d of %d mails are in, %d to post, %d replies to send; %s %s", in, want, waiting, a.Health.Queued, a.Health.State.Phase, a.Health.State.Detail)
		}
		return nil
	}); err != nil {
		c.t.Error(err)
	}
}

// tokens is how many different mails and replies there are.
func (c *crash) tokens() int {
	n := crashReplies + len(c.answers)
	for _, m := range c.planned {
		if m.token != "" {
			n++
		}
	}
	return n
}

// judge counts.
func (c *crash) judge() {
	t := c.t
	t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	want := map[string]string{} // token → thread
	copies := 0
	for _, m := range append(slices.Clone(c.planned), c.answers...) {
		if m.token == "" {
			copies++
			continue
		}
		want[m.token] = m.thread
	}
	rows := must[[]api.Row](t)(c.admin.rows("all"))
	place := map[string]uint64{} // thread → conversation
	times := map[string]int{}    // token → how often
	foreign, empty, unsent := 0, 0, 0
	for _, r := range rows {
		all := messages(must[[]api.Entry](t)(c.admin.entries(r.ID)))
		if len(all) == 0 {
			empty++
		}
		if len(all) != r.Messages {
			t.Errorf("conversation %d says %d messages and has %d", r.ID, r.Messages, len(all))
		}
		for _, m := range all {
			token, thread := tokenOf(m), threadToken.FindString(m.Reply)
			times[token]++
			if first, ok := place[thread]; !ok {
				place[thread] = r.ID
			} else if first != r.ID {
				foreign++
				if foreign <= 10 {
					t.Errorf("%s of %s lies in conversation %d, others of it in %d", token, thread, r.ID, first)
				}
			}
			if m.Direction == "in" && want[token] != thread {
				t.Errorf("message %d is %q of %q, which nobody wrote", m.ID, token, thread)
			}
			if m.Direction == "out" && m.Delivery.Status != "sent" {
				unsent++
			}
		}
	}
	// Two threads in one conversation.
	byPlace := map[uint64]int{}
	for _, id := range place {
		if byPlace[id]++; byPlace[id] == 2 {
			foreign++
			t.Errorf("conversation %d holds several threads", id)
		}
	}
	lost, doubled := 0, 0
	for token := range want {
		switch n := times[token]; {
		case n == 0:
			lost++
			t.Errorf("%s of %s is lost", token, want[token])
		case n > 1:
			doubled++
			t.Errorf("%s is there %d times", token, n)
		}
	}
	again := 0
	for i := range crashReplies {
		token := fmt.Sprintf("reply-%05d", i)
		if times[token] != 1 {
			t.Errorf("%s is there %d times", token, times[token])
		}
		ids := c.wire[token]
		if len(ids) == 0 {
			t.Errorf("%s never came to the SMTP server", token)
			continue
		}
		again += len(ids) - 1
		if slices.Sort(ids); len(slices.Compact(ids)) != 1 {
			t.Errorf("%s went out under several names: %v", token, ids)
		}
	}
	names := map[string]string{}
	for token, ids := range c.wire {
		if other, ok := names[ids[0]]; ok && other != token {
			t.Errorf("%s and %s went out under one name", token, other)
		}
		names[ids[0]] = token
	}
	if c.resets == 0 {
		for token := range times {
			if c.streamed[token] != 1 {
				t.Errorf("%s was in the live stream %d times", token, c.streamed[token])
			}
		}
	}
	a := must[api.Account](t)(c.admin.account("support"))
	if a.Health.Held != 0 || a.Health.Stored != len(want) || a.Health.Duplicate < copies {
		t.Errorf("the account counts %d stored, %d duplicate, %d held; want %d, at least %d, 0", a.Health.Stored, a.Health.Duplicate, a.Health.Held, len(want), copies)
	}
	t.Logf("%d mails in (%d copies, %d answers of customers) in %d conversations: %d lost, %d doubled, %d in a wrong conversation, %d empty", len(want), copies, len(c.answers), len(rows), lost, doubled, foreign, empty)
	t.Logf("%d replies: %d not sent, %d sent again under the same name; %d faults of the SMTP server, %d resets of the stream", crashReplies, unsent, again, c.faults, c.resets)
	if empty > 0 || unsent > 0 {
		t.Errorf("%d conversations are empty, %d replies are not sent", empty, unsent)
	}
}
