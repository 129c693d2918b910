package twilio

import (
	"net/url"
	"strconv"
	"strings"
	"time"

	"throughline/connectors"
	"throughline/message"
)

// ownParam is the parameter of our status address that names the message, so
// that a report finds it even if the answer to the request that sent it was lost.
const ownParam = "m"

// ownValue is the value of ownParam for a message, ownRef undoes it.
func ownValue(m message.Message) string { return strconv.FormatUint(m.ID, 10) + "." + m.Token }

func ownRef(value string) (string, bool) {
	ref := "own:" + value
	_, _, ok := message.ParseOwnRef(ref)
	return ref, ok
}

// stateOf maps the provider's states to ours; false for those on the way, which
// say nothing that the answer to our request did not.
func stateOf(status string) (message.Status, bool) {
	switch strings.ToLower(status) {
	case "sent":
		return message.Sent, true
	case "delivered", "partially_delivered":
		return message.Delivered, true
	case "read":
		return message.Read, true
	case "undelivered", "failed", "canceled":
		return message.Failed, true
	}
	return "", false
}

// isOutgoingState tells the states that only messages of ours have from that of one that came in.
func isOutgoingState(status string) bool {
	switch strings.ToLower(status) {
	case "accepted", "scheduled", "queued", "sending":
		return true
	}
	_, ok := stateOf(status)
	return ok
}

// report makes the report of a state.
func report(ref, to, status string, code int, said string, at time.Time) (message.Report, bool) {
	s, ok := stateOf(status)
	if !ok {
		return message.Report{}, false
	}
	r := message.Report{Ref: ref, Handle: handleOf(to), Status: s, Time: at}
	if s == message.Failed {
		if code == 0 && strings.EqualFold(status, "canceled") {
			said = "the message was cancelled at Twilio"
		}
		r.Code, r.Reason, r.Permanent = codeText(code), explain(code, oneLine(said)), codes[code].lasting
		r.OptOut, r.Gone = codes[code].class == connectors.OptOut, codes[code].dead
	}
	return r, true
}

// readStatus makes a report of the form of a status webhook; false when the state
// is news to nobody. own is the value of ownParam.
func readStatus(form url.Values, own string, at time.Time) (message.Report, bool) {
	ref, ok := ownRef(own)
	if !ok {
		ref = sidOf(form)
	}
	code, _ := strconv.Atoi(form.Get("ErrorCode"))
	said := form.Get("ErrorMessage")
	if said == "" {
		said = form.Get("ChannelStatusMessage")
	}
	if ref == "" {
		return message.Report{}, false
	}
	r, ok := report(ref, form.Get("To"), statusOf(form), code, said, at)
	if sid := sidOf(form); sid != ref {
		r.Wire = sid
	}
	return r, ok
}

func sidOf(form url.Values) string {
	for _, key := range []string{"MessageSid", "SmsSid"} {
		if sid := form.Get(key); messageForm.MatchString(sid) {
			return sid
		}
	}
	return ""
}

func statusOf(form url.Values) string {
	if s := form.Get("MessageStatus"); s != "" {
		return s
	}
	return form.Get("SmsStatus")
}
