package clamd

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// eicar is the text that every scanner takes for a virus, in two parts so that none
// takes this file for one.
const eicar = `X5O!P%@AP[4\PZX54(P^)7CC)7}$` + `EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*`

// double is a clamd as its manual describes it: a command that begins with z ends
// with NUL and so does its answer; INSTREAM takes chunks of a length in network
// order until one of zero; beyond StreamMaxLength it answers and hangs up; so it does
// after any command.
type double struct {
	max    int
	answer string // said instead, if set
	mute   bool   // takes everything and never answers
}

func (d double) serve(t *testing.T, ln net.Listener) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			d.talk(conn)
			conn.Close()
		}
	}()
	t.Cleanup(func() {
		ln.Close()
		<-done
	})
}

func (d double) talk(conn net.Conn) {
	r := bufio.NewReader(conn)
	cmd, err := r.ReadString(0)
	if err != nil || cmd != "zINSTREAM\x00" {
		io.WriteString(conn, "UNKNOWN COMMAND\x00")
		return
	}
	var all bytes.Buffer
	for {
		var n uint32
		if binary.Read(r, binary.BigEndian, &n) != nil {
			return
		}
		if n == 0 {
			break
		}
		if all.Len()+int(n) > d.max {
			io.WriteString(conn, "INSTREAM size limit exceeded. ERROR\x00")
			return
		}
		if _, err := io.CopyN(&all, r, int64(n)); err != nil {
			return
		}
	}
	switch {
	case d.mute:
		io.Copy(io.Discard, r)
	case d.answer != "":
		io.WriteString(conn, d.answer)
	case strings.Contains(all.String(), eicar):
		io.WriteString(conn, "stream: Eicar-Test-Signature FOUND\x00")
	default:
		io.WriteString(conn, "stream: OK\x00")
	}
}

// start runs a double and returns where it is.
func start(t *testing.T, d double) *Daemon {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	d.serve(t, ln)
	c, err := New("tcp://" + ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestScan(t *testing.T) {
	long := strings.Repeat("long ", chunk)
	for _, c := range []struct {
		name    string
		d       double
		content string
		found   string
		err     string // a part of it
	}{
		{"clean", double{max: 1 << 20}, "hello", "", ""},
		{"nothing", double{max: 1 << 20}, "", "", ""},
		{"several chunks", double{max: 1 << 20}, long, "", ""},
		{"exactly one chunk", double{max: 1 << 20}, long[:chunk], "", ""},
		{"infected", double{max: 1 << 20}, eicar, "Eicar-Test-Signature", ""},
		{"infected in a later chunk", double{max: 1 << 20}, long + eicar, "Eicar-Test-Signature", ""},
		{"too large", double{max: 1000}, long, "", "StreamMaxLength"},
		{"an error", double{max: 1 << 20, answer: "stream: Can't allocate memory ERROR\x00"}, "x", "", "allocate memory"},
		{"another answer", double{max: 1 << 20, answer: "stream: OK but not really\x00"}, "x", "", "answered"},
		{"an answer that breaks off", double{max: 1 << 20, answer: "stream: OK"}, "x", "", "broke off"},
		{"a virus without a name", double{max: 1 << 20, answer: "stream:  FOUND\x00"}, "x", "", "answered"},
		{"a long answer", double{max: 1 << 20, answer: strings.Repeat("x", 10000) + "\x00"}, "x", "", "broke off"},
	} {
		found, err := start(t, c.d).Scan(t.Context(), strings.NewReader(c.content))
		if found != c.found || (err == nil) != (c.err == "") || err != nil && !strings.Contains(err.Error(), c.err) {
			t.Errorf("%s: %q, %v", c.name, found, err)
		}
	}
}

func TestUnixSocket(t *testing.T) {
	path := filepath.Join(t.TempDir(), "clamd.ctl")
	ln, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	double{max: 1 << 20}.serve(t, ln)
	c, err := New("unix://" + path)
	if err != nil {
		t.Fatal(err)
	}
	if found, err := c.Scan(t.Context(), strings.NewReader(eicar)); err != nil || found == "" {
		t.Errorf("%q %v", found, err)
	}
}

func TestTrouble(t *testing.T) {
	// Nobody is there.
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c, err := New("tcp://" + ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	ln.Close()
	if _, err := c.Scan(t.Context(), strings.NewReader("x")); err == nil || !strings.Contains(err.Error(), "cannot be reached") {
		t.Errorf("nobody there: %v", err)
	}
	// It takes the file and says nothing.
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := start(t, double{max: 1 << 20, mute: true}).Scan(ctx, strings.NewReader("x")); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("no answer: %v", err)
	}
	// The file cannot be read: that is no verdict either.
	broken := errors.New("disk")
	if _, err := start(t, double{max: 1 << 20}).Scan(t.Context(), iotest.ErrReader(broken)); !errors.Is(err, broken) {
		t.Errorf("a broken file: %v", err)
	}
	for _, address := range []string{"", "127.0.0.1:3310", "tcp://127.0.0.1", "tcp://:", "unix://relative", "http://127.0.0.1:3310"} {
		if _, err := New(address); err == nil {
			t.Errorf("%q is an address", address)
		}
	}
}
