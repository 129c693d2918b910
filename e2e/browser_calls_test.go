package e2e

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"testing"
	"time"

	"throughline/connectors/twilio/twiliotest"
)

// TestBrowserCalls is the story of calls on the screen, with a page that is a telephone
// at a double of the provider.
func TestBrowserCalls(t *testing.T) {
	t.Parallel()
	node, chromium := browserTools(t)
	d := openDesk(t, map[string]any{"menu": []string{"1 Orders"}, "menu_prompt": "For orders, press 1"})
	browse(t, node, chromium, "calls", d.hub, d.around())
	if a := d.twilio.Alerts(); len(a) > 0 {
		t.Errorf("Twilio complains: %+v", a)
	}
}

// TestBrowserTransfers is two agents with two browsers: a page that is older than the
// line, two tabs of which one is the telephone, and calls that are passed on both ways.
func TestBrowserTransfers(t *testing.T) {
	t.Parallel()
	node, chromium := browserTools(t)
	d := startDesk(t, map[string]any{"menu": []string{"1 Orders"}, "menu_prompt": "For orders, press 1"})
	d.admin.invite(t, "Omar Agent", "omar@example.com", "agent")
	browse(t, node, chromium, "transfers", d.hub, d.around())
	if a := d.twilio.Alerts(); len(a) > 0 {
		t.Errorf("Twilio complains: %+v", a)
	}
}

// around answers the scenario: it plays the customers.
func (d *desk) around() http.Handler {
	mux := surroundings{http.NewServeMux()}
	numbers := map[string]string{"ann": annNumber, "ben": benNumber}
	var mu sync.Mutex
	calls := map[string]*twiliotest.Call{}
	find := func(as string) (*twiliotest.Call, error) {
		mu.Lock()
		defer mu.Unlock()
		if calls[as] == nil {
			return nil, errors.New(as + " is on no call")
		}
		return calls[as], nil
	}
	keep := func(as string, c *twiliotest.Call) {
		mu.Lock()
		defer mu.Unlock()
		calls[as] = c
	}
	// ring lets a customer call and choose from the menu.
	mux.handle("ring", func(in map[string]any) (any, error) {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		as := textOf(in, "as")
		c, err := d.twilio.Call(numbers[as], ourLine)
		if err != nil {
			return nil, err
		}
		keep(as, c)
		if err := c.WaitVerb(ctx, "Gather"); err != nil {
			return nil, err
		}
		return true, c.Press("1")
	})
	// line sets up the line, where the test has begun without.
	mux.handle("line", func(map[string]any) (any, error) { return true, d.addLine() })
	// deaf lets the provider confirm nothing that is asked of calls, until it hears again.
	mux.handle("deaf", func(in map[string]any) (any, error) {
		if on, _ := in["on"].(bool); on {
			d.twilio.Inject(twiliotest.Fault{Method: http.MethodPost, Path: "/Calls/", Count: -1, Status: http.StatusServiceUnavailable})
		} else {
			d.twilio.ClearFaults()
		}
		return true, nil
	})
	// speak lets a customer say something to whom he is connected with.
	mux.handle("speak", func(in map[string]any) (any, error) {
		c, err := find(textOf(in, "as"))
		if err != nil {
			return nil, err
		}
		return true, c.Speak(time.Second, textOf(in, "words"))
	})
	// pickup waits until our call rings at a customer, who picks up.
	mux.handle("pickup", func(map[string]any) (any, error) {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		c, err := d.twilio.NextRinging(ctx, annNumber)
		if err != nil {
			return nil, err
		}
		keep("out", c)
		return true, c.Answer()
	})
	mux.handle("hangup", func(in map[string]any) (any, error) {
		c, err := find(textOf(in, "as"))
		if err == nil {
			c.HangUp()
		}
		return true, err
	})
	return mux
}
