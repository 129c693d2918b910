package documents_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"throughline/documents"
	"throughline/documents/extract"
	"throughline/store"
)

// run starts the library's worker; stop ends it.
func (w *world) run() (stop func()) {
	ctx, cancel := context.WithCancel(w.t.Context())
	done := make(chan error, 1)
	go func() { done <- w.lib.Run(ctx) }()
	return func() {
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) {
			w.t.Errorf("run: %v", err)
		}
	}
}

// until waits for the store to come to a state.
func (w *world) until(what string, done func(tx *store.Tx) bool) {
	w.t.Helper()
	wake, stop := w.store.Watch()
	defer stop()
	late := time.After(20 * time.Second)
	for {
		ok := false
		w.ok(w.store.View(func(tx *store.Tx) error { ok = done(tx); return nil }))
		if ok {
			return
		}
		select {
		case <-wake:
		case <-late:
			w.t.Fatalf("it never came to this: %s", what)
		}
	}
}

// read waits until the text of a document's current version is read.
func (w *world) read(id uint64) (r documents.Reading) {
	w.t.Helper()
	w.until("the text is read", func(tx *store.Tx) bool {
		d, err := w.lib.Get(tx, id)
		w.ok(err)
		f, err := w.lib.File(tx, d.Current())
		w.ok(err)
		r = f.Text
		return r.State != documents.TextWaiting
	})
	return r
}

// snippets returns what a search shows of each document, marks in brackets.
func (w *world) snippets(q string) (list []string) {
	w.t.Helper()
	w.ok(w.store.View(func(tx *store.Tx) error {
		found, err := w.lib.Search(tx, q, documents.Filter{Role: documents.RoleAdmin}, 20)
		for _, f := range found {
			s, at := "", 0
			for _, m := range f.Marks {
				s += f.Snippet[at:m.From] + "[" + f.Snippet[m.From:m.To] + "]"
				at = m.To
			}
			list = append(list, s+f.Snippet[at:])
		}
		return err
	}))
	return list
}

func TestTextIsFound(t *testing.T) {
	w := newWorld(t)
	stop := w.run()
	defer stop()
	rent := w.add(w.ann, "rent.txt", "The deposit is 1,250 euros and\nhas to be paid before the keys are handed over.")
	fa := w.add(w.bob, "fa.txt", "این قرارداد میان آقای احمد نمونه و خانم مریم آزمون بسته می‌شود. مبلغ ودیعه ۱۲۵۰ یورو است.")
	th := w.add(w.bob, "th.txt", "สัญญานี้ทำขึ้นระหว่างนายสมชาย ตัวอย่าง เงินประกัน ๑๒๕๐ บาท")
	for _, id := range []uint64{rent, fa, th} {
		if r := w.read(id); r.State != documents.TextDone {
			t.Fatalf("%+v", r)
		}
	}
	for q, want := range map[string]string{
		"deposit keys": "The [deposit] is 1,250 euros and has to be paid before the [keys] are handed over.",
		"rent deposit": "The [deposit] is 1,250 euros and has to be paid before the keys are handed over.",
		"مريم وديعه":   "خانم [مریم] آزمون بسته می‌شود. مبلغ [ودیعه] ۱۲۵۰ یورو است.",
		"میشود":        "خانم مریم آزمون بسته [می‌شود]. مبلغ ودیعه ۱۲۵۰ یورو است.",
		"ประกัน 1250":  "เงิน[ประกัน] [๑๒๕๐] บาท",
		"สมชายตัว":     "",
		"deposit nope": "",
	} {
		if got := strings.Join(w.snippets(q), " | "); !strings.HasSuffix(got, want) || want == "" && got != "" {
			t.Errorf("%q shows %q, want one that ends with %q", q, got, want)
		}
	}
	// Only the current version is searched, and what is restored is there at once.
	w.ok(w.lib.AddVersion(t.Context(), me, rent, w.file("rent.txt", "text/plain", []byte("something new"))))
	w.read(rent)
	if got := w.find("deposit"); got != "" {
		t.Errorf("an old version is found: %s", got)
	}
	w.ok(w.lib.Restore(t.Context(), me, rent, 1))
	if got := w.find("deposit"); got != "rent" {
		t.Errorf("after it was restored: %q", got)
	}
	// Restricted and deleted ones are not found.
	w.ok(w.lib.Delete(t.Context(), me, rent))
	if got := w.find("deposit"); got != "" {
		t.Errorf("found in the bin: %s", got)
	}
	w.ok(w.lib.Purge(t.Context(), me, rent))
	if got := w.find("deposit"); got != "" {
		t.Errorf("found after it was purged: %s", got)
	}
}

