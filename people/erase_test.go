package people

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
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
	// An answer that was taken back, its draft and a second one, a task, a company that
	// is nothing but a name, a mail nobody can read.
	var at uint64
	w.view(func(tx *store.Tx) error {
		h, ok := w.hub.Identity.Find(tx, "mailto:zebulon@example.org")
		if !ok {
			t.Fatal("there is no such handle")
		}
		list, _, err := w.hub.List(tx, inbox.ListQuery{Subjects: []uint64{h.ID}, Limit: 10})
		at = list[0].ID
		return err
	})
	for _, text := range []string{"persimmon", "tamarind"} {
		seq, err := w.hub.Reply(t.Context(), inbox.Outgoing{Agent: 1, Conversation: at, Mode: inbox.ModeReply, To: []message.Person{{Name: "Zebulon Quartz", Handle: "mailto:zebulon@example.org"}},
			HTML: "<p>" + text + "</p>", SeenSeq: 1 << 40})
		must(t, err)
		var id uint64
		w.view(func(tx *store.Tx) error {
			e, err := w.hub.Timeline.Get(tx, seq)
			id = e.Message
			return err
		})
		_, err = w.hub.Undo(t.Context(), 1, id)
		must(t, err)
	}
	_, err = w.hub.AddTask(t.Context(), 1, inbox.Task{Text: "send the gooseberry", Customer: z.ID})
	must(t, err)
	must(t, w.hub.EditCard(t.Context(), 1, z.ID, []identity.Edit{{Field: identity.FieldCompany, Value: "Mulberry House"}}))
	must(t, w.sink.Accept(t.Context(), connectors.Batch{Held: []message.Held{{Source: "INBOX;1;h1", Reason: "too deep", Raw: message.Bytes("From: Zebulon <zebulon@example.org>\r\n\r\nelderflower")}}}))
	words := []string{"persimmon", "tamarind", "gooseberry", "mulberry", "elderflower", "zebulon", "quartz", "xylophone", "marzipan", "quicksilver", "verdigris", "447700900777", "obadiah", "ultramarine", "cormorant"}
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
	gone, err := w.Erase(t.Context(), Asker{Agent: 1}, z.ID)
	must(t, err)
	if gone.Messages != 4 { // two of his, two that were taken back
		t.Errorf("%d messages", gone.Messages)
	}
	if _, err := w.Erase(t.Context(), Asker{Agent: 1}, z.ID); !errors.Is(err, store.ErrNotFound) {
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
	must(t, w.WriteOne(t.Context(), &out, Asker{}, w.customer("ann@example.org").ID))
	z, err := zip.NewReader(bytes.NewReader(out.Bytes()), int64(out.Len()))
	must(t, err)
	var names []string
	var told manifest
	sums := map[string]string{}
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
		if f.Name == "manifest.json" {
			must(t, json.Unmarshal(b.Bytes(), &told))
		} else {
			sums[f.Name] = fmt.Sprintf("%x %d", sha256.Sum256(b.Bytes()), b.Len())
		}
		if f.Name == "timeline.jsonl" && !strings.Contains(b.String(), "first") {
			t.Error("the timeline lacks the message")
		}
	}
	if list := strings.Join(names, " "); !strings.Contains(list, "person.json") || !strings.Contains(list, "messages/") || strings.Count(list, "files/") != 2 || names[len(names)-1] != "manifest.json" {
		t.Errorf("the file holds %v", names)
	}
	for _, f := range told.Files {
		if sums[f.Name] != fmt.Sprintf("%s %d", f.SHA256, f.Size) {
			t.Errorf("the manifest says %+v, and it is %s", f, sums[f.Name])
		}
		delete(sums, f.Name)
	}
	if len(sums) > 0 || len(told.Files) == 0 {
		t.Errorf("the manifest does not name %v", sums)
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

// TestTableComesBackTheSame: what an export wrote and an import read is written again
// as it was, but for the numbers of records here.
func TestTableComesBackTheSame(t *testing.T) {
	define := func(w *world) {
		for _, d := range []identity.FieldDef{{Name: "Size", Kind: identity.KindChoice, Of: identity.OfCustomer, Choices: []string{"S", "M"}}, {Name: "Since", Kind: identity.KindDate, Of: identity.OfCustomer}} {
			_, err := w.hub.PutField(t.Context(), 1, 0, func(f *identity.FieldDef) { *f = d })
			must(t, err)
		}
	}
	w := newWorld(t)
	define(w)
	w.bring("a.csv", "name,email,phone,company,tags,note,goals,dos,donts,interests,next step,next date,language,time zone,Size,Since\n"+
		"Ann Lee,ann@example.org;ann@example.net,+447700900123,Larch & Sons,vip;new,\"two\nlines, \"\"quoted\"\"\",more,ring,no mail,tea,offer,2027-02-03,en,Europe/London,M,2020-01-31\n"+
		"=SUM(A1),sum@example.org,,,,@home,-x,+x,,,,,,,,\nنگار,negar@example.org,,شرکت نمونه,,یادداشت,,,,,,,fa,Asia/Tehran,S,\nOnly Name,,,,,,,,,,,,,,,\n", Change{})
	table := func(w *world) (rows [][]string, text string) {
		var out bytes.Buffer
		_, err := w.WriteAll(t.Context(), &out, CSV)
		must(t, err)
		rows, err = csv.NewReader(bytes.NewReader(bytes.TrimPrefix(out.Bytes(), []byte("\ufeff")))).ReadAll()
		must(t, err)
		for i := range rows {
			rows[i] = rows[i][1:] // the number of the record
		}
		slices.SortFunc(rows[1:], slices.Compare)
		return rows, out.String()
	}
	before, text := table(w)
	var cards bytes.Buffer
	_, err := w.WriteAll(t.Context(), &cards, VCard)
	must(t, err)
	for name, text := range map[string]string{"back.csv": text, "back.vcf": cards.String()} {
		w2 := newWorld(t)
		define(w2)
		w2.bring(name, text, Change{})
		if after, _ := table(w2); fmt.Sprint(after) != fmt.Sprint(before) {
			t.Errorf("%s: was\n%q\nis\n%q\nby way of\n%s", name, before, after, text)
		}
	}
}

// TestFailedImportGoesOn begins again at the row after the last one written.
func TestFailedImportGoesOn(t *testing.T) {
	w := newWorld(t)
	i, err := w.Add(t.Context(), 1, "a.csv", strings.NewReader("name,email\nAnn,ann@example.org\nBob,bob@example.org\n"))
	must(t, err)
	must(t, w.Check(t.Context(), i.ID))
	w.settled(i.ID)
	// As a full disk leaves it after the first row.
	must(t, w.update(t.Context(), i.ID, func(_ *store.Tx, i *Import) error {
		i.State, i.Begun, i.Error, i.Row, i.Counts = Failed, true, "disk full", 1, ImportCounts{New: 1}
		return nil
	}))
	if _, err := w.Change(t.Context(), i.ID, Change{}); err == nil {
		t.Error("a file was read anew of which rows are written")
	}
	must(t, w.Start(t.Context(), i.ID, 1))
	if got := w.settled(i.ID); got.State != Done || got.Row != 2 || got.Counts != (ImportCounts{New: 2}) || got.Error != "" {
		t.Errorf("%+v", got)
	}
	if n := w.customers(); n != 1 { // the first row is not written again
		t.Errorf("%d customers", n)
	}
}

// TestImportKeepsFromErasing: an import that is not over needs its file, in which
// anybody may stand.
func TestImportKeepsFromErasing(t *testing.T) {
	for state, set := range map[string]func(*Import){
		"waiting":         func(i *Import) { i.State = Mapping },
		"checked":         func(*Import) {},
		"stopped":         func(i *Import) { i.State, i.Begun, i.Row, i.Counts = Stopped, true, 1, ImportCounts{New: 1} },
		"failed half way": func(i *Import) { i.State, i.Begun, i.Row, i.Counts = Failed, true, 1, ImportCounts{New: 1} },
	} {
		t.Run(state, func(t *testing.T) {
			w := newWorld(t)
			must(t, w.sink.Accept(t.Context(), connectors.Batch{Messages: []message.Message{mail("zebulon@example.org", "Zebulon Quartz", "k1", "x")}}))
			who := w.customer("zebulon@example.org").ID
			i, err := w.Add(t.Context(), 1, "spring.csv", strings.NewReader("name,email\nAnn,ann@example.org\nBob,bob@example.org\n"))
			must(t, err)
			must(t, w.Check(t.Context(), i.ID))
			w.settled(i.ID)
			must(t, w.update(t.Context(), i.ID, func(_ *store.Tx, i *Import) error { set(i); return nil }))
			var conflict *ConflictError
			if _, err := w.Erase(t.Context(), Asker{Agent: 1}, who); !errors.As(err, &conflict) || !strings.Contains(err.Error(), "spring.csv") {
				t.Fatalf("erased: %v", err)
			}
			if i, err = w.Import(i.ID); err != nil || i.Blob == "" || i.Header == nil {
				t.Fatalf("the import lost its file: %+v, %v", i, err)
			}
			must(t, w.Remove(t.Context(), i.ID))
			_, err = w.Erase(t.Context(), Asker{Agent: 1}, who)
			must(t, err)
		})
	}
}

// TestExportOneHasFormerPreferences: what was said once is his, too.
func TestExportOneHasFormerPreferences(t *testing.T) {
	w := newWorld(t)
	w.bring("a.csv", "name,email\nAnn,ann@example.org\n", Change{})
	c := w.customer("ann@example.org")
	for _, wish := range []string{preference.Prefer, preference.Never} {
		_, err := w.hub.Preference.State(t.Context(), preference.Statement{Customer: c.ID, Channel: "test", Wish: wish, Source: preference.Stated,
			By: "agent:1", Proof: preference.Proof{Heard: 1, Note: "said " + wish}})
		must(t, err)
	}
	var out bytes.Buffer
	must(t, w.WriteOne(t.Context(), &out, Asker{}, c.ID))
	z, err := zip.NewReader(bytes.NewReader(out.Bytes()), int64(out.Len()))
	must(t, err)
	f, err := z.Open("preferences.json")
	must(t, err)
	var got struct{ Said, Former []preference.Statement }
	must(t, json.NewDecoder(f).Decode(&got))
	if len(got.Said) != 1 || got.Said[0].Wish != preference.Never || len(got.Former) != 1 || got.Former[0].Wish != preference.Prefer {
		t.Errorf("%+v", got)
	}
}
