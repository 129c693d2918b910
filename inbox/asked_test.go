package inbox

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"throughline/connectors"
	"throughline/message"
	"throughline/store"
)

// asks lets a customer wait for those whom he chose in the menu.
func (w *world) asks(n string, alone time.Duration, names ...string) string {
	w.t.Helper()
	of := w.rings(n)
	w.tells(of, message.Call{Asked: names, Alone: time.Now().UTC().Add(alone)})
	return of
}

// Whom the caller asked for is rung first, the others after a while, or when none of
// the first is there for it.
func TestAskedFirst(t *testing.T) {
	for name, tt := range map[string]struct {
		ready []uint64
		team  []uint64 // the agents of the team "Workshop"
		asked []string
		alone time.Duration
		first []uint64 // at whom it rings at once
		then  []uint64 // and after alone
	}{
		"two of three":      {[]uint64{7, 8, 9}, nil, []string{"agent8@example.com", "agent9@example.com"}, 20 * time.Second, []uint64{8, 9}, []uint64{7}},
		"none of them":      {[]uint64{7}, nil, []string{"agent8@example.com"}, 20 * time.Second, []uint64{7}, nil},
		"nobody known":      {[]uint64{7}, nil, []string{"who@elsewhere.example.com"}, 20 * time.Second, []uint64{7}, nil},
		"a team":            {[]uint64{7, 8, 9}, []uint64{9}, []string{"workshop"}, 20 * time.Second, []uint64{9}, []uint64{7, 8}},
		"all":               {[]uint64{7, 8}, nil, nil, 20 * time.Second, []uint64{7, 8}, nil},
		"no time for alone": {[]uint64{7, 8}, nil, []string{"agent8@example.com"}, -time.Second, []uint64{7, 8}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				w.openLine()
				if len(tt.team) > 0 {
					if err := w.SetTeams(t.Context(), "agent:1", Teams{Teams: []Team{{Name: "Workshop", Agents: tt.team}}}); err != nil {
						t.Fatal(err)
					}
				}
				now := time.Now().UTC()
				m := message.Message{Channel: "voice", Account: "line", Key: "call-1", Source: "call-1", From: message.Person{Handle: "tel:+12025550141"},
					To: []message.Person{{Handle: "tel:" + ourLine}}, Kind: message.Human, Chat: true, Time: now, Call: &message.Call{}}
				w.ready(tt.ready...)
				w.tells("call-1", message.Call{Queued: now, Asked: tt.asked, Alone: now.Add(tt.alone)}, m)
				synctest.Wait()
				rings := func() (at []uint64) {
					at = w.callIs("call-1", "ringing", in(message.CallRinging)).Call.Ringing
					slices.Sort(at)
					return at
				}
				if got := rings(); !slices.Equal(got, tt.first) {
					t.Errorf("first it rings at %v, want %v", got, tt.first)
				}
				time.Sleep(tt.alone - time.Second)
				synctest.Wait()
				if got := rings(); !slices.Equal(got, tt.first) {
					t.Errorf("before its time it rings at %v", got)
				}
				time.Sleep(2 * time.Second)
				synctest.Wait()
				want := slices.Concat(tt.first, tt.then)
				slices.Sort(want)
				if got := rings(); !slices.Equal(got, want) {
					t.Errorf("then it rings at %v, want %v", got, want)
				}
			})
		})
	}
}

// Who was asked for and is on the phone gets the next call when free; who declines
// leaves it to the others at once.
func TestAskedBusyOrDeclining(t *testing.T) {
	w := newWorld(t)
	w.openLine()
	w.ready(7)
	one := w.rings("1")
	l := w.rung(1)[7]
	if !w.takes(one, l) {
		t.Fatal("not taken")
	}
	w.ready(8)
	two := w.asks("2", time.Hour, "agent7@example.com")
	w.callIs(two, "asked", func(c *message.Call) bool { return len(c.Asked) == 1 })
	w.legEnds(one, l.ID, "")
	// What came before it was known whom he asked for may ring at 8 already.
	w.callIs(two, "ringing at who is free again", func(c *message.Call) bool { return slices.Contains(c.Ringing, 7) })

	legs := w.callIs(two, "ringing", in(message.CallRinging)).Call.Legs
	for _, l := range legs {
		w.legEnds(two, l.ID, message.LegBusy)
	}
	w.callIs(two, "rung by all", func(c *message.Call) bool {
		return slices.ContainsFunc(c.Legs, func(l message.CallLeg) bool { return l.Agent == 8 })
	})
}

