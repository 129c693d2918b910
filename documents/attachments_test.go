package documents_test

import (
	"errors"
	"strings"
	"testing"

	"throughline/documents"
	"throughline/message"
	"throughline/store"
)

// verdict is what is known of a content.
func (w *world) verdict(sha string) (s documents.Scan, shut bool) {
	w.t.Helper()
	w.ok(w.store.View(func(tx *store.Tx) (err error) {
		s, shut, err = w.lib.Verdict(tx, sha)
		return err
	}))
	return s, shut
}

// Files of messages wait for the scanner from the moment at which they are filed, are
// told of, and are not read for search unless a document has them too.
func TestFilesOfMessages(t *testing.T) {
	told := map[uint64]int{}
	w := newWorld(t, func(o *documents.Options) {
		o.Scanner = &scanner{}
		o.Scanned = func(_ *store.Tx, id uint64) error { told[id]++; return nil }
	})
	good, bad := w.file("good.txt", "text/plain", []byte("harmless")), w.file("bad.txt", "text/plain", []byte("a virus"))
	part := func(f documents.Upload) message.Part {
		return message.Part{Name: f.Name, Blob: f.Ref.SHA256, Size: f.Ref.Size}
	}
	w.ok(w.store.Update(t.Context(), func(tx *store.Tx) error {
		return errors.Join(w.lib.Arrived(tx, 41, []message.Part{part(good), {}}), w.lib.Arrived(tx, 42, []message.Part{part(bad)}))
	}))
	for _, f := range []documents.Upload{good, bad} {
		if s, shut := w.verdict(f.Ref.SHA256); s.State != documents.ScanWaiting || !shut {
			t.Errorf("%s at first: %+v", f.Name, s)
		}
	}
	stop := w.run()
	defer func() { stop() }()
	w.until("both are scanned", func(tx *store.Tx) bool {
		a, _, _ := w.lib.Verdict(tx, good.Ref.SHA256)
		b, _, _ := w.lib.Verdict(tx, bad.Ref.SHA256)
		return a.State == documents.ScanClean && b.State == documents.ScanInfected
	})
	if s, shut := w.verdict(bad.Ref.SHA256); s.Found != "Test.Virus" || !shut {
		t.Errorf("%+v", s)
	}
	if w.find("harmless") != "" {
		t.Error("an attachment is found among the documents")
	}
	// Put into the documents it is known already, and read.
	id, err := w.lib.Add(t.Context(), me, documents.Draft{Owner: w.ann, File: good})
	w.ok(err)
	if r := w.read(id); r.State != documents.TextDone || w.find("harmless") != "good" {
		t.Errorf("%+v", r)
	}
	worse, err := w.lib.Add(t.Context(), me, documents.Draft{Owner: w.ann, File: bad})
	w.ok(err)
	// Deleted for good, the message's file stays shut.
	w.ok(w.lib.Delete(t.Context(), me, worse))
	w.ok(w.lib.Purge(t.Context(), me, worse))
	if s, shut := w.verdict(bad.Ref.SHA256); s.State != documents.ScanInfected || !shut {
		t.Errorf("after its document is gone: %+v", s)
	}
	stop()
	stop = func() {}
	if told[41] == 0 || told[42] == 0 {
		t.Errorf("told of %v", told)
	}
}

// An upload is looked at before its writer goes on.
func TestVet(t *testing.T) {
	for _, lenient := range []bool{false, true} {
		sc := &scanner{}
		w := newWorld(t, func(o *documents.Options) { o.Scanner, o.OpenUnscanned = sc, lenient })
		vet := func(content string) error { return w.lib.Vet(t.Context(), me, w.file("x", "", []byte(content)).Ref) }
		w.ok(vet("harmless"))
		for range 2 { // the second time it is known
			if _, ok := errors.AsType[*documents.InfectedError](vet("a virus")); !ok {
				t.Error("a virus may be sent")
			}
		}
		if n := sc.calls.Load(); n != 2 {
			t.Errorf("%d scans of two files", n)
		}
		sc.down.Store(true)
		if err := vet("later"); lenient != (err == nil) || !lenient && (!errors.Is(err, documents.ErrUnscanned) || !strings.Contains(err.Error(), "clamd cannot be reached")) {
			t.Errorf("lenient %v: %v", lenient, err)
		}
		sc.down.Store(false)
		w.ok(vet("later"))
	}
}
