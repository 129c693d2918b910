package twiliotest

import (
	"bytes"
	"encoding/binary"
	"math"
	"time"
)

// maxAudio bounds the audio that is made, whatever length a recording claims.
const maxAudio = 5 * time.Minute

// wav makes audio of a length as the vendor stores it: 8 kHz, 16 bits; a soft tone that swells once a second.
func wav(d time.Duration, channels int) []byte {
	const rate = 8000
	samples := int(min(d, maxAudio).Seconds() * rate)
	size := samples * channels * 2
	var b bytes.Buffer
	b.WriteString("RIFF")
	le := func(v any) { _ = binary.Write(&b, binary.LittleEndian, v) }
	le(uint32(36 + size))
	b.WriteString("WAVEfmt ")
	le(uint32(16))
	le(uint16(1)) // PCM
	le(uint16(channels))
	le(uint32(rate))
	le(uint32(rate * channels * 2))
	le(uint16(channels * 2))
	le(uint16(16))
	b.WriteString("data")
	le(uint32(size))
	pcm := make([]byte, 0, size)
	for i := range samples {
		t := float64(i) / rate
		v := int16(2000 * math.Sin(math.Pi*t) * math.Sin(math.Pi*t) * math.Sin(2*math.Pi*440*t))
		for range channels {
			pcm = binary.LittleEndian.AppendUint16(pcm, uint16(v))
		}
	}
	b.Write(pcm)
	return b.Bytes()
}

// mp3 makes silence of a length: MPEG-2 layer III, 22.05 kHz, 32 kbit/s, mono. A frame whose side information is zero
// decodes to silence.
func mp3(d time.Duration) []byte {
	const frameBytes, samplesPerFrame, rate = 104, 576, 22050
	frames := int(min(d, maxAudio).Seconds()*rate/samplesPerFrame) + 1
	frame := make([]byte, frameBytes)
	copy(frame, []byte{0xff, 0xf3, 0x40, 0xc4})
	return bytes.Repeat(frame, frames)
}
