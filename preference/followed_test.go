package preference

import (
	"testing"
	"time"

	"throughline/store"
)

// TestFollowedIsOfEachMessage: every message of ours that goes over another channel
// than the customer asked for counts, whatever came before it in its turn and whether
// or not it wants an answer; and it counts the same when all is counted anew.
func TestFollowedIsOfEachMessage(t *testing.T) {
	q := BoardQuery{From: "2026-03-01", To: "2026-03-31"}
	in := func(channel string) Fact { return Fact{Channel: channel} }
	out := func(channel string) Fact {
		return Fact{Channel: channel, Out: true, Agent: 7, Advised: "sms", By: Stated}
	}
	for _, x := range []struct {
		name     string
		say      []Fact
		resolved bool
		want     Follow
	}{
		{"they write against their own wish, we answer there twice", []Fact{in("email"), out("email"), out("email")}, false,
			Follow{Deviated: 2, DeviatedReached: 1}},
		{"and it is resolved", []Fact{in("email"), out("email"), out("email")}, true, Follow{Deviated: 2}},
		{"the second over theirs", []Fact{in("email"), out("email"), out("sms")}, false, Follow{Followed: 1, FollowedReached: 1, Deviated: 1}},
		{"the first over theirs", []Fact{in("email"), out("sms"), out("email"), in("sms")}, false,
			Follow{Followed: 1, Deviated: 1, DeviatedReached: 1, DeviatedReplied: 1}},
		{"over theirs, answered", []Fact{in("email"), out("sms"), in("sms")}, true, Follow{Followed: 1, FollowedReached: 1, FollowedReplied: 1}},
	} {
		t.Run(x.name, func(t *testing.T) {
			o := newOffice(t)
			h, customer := o.person(t, "mailto:ann@example.org")
			c := o.matter(t, h)
			for _, f := range x.say {
				o.now = o.now.Add(time.Hour)
				f.Conversation, f.Handle = c, h
				o.say(t, f, "")
				o.catchUp(t)
			}
			if x.resolved {
				o.now = o.now.Add(time.Hour)
				o.resolve(t, c)
			}
			o.catchUp(t)
			x.want.Source = Stated
			look := func(when string) {
				o.view(t, func(tx *store.Tx) error {
					b, err := o.p.Board(tx, q)
					if err != nil {
						return err
					}
					got := b.Follow[0]
					got.FollowedTime, got.DeviatedTime = 0, 0
					if got != x.want {
						t.Errorf("%s: %+v, want %+v", when, got, x.want)
					}
					who, err := o.p.Unheeded(tx, q, 10)
					if n := x.want.Deviated; err != nil || n > 0 && (len(who) != 1 || who[0].Customer != customer || int64(who[0].Count) != n) || n == 0 && len(who) != 0 {
						t.Errorf("%s: not followed: %+v, %v", when, who, err)
					}
					return nil
				})
			}
			o.bothWays(t, look)
		})
	}
}

// TestStopIsNoAnswer: what somebody writes to the machine answers nothing, opens
// nothing and teaches no channel.
func TestStopIsNoAnswer(t *testing.T) {
	o := newOffice(t)
	h, customer := o.person(t, "tel:+447700900001")
	c := o.matter(t, h)
	o.say(t, Fact{Conversation: c, Handle: h, Channel: "sms", Out: true, Agent: 7, Advised: "sms", By: Learned}, "an offer")
	o.now = o.now.Add(time.Minute)
	o.word(t, Fact{Conversation: c, Handle: h, Channel: "sms"})
	o.catchUp(t)
	look := func(when string) {
		o.view(t, func(tx *store.Tx) error {
			b, err := o.p.Board(tx, BoardQuery{From: "2026-03-01", To: "2026-03-31"})
			if err != nil {
				return err
			}
			if x := b.Total; x.In != 0 || x.Asked != 0 || x.Reached != 1 || x.Replied != 0 || b.Follow[2].FollowedReplied != 0 {
				t.Errorf("%s: %+v, %+v", when, x, b.Follow)
			}
			habits, err := o.p.Habits(tx, customer, "")
			if err != nil || len(habits) != 1 || habits[0].Replied != 0 || habits[0].Chosen != 0 || habits[0].Median != -1 {
				t.Errorf("%s: habits %+v, %v", when, habits, err)
			}
			return nil
		})
	}
	o.bothWays(t, look)
}

// TestCountedAnotherWay: what a former version counted is thrown away and counted
// anew, once.
func TestCountedAnotherWay(t *testing.T) {
	o := newOffice(t)
	h, _ := o.person(t, "tel:+447700900001")
	c := o.matter(t, h)
	id := o.say(t, Fact{Conversation: c, Handle: h, Channel: "sms"}, "hello")
	o.catchUp(t)
	want := o.dump(t)
	o.update(t, func(tx *store.Tx) error {
		x, err := o.p.contacts.Get(tx, id)
		if err != nil {
			return err
		}
		x.Failed = true // as if it had been counted so once
		if err := o.p.contacts.Put(tx, id, x); err != nil {
			return err
		}
		return tx.PutValue(followBucket, shapeKey, []byte("2 UTC"))
	})
	for _, when := range []string{"the first time", "the second"} {
		if err := o.p.reshape(t.Context()); err != nil {
			t.Fatal(err)
		}
		if when != "the first time" && o.dump(t) != want {
			t.Errorf("%s: counted is\n%s", when, o.dump(t))
		}
		o.catchUp(t)
		if got := o.dump(t); got != want {
			t.Errorf("%s: counted is\n%swant\n%s", when, got, want)
		}
	}
}
