package store

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A process that is killed in the middle of its writes has lost nothing that it
// acknowledged, and left a sound file.
func TestKill(t *testing.T) {
	if path := os.Getenv(childEnv); path != "" {
		writeForEver(t, path)
	}
	path := filepath.Join(t.TempDir(), "store.db")
	rounds := 12
	if testing.Short() {
		rounds = 3
	}
	acked := map[string]bool{}
	for range rounds {
		cmd := child("TestKill", path)
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewScanner(out)
		n, last := 0, 1+rand.IntN(400)
		for lines.Scan() {
			name, ok := strings.CutPrefix(lines.Text(), "stored ")
			if !ok {
				continue
			}
			acked[name] = true
			if n++; n == last {
				if err := cmd.Process.Kill(); err != nil {
					t.Fatal(err)
				}
			}
		}
		if err := cmd.Wait(); err == nil || n < last {
			t.Fatalf("the child ended by itself after %d writes: %v", n, err)
		}
		s, tab := reopen(t, path, Options{})
		for _, p := range problems(t, s) {
			t.Error(p)
		}
		stored := map[string]bool{}
		for _, name := range names(t, s, tab) {
			stored[name] = true
		}
		for name := range acked {
			if !stored[name] {
				t.Errorf("acknowledged and lost: %s", name)
			}
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
	t.Logf("%d acknowledged writes over %d kills", len(acked), rounds)
}

// writeForEver inserts from several goroutines and prints a line for each
// durable insert. It never returns.
func writeForEver(t *testing.T, path string) {
	s, err := Open(path, Options{})
	if err != nil {
		t.Fatal(err)
	}
	tab := items(s)
	for g := range 8 {
		go func() {
			for {
				var name string
				err := s.Update(context.Background(), func(tx *Tx) error {
					id := tx.NextID()
					name = fmt.Sprint(g, "-", id)
					// A second record that is moved about, so that entries go too.
					moved := &item{Name: fmt.Sprint("moved ", id), Size: int(id % 5)}
					if err := tab.Put(tx, 1<<40+uint64(g), moved); err != nil {
						return err
					}
					return tab.Insert(tx, id, &item{Name: name, Pad: strings.Repeat("x", int(id%2000))})
				})
				if err != nil {
					fmt.Fprintln(os.Stderr, err)
					os.Exit(3)
				}
				_, _ = os.Stdout.WriteString("stored " + name + "\n")
			}
		}()
	}
	select {}
}
