package email

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-imap/v2"

	"throughline/connectors"
	"throughline/connectors/email/mailtest"
)

// correspondence fills INBOX, Sent and Archive with n letters, the k-th of minute
// k: questions, answers, and in between some that were filed away later, in blocks
// of which the newest came first.
func correspondence(t testing.TB, add func(folder string, raw []byte, at time.Time), n int) {
	t.Helper()
	var archive []int
	at := func(k int) time.Time { return time.Date(2026, 3, 1, 10, k, 0, 0, time.UTC) }
	for k := range n {
		switch k % 4 {
		case 0, 2:
			add("INBOX", letter(k), at(k))
		case 1:
			add("Sent", letter(k), at(k))
		default:
			archive = append(archive, k)
		}
	}
	for i := len(archive); i > 0; i -= min(i, 7) {
		for _, k := range archive[i-min(i, 7) : i] {
			add("Archive", letter(k), at(k))
		}
	}
}

// checkOrder looks for letters 0 to n-1 in their order.
func checkOrder(t *testing.T, h *hub, n int) {
	t.Helper()
	h.mu.Lock()
	defer h.mu.Unlock()
	for i, m := range h.msgs {
		if want := fmt.Sprintf("letter %d", i); m.Subject != want {
			t.Fatalf("the mail at place %d is %q", i, m.Subject)
		}
	}
	if len(h.msgs) != n {
		t.Fatalf("%d mails, want %d", len(h.msgs), n)
	}
}

var threeFolders = map[string]any{"folders": []string{"INBOX", "Sent", "Archive", "Missing"}}

func correspondenceServer(t testing.TB, n int) *mailtest.IMAP {
	t.Helper()
	srv := imapServer(t)
	for _, f := range []string{"Sent", "Archive"} {
		if err := srv.Create(f); err != nil {
			t.Fatal(err)
		}
	}
	correspondence(t, func(folder string, raw []byte, at time.Time) {
		if _, err := srv.Append(folder, raw, at); err != nil {
			t.Fatal(err)
		}
	}, n)
	return srv
}

// TestMerge: at first sight of several folders their mails come in the order of
// time, and what comes later too.
func TestMerge(t *testing.T) {
	const n = 3 * runMails
	srv := correspondenceServer(t, n)
	c, h := newConnector(t, plain(srv.Port, 1, threeFolders)), newHub()
	stop := start(t, c, h)
	h.waitMails(t, n)
	h.waitLive(t)
	checkOrder(t, h, n)
	stop()
	if opened := srv.Selects(); opened > 40 {
		t.Errorf("folders were opened %d times", opened)
	}
	for _, f := range []string{"INBOX", "Sent", "Archive"} {
		cur, err := readCursor(h.cursor)
		if p := cur.Folders[f]; err != nil || p.Last == 0 || p.Ahead != "" {
			t.Errorf("%s: %+v, %v", f, p, err)
		}
	}
	times := time.Date(2026, 4, 1, 0, 0, 0, 0, time.UTC)
	srv.Append("Sent", letter(n+1), times.Add(time.Hour))
	srv.Append("INBOX", letter(n), times)
	start(t, c, h)
	h.waitMails(t, n+2)
	h.waitLive(t)
	checkOrder(t, h, n+2)
}

// TestMergeCut: wherever the connection breaks, each mail arrives once.
func TestMergeCut(t *testing.T) {
	const n = 400
	srv := correspondenceServer(t, n)
	for _, at := range []int64{1500, 9000, 30_000, 60_000, 75_000, 90_000, 110_000, 130_000} {
		proxy := viaProxy(t, srv.Port)
		c, h := newConnector(t, plain(proxy.Port, 1, threeFolders)), newHub()
		proxy.CutAfter(at)
		supervised(t, c, h)
		h.waitMails(t, n)
		h.waitLive(t)
		checkOnce(t, h, n)
	}
}

// killer is a hub that dies with its connector after a number of batches.
type killer struct {
	*hub
	left int
	kill context.CancelFunc
}

func (k *killer) Accept(ctx context.Context, b connectors.Batch) error {
	if k.left--; k.left < 0 {
		return context.Canceled
	}
	err := k.hub.Accept(ctx, b)
	if k.left == 0 {
		k.kill()
	}
	return err
}

// TestMergeKilled: a program that is killed after every batch comes to the end all
// the same, in order and without taking a mail twice.
func TestMergeKilled(t *testing.T) {
	const n = 1100
	srv := correspondenceServer(t, n)
	h := newHub()
	for runs := 0; len(h.msgs) < n; runs++ {
		if runs > n/batchMails+3 {
			t.Fatalf("%d of %d mails after %d runs", len(h.msgs), n, runs)
		}
		ctx, cancel := context.WithCancel(t.Context())
		// A new connector knows only what the hub has stored.
		_ = newConnector(t, plain(srv.Port, 1, threeFolders)).Run(ctx, &killer{h, 1, cancel})
		cancel()
	}
	checkOrder(t, h, n)
}

// meddler is a hub that does something before it takes a batch.
type meddler struct {
	*hub
	at     int
	meddle func()
}

