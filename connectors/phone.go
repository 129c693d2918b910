package connectors

import (
	"context"
	"errors"
	"time"

	"throughline/message"
)

// Phone is implemented by connectors of lines over which agents speak. A call is
// one message; message.Call says what is known of it. The hub decides who rings,
// and writes it down before it asks for it; the connector tells what became of it
// by Changes, at any time and as often as it likes.
//
// A call of ours is a message that Send is given: its first leg, which is on it
// already, is to ring, and when the agent has picked up, the customer.
//
// All methods may be called from many goroutines at once. Errors are for people.
type Phone interface {
	// Device signs an agent's browser in. The error is ErrNoDevice if the account
	// is not made for that.
	Device(agent uint64) (Device, error)

	// Sources are the hosts that the page of a signed-in browser talks to, as
	// sources of a Content-Security-Policy.
	Sources() []string

	// CallBack tells by when somebody who called at a time and was served by nobody
	// is to be called back; the zero time if that is to be no task of anybody's. Pure.
	CallBack(called time.Time) time.Time

	// Ring lets a leg ring for a call that goes on, at the phone of its Number or
	// else at the browsers of its Agent, and returns the provider's name for it.
	// When it is picked up the connector asks Desk.Take.
	Ring(ctx context.Context, call message.Message, leg message.CallLeg) (ref string, err error)

	// Drop ends a leg, whether it rings or speaks; one that has ended already is
	// no error.
	Drop(ctx context.Context, call message.Message, leg message.CallLeg) error

	// Steer does something with a call at which leg speaks with the customer.
	// Asked again for what is done already it changes nothing. Where it may have been
	// done, wholly or in part, though nobody confirmed it, the error is a *SendError of
	// class Unsure: what is handed over then counts as such, and is asked for again
	// while the facts do not show it. After any other error nothing was done.
	Steer(ctx context.Context, call message.Message, do Act, leg message.CallLeg) error
}

// Act is something an agent does with a call.
type Act string

// The acts.
const (
	Hold     Act = "hold"      // the customer hears music, leg does not hear him
	Resume   Act = "resume"    // undoes Hold
	Pass     Act = "pass"      // leg leaves, the customer waits for another one
	HandOver Act = "hand_over" // the speaking leg leaves the customer to leg, which was asked
	HangUp   Act = "hang_up"   // the call is over for everybody
)

// Device is what a browser signs in with.
type Device struct {
	Kind     string // whose library the page needs
	Token    string // secret: never log it
	Identity string
	Expires  time.Time
	Address  string // of a stand-in for the provider, "" for the provider itself
}

// ErrNoDevice tells that an account cannot sign browsers in.
var ErrNoDevice = errors.New("agents cannot take calls of this account in the browser: enter an API key and its secret in the account's settings, or have calls ring at a phone")

// Desk is what the hub lends a Phone.
type Desk interface {
	// Staffed tells whether anybody is there whom a call could ring, now or when
	// they are free.
	Staffed() (bool, error)
	// Knows tells whether Call.Asked may name somebody so: a team, or an agent by
	// e-mail address.
	Knows(name string) (bool, error)
	// Call returns what is known of a call, by its key or OwnRef.
	Call(ctx context.Context, of string) (message.Message, error)
	// Calls returns the calls of this account that go on as far as is known: whose end
	// nobody told is found by asking the provider from time to time.
	Calls(ctx context.Context) ([]message.Message, error)
	// Take gives a call to a leg that was picked up: the first one gets it. A leg
	// that has it already gets it again, one that was given up does not.
	Take(ctx context.Context, of, leg string) (message.Message, bool, error)
	// Leave ends the waiting of a call's customer, and sets Call.Left: no leg gets it
	// any more. False if it does not wait, because a leg has it or it is over; true
	// again if it was left before.
	Leave(ctx context.Context, of string) (bool, error)
}
