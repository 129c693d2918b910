// Package clamd asks a ClamAV daemon whether a file holds a virus, over its
// INSTREAM command as clamd(8) describes it.
//
// It keeps nothing, and one connection serves one file. A file is clean only if the
// daemon says so in the words that it is documented to use; every other answer, and
// none, is an error.
package clamd

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"time"
)

const (
	chunk       = 64 << 10 // bytes of the file at a time
	maxReply    = 4 << 10
	dialTimeout = 5 * time.Second
	// stall is how long the daemon may take to accept the next chunk, or to answer
	// after the last one.
	stall = 2 * time.Minute
)

// Daemon is where a clamd listens.
type Daemon struct{ network, address string }

// New reads an address: tcp://host:port or unix:///path/of/the/socket.
func New(address string) (*Daemon, error) {
	if path, ok := strings.CutPrefix(address, "unix://"); ok && strings.HasPrefix(path, "/") {
		return &Daemon{"unix", path}, nil
	}
	if host, ok := strings.CutPrefix(address, "tcp://"); ok {
		if _, port, err := net.SplitHostPort(host); err == nil && port != "" {
			return &Daemon{"tcp", host}, nil
		}
	}
	return nil, fmt.Errorf("clamd: %q is no address: write tcp://127.0.0.1:3310 or unix:///run/clamav/clamd.ctl", address)
}

// ErrTooLarge tells that the daemon takes no files of this size.
var ErrTooLarge = errors.New("clamd takes no files of this size: raise StreamMaxLength in clamd.conf")

// Scan returns the name of the virus in what r yields, "" if there is none. An
// error means that nobody knows.
func (d *Daemon) Scan(ctx context.Context, r io.Reader) (found string, err error) {
	dialer := net.Dialer{Timeout: dialTimeout}
	conn, err := dialer.DialContext(ctx, d.network, d.address)
	if err != nil {
		return "", fmt.Errorf("clamd cannot be reached: %w", err)
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { conn.Close() })()

	sent := send(conn, r)
	if bad, ok := errors.AsType[*sourceError](sent); ok {
		return "", bad.err
	}
	// Also where sending failed: the daemon says why before it hangs up.
	_ = conn.SetReadDeadline(time.Now().Add(stall))
	reply, err := io.ReadAll(io.LimitReader(conn, maxReply))
	if ctx.Err() != nil {
		return "", ctx.Err()
	}
	text, ended := strings.CutSuffix(string(reply), "\x00")
	switch {
	case strings.Contains(text, "size limit exceeded"):
		return "", ErrTooLarge
	case sent != nil:
		return "", fmt.Errorf("clamd hung up: %w", sent)
	case !ended && err != nil:
		return "", fmt.Errorf("clamd did not answer: %w", err)
	case !ended:
		return "", errors.New("clamd broke off in the middle of its answer")
	case text == "stream: OK":
		return "", nil
	}
	if name, ok := strings.CutSuffix(text, " FOUND"); ok {
		if name, ok = strings.CutPrefix(name, "stream: "); ok && name != "" {
			return name, nil
		}
	}
	return "", fmt.Errorf("clamd answered %q", text[:min(len(text), 200)])
}

// sourceError tells an error of the file from one of the line.
type sourceError struct{ err error }

func (e *sourceError) Error() string { return e.err.Error() }

// send writes the command and the file: each chunk behind its length, and a length
// of zero at the end.
func send(conn net.Conn, r io.Reader) error {
	buf := make([]byte, 4+chunk)
	write := func(b []byte) error {
		_ = conn.SetWriteDeadline(time.Now().Add(stall))
		_, err := conn.Write(b)
		return err
	}
	if err := write([]byte("zINSTREAM\x00")); err != nil {
		return err
	}
	for {
		n, err := io.ReadFull(r, buf[4:])
		if n > 0 {
			binary.BigEndian.PutUint32(buf, uint32(n))
			if err := write(buf[:4+n]); err != nil {
				return err
			}
		}
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return write([]byte{0, 0, 0, 0})
		}
		if err != nil {
			return &sourceError{err}
		}
	}
}
