package twiliotest_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"time"

	"throughline/connectors/twilio/twiliotest"
)

// A customer rings, presses a key and leaves a message.
func Example() {
	app := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/xml")
		switch r.URL.Path {
		case "/voice":
			_, _ = io.WriteString(w, `<Response><Gather numDigits="1" action="/menu"><Say>Press 1 to leave a message.</Say></Gather></Response>`)
		case "/menu":
			_, _ = io.WriteString(w, `<Response><Record action="/left"/></Response>`)
		case "/left":
			fmt.Println("a message of", r.FormValue("RecordingDuration"), "seconds")
			_, _ = io.WriteString(w, `<Response><Hangup/></Response>`)
		}
	}))
	defer app.Close()
	srv, err := twiliotest.Start(twiliotest.Options{Frozen: true,
		Numbers: []twiliotest.Number{{PhoneNumber: "+15550100", Voice: true, VoiceURL: app.URL + "/voice"}}})
	if err != nil {
		panic(err)
	}
	defer srv.Close()
	call, err := srv.Call("+15550123", "+15550100")
	if err != nil {
		panic(err)
	}
	for _, err := range []error{call.Press("1"), call.Speak(7 * time.Second), call.Press("#")} {
		if err != nil {
			panic(err)
		}
	}
	if _, err := call.WaitEnd(context.Background()); err != nil {
		panic(err)
	}
	fmt.Println(call.State().Heard)
	// Output:
	// a message of 7 seconds
	// [Press 1 to leave a message.]
}
