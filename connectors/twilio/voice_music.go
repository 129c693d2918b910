package twilio

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math"
	"net/http"
	"time"

	"github.com/twilio/twilio-go/twiml"
)

// What callers hear who wait or are on hold: music of the business's own, or a tune
// that is made here, so that nobody holds a telephone that says nothing.
//
// Twilio plays WAV files of any address over GET, without a signature, and keeps what
// it may keep: https://www.twilio.com/docs/voice/twiml/play. Documents for those who wait
// consist of Play, Say, Pause and Redirect: https://www.twilio.com/docs/api/errors/13238.

const (
	// routeTune is the only address that is asked for with GET.
	routeTune = "/tune.wav"
	// noMusic as hold_music says the words again and nothing else.
	noMusic = "none"
	// playOn repeats until the call goes on.
	playOn = "0"
	// tuneKept is how long Twilio may keep the tune.
	tuneKept = "public, max-age=86400"
)

// music is the address of what is played, "" for words only.
func (l *Line) music() string {
	switch l.set.music {
	case noMusic:
		return ""
	case "":
		return l.core.url(routeTune)
	}
	return l.set.music
}

// played is the music once, if there is any.
func (l *Line) played(loop string) []twiml.Element {
	if at := l.music(); at != "" {
		return []twiml.Element{&twiml.VoicePlay{Url: at, Loop: loop}}
	}
	return nil
}

// serveTune answers a request for the tune.
func (l *Line) serveTune(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		http.Error(w, "the tune is fetched with GET", http.StatusMethodNotAllowed)
		return
	}
	wav := l.tune()
	h := w.Header()
	h.Set("Content-Type", "audio/wav")
	h.Set("Cache-Control", tuneKept)
	h.Set("ETag", fmt.Sprintf(`"%x"`, sha256.Sum256(wav)))
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(wav))
}

const (
	tuneRate = 8000 // samples a second: what a telephone carries
	noteStep = tuneRate / 2
	// ring is how fast a note fades: to a third in so many seconds.
	ring = 0.45
	// loudness of one note; the sum of those that sound together stays below 1.
	loudness = 0.16
)

// holdTune is a sequence of broken chords that begins anew where it ends, as a WAV file of
// 16 bits and one channel (RIFF, PCM).
func holdTune() []byte {
	// Within the 300 to 3,400 Hz of a telephone.
	const f, g, a, b, c, d, e, high = 349.23, 392, 440, 493.88, 523.25, 587.33, 659.26, 783.99
	notes := []float64{
		c, e, high, e, c, e, high, e,
		a, c, e, c, a, c, e, c,
		f, a, c, a, f, a, c, a,
		g, b, d, b, g, b, d, high,
	}
	sum := make([]float64, len(notes)*noteStep)
	for i, note := range notes {
		for n := range 6 * noteStep {
			at := float64(n) / tuneRate
			soft := min(1, at/0.012) // no click at the beginning
			wave := math.Sin(2*math.Pi*note*at) + 0.25*math.Sin(4*math.Pi*note*at)
			// What still sounds at the end sounds on at the beginning.
			sum[(i*noteStep+n)%len(sum)] += loudness * soft * math.Exp(-at/ring) * wave
		}
	}
	size := uint32(2 * len(sum))
	out := make([]byte, 0, 44+size)
	out = append(out, "RIFF"...)
	out = binary.LittleEndian.AppendUint32(out, 36+size)
	out = append(out, "WAVEfmt "...)
	out = binary.LittleEndian.AppendUint32(out, 16)
	out = binary.LittleEndian.AppendUint16(out, 1) // PCM
	out = binary.LittleEndian.AppendUint16(out, 1) // channel
	out = binary.LittleEndian.AppendUint32(out, tuneRate)
	out = binary.LittleEndian.AppendUint32(out, 2*tuneRate)
	out = binary.LittleEndian.AppendUint16(out, 2)
	out = binary.LittleEndian.AppendUint16(out, 16)
	out = append(out, "data"...)
	out = binary.LittleEndian.AppendUint32(out, size)
	for _, v := range sum {
		out = binary.LittleEndian.AppendUint16(out, uint16(int16(v*math.MaxInt16)))
	}
	return out
}
