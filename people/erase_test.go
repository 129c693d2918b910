package people

import (
	"archive/zip"
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"
	"go.etcd.io/bbolt"

	"throughline/connectors"
	"throughline/identity"
	"throughline/inbox"
	"throughline/message"
	"throughline/preference"
	"throughline/store"
)

func mail(from, name, key, text string) message.Message {
	return message.Message{Channel: "test", Source: "INBOX;1;" + key, Key: key, From: message.Person{Name: name, Handle: message.NewHandle("mailto", from)},
		To: []message.Person{{Handle: "mailto:support@example.com"}}, Ref: key + "@example.org", Text: text, Reply: text, Subject: "about " + text,
		Kind: message.Human, Time: time.Now(), Raw: message.Bytes("From: " + from + "\r\n\r\n" + text),
		Parts: []message.Part{{Name: "file-" + key + ".txt", ContentType: "text/plain", Content: message.Bytes("content " + text)}, {Name: "same.txt", ContentType: "text/plain", Content: message.Bytes("shared by two")}}}
}

// TestEraseLeavesNothing looks for every word of an erased person in the files of
// the data folder.
func TestEraseLeavesNothing(t *testing.T) {
	dir := t.TempDir()
	w := newWorldAt(t, dir)
	must(t, w.sink.Accept(t.Context(), connectors.Batch{Messages: []message.Message{
		mail("zebulon@example.org", "Zebulon Quartz", "k1", "xylophone"), mail("zebulon@example.org", "Zebulon Quartz", "k2", "marzipan"),
		mail("bystander@example.org", "Bystander", "k3", "harmless"),
	}}))
	z, b := w.customer("zebulon@example.org"), w.customer("bystander@example.org")
	must(t, w.hub.EditCard(t.Context(), 1, z.ID, []identity.Edit{{Field: identity.FieldGoals, Value: "quicksilver"}}))
	must(t, w.hub.EditCard(t.Context(), 1, z.ID, []identity.Edit{{Field: identity.FieldGoals, Value: "verdigris"}}))
	must(t, w.hub.Relate(t.Context(), 1, z.ID, b.ID, "friend"))
	must(t, w.hub.Link(t.Context(), 1, z.ID, "tel:+447700900777", "told on the phone to Obadiah"))
	// Their words become lessons of the classifier.
	support := "support"
	var written []uint64
	w.view(func(tx *store.Tx) error {
		events, err := w.hub.Timeline.After(tx, 0, 1000)
		for _, e := range events {
			if e.Message != 0 && !slices.Contains(written, e.Conversation) {
				written = append(written, e.Conversation)
			}
		}
		return err
	})
	must(t, w.hub.Change(t.Context(), 1, written, inbox.Change{Purpose: &support}))
	must(t, w.hub.Preference.CatchUp(t.Context()))
	_, err := w.hub.Preference.State(t.Context(), preference.Statement{Customer: z.ID, Channel: "test", Wish: preference.Prefer, Source: preference.Stated, By: "agent:1",
		Proof: preference.Proof{Heard: 1, Note: "said so beside the cormorant"}})
	must(t, err)
	w.bring("z.csv", "name,email,note\nZebulon Quartz,zebulon@example.org,ultramarine\nNobody,wrong,\n", Change{})
	var before, last uint64
	var n int
	w.view(func(tx *store.Tx) error { before = w.hub.Timeline.Last(tx); return nil })
	words := []string{"zebulon", "quartz", "xylophone", "marzipan", "quicksilver", "verdigris", "447700900777", "obadiah", "ultramarine", "cormorant"}
	if found := grep(t, w, dir, words); len(found) < 4 {
		t.Fatalf("the search finds only %v before", found)
	}

	// Files that are being taken in are left alone: these are older.
	old := time.Now().Add(-time.Hour)
	must(t, filepath.WalkDir(filepath.Join(dir, "blobs"), func(p string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		return os.Chtimes(p, old, old)
	}))
	gone, err := w.Erase(t.Context(), 1, z.ID)
	must(t, err)
	if gone.Messages != 2 {
		t.Errorf("%d messages", gone.Messages)
	}
	if _, err := w.Erase(t.Context(), 1, z.ID); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("erased again: %v", err)
	}
	w.view(func(tx *store.Tx) error {
		last = w.hub.Timeline.Last(tx)
		events, err := w.hub.Timeline.After(tx, 0, 1000)
		n = len(events)
		return err
	})
	if last <= before || uint64(n) != last {
		t.Errorf("%d events up to %d, before %d", n, last, before)
	}

	// The same mail again is known; a new one is from somebody new.
	must(t, w.sink.Accept(t.Context(), connectors.Batch{Messages: []message.Message{mail("zebulon@example.org", "Z", "k1", "x")}}))
	w.view(func(tx *store.Tx) error {
		if _, ok := w.hub.Identity.Find(tx, "mailto:zebulon@example.org"); ok {
			t.Error("a mail that was erased has come back")
		}
		return nil
	})
	if found := grep(t, w, dir, words); len(found) > 0 {
		t.Errorf("still in the files: %v", found)
	}
	if c := w.customer("bystander@example.org"); c.Name != "Bystander" {
		t.Errorf("the bystander is %+v", c)
	}
}

