package twilio

import (
	"net/url"
	"strconv"
	"time"

	"github.com/twilio/twilio-go/twiml"
)

// What callers hear, and the addresses at which Twilio goes on.

// The routes of a line below Host.PublicURL.
const (
	routeCall       = "/call"       // a call comes in; also as the fallback address
	routeMenu       = "/menu"       // a key was pressed
	routeLeft       = "/left"       // a message was left
	routeRecording  = "/recording"  // its recording is ready
	routeTranscript = "/transcript" // it was written down
	routeEnded      = "/ended"      // the call is over
)

const (
	// maxTries is how often the menu is said.
	maxTries = 3
	// menuWait and silence are seconds without a key, and without a word.
	menuWait = "5"
	silence  = "5"
	// minSpoken is the length from which a recording is a message: less is the
	// noise of hanging up.
	minSpoken = 2 * time.Second
)

// step is what the steps of a call tell the next one, in the query of its address.
type step struct {
	closed bool   // the call came outside business hours
	tries  int    // how often the menu was said
	key    string // that was pressed
}

const (
	closedParam = "closed"
	triesParam  = "tries"
	keyParam    = "key"
)

func readStep(q url.Values) step {
	n, _ := strconv.Atoi(q.Get(triesParam))
	return step{closed: q.Get(closedParam) == "1", tries: n, key: q.Get(keyParam)}
}

// at is the address of a route for s.
func (l *Line) at(route string, s step) string {
	q := url.Values{}
	if s.closed {
		q.Set(closedParam, "1")
	}
	if s.tries > 0 {
		q.Set(triesParam, strconv.Itoa(s.tries))
	}
	if s.key != "" {
		q.Set(keyParam, s.key)
	}
	if len(q) == 0 {
		return l.core.url(route)
	}
	return l.core.url(route) + "?" + q.Encode()
}

// says is a prompt, nothing if there are no words.
func (l *Line) says(words string) []twiml.Element {
	if words == "" {
		return nil
	}
	return []twiml.Element{&twiml.VoiceSay{Message: words, Language: l.set.language, Voice: l.set.voice}}
}

// welcome is the beginning of a call.
func (l *Line) welcome(s step) []twiml.Element {
	if s.closed {
		return append(l.says(l.set.closed), l.takeMessage(s)...)
	}
	return append(l.says(l.set.greeting), l.offer(s)...)
}

// offer is the menu, and what comes of pressing nothing.
func (l *Line) offer(s step) []twiml.Element {
	if len(l.set.menu) == 0 || s.tries >= maxTries {
		return l.onward(s)
	}
	next := s
	next.tries++
	return append([]twiml.Element{&twiml.VoiceGather{
		Input: "dtmf", NumDigits: "1", Timeout: menuWait, Method: "POST", Action: l.at(routeMenu, next),
		InnerElements: l.says(l.set.menuPrompt),
	}}, l.onward(s)...)
}

// takeMessage lets the caller leave a message, if the line takes any.
func (l *Line) takeMessage(s step) []twiml.Element {
	if !l.set.voicemail {
		return []twiml.Element{&twiml.VoiceHangup{}}
	}
	s.tries = 0
	record := &twiml.VoiceRecord{
		Action: l.at(routeLeft, s), Method: "POST", MaxLength: strconv.Itoa(l.set.length), Timeout: silence, FinishOnKey: "#",
		PlayBeep: "true", Trim: "trim-silence", RecordingStatusCallback: l.at(routeRecording, s), RecordingStatusCallbackMethod: "POST",
	}
	if l.set.transcribe {
		record.Transcribe, record.TranscribeCallback = "true", l.at(routeTranscript, s)
	}
	list := append(l.says(l.set.announcement), l.says(l.set.voicemailPrompt)...)
	// Who says nothing comes to what follows.
	return append(list, record, &twiml.VoiceHangup{})
}

// farewell is what follows a message.
func (l *Line) farewell() []twiml.Element {
	return append(l.says(l.set.thanks), &twiml.VoiceHangup{})
}
