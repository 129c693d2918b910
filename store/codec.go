package store

import (
	"fmt"
	"sync"

	// The coming encoding/json with today's semantics: decoding records is most
	// of what reading costs, and this takes a quarter less.
	jsonv2 "github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	json "github.com/go-json-experiment/json/v1"
	"github.com/klauspost/compress/zstd"
)

// Bytes is a record that is not JSON but bytes as they are, such as a raw
// message: Table[Bytes] stores them without encoding.
type Bytes []byte

// The first byte of a stored record tells how it is stored. Plain JSON begins
// with itself, never with one of these.
const (
	storedPlain = 0x00 // the rest is a Bytes record
	storedZstd  = 0x01 // the rest is a zstd frame (RFC 8878) of either
)

const (
	// minCompress is the size below which a record stays plain: the frame would
	// save nothing worth the time.
	minCompress = 256
	// maxRecord limits a record, and what a damaged frame may unpack to.
	maxRecord = 256 << 20
)

// codec encodes records. Its coders are shared by all tables of a store and
// made when the first record needs them.
type codec struct {
	encOnce, decOnce sync.Once
	enc              *zstd.Encoder
	dec              *zstd.Decoder
	buffers          sync.Pool // of *[]byte, for records on their way to be read
}

// keptBuffer is the largest buffer that is kept for the next record.
const keptBuffer = 256 << 10

// marshal returns the record's own bytes, before any compression.
func marshal[V any](v *V) ([]byte, error) {
	if b, ok := any(v).(*Bytes); ok {
		return append(make([]byte, 0, len(*b)), *b...), nil
	}
	return jsonv2.Marshal(v, writing)
}

// writing are today's semantics, but markup is written as it is: nobody shows a
// record in a page, and mails are full of it.
var writing = jsonv2.JoinOptions(json.DefaultOptionsV1(), jsontext.EscapeForHTML(false), jsontext.EscapeForJS(false))

// unmarshal is the inverse of marshal; v keeps nothing of data.
func unmarshal[V any](data []byte, v *V) error {
	if b, ok := any(v).(*Bytes); ok {
		*b = append(make(Bytes, 0, len(data)), data...)
		return nil
	}
	return jsonv2.Unmarshal(data, v, reading)
}

// reading are today's semantics but for one: that nothing is decoded of what is
// broken further on. It takes a pass of its own over each record, and a record
// that is broken is not used anyway.
var reading = jsonv2.JoinOptions(json.DefaultOptionsV1(), json.ReportErrorsWithLegacySemantics(false))

// pack brings marshalled bytes into their stored form.
func (c *codec) pack(data []byte, isBytes, compress bool) []byte {
	if compress && len(data) >= minCompress {
		c.encOnce.Do(func() {
			// The fastest level: the writer goroutine pays for it, and on mails it
			// saves as much as the default. Valid options never fail.
			c.enc, _ = zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(1),
				zstd.WithLowerEncoderMem(true), zstd.WithWindowSize(1<<20), zstd.WithEncoderCRC(false))
		})
		out := make([]byte, 1, len(data)/2+64)
		out[0] = storedZstd
		if out = c.enc.EncodeAll(data, out); len(out) <= len(data)-len(data)/16 {
			return out
		}
	}
	if isBytes {
		return append([]byte{storedPlain}, data...)
	}
	return data
}

// unpack returns the marshalled bytes of a stored record, which may be part of
// stored.
func (c *codec) unpack(stored []byte) ([]byte, error) { return c.unpackTo(nil, stored) }

// borrow is unpack into memory that the next borrow uses again: it is the
// caller's until done.
func (c *codec) borrow(stored []byte) (data []byte, done func(), err error) {
	if len(stored) == 0 || stored[0] != storedZstd {
		data, err = c.unpack(stored)
		return data, func() {}, err
	}
	buf, _ := c.buffers.Get().(*[]byte)
	if buf == nil {
		buf = new([]byte)
	}
	data, err = c.unpackTo((*buf)[:0], stored)
	return data, func() {
		if cap(data) > 0 && cap(data) <= keptBuffer {
			*buf = data
			c.buffers.Put(buf)
		}
	}, err
}

// unpackTo is unpack with room for what has to be unpacked.
func (c *codec) unpackTo(room, stored []byte) ([]byte, error) {
	switch {
	case len(stored) == 0:
		return nil, fmt.Errorf("empty record")
	case stored[0] == storedPlain:
		return stored[1:], nil
	case stored[0] != storedZstd:
		return stored, nil
	}
	c.decOnce.Do(func() {
		c.dec, _ = zstd.NewReader(nil, zstd.WithDecoderConcurrency(0), zstd.WithDecoderLowmem(true),
			zstd.WithDecoderMaxMemory(maxRecord))
	})
	return c.dec.DecodeAll(stored[1:], room)
}

func (c *codec) close() {
	if c.dec != nil {
		c.dec.Close()
	}
}
