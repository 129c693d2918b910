package twilio

import (
	"context"
	"fmt"
	"net/url"

	openapi "github.com/twilio/twilio-go/rest/api/v2010"

	"throughline/connectors"
)

// Test signs in, looks at the sender, and compares the address that Twilio has
// for incoming messages with ours. Nothing is sent and nothing is changed.
func (c *Connector) Test(ctx context.Context) []connectors.Step {
	var steps []connectors.Step
	done := func(name string, err error) bool {
		st := connectors.Step{Name: name, OK: err == nil}
		if err != nil {
			st.Error = c.safe(err.Error())
		}
		steps = append(steps, st)
		return err == nil
	}
	// The list of messages, not the account: an API key may not read that.
	var list struct{}
	err := c.get(ctx, c.path("/Messages.json?"+url.Values{"PageSize": {"1"}}.Encode()), &list)
	if err != nil {
		err = c.fault(err)
	}
	if !done("twilio: sign in", err) {
		return steps
	}
	if c.channel != ChannelSMS || !numberForm.MatchString(c.set.from) {
		c.testAddress(done)
		return steps
	}
	params := &openapi.ListIncomingPhoneNumberParams{}
	params.SetPhoneNumber(c.set.from)
	page, err := c.rest(ctx).PageIncomingPhoneNumber(params, "", "")
	if err != nil {
		done("twilio: look up the number", c.fault(err))
		return steps
	}
	var number *openapi.ApiV2010IncomingPhoneNumber
	for i, n := range page.IncomingPhoneNumbers {
		if text(n.PhoneNumber) == c.set.from {
			number = &page.IncomingPhoneNumbers[i]
		}
	}
	switch {
	case number == nil:
		err = fmt.Errorf("the Twilio account has no number %s; check the sender and the account SID", c.set.from)
	case number.Capabilities != nil && !number.Capabilities.Sms:
		err = fmt.Errorf("%s cannot send or receive texts; choose a number with SMS", c.set.from)
	}
	if !done("twilio: look up the number", err) {
		return steps
	}
	if c.set.service != "" {
		c.testAddress(done) // the service decides where messages go
		return steps
	}
	done("twilio: address for incoming messages", c.checkAddress(number))
	return steps
}

// testAddress tells the address where Twilio cannot be asked for it.
func (c *Connector) testAddress(done func(string, error) bool) {
	if c.host.PublicURL == "" {
		done("twilio: address for incoming messages", errNoAddress)
		return
	}
	done("twilio: address to enter for incoming messages, method HTTP POST: "+c.url(routeMessage), nil)
}

var errNoAddress = fmt.Errorf("the hub has no public address (public_url), so that Twilio cannot bring messages; they are looked for from time to time instead")

func (c *Connector) checkAddress(n *openapi.ApiV2010IncomingPhoneNumber) error {
	want := c.url(routeMessage)
	switch got := text(n.SmsUrl); {
	case c.host.PublicURL == "":
		return errNoAddress
	case text(n.SmsApplicationSid) != "":
		return fmt.Errorf("the number belongs to a TwiML application, whose address counts; take it out of there or set the application's message address to %s", want)
	case got == "":
		return fmt.Errorf("the number has no address for incoming messages; enter %s in the Twilio Console, method HTTP POST", want)
	case got != want:
		return fmt.Errorf("the number's address for incoming messages is another one; enter %s in the Twilio Console, method HTTP POST", want)
	case text(n.SmsMethod) != "" && text(n.SmsMethod) != "POST":
		return fmt.Errorf("the method of the number's address for incoming messages is %s; set it to HTTP POST", oneLine(text(n.SmsMethod)))
	}
	return nil
}