func (m *meddler) Accept(ctx context.Context, b connectors.Batch) error {
	if m.at--; m.at == 0 {
		m.meddle()
	}
	return m.hub.Accept(ctx, b)
}

// TestMergeRenumbered: while several folders are read, one is renumbered and
// filled anew and mails of another go. What is left comes, all of it.
func TestMergeRenumbered(t *testing.T) {
	const n = 3 * runMails
	for _, at := range []int{1, 4, 8, 14} {
		srv := correspondenceServer(t, n)
		c, h := newConnector(t, plain(srv.Port, 1, threeFolders)), newHub()
		c.limits.heartbeat = 20 * time.Millisecond
		const more = 50
		var gone []imap.UID // of INBOX, the last ones: letters of even numbers
		for k := range 5 {
			gone = append(gone, imap.UID(n/2-k))
		}
		supervised(t, c, &meddler{h, at, func() {
			if err := srv.Recreate("Archive"); err != nil {
				t.Error(err)
			}
			for k := range n + more {
				if k >= n || k%4 == 3 {
					srv.Append("Archive", letter(k), time.Time{})
				}
			}
			if err := srv.Expunge("INBOX", gone...); err != nil {
				t.Error(err)
			}
		}})
		h.wait(t, "all that is left", func() bool {
			all := map[string]int{}
			for _, m := range h.msgs {
				all[m.Subject]++
			}
			for k := range n + more {
				if all[fmt.Sprint("letter ", k)] == 0 && (k%2 == 1 || k < n-2*len(gone) || k >= n) {
					return false
				}
			}
			return true
		})
		h.waitLive(t)
	}
}

// TestMergePoison: a mail that breaks the connection is held, the others come.
func TestMergePoison(t *testing.T) {
	const n = 60
	srv := correspondenceServer(t, n)
	srv.Poison(9, true) // in each folder
	c, h := newConnector(t, plain(srv.Port, 1, threeFolders)), newHub()
	supervised(t, c, h)
	h.waitMails(t, n-3)
	h.waitLive(t)
	checkOnce(t, h, n-3)
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.held) != 3 {
		t.Errorf("%d held", len(h.held))
	}
}

// TestMergeTidies: what is to be marked is marked in every folder.
func TestMergeTidies(t *testing.T) {
	const n = 40
	srv := correspondenceServer(t, n)
	c, h := newConnector(t, plain(srv.Port, 1, map[string]any{"folders": []string{"INBOX", "Sent", "Archive"}, "after": "mark_seen"})), newHub()
	start(t, c, h)
	h.waitMails(t, n)
	h.waitLive(t)
	checkOrder(t, h, n)
	for _, f := range []string{"INBOX", "Sent", "Archive"} {
		if all, unseen, err := srv.Status(f); err != nil || all == 0 || unseen != 0 {
			t.Errorf("%s: %d of %d unseen, %v", f, unseen, all, err)
		}
	}
}

func TestMergeDovecot(t *testing.T) {
	const n = 600
	d := mailtest.Peer(t)
	s, err := newConnector(t, plain(d.IMAP, 1, nil)).openSession(t.Context(), noStep)
	if err != nil {
		t.Fatal(err)
	}
	defer s.close()
	correspondence(t, func(folder string, raw []byte, at time.Time) {
		cmd := s.c.Append(folder, int64(len(raw)), &imap.AppendOptions{Time: at})
		if _, err := cmd.Write(raw); err != nil {
			t.Fatal(err)
		}
		if err := cmd.Close(); err != nil {
			t.Fatal(err)
		}
		if _, err := cmd.Wait(); err != nil {
			t.Fatal(err)
		}
	}, n)
	h := newHub()
	proxy := viaProxy(t, d.IMAP)
	proxy.CutAfter(100_000)
	set := plain(proxy.Port, 1, threeFolders)
	for runs := 0; len(h.msgs) < n; runs++ {
		if runs > n/batchMails+3 {
			t.Fatalf("%d of %d mails after %d runs", len(h.msgs), n, runs)
		}
		ctx, cancel := context.WithCancel(t.Context())
		_ = newConnector(t, set).Run(ctx, &killer{h, 1, cancel})
		cancel()
	}
	checkOnce(t, h, n)
}

// TestPlaceReach: what was taken in before its turn is neither forgotten nor
// counted twice.
func TestPlaceReach(t *testing.T) {
	for _, tt := range []struct {
		ahead string
		last  imap.UID
		want  string
	}{
		{"", 5, ""},
		{"7:9,12", 5, "7:9,12"},
		{"7:9,12", 8, "9,12"},
		{"7:9,12", 12, ""},
		{"nonsense", 5, ""},
	} {
		p := place{Last: 3, Ahead: tt.ahead}.reach(tt.last)
		if p.Last != tt.last || p.Ahead != tt.want {
			t.Errorf("%q reaching %d: %+v, want %q", tt.ahead, tt.last, p, tt.want)
		}
	}
	p := place{Ahead: "7:9,12"}
	var got []string
	for uid := range imap.UID(14) {
		if p.taken()(uid) {
			got = append(got, fmt.Sprint(uid))
		}
	}
	if s := strings.Join(got, " "); s != "7 8 9 12" {
		t.Errorf("taken: %s", s)
	}
}
