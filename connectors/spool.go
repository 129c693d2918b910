package connectors

import (
	"errors"
	"fmt"
	"io"
	"os"

	"throughline/message"
)

// spillBytes is the size from which content in flight lies on disk.
const spillBytes = 256 << 10

// ErrTooLarge is the error of Spool for content above its limit.
var ErrTooLarge = errors.New("the content is larger than the limit")

// spooled is content in a temporary file.
type spooled struct {
	name string
	size int64
}

func (s spooled) Open() (io.ReadCloser, error) { return os.Open(s.name) }
func (s spooled) Size() int64                  { return s.size }

// Spool reads content of at most limit bytes: into memory when it is small, else
// into a temporary file in dir (Host.TempDir), which Drop removes.
func Spool(dir string, r io.Reader, limit int64) (message.Content, error) {
	head, err := io.ReadAll(io.LimitReader(r, min(spillBytes, limit+1)))
	if err != nil {
		return nil, err
	}
	if int64(len(head)) > limit {
		return nil, ErrTooLarge
	}
	if len(head) < spillBytes {
		return message.Bytes(head), nil
	}
	f, err := os.CreateTemp(dir, "spool-*")
	if err != nil {
		return nil, fmt.Errorf("no temporary file: %w", err)
	}
	_, err = f.Write(head)
	n := int64(len(head))
	if err == nil {
		var more int64
		more, err = io.Copy(f, io.LimitReader(r, limit-n+1))
		n += more
	}
	err = errors.Join(err, f.Close())
	if err == nil && n > limit {
		err = ErrTooLarge
	}
	if err != nil {
		os.Remove(f.Name())
		return nil, err
	}
	return spooled{f.Name(), n}, nil
}

// Drop removes the temporary files of parts that Spool made: when the hub has taken
// them, or nobody wants them.
func Drop(parts []message.Part) {
	for _, p := range parts {
		if s, ok := p.Content.(spooled); ok {
			_ = os.Remove(s.name) // the folder is emptied at start-up
		}
	}
}
