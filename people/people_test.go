package people

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"throughline/accounts"
	"throughline/blob"
	"throughline/config"
	"throughline/connectors"
	"throughline/connectors/connectortest"
	"throughline/identity"
	"throughline/inbox"
	"throughline/message"
	"throughline/store"
	"throughline/store/storetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// world is a hub with one account, and the people of it.
type world struct {
	*People
	t    *testing.T
	sink connectors.Sink
	stop func()
}

func newWorld(t *testing.T) *world { return newWorldAt(t, t.TempDir()) }

func newWorldAt(t *testing.T, dir string) *world {
	t.Helper()
	idle := connectortest.NewIdle(connectors.Info{Account: "support", Channel: "test", Idempotent: true,
		Writing: connectors.Writing{Letter: true, Rich: true, Files: 50}, Own: message.Person{Name: "Support", Handle: "mailto:support@example.com"}})
	kinds := []connectors.Kind{{Channel: "test", Scheme: "mailto", New: func(connectors.Account, connectors.Host) (connectors.Connector, error) { return &channel{idle}, nil }}}
	s := storetest.OpenPath(t, filepath.Join(dir, "hub.db"))
	blobs, err := blob.Open(filepath.Join(dir, "blobs"))
	must(t, err)
	acc := accounts.New(s, accounts.NewKey(), kinds)
	hub, err := inbox.New(inbox.Options{Store: s, Blobs: blobs, Accounts: acc, Kinds: kinds, Undo: time.Hour, TempDir: t.TempDir()})
	must(t, err)
	must(t, acc.Start(t.Context(), accounts.Options{File: []config.Account{{Account: connectors.Account{
		ID: "support", Channel: "test", Name: "Support", Settings: json.RawMessage(`{}`)}}}}))
	w := &world{People: New(Options{Hub: hub}), t: t}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 2)
	go func() { done <- hub.Run(ctx) }()
	go func() { done <- w.Run(ctx) }()
	w.sink = <-idle.Sinks
	stopped := false
	w.stop = func() {
		if !stopped {
			stopped = true
			cancel()
			<-done
			<-done
		}
	}
	t.Cleanup(func() {
		w.stop()
		problems, err := hub.Check(context.Background())
		if err != nil && !errors.Is(err, store.ErrClosed) {
			t.Error(err)
		}
		for _, p := range problems {
			t.Error("check:", p)
		}
	})
	return w
}

type channel struct{ connectortest.Idle }