// A leg that is given up while the provider is asked to ring it does not ring on.
func TestDropWhileItBegins(t *testing.T) {
	for name, begin := range map[string]func(w *world) (of string, leg message.CallLeg, give func()){
		"taken by hand, and the caller leaves": func(w *world) (string, message.CallLeg, func()) {
			of := w.rings("1")
			id := w.callIs(of, "waiting", in(message.CallWaiting)).ID
			w.started(func() { _ = w.TakeCall(w.t.Context(), 7, id) })
			return of, w.rung(1)[7], func() { w.tells(of, message.Call{Outcome: message.CallMissed, Ended: time.Now().UTC()}) }
		},
		"rung by the desk, and the caller leaves": func(w *world) (string, message.CallLeg, func()) {
			of := w.rings("1")
			w.ready(7)
			return of, w.rung(1)[7], func() { w.tells(of, message.Call{Outcome: message.CallMissed, Ended: time.Now().UTC()}) }
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.openLine()
			w.line.slow = make(chan struct{})
			of, leg, give := begin(w)
			give()
			w.callIs(of, "over", in(message.CallEnded))
			close(w.line.slow)
			w.done("drop " + leg.ID)
			w.callIs(of, "told", func(c *message.Call) bool { l := c.Leg(leg.ID); return !l.Ended.IsZero() && !l.Drop })
		})
	}
	t.Run("a call of ours is taken back", func(t *testing.T) {
		w := newWorld(t)
		w.openLine()
		sending, answer := make(chan struct{}), make(chan struct{})
		w.line.mu.Lock()
		w.line.send = func(message.Message) (connectors.Receipt, error) {
			close(sending)
			<-answer
			return connectors.Receipt{Ref: "ref-out"}, nil
		}
		w.line.mu.Unlock()
		seq, err := w.Dial(t.Context(), CallOut{Agent: 7, Account: "line", To: "tel:+12025550143"})
		if err != nil {
			t.Fatal(err)
		}
		<-sending
		r := w.messageOf(seq)
		if err := w.CancelCall(t.Context(), 7, r.ID); err != nil {
			t.Fatal(err)
		}
		of := message.OwnRef(r.ID, r.Token)
		if c := w.callIs(of, "over", in(message.CallEnded)).Call; c.Outcome != message.CallCancelled || !c.Legs[0].Drop {
			t.Errorf("%+v", c)
		}
		close(answer)
		w.done("drop " + r.Call.Legs[0].ID)
		w.callIs(of, "told", func(c *message.Call) bool { return !c.Legs[0].Drop })
	})
}

// started runs f beside the test, which waits for its end.
func (w *world) started(f func()) {
	done := make(chan struct{})
	go func() { defer close(done); f() }()
	w.t.Cleanup(func() { <-done })
}

// Whom a call of ours was to is erased before the agent picks up: nobody is called.
func TestTakeErased(t *testing.T) {
	w := newWorld(t)
	w.openLine()
	seq, err := w.Dial(t.Context(), CallOut{Agent: 7, Account: "line", To: "tel:+12025550143"})
	if err != nil {
		t.Fatal(err)
	}
	r := w.messageOf(seq)
	w.delivery(r.ID, func(d *Delivery) bool { return d.Status == message.Sent })
	if _, err := w.Erase(t.Context(), 1, w.ownerOf("tel:+12025550143"), func(*store.Tx, uint64) bool { return false }); err != nil {
		t.Fatal(err)
	}
	if w.takes(message.OwnRef(r.ID, r.Token), w.messageOf(seq).Call.Legs[0]) {
		t.Error("the call is taken")
	}
}
