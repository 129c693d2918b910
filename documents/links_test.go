package documents_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"throughline/documents"
	"throughline/store"
)

// why returns why a link does not work, "" if it does.
func (w *world) why(token string) string {
	w.t.Helper()
	err := w.store.View(func(tx *store.Tx) error {
		_, err := w.lib.Follow(tx, token)
		return err
	})
	if bad, ok := errors.AsType[*documents.LinkError](err); ok {
		return bad.Why
	}
	w.ok(err)
	return ""
}

func (w *world) share(id uint64, n documents.NewLink) (*documents.Link, string) {
	w.t.Helper()
	if n.Expires.IsZero() {
		n.Expires = w.now.AddDate(0, 0, 7)
	}
	k, token, err := w.lib.Share(w.t.Context(), me, id, n)
	w.ok(err)
	return k, token
}

func TestLinks(t *testing.T) {
	w := newWorld(t)
	id := w.add(w.ann, "offer.txt", "first")
	k, current := w.share(id, documents.NewLink{Note: " for Ann "})
	_, fixed := w.share(id, documents.NewLink{Version: 1})
	_, twice := w.share(id, documents.NewLink{Max: 2})
	if k.Note != "for Ann" || strings.Contains(k.Digest, current) || len(current) < 26 || current == fixed {
		t.Errorf("%+v %s", k, current)
	}
	w.ok(w.lib.AddVersion(t.Context(), me, id, w.file("offer2.txt", "text/plain", []byte("second"))))
	for token, want := range map[string]int{current: 2, fixed: 1, twice: 2} {
		f, err := w.lib.Visit(t.Context(), token, "203.0.113.5")
		w.ok(err)
		if f.Version.Number != want {
			t.Errorf("leads to version %d, want %d", f.Version.Number, want)
		}
	}
	for range 2 {
		_, err := w.lib.Take(t.Context(), twice, "203.0.113.5", false)
		w.ok(err)
	}
	if got := w.why(twice); got != documents.LinkUsedUp {
		t.Errorf("after two downloads: %q", got)
	}
	if _, err := w.lib.Take(t.Context(), twice, "", false); err == nil {
		t.Error("a third download")
	}
	if got := w.why("nonsense") + w.why(""); got != documents.LinkUnknown+documents.LinkUnknown {
		t.Errorf("unknown: %q", got)
	}
	// Who opened it, from where.
	w.ok(w.store.View(func(tx *store.Tx) error {
		list, _, err := w.lib.Openings(tx, id, nil, 10)
		if len(list) != 5 || list[0].How != documents.ByLinkFile || list[0].Address != "203.0.113.5" || list[0].Link == 0 || list[0].Agent != 0 {
			t.Errorf("%+v", list)
		}
		return err
	}))
	if n := strings.Count(w.events(), "opened "); n != 3 { // once for each link
		t.Errorf("%d openings are news: %s", n, w.events())
	}

	// The bin shuts links, and opens them again.
	w.ok(w.lib.Delete(t.Context(), me, id))
	if got := w.why(current); got != documents.LinkGone {
		t.Errorf("in the bin: %q", got)
	}
	w.ok(w.lib.Undelete(t.Context(), me, id))
	if got := w.why(current); got != "" {
		t.Errorf("out of the bin: %q", got)
	}
	w.ok(w.lib.Revoke(t.Context(), me, id, k.ID))
	w.ok(w.lib.Revoke(t.Context(), me, id, k.ID))
	if got := w.why(current); got != documents.LinkRevoked {
		t.Errorf("taken back: %q", got)
	}
	w.now = w.now.AddDate(0, 0, 7)
	if got := w.why(fixed); got != documents.LinkExpired {
		t.Errorf("a week later: %q", got)
	}
	other := w.add(w.bob, "b.txt", "b")
	if err := w.lib.Revoke(t.Context(), me, other, k.ID); !errors.Is(err, documents.ErrNotFound) {
		t.Errorf("another document's link: %v", err)
	}
	// For good: nothing is left.
	w.ok(w.lib.Delete(t.Context(), me, id))
	w.ok(w.lib.Purge(t.Context(), me, id))
	if got := w.why(current); got != documents.LinkUnknown {
		t.Errorf("purged: %q", got)
	}
}