func (*channel) Send(context.Context, message.Message) (connectors.Receipt, error) {
	return connectors.Receipt{}, nil
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// settled waits until an import works no more.
func (w *world) settled(id uint64) *Import {
	w.t.Helper()
	wake, stop := w.store.Watch()
	defer stop()
	late := time.After(time.Minute)
	for {
		i, err := w.Import(id)
		must(w.t, err)
		if !i.working() {
			return i
		}
		select {
		case <-wake:
		case <-late:
			w.t.Fatalf("the import stays %+v", i)
		}
	}
}

// bring takes a file in all the way and returns the import.
func (w *world) bring(name, content string, ch Change) *Import {
	w.t.Helper()
	i, err := w.Add(w.t.Context(), 1, name, strings.NewReader(content))
	must(w.t, err)
	_, err = w.Change(w.t.Context(), i.ID, ch)
	must(w.t, err)
	must(w.t, w.Check(w.t.Context(), i.ID))
	checked := w.settled(i.ID)
	if checked.State != Checked {
		w.t.Fatalf("checked: %+v", checked)
	}
	must(w.t, w.Start(w.t.Context(), i.ID, 1))
	done := w.settled(i.ID)
	// What a second row about somebody changes shows only once there is the first.
	sum := func(c ImportCounts) ImportCounts {
		return ImportCounts{New: c.New, Updated: c.Updated + c.Same, Bad: c.Bad}
	}
	if done.State != Done || sum(done.Counts) != sum(checked.Counts) {
		w.t.Fatalf("the check said %+v, and it became %s %q with %+v", checked.Counts, done.State, done.Error, done.Counts)
	}
	return done
}

func (w *world) view(fn func(tx *store.Tx) error) {
	w.t.Helper()
	must(w.t, w.store.View(fn))
}

// customer finds a customer by an address.
func (w *world) customer(address string) (c *identity.Customer) {
	w.t.Helper()
	w.view(func(tx *store.Tx) error {
		h, err := identity.Parse(address)
		must(w.t, err)
		known, ok := w.hub.Identity.Find(tx, h)
		if !ok {
			w.t.Fatalf("nobody has %s", address)
		}
		c, err = w.hub.Identity.Root(tx, known.Customer)
		return err
	})
	return c
}

func (w *world) customers() (n int) {
	w.view(func(tx *store.Tx) error {
		found, _, err := w.hub.Identity.Search(tx, "", nil, 1_000_000)
		n = len(found)
		return err
	})
	return n
}

func TestImportTwiceMakesNobodyTwice(t *testing.T) {
	w := newWorld(t)
	var b strings.Builder
	b.WriteString("Name;E-Mail;Mobile;Company;Notes\n")
	for n := range 100 {
		switch n % 3 {
		case 0:
			fmt.Fprintf(&b, "Person %d;p%d@example.org, second%d@example.org;+44 7700 9000%02d;Firm %d;likes \"tea\"\n", n, n, n, n, n%7)
		case 1:
			fmt.Fprintf(&b, "Person %d;;07700 9001%02d;;\n", n, n) // needs the country
		default:
			fmt.Fprintf(&b, "Person %d;;;Firm;no address at all\n", n)
		}
	}
	uk := "GB"
	first := w.bring("list.csv", b.String(), Change{Country: &uk})
	if first.Counts != (ImportCounts{New: 100}) || w.customers() != 100 {
		t.Fatalf("100 rows: %+v, %d customers", first.Counts, w.customers())
	}
	if first.Blob != "" {
		t.Error("the file is kept though nothing is left to mend")
	}
	c := w.customer("second0@example.org")
	if c.Name != "Person 0" || c.Company != "Firm 0" || c.Note != `likes "tea"` || w.customer("+447700900000").ID != c.ID {
		t.Errorf("person 0: %+v", c)
	}
	again := w.bring("list.csv", b.String(), Change{Country: &uk})
	if again.Counts != (ImportCounts{Same: 100}) || w.customers() != 100 {
		t.Errorf("the same file again: %+v, %d customers", again.Counts, w.customers())
	}
	// Some rows know more, one of somebody new.
	more := w.bring("more.csv", "name,email,company,goals\nPerson Zero,p0@example.org,Other,a goal\nNew,new@example.org,,\n", Change{})
	if more.Counts != (ImportCounts{New: 1, Updated: 1}) {
		t.Errorf("more: %+v", more.Counts)
	}
	if c := w.customer("p0@example.org"); c.Name != "Person 0" || c.Company != "Firm 0" || c.Goals != "a goal" || c.Set["goals"].By != fmt.Sprintf("import:%d", more.ID) {
		t.Errorf("only what was empty is filled: %+v", c)
	}
	yes := true
	w.bring("over.csv", "name,email,company\nPerson Zero,p0@example.org,Other\n", Change{Overwrite: &yes})
	if c := w.customer("p0@example.org"); c.Name != "Person Zero" || c.Company != "Other" {
		t.Errorf("written over: %+v", c)
	}
}

func TestImportTellsWhatIsWrong(t *testing.T) {
	w := newWorld(t)
	w.bring("a.csv", "name,email\nAnn,ann@example.org\nBob,bob@example.org\n", Change{})
	file := strings.Join([]string{
		"name,email,phone,next date",
		"Good,good@example.org,,2027-01-01",
		"Bad mail,nobody,,",
		"Bad number,,07700 900123,",
		"Bad date,d@example.org,,tomorrow",
		",,,",                                // empty: no row at all
		",ann@example.org;bob@example.org,,", // of two people
		"Us,support@example.com,,",
		",,+447700900555,", // a number alone is a person
		"Good Again,good@example.org,,",
		"=HYPERLINK(1),nobody either,,",
		"Broken,\"x@example.org,,",
	}, "\n")
	i := w.bring("b.csv", file, Change{})
	if want := (ImportCounts{New: 3, Same: 1, Bad: 6}); i.Counts != want {
		t.Errorf("%+v, want %+v", i.Counts, want)
	}
	rows, next, err := w.Rows(i.ID, Bad, nil, 100)
	must(t, err)
	if len(rows) != i.Counts.Bad || next != nil {
		t.Fatalf("%d rows", len(rows))
	}
	for n, want := range []string{"nobody", "country code", "2027-03-09", "belongs to Ann", "our own", "nobody either"} {
		if !strings.Contains(rows[n].Reason, want) {
			t.Errorf("row %d: %q does not speak of %q", rows[n].Row, rows[n].Reason, want)
		}
	}
	var out bytes.Buffer
	must(t, w.WriteErrors(t.Context(), i.ID, &out))
	text := out.String()
	if n := strings.Count(text, "\n"); n != 1+i.Counts.Bad {
		t.Errorf("%d lines in the errors:\n%s", n, text)
	}
	if !strings.Contains(text, "'=HYPERLINK") {
		t.Errorf("a formula goes out as it came:\n%s", text)
	}
	// Mended, the same file comes in: the column with the reasons is nothing.
	text = strings.NewReplacer("nobody either", "n@example.org", "nobody", "nobody@example.org", "07700 900123", "+44 7700 900123", "tomorrow", "2027-01-02",
		"ann@example.org;bob@example.org", "ann@example.org", "support@example.com", "us@example.org").Replace(text)
	mended := w.bring("mended.csv", text, Change{})
	if mended.Counts != (ImportCounts{New: 5, Same: 1}) {
		t.Errorf("mended: %+v\n%s", mended.Counts, text)
	}
}

// TestChangesAtOnce: nobody's change of how a file is read is lost.
func TestChangesAtOnce(t *testing.T) {
	w := newWorld(t)
	for n := range 20 {
		i, err := w.Add(t.Context(), 1, "a.csv", strings.NewReader(fmt.Sprintf("who %d,where\nAnn,ann@example.org\n", n)))
		must(t, err)
		country, yes, mapping := "GB", true, []string{identity.FieldNote, ToEmail}
		changes := []Change{{Country: &country}, {Overwrite: &yes}, {Mapping: &mapping}}
		done := make(chan error, len(changes))
		for _, ch := range changes {
			go func() {
				_, err := w.Change(t.Context(), i.ID, ch)
				done <- err
			}()
		}
		for range changes {
			must(t, <-done)
		}
		if i, err = w.Import(i.ID); err != nil || i.Country != country || !i.Overwrite || !slices.Equal(i.Mapping, mapping) {
			t.Fatalf("after three changes at once: %+v, %v", i, err)
		}
	}
}

// TestMendedFileHasItsColumns: what was said of the columns of a file holds for its
// file of errors too, and what is said there holds for the file.
func TestMendedFileHasItsColumns(t *testing.T) {
	w := newWorld(t)
	columns := func(content string) []string {
		t.Helper()
		i, err := w.Add(t.Context(), 1, "again.csv", strings.NewReader(content))
		must(t, err)
		return i.Mapping
	}
	file := "Who,Where,Aim\nAnn,nobody,a boat\n"
	said := []string{identity.FieldName, ToEmail, identity.FieldGoals}
	i := w.bring("a.csv", file, Change{Mapping: &said})
	var out bytes.Buffer
	must(t, w.WriteErrors(t.Context(), i.ID, &out))
	if got := columns(out.String()); !slices.Equal(got, append([]string{ToNothing}, said...)) {
		t.Errorf("the columns of the file of errors are %q", got)
	}
	said[2] = identity.FieldNote
	mended := append([]string{ToNothing}, said...)
	w.bring("mended.csv", strings.Replace(out.String(), ",nobody,", ",ann@example.org,", 1), Change{Mapping: &mended})
	if got := columns(file); !slices.Equal(got, said) {
		t.Errorf("the columns of the file are %q", got)
	}
	if c := w.customer("ann@example.org"); c.Name != "Ann" || c.Note != "a boat" {
		t.Errorf("the mended row is %+v", c)
	}
}

// TestImportGoesOnAfterACrash stops the hub in the middle of a file.
func TestImportGoesOnAfterACrash(t *testing.T) {
	dir := t.TempDir()
	w := newWorldAt(t, dir)
	var b strings.Builder
	b.WriteString("name,email\n")
	const rows = 5 * batchRows
	for n := range rows {
		fmt.Fprintf(&b, "P%d,p%d@example.org\n", n, n)
	}
	i, err := w.Add(t.Context(), 1, "long.csv", strings.NewReader(b.String()))
	must(t, err)
	must(t, w.Check(t.Context(), i.ID))
	w.settled(i.ID)
	wake, stop := w.store.Watch()
	defer stop()
	must(t, w.Start(t.Context(), i.ID, 1))
	for {
		now, err := w.Import(i.ID)
		must(t, err)
		if now.Row >= batchRows {
			break
		}
		<-wake
	}
	w.stop()
	half, err := w.Import(i.ID)
	must(t, err)
	must(t, w.store.Close())

	w2 := newWorldAt(t, dir)
	done := w2.settled(i.ID)
	if done.State != Done || done.Counts != (ImportCounts{New: rows}) || w2.customers() != rows {
		t.Errorf("stopped at row %d, then %+v with %d customers", half.Row, done, w2.customers())
	}
}

func TestStopAndGoOn(t *testing.T) {
	w := newWorld(t)
	i, err := w.Add(t.Context(), 1, "x.csv", strings.NewReader("name,email\nAnn,ann@example.org\n"))
	must(t, err)
	var conflict *ConflictError
	if err := w.Start(t.Context(), i.ID, 1); !errors.As(err, &conflict) {
		t.Errorf("started unchecked: %v", err)
	}
	must(t, w.Check(t.Context(), i.ID))
	w.settled(i.ID)
	must(t, w.Start(t.Context(), i.ID, 1))
	w.settled(i.ID)
	if err := w.Check(t.Context(), i.ID); !errors.As(err, &conflict) {
		t.Errorf("checked when it is over: %v", err)
	}
	must(t, w.Remove(t.Context(), i.ID))
	if _, err := w.Import(i.ID); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("removed: %v", err)
	}
	if w.customers() != 1 {
		t.Error("the person went with the import")
	}
}
