package preference

import (
	"slices"
	"time"
)

// Contact is one message between a person and us as it counts; its ID is that of the
// message. It is derived: from the message, its conversation, the person's language,
// and the messages before and after it in the conversation.
//
// A turn is a run of messages of one side. The last message of a turn speaks for it:
// whether the other side answered, and after how long.
type Contact struct {
	ID           uint64    `json:"-"`
	Conversation uint64    `json:"c"`
	Time         time.Time `json:"t"`
	Out          bool      `json:"o,omitempty"`
	Channel      string    `json:"h"`
	Handle       uint64    `json:"a,omitempty"`
	Whose        uint64    `json:"k,omitempty"` // the customer record whose it is, if it is not the owner's of Handle
	Agent        uint64    `json:"g,omitempty"` // who wrote it; of an incoming one who has the conversation
	Failed       bool      `json:"f,omitempty"`
	Settled      bool      `json:"s,omitempty"`
	Advised      string    `json:"d,omitempty"`
	By           string    `json:"y,omitempty"`
	Purpose      string    `json:"p,omitempty"`
	Team         uint64    `json:"m,omitempty"` // of the conversation
	Tags         []string  `json:"x,omitempty"`
	Language     string    `json:"l,omitempty"`

	// From the messages around it.
	Turn     time.Time `json:"u"`           // when its turn began
	Lead     bool      `json:"e,omitempty"` // the other side has not spoken before
	First    bool      `json:"1,omitempty"` // of the conversation
	Over     string    `json:"v,omitempty"` // the channel of the message before, if it was another
	Waits    bool      `json:"w,omitempty"` // its turn counts as one that wants an answer
	Answer   uint64    `json:"n,omitempty"` // the message that answered its turn
	After    int64     `json:"i,omitempty"` // seconds until then
	Resolved int64     `json:"r,omitempty"` // of a First: seconds until the conversation was resolved, plus 1

	// Erased says that whose it was has been erased: it stands as it was counted then,
	// since nothing is left to count it from.
	Erased bool `json:"z,omitempty"`
}

// Subject is on what c stands: the handle, or the customer record if somebody said
// that it is not from the owner of the handle.
func (c *Contact) Subject() uint64 {
	if c.Whose != 0 {
		return c.Whose
	}
	return c.Handle
}

// answerWithin is how late an answer may come to count as one.
const answerWithin = 14 * 24 * time.Hour

func (c *Contact) equal(o *Contact) bool {
	a, b := *c, *o
	a.Tags, b.Tags = nil, nil
	a.ID, b.ID = 0, 0
	ta, tb, ua, ub := a.Time, b.Time, a.Turn, b.Turn
	a.Time, b.Time, a.Turn, b.Turn = time.Time{}, time.Time{}, time.Time{}, time.Time{}
	return ta.Equal(tb) && ua.Equal(ub) && slices.Equal(c.Tags, o.Tags) &&
		a.Conversation == b.Conversation && a.Out == b.Out && a.Channel == b.Channel && a.Handle == b.Handle && a.Whose == b.Whose && a.Agent == b.Agent && a.Team == b.Team &&
		a.Failed == b.Failed && a.Settled == b.Settled && a.Advised == b.Advised && a.By == b.By && a.Purpose == b.Purpose &&
		a.Language == b.Language && a.Lead == b.Lead && a.First == b.First && a.Over == b.Over && a.Waits == b.Waits &&
		a.Answer == b.Answer && a.After == b.After && a.Resolved == b.Resolved && a.Erased == b.Erased
}

// derive fills in what follows from the conversation and the messages around c, each
// nil if there is none.
func (c *Contact) derive(before, next *Contact, m *Matter) {
	c.Purpose, c.Tags, c.Team = m.Purpose, m.Tags, m.Team
	if !c.Out {
		c.Agent = m.Assignee
	}
	c.Turn, c.Lead, c.First, c.Over = c.Time, before == nil, before == nil, ""
	if before != nil {
		if before.Out == c.Out {
			c.Turn, c.Lead = before.Turn, before.Lead
		}
		if before.Channel != c.Channel {
			c.Over = before.Channel
		}
	}
	c.Resolved = 0
	if c.First && !m.Resolved.IsZero() && !m.Resolved.Before(c.Time) {
		c.Resolved = int64(m.Resolved.Sub(c.Time)/time.Second) + 1
	}
	c.Waits, c.Answer, c.After = false, 0, 0
	if next != nil && next.Out == c.Out || c.Settled {
		return // not the last of its turn, or nothing to answer
	}
	if next != nil {
		since := c.Time
		if !c.Out {
			since = c.Turn // a person waits from his first word on
		}
		if after := next.Time.Sub(since); after <= answerWithin {
			c.Answer, c.After = next.ID, max(0, int64(after/time.Second))
		}
		c.Waits = true
		return
	}
	// Nobody answered. What was resolved so needed nothing more, unless it is we
	// who began and nobody ever said a word.
	c.Waits = m.Resolved.IsZero() || c.Out && c.Lead || c.Failed
}