func TestLongTextIsFoundInPieces(t *testing.T) {
	w := newWorld(t)
	stop := w.run()
	defer stop()
	var b strings.Builder
	for i := range 30000 {
		fmt.Fprintf(&b, "word%d สัญญา%d ", i, i)
	}
	id := w.add(w.ann, "long.txt", b.String())
	r := w.read(id)
	if r.State != documents.TextDone || r.Pieces < 10 {
		t.Fatalf("%+v", r)
	}
	for _, q := range []string{"word0 word29999", "สัญญา word15000"} {
		if w.find(q) != "long" {
			t.Errorf("%s is not found", q)
		}
	}
	if got := w.snippets("word29999"); len(got) != 1 || !strings.Contains(got[0], "[word29999]") {
		t.Errorf("%q", got)
	}
	w.ok(w.lib.Delete(t.Context(), me, id))
	w.ok(w.lib.Purge(t.Context(), me, id))
	if w.find("word0") != "" {
		t.Error("the text outlives its document")
	}
}

// What is found is derived: read anew it is the same.
func TestReread(t *testing.T) {
	var calls atomic.Int64
	w := newWorld(t, func(o *documents.Options) {
		o.Extract = func(ctx context.Context, f extract.File) (extract.Text, error) {
			calls.Add(1)
			return extract.FromFile(ctx, f)
		}
	})
	stop := w.run()
	defer stop()
	a, b := w.add(w.ann, "a.txt", "first text"), w.add(w.ann, "b.bin", "\x00\x01")
	same := w.add(w.bob, "c.txt", "first text")
	if r := w.read(b); r.State != documents.TextNone {
		t.Errorf("%+v", r)
	}
	w.read(a)
	before := w.snippets("text")
	w.read(same)
	if n := calls.Load(); n != 2 {
		t.Errorf("%d files were read, 2 are different", n)
	}
	n, err := w.lib.Reread(t.Context())
	w.ok(err)
	if n != 2 {
		t.Errorf("%d files to read", n)
	}
	w.read(a)
	w.read(b)
	after := w.snippets("text")
	if fmt.Sprint(before) != fmt.Sprint(after[len(after)-len(before):]) || calls.Load() != 4 {
		t.Errorf("before %q, after %q, %d calls", before, after, calls.Load())
	}
}

func TestFailedReadingIsTold(t *testing.T) {
	w := newWorld(t, func(o *documents.Options) {
		o.Extract = func(context.Context, extract.File) (extract.Text, error) {
			return extract.Text{}, errors.New("the file asks for a password")
		}
	})
	stop := w.run()
	defer stop()
	id := w.add(w.ann, "a.pdf", "%PDF-1.7")
	if r := w.read(id); r.State != documents.TextFailed || r.Reason != "the file asks for a password" {
		t.Errorf("%+v", r)
	}
	if got := w.events(); !strings.HasSuffix(got, "changed.") {
		t.Errorf("nobody was told: %s", got)
	}
}

// Reading goes on after a stop in the middle.
func TestReadingGoesOnAfterAStop(t *testing.T) {
	began := make(chan struct{}, 10)
	block := make(chan struct{})
	w := newWorld(t, func(o *documents.Options) {
		o.Extract = func(ctx context.Context, f extract.File) (extract.Text, error) {
			began <- struct{}{}
			select {
			case <-block:
				return extract.FromFile(context.WithoutCancel(ctx), f)
			case <-ctx.Done():
				return extract.Text{}, ctx.Err()
			}
		}
	})
	stop := w.run()
	id := w.add(w.ann, "a.txt", "hello")
	<-began
	stop()
	close(block)
	stop = w.run()
	defer stop()
	if r := w.read(id); r.State != documents.TextDone || w.find("hello") != "a" {
		t.Errorf("%+v", r)
	}
}

func TestReminder(t *testing.T) {
	w := newWorld(t)
	id := w.add(w.ann, "a.txt", "a")
	days := 10
	day := w.now.AddDate(0, 0, 5)
	w.ok(w.lib.Change(t.Context(), me, id, documents.Change{Expires: &day, Remind: &days}))
	late := w.add(w.ann, "b.txt", "b")
	far := w.now.AddDate(1, 0, 0)
	w.ok(w.lib.Change(t.Context(), me, late, documents.Change{Expires: &far}))
	stop := w.run()
	defer stop()
	w.until("the reminder came", func(tx *store.Tx) bool {
		d, err := w.lib.Get(tx, id)
		w.ok(err)
		return !d.Reminded.IsZero()
	})
	w.read(id)
	w.read(late)
	if n := strings.Count(w.events(), "expiring"); n != 1 || !w.get(late).Reminded.IsZero() {
		t.Errorf("%d reminders: %s", n, w.events())
	}
	// Another date reminds anew.
	w.ok(w.lib.Change(t.Context(), me, late, documents.Change{Expires: &day}))
	w.until("the second reminder came", func(tx *store.Tx) bool {
		d, err := w.lib.Get(tx, late)
		w.ok(err)
		return !d.Reminded.IsZero()
	})
}
