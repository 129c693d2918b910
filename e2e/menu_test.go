package e2e

import (
	"context"
	"slices"
	"testing"

	"throughline/message"
)

// A key of the menu rings the agent it names, and when he declines, everybody.
func TestMenuRings(t *testing.T) {
	t.Parallel()
	d := openDesk(t, map[string]any{"menu": []string{"1 Orders", "2 Repairs"}, "menu_prompt": "One or two", "menu_to": []string{"2 Ben@Example.com"}, "menu_to_seconds": 600})
	ben := d.admin.invite(t, "Ben Agent", "ben@example.com", "agent")
	dev, bens := d.ready(d.admin), d.ready(ben)
	call, err := d.twilio.Call(annNumber, ourLine)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := call.WaitVerb(ctx, "Gather"); err != nil {
		t.Fatal(err)
	}
	if err := call.Press("2"); err != nil {
		t.Fatal(err)
	}
	leg := d.rings(bens)
	d.becomes("it rings at Ben alone", func(c *message.Call) bool {
		return slices.Equal(c.Ringing, []uint64{ben.agent}) && c.Choice == "Repairs"
	})
	leg.Decline()
	d.rings(dev)
	d.becomes("it rings at the other one", func(c *message.Call) bool { return slices.Equal(c.Ringing, []uint64{d.admin.agent}) })
	call.HangUp()
}