// grep compacts a copy of the data and looks for words in it, compressed records
// unpacked.
func grep(t *testing.T, w *world, dir string, words []string) (found []string) {
	t.Helper()
	var all bytes.Buffer
	copied := filepath.Join(t.TempDir(), "copy.db") // a backup holds what is there and no free pages, as compact leaves it
	f, err := os.Create(copied)
	must(t, err)
	_, err = w.store.Backup(t.Context(), f)
	must(t, errors.Join(err, f.Close()))
	db, err := bbolt.Open(copied, 0o600, &bbolt.Options{ReadOnly: true})
	must(t, err)
	defer db.Close()
	unzstd, err := zstd.NewReader(nil)
	must(t, err)
	defer unzstd.Close()
	must(t, db.View(func(tx *bbolt.Tx) error {
		return tx.ForEach(func(_ []byte, b *bbolt.Bucket) error {
			return b.ForEach(func(k, v []byte) error {
				all.Write(k)
				all.WriteByte(0)
				all.Write(v)
				for skip := range min(len(v), 3) {
					if plain, err := unzstd.DecodeAll(v[skip:], nil); err == nil {
						all.Write(plain)
					}
				}
				return nil
			})
		})
	}))
	must(t, filepath.WalkDir(filepath.Join(dir, "blobs"), func(p string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(p)
		all.Write(b)
		return err
	}))
	text := strings.ToLower(all.String())
	for _, word := range words {
		if strings.Contains(text, word) {
			found = append(found, word)
		}
	}
	if !strings.Contains(text, "bystander") || !strings.Contains(text, "harmless") || !strings.Contains(text, "shared by two") {
		t.Error("the bystander's are gone")
	}
	return found
}

func TestExportOne(t *testing.T) {
	w := newWorld(t)
	must(t, w.sink.Accept(t.Context(), connectors.Batch{Messages: []message.Message{mail("ann@example.org", "Ann", "k1", "first"), mail("bob@example.org", "Bob", "k2", "second")}}))
	var out bytes.Buffer
	must(t, w.WriteOne(t.Context(), &out, w.customer("ann@example.org").ID))
	z, err := zip.NewReader(bytes.NewReader(out.Bytes()), int64(out.Len()))
	must(t, err)
	var names []string
	for _, f := range z.File {
		names = append(names, f.Name)
		r, err := f.Open()
		must(t, err)
		var b bytes.Buffer
		_, err = b.ReadFrom(r)
		must(t, err)
		if strings.Contains(b.String(), "bob@example.org") || strings.Contains(b.String(), "second") {
			t.Errorf("%s tells of somebody else", f.Name)
		}
		if f.Name == "timeline.jsonl" && !strings.Contains(b.String(), "first") {
			t.Error("the timeline lacks the message")
		}
	}
	if list := strings.Join(names, " "); !strings.Contains(list, "person.json") || !strings.Contains(list, "messages/") || strings.Count(list, "files/") != 2 {
		t.Errorf("the file holds %v", names)
	}
}

// TestExportAllComesBack imports what was exported into an empty hub.
func TestExportAllComesBack(t *testing.T) {
	w := newWorld(t)
	w.bring("a.csv", "name,email,phone,company,tags,note\nAnn Lee,ann@example.org;ann@example.net,+447700900123,Example,vip;new,\"two\nlines\"\nنگار,negar@example.org,,,,\nOnly Name,,,,,\n", Change{})
	for _, form := range []string{CSV, VCard} {
		var out bytes.Buffer
		n, err := w.WriteAll(t.Context(), &out, form)
		must(t, err)
		if n != 3 {
			t.Errorf("%s: %d people", form, n)
		}
		w2 := newWorld(t)
		i := w2.bring("back."+form, out.String(), Change{})
		if i.Counts != (ImportCounts{New: 3}) {
			t.Errorf("%s: %+v\n%s", form, i.Counts, out.String())
		}
		if c := w2.customer("ann@example.net"); c.Name != "Ann Lee" || c.Company != "Example" || c.Note != "two\nlines" || len(c.Tags) != 2 {
			t.Errorf("%s: %+v", form, c)
		}
	}
	var out bytes.Buffer
	n, err := w.WriteAll(t.Context(), &out, JSONLines)
	must(t, err)
	if n != 3 || strings.Count(out.String(), "\n") != 3 {
		t.Errorf("lines: %d\n%s", n, out.String())
	}
}
