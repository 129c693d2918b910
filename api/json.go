package api

import (
	"bytes"
	"errors"
	"io"
	"sync"

	"github.com/danielgtaylor/huma/v2"
	jsonv2 "github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	jsonv1 "github.com/go-json-experiment/json/v1"
)

// jsonFormat writes what encoding/json would, and reads more strictly: one body
// must mean one thing to everybody who reads it. A name that stands twice, or in
// another case than the document says, would be checked in one form and used in
// the other.
func jsonFormat() huma.Format {
	write := jsonv2.JoinOptions(jsonv1.DefaultOptionsV1(), jsontext.EscapeForHTML(false))
	read := jsonv2.JoinOptions(jsonv1.DefaultOptionsV1(), jsontext.AllowDuplicateNames(false),
		jsonv2.MatchCaseInsensitiveNames(false), jsonv2.RejectUnknownMembers(true))
	buffers := sync.Pool{New: func() any { return new(bytes.Buffer) }}
	return huma.Format{
		Marshal: func(w io.Writer, v any) error {
			b := buffers.Get().(*bytes.Buffer)
			defer func() {
				if b.Cap() <= keptBuffer {
					buffers.Put(b)
				}
			}()
			b.Reset()
			if err := jsonv2.MarshalWrite(b, v, write); err != nil {
				return err
			}
			b.WriteByte('\n')
			_, _ = w.Write(b.Bytes()) // the client has gone
			return nil
		},
		Unmarshal: func(data []byte, v any) error {
			err := jsonv2.Unmarshal(data, v, read)
			switch {
			case errors.Is(err, jsontext.ErrDuplicateName):
				return errors.New("a name stands twice in an object: send each once")
			case errors.Is(err, jsonv2.ErrUnknownName):
				return errors.New("an unknown name: write names as they are described, in lower case")
			}
			return err
		},
	}
}

// keptBuffer is the largest buffer that is kept for the next answer.
const keptBuffer = 1 << 20
