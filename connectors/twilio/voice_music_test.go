package twilio

import (
	"bytes"
	"encoding/binary"
	"math"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"throughline/connectors"
	"throughline/connectors/twilio/twiliotest"
	"throughline/message"
)

// Whoever waits or is on hold hears the tune, the music of the settings, or only words.
func TestMusic(t *testing.T) {
	for _, tt := range []struct{ set, want string }{
		{"", public + routeTune},
		{"https://www.example.com/music.mp3", "https://www.example.com/music.mp3"},
		{noMusic, ""},
	} {
		t.Run(tt.set, func(t *testing.T) {
			r := newPhoneRig(t, map[string]any{"hold_music": tt.set})
			c, of := r.waiting(t)
			hears := func(what string, n int) {
				t.Helper()
				if _, err := c.WaitState(short(t), func(s twiliotest.State) bool {
					return len(slices.DeleteFunc(slices.Clone(s.Heard), func(h string) bool { return h != what })) >= n
				}); err != nil {
					t.Fatalf("%v: heard %q", err, c.State().Heard)
				}
			}
			hears("Hold on", 1)
			if tt.want != "" {
				hears(tt.want, 1)
			}
			leg, l := r.rings(t, of, annsLeg)
			must(t, leg.Answer())
			r.state(t, of, message.CallTalking)
			r.meet(t, 2)
			before := len(c.State().Heard)
			must(t, r.l.Steer(t.Context(), r.known(t, of), connectors.Hold, l))
			if _, err := c.WaitState(short(t), func(s twiliotest.State) bool { return len(s.Heard) > before }); err != nil {
				t.Fatal(err)
			}
			want := tt.want
			if want == "" {
				want = "Hold on"
			}
			if now := c.State().Heard[before:]; slices.ContainsFunc(now, func(h string) bool { return h != want }) {
				t.Errorf("on hold: %q, want %q only", now, want)
			}
			c.HangUp()
			r.clean(t)
		})
	}
}

// The tune is what a telephone can play, is heard all the time, and begins anew
// without a jump.
func TestTune(t *testing.T) {
	wav := holdTune()
	if len(wav) < 44 || string(wav[:4]) != "RIFF" || string(wav[8:16]) != "WAVEfmt " || string(wav[36:40]) != "data" {
		t.Fatalf("no WAV file: %q", wav[:min(len(wav), 44)])
	}
	num := binary.LittleEndian
	if int(num.Uint32(wav[4:])) != len(wav)-8 || int(num.Uint32(wav[40:])) != len(wav)-44 {
		t.Errorf("sizes %d and %d of %d bytes", num.Uint32(wav[4:]), num.Uint32(wav[40:]), len(wav))
	}
	samples := make([]int16, (len(wav)-44)/2)
	if err := binary.Read(bytes.NewReader(wav[44:]), num, samples); err != nil {
		t.Fatal(err)
	}
	if n := len(samples) / tuneRate; n < 10 || n > 30 {
		t.Errorf("%d seconds", n)
	}
	for at := 0; at < len(samples); at += tuneRate / 4 {
		var power float64
		for _, v := range samples[at:min(at+tuneRate/4, len(samples))] {
			power += float64(v) * float64(v)
		}
		if rms := math.Sqrt(power / (tuneRate / 4)); rms < 300 || rms > math.MaxInt16/3 {
			t.Errorf("loudness %.0f at %.2f s", rms, float64(at)/tuneRate)
		}
	}
	if jump := int(samples[0]) - int(samples[len(samples)-1]); jump > 3000 || jump < -3000 {
		t.Errorf("it begins anew with a jump of %d", jump)
	}
}

func TestTuneIsServed(t *testing.T) {
	r := newLineRig(t, nil)
	ask := func(method string, header ...string) *httptest.ResponseRecorder {
		req := httptest.NewRequest(method, routeTune, nil)
		for i := 0; i < len(header); i += 2 {
			req.Header.Set(header[i], header[i+1])
		}
		w := httptest.NewRecorder()
		r.l.Webhook(r.hub).ServeHTTP(w, req)
		return w
	}
	w := ask(http.MethodGet)
	if w.Code != http.StatusOK || w.Header().Get("Content-Type") != "audio/wav" || !bytes.Equal(w.Body.Bytes(), holdTune()) {
		t.Fatalf("%d %v, %d bytes", w.Code, w.Header(), w.Body.Len())
	}
	if again := ask(http.MethodGet, "If-None-Match", w.Header().Get("ETag")); again.Code != http.StatusNotModified || again.Body.Len() != 0 {
		t.Errorf("known already: %d, %d bytes", again.Code, again.Body.Len())
	}
	if w := ask(http.MethodPost); w.Code != http.StatusMethodNotAllowed || !strings.Contains(w.Header().Get("Allow"), "GET") {
		t.Errorf("POST: %d %v", w.Code, w.Header())
	}
	if len(r.hub.Messages())+len(r.hub.Held()) != 0 {
		t.Error("a request for the tune came into the hub")
	}
}
