package twilio

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"

	openapi "github.com/twilio/twilio-go/rest/api/v2010"

	"throughline/connectors"
	"throughline/message"
)

// Inventory lists the calls to this line that Twilio knows, from where reading
// began.
func (l *Line) Inventory(ctx context.Context, yield func(connectors.Item) error) error {
	l.core.mu.Lock()
	from := l.core.first
	l.core.mu.Unlock()
	if from.IsZero() {
		from = now().Add(-max(auditBack, l.core.set.history))
	}
	var stop error
	err := l.core.list(ctx, l.called(from), func(raws []json.RawMessage) (bool, error) {
		for _, raw := range raws {
			e, caller, ok := incomingCall(raw)
			if !ok || !e.at.IsZero() && e.at.Before(from) {
				continue
			}
			if stop = yield(connectors.Item{Source: e.source(), Label: "from " + oneLine(caller), Size: int64(len(raw)), Time: e.at}); stop != nil {
				return false, stop
			}
		}
		return true, nil
	})
	if stop != nil || err == nil {
		return stop
	}
	return l.core.fault(err)
}

// Refetch fetches calls again with their recordings and offers them; those that
// are gone are skipped.
func (l *Line) Refetch(ctx context.Context, in connectors.Sink, sources []string) error {
	for _, source := range sources {
		sid, ok := strings.CutPrefix(source, keyPrefix)
		if !ok || !callForm.MatchString(sid) {
			return fmt.Errorf("%q does not name a call at Twilio", oneLine(source))
		}
		if err := l.refetch(ctx, in, sid); err != nil {
			return err
		}
	}
	return nil
}

func (l *Line) refetch(ctx context.Context, in connectors.Sink, sid string) error {
	var raw json.RawMessage
	err := l.core.get(ctx, l.core.path("/Calls/"+sid+".json"), &raw)
	var gone *apiError
	if errors.As(err, &gone) && gone.status == http.StatusNotFound {
		return nil
	}
	if err != nil {
		return l.core.fault(err)
	}
	b, f, err := l.news(ctx, raw)
	defer func() { connectors.Drop(f.parts) }()
	var unread *errNotMessage
	switch {
	case errors.As(err, &unread):
		b = connectors.Batch{Held: []message.Held{heldCall(raw, sid, unread.text)}}
	case err != nil:
		return l.core.fault(err)
	}
	if err := in.Accept(ctx, b); err != nil {
		return errors.Join(errors.New("the hub did not take a call"), err)
	}
	l.settle(ctx, f)
	return nil
}

// Test signs in, looks the number up, and compares the addresses that Twilio has
// for it with ours. Nothing is changed and nobody is called.
func (l *Line) Test(ctx context.Context) []connectors.Step {
	var steps []connectors.Step
	done := func(name string, err error) bool {
		st := connectors.Step{Name: name, OK: err == nil}
		if err != nil {
			st.Error = l.core.safe(err.Error())
		}
		steps = append(steps, st)
		return err == nil
	}
	var list struct{}
	err := l.core.get(ctx, l.core.path("/Calls.json?"+url.Values{"PageSize": {"1"}}.Encode()), &list)
	if err != nil {
		err = l.core.fault(err)
	}
	if !done("twilio: sign in", err) {
		return steps
	}
	params := &openapi.ListIncomingPhoneNumberParams{}
	params.SetPhoneNumber(l.core.set.from)
	page, err := l.core.rest(ctx).PageIncomingPhoneNumber(params, "", "")
	if err != nil {
		done("twilio: look up the number", l.core.fault(err))
		return steps
	}
	var number *openapi.ApiV2010IncomingPhoneNumber
	for i, n := range page.IncomingPhoneNumbers {
		if text(n.PhoneNumber) == l.core.set.from {
			number = &page.IncomingPhoneNumbers[i]
		}
	}
	switch {
	case number == nil:
		err = fmt.Errorf("the Twilio account has no number %s; check the number and the account SID", l.core.set.from)
	case number.Capabilities != nil && !number.Capabilities.Voice:
		err = fmt.Errorf("%s cannot be called; choose a number with voice", l.core.set.from)
	}
	if done("twilio: look up the number", err) && done("twilio: address for incoming calls", l.checkAddress(number)) {
		if done("twilio: address for the end of calls", l.checkEnd(number)) {
			done("twilio: what callers hear when the hub fails", l.checkFallback(number))
		}
	}
	if l.core.host.Desk != nil && len(l.set.menuTo) > 0 {
		done("menu: whom the keys ring first", l.checkMenu())
	}
	return steps
}

// checkMenu looks for names in the menu that nobody has.
func (l *Line) checkMenu() error {
	for _, key := range slices.Sorted(maps.Keys(l.set.menuTo)) {
		for _, name := range l.set.menuTo[key] {
			known, err := l.core.host.Desk.Knows(name)
			if err != nil {
				return err
			}
			if !known {
				return fmt.Errorf("the key %s of the menu rings %q, who is neither an agent nor a team here; write e-mail addresses with which agents sign in, or the name of a team", key, name)
			}
		}
	}
	return nil
}

// checkFallback looks for words at Twilio that need no hub.
func (l *Line) checkFallback(n *openapi.ApiV2010IncomingPhoneNumber) error {
	const how = "make a TwiML Bin at Twilio with a sentence for callers and enter its address as the one for when the primary handler fails; the page on Twilio in the documentation has one to copy"
	switch got := text(n.VoiceFallbackUrl); {
	case got == "":
		return errors.New("callers hear Twilio's error message then: " + how)
	case strings.HasPrefix(got, l.core.host.PublicURL):
		return errors.New("the number's fallback address is this hub itself, which does not answer then: " + how)
	}
	return nil
}

func (l *Line) checkAddress(n *openapi.ApiV2010IncomingPhoneNumber) error {
	want := l.core.url(routeCall)
	switch got := text(n.VoiceUrl); {
	case l.core.host.PublicURL == "":
		return errors.New("the hub has no public address (public_url), so that Twilio cannot ask what callers are to hear")
	case text(n.VoiceApplicationSid) != "":
		return fmt.Errorf("the number belongs to a TwiML application, whose address counts; take it out of there or set the application's voice address to %s", want)
	case got == "":
		return fmt.Errorf("the number has no address for incoming calls; enter %s in the Twilio Console, method HTTP POST", want)
	case got != want:
		return fmt.Errorf("the number's address for incoming calls is another one; enter %s in the Twilio Console, method HTTP POST", want)
	case text(n.VoiceMethod) != "" && text(n.VoiceMethod) != http.MethodPost:
		return fmt.Errorf("the method of the number's address for incoming calls is %s; set it to HTTP POST", oneLine(text(n.VoiceMethod)))
	}
	return nil
}

func (l *Line) checkEnd(n *openapi.ApiV2010IncomingPhoneNumber) error {
	if want := l.core.url(routeEnded); text(n.StatusCallback) != want {
		return fmt.Errorf("enter %s in the Twilio Console as the address for changes of a call's status; until then the end of a call is looked for", want)
	}
	return nil
}