func TestLinksAreChecked(t *testing.T) {
	w := newWorld(t)
	id := w.add(w.ann, "a.txt", "a")
	week := w.now.AddDate(0, 0, 7)
	for field, n := range map[string]documents.NewLink{
		"expires": {Expires: w.now},
		"max":     {Expires: week, Max: documents.MaxDownloads + 1},
		"note":    {Expires: week, Note: strings.Repeat("x", 201)},
		"version": {Expires: week, Version: 9},
	} {
		if _, _, err := w.lib.Share(t.Context(), me, id, n); !isInvalid(err, field) {
			t.Errorf("%s: %v", field, err)
		}
	}
	if _, _, err := w.lib.Share(t.Context(), me, id, documents.NewLink{Expires: w.now.AddDate(0, 0, documents.MaxLinkDays+1)}); !isInvalid(err, "expires") {
		t.Errorf("too long: %v", err)
	}
	for range documents.MaxLinks {
		w.share(id, documents.NewLink{})
	}
	if _, _, err := w.lib.Share(t.Context(), me, id, documents.NewLink{Expires: week}); !isConflict(err) {
		t.Errorf("one too many: %v", err)
	}
}

// Each attempt counts before its password is looked at, and each shutting is longer.
func TestWrongPasswordsShutALink(t *testing.T) {
	w := newWorld(t)
	_, token := w.share(w.add(w.ann, "a.txt", "a"), documents.NewLink{Password: "hash"})
	attempts := func() (n int) {
		for {
			_, err := w.lib.Attempt(t.Context(), token)
			if bad, ok := errors.AsType[*documents.LinkError](err); ok && bad.Why == documents.LinkShut {
				return n
			}
			w.ok(err)
			n++
		}
	}
	for _, minutes := range []int{15, 30, 60, 120, 240, 240} {
		if n := attempts(); n != documents.WrongPasswords {
			t.Fatalf("%d attempts", n)
		}
		w.now = w.now.Add(time.Duration(minutes)*time.Minute - time.Second)
		if got := w.why(token); got != documents.LinkShut {
			t.Errorf("just before %d minutes: %q", minutes, got)
		}
		w.now = w.now.Add(time.Second)
		if got := w.why(token); got != "" {
			t.Errorf("after %d minutes: %q", minutes, got)
		}
	}
	// The right one at the last attempt opens it, and begins anew.
	attempts()
	if _, err := w.lib.Take(t.Context(), token, "203.0.113.5", false); err == nil {
		t.Error("shut, and taken without the password")
	}
	_, err := w.lib.Take(t.Context(), token, "203.0.113.5", true)
	w.ok(err)
	if n := attempts(); n != documents.WrongPasswords {
		t.Errorf("%d attempts after the right one", n)
	}
}

// Attempts at once are no way around the count.
func TestAttemptsAtOnce(t *testing.T) {
	w := newWorld(t)
	_, token := w.share(w.add(w.ann, "a.txt", "a"), documents.NewLink{Password: "hash"})
	var in atomic.Int64
	var wg sync.WaitGroup
	for range 50 {
		wg.Go(func() {
			if _, err := w.lib.Attempt(t.Context(), token); err == nil {
				in.Add(1)
			}
		})
	}
	wg.Wait()
	if in.Load() != documents.WrongPasswords {
		t.Errorf("%d were let in", in.Load())
	}
}

// Looking at a page is written down once in a while, however often it is done.
func TestVisitsAreBounded(t *testing.T) {
	w := newWorld(t)
	id := w.add(w.ann, "a.txt", "a")
	k, token := w.share(id, documents.NewLink{})
	w.now = w.now.Truncate(time.Hour)
	visits := func() int {
		var n int
		w.ok(w.store.View(func(tx *store.Tx) error {
			list, err := w.lib.Links(tx, id)
			for _, l := range list {
				if l.ID == k.ID {
					n = l.Visits
				}
			}
			openings, _, err2 := w.lib.Openings(tx, id, nil, 1000)
			if len(openings) != n {
				t.Errorf("%d openings of %d visits", len(openings), n)
			}
			return errors.Join(err, err2)
		}))
		return n
	}
	visit := func(address string) {
		_, err := w.lib.Visit(t.Context(), token, address)
		w.ok(err)
	}
	for _, a := range []string{"203.0.113.5", "203.0.113.5", "203.0.113.6", "2001:db8::1", "2001:db8::ffff", "2001:db8:0:1::1"} {
		visit(a)
	}
	if n := visits(); n != 4 {
		t.Errorf("%d visits of four networks", n)
	}
	w.now = w.now.Add(15 * time.Minute)
	visit("203.0.113.5")
	if n := visits(); n != 5 {
		t.Errorf("%d visits, with one that came again", n)
	}
	for i := range 200 {
		visit(fmt.Sprintf("198.51.100.%d", i))
	}
	if n := visits(); n != documents.VisitsHourly {
		t.Errorf("%d visits in one hour", n)
	}
	w.now = w.now.Add(time.Hour)
	visit("198.51.100.250")
	if n := visits(); n != documents.VisitsHourly+1 {
		t.Errorf("%d visits in the next", n)
	}
}

