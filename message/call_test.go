package message

import (
	"encoding/json"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// at is a moment of a call, in seconds from its beginning.
func at(n int) time.Time { return time.Date(2026, 11, 18, 10, 0, n, 0, time.UTC) }

func leg(l CallLeg) Call { return Call{Legs: []CallLeg{l}} }

// calls are facts, in the order in which they happen, and what comes of them.
var calls = []struct {
	name  string
	start Call // what the hub wrote down itself
	facts []Call
	want  Call // the fields that are set count
}{
	{"missed, nobody ready", Call{}, []Call{{}, {Outcome: CallMissed, Talk: 12}}, Call{Outcome: CallMissed, Talk: 12, State: CallEnded}},
	{"voicemail", Call{}, []Call{{Choice: "Orders"}, {Outcome: CallVoicemail, Spoken: 7}, {Outcome: CallMissed, Talk: 30}},
		Call{Outcome: CallVoicemail, Talk: 30, Spoken: 7, State: CallEnded}},
	{"waits", Call{}, []Call{{Queued: at(5)}}, Call{State: CallWaiting}},
	{"rings", Call{}, []Call{{Queued: at(5)}, leg(CallLeg{ID: "a", Agent: 7, Role: AgentLeg, Began: at(6)})}, Call{State: CallRinging}},
	{"left the queue", Call{}, []Call{{Queued: at(5)}, leg(CallLeg{ID: "a", Agent: 7, Role: AgentLeg, Began: at(6)}), {Outcome: CallMissed, Ended: at(20), Talk: 20}},
		Call{Outcome: CallMissed, Wait: 15, Talk: 20, State: CallEnded}},
	{"nobody came", Call{}, []Call{{Queued: at(5)}, {Left: at(65)}, {Outcome: CallVoicemail, Spoken: 9}, {Outcome: CallMissed, Ended: at(80)}},
		Call{Outcome: CallVoicemail, Spoken: 9, Wait: 60, State: CallEnded}},
	{"answered", Call{Holds: []CallSpan{{at(20), at(30)}}}, []Call{{Queued: at(5)}, leg(CallLeg{ID: "a", Agent: 7, Role: AgentLeg, Began: at(6)}),
		leg(CallLeg{ID: "a", Answered: at(10), Spoke: at(10)}), leg(CallLeg{ID: "a", Ref: "CA1", Ended: at(60)}), {Outcome: CallMissed, Ended: at(61), Talk: 61}},
		Call{Outcome: CallAnswered, Wait: 5, Talk: 40, Hold: 10, Agent: 7, State: CallEnded}},
	{"handed over", Call{Transfers: []CallTransfer{{Time: at(20), By: 7, Agent: 8, Warm: true, Leg: "b"}}, Holds: []CallSpan{{at(20), at(30)}},
		Legs: []CallLeg{{ID: "a", Agent: 7, Role: AgentLeg, Began: at(5), Answered: at(10), Spoke: at(10)}, {ID: "b", Agent: 8, Role: ConsultLeg, Began: at(21), Answered: at(25), Spoke: at(30)}}},
		[]Call{{Queued: at(0)}, leg(CallLeg{ID: "a", Ref: "CA1"}), leg(CallLeg{ID: "a", Ended: at(30)}), leg(CallLeg{ID: "b", Ended: at(50)}), {Outcome: CallMissed, Ended: at(50)}},
		Call{Outcome: CallAnswered, Wait: 10, Talk: 30, Hold: 10, Agent: 8, State: CallEnded}},
	{"passed on in vain", Call{Transfers: []CallTransfer{{Time: at(20), By: 7, Agent: 8, Leg: "b"}}},
		[]Call{{Queued: at(0)}, leg(CallLeg{ID: "a", Agent: 7, Role: AgentLeg, Began: at(5), Answered: at(10), Spoke: at(10)}), leg(CallLeg{ID: "a", Ended: at(20)}),
			leg(CallLeg{ID: "b", Agent: 8, Role: AgentLeg, Began: at(21)}), leg(CallLeg{ID: "b", Ended: at(31), Result: LegNoAnswer}), {Left: at(60)}, {Outcome: CallMissed, Ended: at(70)}},
		Call{Outcome: CallMissed, Wait: 10, Talk: 10, Agent: 7, State: CallEnded}},
	{"ours, answered", Call{}, []Call{leg(CallLeg{ID: "a", Agent: 7, Role: AgentLeg, Began: at(0)}), leg(CallLeg{ID: "a", Answered: at(4)}),
		leg(CallLeg{ID: "customer", Role: CustomerLeg, Began: at(4)}), leg(CallLeg{ID: "customer", Role: CustomerLeg, Answered: at(14)}),
		leg(CallLeg{ID: "customer", Role: CustomerLeg, Ended: at(44)}), leg(CallLeg{ID: "a", Ended: at(45)})},
		Call{Outcome: CallAnswered, Wait: 10, Talk: 30, Agent: 7, State: CallEnded}},
	{"ours, busy", Call{}, []Call{leg(CallLeg{ID: "a", Agent: 7, Role: AgentLeg, Began: at(0), Answered: at(4)}),
		leg(CallLeg{ID: "customer", Role: CustomerLeg, Began: at(4)}), leg(CallLeg{ID: "customer", Role: CustomerLeg, Ended: at(9), Result: LegBusy}), leg(CallLeg{ID: "a", Ended: at(12)})},
		Call{Outcome: CallBusy, Wait: 5, Agent: 7, State: CallEnded}},
	{"ours, given up", Call{}, []Call{leg(CallLeg{ID: "a", Agent: 7, Role: AgentLeg, Began: at(0)}), leg(CallLeg{ID: "a", Ended: at(9), Result: LegDropped})},
		Call{Outcome: CallCancelled, Agent: 7, State: CallEnded}},
}

func TestCallFacts(t *testing.T) {
	for _, tt := range calls {
		t.Run(tt.name, func(t *testing.T) {
			c := tt.start
			for _, f := range tt.facts {
				c = c.Merge(f)
			}
			got := Call{Outcome: c.Outcome, Talk: c.Talk, Wait: c.Wait, Hold: c.Hold, Spoken: c.Spoken, State: c.State, Agent: c.Agent}
			if !got.Equal(tt.want) {
				t.Errorf("got %+v, want %+v", got, tt.want)
			}
		})
	}
}

// What a call comes to does not depend on the order of the news, nor on how often
// each comes.
func TestCallFactsInAnyOrder(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, tt := range calls {
		t.Run(tt.name, func(t *testing.T) {
			want := tt.start
			for _, f := range tt.facts {
				want = want.Merge(f)
			}
			for range 300 {
				facts := slices.Concat(tt.facts, tt.facts)
				r.Shuffle(len(facts), func(i, j int) { facts[i], facts[j] = facts[j], facts[i] })
				got := tt.start
				for _, f := range facts {
					got = got.Merge(f)
					if n := len(got.Legs); n > 0 && got.Legs[0].ID == "" {
						t.Fatal("a leg without a name")
					}
				}
				if !got.Equal(want) {
					g, _ := json.Marshal(got)
					w, _ := json.Marshal(want)
					t.Fatalf("in another order\n%s\nwant\n%s", g, w)
				}
			}
		})
	}
}

// Legs are bounded, whatever rings.
func TestCallLegsBounded(t *testing.T) {
	var c Call
	for i := range 2 * maxLegs {
		c = c.Merge(leg(CallLeg{ID: string(rune('a' + i)), Role: AgentLeg, Began: at(i)}))
	}
	if len(c.Legs) != maxLegs {
		t.Errorf("%d legs", len(c.Legs))
	}
}
