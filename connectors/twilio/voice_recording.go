package twilio

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	openapi "github.com/twilio/twilio-go/rest/api/v2010"

	"throughline/message"
)

const (
	// maxRecordings is how many recordings of one call are taken.
	maxRecordings = 20
	// writingTime is how long a recording stays at Twilio for being written down.
	writingTime = 15 * time.Minute
)

// recording is recorded sound that waits at Twilio.
type recording struct {
	sid, call string
	length    int  // seconds
	talk      bool // of a conversation
}

// fetch brings a recording, with our credentials. left says, for people, why it is not
// taken in: then it is the only one there is, and stays at Twilio. missing tells that
// it may come later.
func (l *Line) fetch(ctx context.Context, r recording) (parts []message.Part, left string, missing bool) {
	p, err := l.core.inTurn(ctx, file{path: "/2010-04-01/Accounts/" + l.core.set.account + "/Recordings/" + r.sid + ".mp3",
		contentType: "audio/mpeg", recording: true})
	var refused *leftError
	switch {
	case errors.As(err, &refused):
		l.core.log.Warn("a recording is not taken in", "recording", r.sid, "reason", refused.text)
		return nil, leftAtTwilio(r.sid, refused.text), false
	case err != nil:
		l.core.log.Warn("a recording could not be fetched from Twilio", "recording", r.sid, "error", l.core.safe(plainCause(err)))
		return nil, "", true
	}
	p.Name = "voicemail-" + r.sid[2:10] + ".mp3" // the same at every attempt
	if r.talk {
		p.Name = "call-" + r.sid[2:10] + ".mp3"
	}
	return []message.Part{p}, "", false
}

// leftAtTwilio is the warning of a call of which a recording is not here.
func leftAtTwilio(sid, why string) string {
	return fmt.Sprintf("the recording %s was left at Twilio: %s", sid, why)
}

// recordings asks Twilio for those of a call; waiting tells that one is not ready.
func (l *Line) recordings(ctx context.Context, call string) (list []recording, waiting bool, err error) {
	return l.recordingsAt(ctx, "/Calls/"+call+"/Recordings.json?PageSize=100", recording{call: call})
}

// conversations are the recordings of a call's conference.
func (l *Line) conversations(ctx context.Context, call string) (list []recording, waiting bool, err error) {
	p := &openapi.ListConferenceParams{}
	p.SetFriendlyName(room(call)).SetPageSize(maxRecordings)
	page, err := l.core.rest(ctx).PageConference(p, "", "")
	if err != nil {
		return nil, false, err
	}
	for _, c := range page.Conferences {
		some, more, err := l.recordingsAt(ctx, "/Recordings.json?PageSize=100&ConferenceSid="+text(c.Sid), recording{call: call, talk: true})
		if err != nil {
			return nil, false, err
		}
		list, waiting = append(list, some...), waiting || more
	}
	return list, waiting, nil
}

// recordingsAt reads a list of recordings, each like the given one.
func (l *Line) recordingsAt(ctx context.Context, path string, like recording) (list []recording, waiting bool, err error) {
	err = l.core.list(ctx, path, func(raws []json.RawMessage) (bool, error) {
		for _, raw := range raws {
			var r struct {
				SID      string `json:"sid"`
				Status   string `json:"status"`
				Duration string `json:"duration"`
			}
			if json.Unmarshal(raw, &r) != nil || !recordingForm.MatchString(r.SID) {
				continue
			}
			switch r.Status {
			case "in-progress", "paused", "stopped", "processing":
				waiting = true
			case "completed":
				like.sid, like.length = r.SID, seconds(r.Duration)
				list = append(list, like)
			}
		}
		return len(list) < maxRecordings, nil
	})
	return list, waiting, err
}

// transcript asks for what was said in a recording; done tells that nothing more is
// to come.
func (l *Line) transcript(ctx context.Context, sid string) (words string, done bool, err error) {
	l.mu.Lock()
	done = l.written[sid]
	l.mu.Unlock()
	if done {
		return "", true, nil
	}
	err = l.core.list(ctx, "/Recordings/"+sid+"/Transcriptions.json", func(raws []json.RawMessage) (bool, error) {
		for _, raw := range raws {
			var r struct {
				Status string `json:"status"`
				Text   string `json:"transcription_text"`
			}
			if json.Unmarshal(raw, &r) != nil {
				continue
			}
			switch r.Status {
			case "completed":
				words, done = clean(r.Text), true
			case "failed":
				done = true
			}
		}
		return words == "", nil
	})
	if len(words) > maxTextBytes {
		words = clean(words[:maxTextBytes])
	}
	if err == nil && done {
		l.isWritten(sid)
	}
	return words, done, err
}

// mayDelete tells whether a recording is to be deleted at Twilio now: with
// transcripts only after those had their time.
func (l *Line) mayDelete(r recording, made, at time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.set.deleteAtTwilio && (r.talk || !l.set.transcribe || l.written[r.sid] || at.Sub(made) > writingTime)
}

// isWritten remembers that Twilio needs a recording no longer.
func (l *Line) isWritten(sid string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.written) >= maxTaken {
		clear(l.written)
	}
	l.written[sid] = true
}

// delete deletes a recording at Twilio that the hub has.
func (l *Line) delete(ctx context.Context, sid string) (done bool) {
	err := l.core.rest(ctx).DeleteRecording(sid, &openapi.DeleteRecordingParams{})
	var gone *apiError
	if err == nil || errors.As(err, &gone) && gone.status == http.StatusNotFound {
		return true
	}
	l.core.log.Warn("a recording could not be deleted at Twilio", "recording", sid, "error", l.core.safe(plainCause(err)))
	return false
}