// scanner is a virus scanner for tests: it finds one in every file that says so.
type scanner struct {
	down  atomic.Bool
	calls atomic.Int64
}

func (s *scanner) Scan(_ context.Context, r io.Reader) (string, error) {
	s.calls.Add(1)
	if s.down.Load() {
		return "", errors.New("clamd cannot be reached")
	}
	data, err := io.ReadAll(r)
	if strings.Contains(string(data), "virus") {
		return "Test.Virus", err
	}
	return "", err
}

// scanned waits until the scanner has said something about a document's file.
func (w *world) scanned(id uint64) (s documents.Scan) {
	w.t.Helper()
	w.until("the file is scanned", func(tx *store.Tx) bool {
		d, err := w.lib.Get(tx, id)
		w.ok(err)
		f, err := w.lib.File(tx, d.Current())
		w.ok(err)
		s = f.Scan
		return s.State != documents.ScanWaiting
	})
	return s
}

func TestInfectedFilesStayShut(t *testing.T) {
	sc := &scanner{}
	w := newWorld(t, func(o *documents.Options) { o.Scanner = sc })
	bad := w.add(w.ann, "bad.txt", "a virus")
	// Nobody has looked yet: shut too.
	if _, err := w.lib.Open(t.Context(), me, bad, 0, documents.ByDownload); !errors.Is(err, documents.ErrUnscanned) {
		t.Errorf("before the scan: %v", err)
	}
	stop := w.run()
	defer stop()
	if s := w.scanned(bad); s.State != documents.ScanInfected || s.Found != "Test.Virus" {
		t.Fatalf("%+v", s)
	}
	infected := func(err error) bool { _, ok := errors.AsType[*documents.InfectedError](err); return ok }
	if _, err := w.lib.Open(t.Context(), me, bad, 0, documents.ByDownload); !infected(err) {
		t.Errorf("opened: %v", err)
	}
	if _, _, err := w.lib.Share(t.Context(), me, bad, documents.NewLink{Expires: w.now.AddDate(0, 0, 1)}); !infected(err) {
		t.Errorf("shared: %v", err)
	}
	if got := w.find("virus"); got != "" {
		t.Errorf("its text was read: %q", got)
	}
	good := w.add(w.ann, "good.txt", "harmless")
	_, token := func() (*documents.Link, string) {
		if s := w.scanned(good); s.State != documents.ScanClean {
			t.Fatalf("%+v", s)
		}
		return w.share(good, documents.NewLink{})
	}()
	// A new version with a virus shuts the link that leads to the current one.
	w.ok(w.lib.AddVersion(t.Context(), me, good, w.file("good.txt", "text/plain", []byte("now with a virus"))))
	w.scanned(good)
	if got := w.why(token); got != documents.LinkGone {
		t.Errorf("a link to a virus: %q", got)
	}
	// The same content is known at once.
	n := sc.calls.Load()
	again := w.add(w.bob, "again.txt", "a virus")
	if _, err := w.lib.Open(t.Context(), me, again, 0, documents.ByPreview); !infected(err) || sc.calls.Load() != n {
		t.Errorf("the same file again: %v, %d scans", err, sc.calls.Load()-n)
	}
}

func TestScannerThatCannotBeReached(t *testing.T) {
	sc := &scanner{}
	sc.down.Store(true)
	w := newWorld(t, func(o *documents.Options) { o.Scanner = sc })
	stop := w.run()
	id := w.add(w.ann, "a.txt", "text")
	if s := w.scanned(id); s.State != documents.ScanUnreachable || s.Reason == "" || s.Tries != 1 {
		t.Fatalf("%+v", s)
	}
	if _, err := w.lib.Open(t.Context(), me, id, 0, documents.ByDownload); !errors.Is(err, documents.ErrUnscanned) {
		t.Errorf("opened: %v", err)
	}
	stop()
	// A start tries again at once, whatever the pause was.
	sc.down.Store(false)
	stop = w.run()
	defer stop()
	w.until("it is clean", func(tx *store.Tx) bool {
		d, err := w.lib.Get(tx, id)
		w.ok(err)
		f, err := w.lib.File(tx, d.Current())
		w.ok(err)
		return f.Scan.State == documents.ScanClean
	})
	if _, err := w.lib.Open(t.Context(), me, id, 0, documents.ByDownload); err != nil {
		t.Error(err)
	}
	if r := w.read(id); r.State != documents.TextDone {
		t.Errorf("%+v", r)
	}
}
