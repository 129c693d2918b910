package extract

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime/debug"
	"runtime/metrics"
	"strconv"
	"strings"
	"time"
)

// Func is FromFile, or a Child that does the same elsewhere.
type Func func(ctx context.Context, f File) (Text, error)

// maxMemory is how much a child may use, in bytes.
const maxMemory = 512 << 20

// answer is what a child writes.
type answer struct {
	Text
	None  bool   `json:"none,omitempty"` // ErrNoText
	Error string `json:"error,omitempty"`
}

// Child returns a Func that starts a program for each file. The program has to call
// Main with the arguments that are added to its own; the file is its standard
// input. It is killed when the context ends or when it takes too much memory, and
// what goes wrong in it says no more than that the file cannot be read.
func Child(program string, args ...string) Func {
	return func(ctx context.Context, f File) (Text, error) {
		file, ok := f.ReaderAt.(*os.File)
		if !ok {
			return Text{}, fmt.Errorf("extract: a child needs a file, not %T", f.ReaderAt)
		}
		cmd := exec.CommandContext(ctx, program, append(args[:len(args):len(args)], f.Name, f.ContentType, strconv.FormatInt(f.Size, 10))...)
		cmd.Stdin = file
		cmd.Env = []string{"GOMAXPROCS=1", "GOTRACEBACK=none"} // it needs none of the hub's secrets
		cmd.WaitDelay = time.Second
		var out, complaint limitedBuffer
		out.left, complaint.left = 8*MaxText, 4<<10
		cmd.Stdout, cmd.Stderr = &out, &complaint
		err := cmd.Run()
		if ctx.Err() != nil {
			return Text{}, ctx.Err()
		}
		var a answer
		if err == nil {
			err = json.Unmarshal(out.b, &a)
		}
		switch {
		case err != nil && strings.Contains(string(complaint.b), "memory"):
			return Text{}, fmt.Errorf("reading it takes more than %d MiB of memory", maxMemory>>20)
		case err != nil:
			return Text{}, fmt.Errorf("the file is damaged: reading it ended with %s", shorten(err.Error()))
		case a.None:
			return Text{}, ErrNoText
		case a.Error != "":
			return Text{}, errors.New(a.Error)
		}
		return a.Text, nil
	}
}

// limitedBuffer keeps the beginning of what is written to it.
type limitedBuffer struct {
	b    []byte
	left int
}

func (l *limitedBuffer) Write(p []byte) (int, error) {
	n := min(len(p), l.left)
	l.b, l.left = append(l.b, p[:n]...), l.left-n
	return len(p), nil
}

// Main is the whole of a child: it reads the file that is its standard input.
func Main(ctx context.Context, args []string, in *os.File, out io.Writer) error {
	if len(args) != 3 {
		return errors.New("extract: want the name, type and size of the file on standard input")
	}
	size, err := strconv.ParseInt(args[2], 10, 64)
	if err != nil {
		return err
	}
	debug.SetMemoryLimit(maxMemory / 2)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go watchMemory(ctx)
	t, err := FromFile(ctx, File{Name: args[0], ContentType: args[1], Size: size, ReaderAt: in})
	a := answer{Text: t}
	if a.None = errors.Is(err, ErrNoText); err != nil && !a.None {
		a.Error = err.Error()
	}
	return json.NewEncoder(out).Encode(a)
}

// watchMemory ends the process when it has taken too much.
func watchMemory(ctx context.Context) {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	s := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}, {Name: "/memory/classes/heap/stacks:bytes"}}
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		metrics.Read(s)
		if s[0].Value.Uint64()+s[1].Value.Uint64() > maxMemory {
			fmt.Fprintln(os.Stderr, "too much memory")
			os.Exit(3)
		}
	}
}
