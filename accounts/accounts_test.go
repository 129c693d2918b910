package accounts

import (
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"

	"throughline/config"
	"throughline/connectors"
	"throughline/store"
	"throughline/store/storetest"
)

// pigeon is a channel whose New demands what its Fields cannot say: that night
// flights have a whistle.
func pigeon() connectors.Kind {
	return connectors.Kind{Channel: "pigeon", Fields: []connectors.Field{
		{Key: "loft", Type: "string", Required: true},
		{Key: "whistle", Type: "secret"},
		{Key: "token", Type: "secret"},
		{Key: "birds", Type: "int"},
		{Key: "night", Type: "bool"},
		{Key: "routes", Type: "list"},
		{Key: "breed", Type: "choice", Choices: []string{"homer", "tippler"}},
		{Key: "default_charset", Type: "string"},
	}, New: func(a connectors.Account, _ connectors.Host) (connectors.Connector, error) {
		var s struct {
			Whistle string
			Night   any
			Loft    string
		}
		if err := json.Unmarshal(a.Settings, &s); err != nil {
			return nil, err
		}
		if s.Loft == "haunted" {
			return nil, fmt.Errorf("a ghost whistles %s", s.Whistle)
		}
		if s.Night != nil && s.Whistle == "" {
			return nil, errors.Join(&connectors.SettingsError{Key: "whistle", Text: "is missing for night flights"})
		}
		return nil, nil
	}}
}

func kinds() []connectors.Kind { return []connectors.Kind{pigeon(), {Channel: "drum"}} }

func start(t *testing.T, s *store.Store, key Key, file ...config.Account) *Accounts {
	t.Helper()
	a := New(s, key, kinds())
	if err := a.Start(t.Context(), Options{File: file, Defaults: map[string]any{"default_charset": "windows-1256"}}); err != nil {
		t.Fatal(err)
	}
	return a
}

// reopen closes a store and opens its file again, as a restart does.
func reopen(t *testing.T, s *store.Store, path string) *store.Store {
	t.Helper()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	return storetest.OpenPath(t, path)
}

// fromFile reads accounts as the program does.
func fromFile(t *testing.T, yaml string) []config.Account {
	t.Helper()
	path := filepath.Join(t.TempDir(), "hub.yaml")
	writeFile(t, path, yaml, 0o600)
	c, err := config.Load(path, kinds(), func(string) (string, bool) { return "", false })
	if err != nil {
		t.Fatal(err)
	}
	return c.Accounts
}

type m = map[string]any

func ptr[T any](v T) *T { return &v }

func create(t *testing.T, a *Accounts, id string, settings m) Account {
	t.Helper()
	acc, err := a.Create(t.Context(), NewAccount{ID: id, Channel: "pigeon", Settings: settings})
	if err != nil {
		t.Fatal(err)
	}
	return acc
}

// settings are those that a connector of the account gets.
func settings(t *testing.T, a *Accounts, id string) m {
	t.Helper()
	acc, err := a.Get(id)
	if err != nil {
		t.Fatal(err)
	}
	var out m
	if err := json.Unmarshal(acc.Settings, &out); err != nil {
		t.Fatal(err)
	}
	return out
}

func expect(t *testing.T, what string, got, want any) {
	t.Helper()
	g, _ := json.Marshal(got)
	w, _ := json.Marshal(want)
	if string(g) != string(w) {
		t.Errorf("%s: got %s, want %s", what, g, w)
	}
}

func TestCreateAndRead(t *testing.T) {
	a := start(t, storetest.Open(t), NewKey(), fromFile(t, "accounts:\n  - {id: filed, channel: pigeon, name: Filed, loft: f, whistle: blow, disabled: true}\n")...)
	made, err := a.Create(t.Context(), NewAccount{ID: "b", Channel: "pigeon", Name: " Bee ", Settings: m{
		"loft": " east ", "whistle": "blow", "token": "", "birds": float64(3), "night": true, "routes": []any{"n", "s"}, "breed": nil}})
	if err != nil {
		t.Fatal(err)
	}
	create(t, a, "a", m{"loft": "west"})

	list, err := a.List()
	if err != nil {
		t.Fatal(err)
	}
	var ids []string
	for _, acc := range list {
		ids = append(ids, acc.ID)
	}
	expect(t, "ids", ids, []string{"a", "b", "filed"})
	b := list[1]
	if !reflect.DeepEqual(made.Settings["whistle"], true) || made.Revision != b.Revision || b.FromFile || b.Disabled || b.Created.IsZero() {
		t.Errorf("created %+v, listed %+v", made, b)
	}
	expect(t, "name", b.Name, "Bee")
	expect(t, "name without one", list[0].Name, "a")
	expect(t, "shown", b.Settings, m{"loft": "east", "whistle": true, "birds": 3, "night": true, "routes": []string{"n", "s"}})
	expect(t, "opened", settings(t, a, "b"), m{"loft": "east", "whistle": "blow", "birds": 3, "night": true, "routes": []string{"n", "s"}, "default_charset": "windows-1256"})
	if f := list[2]; !f.FromFile || !f.Disabled || f.Name != "Filed" || f.Revision == 0 {
		t.Errorf("account of the file: %+v", f)
	}
	expect(t, "shown from the file", list[2].Settings, m{"loft": "f", "whistle": true})
	expect(t, "opened from the file", settings(t, a, "filed"), m{"loft": "f", "whistle": "blow", "default_charset": "windows-1256"})
	one, err := a.Show("filed")
	expect(t, "Show", []any{one, err}, []any{list[2], nil})
	one, err = a.Show("b")
	expect(t, "Show", []any{one, err}, []any{b, nil})
	if _, err := a.Get("c"); !errors.Is(err, ErrNotFound) || !errors.Is(err, store.ErrNotFound) {
		t.Errorf("Get of none: %v", err)
	}
	if _, err := a.Show("c"); !errors.Is(err, ErrNotFound) {
		t.Errorf("Show of none: %v", err)
	}
}

func TestInvalid(t *testing.T) {
	a := start(t, storetest.Open(t), NewKey(), fromFile(t, "accounts:\n  - {id: filed, channel: pigeon, loft: f}\n")...)
	create(t, a, "taken", m{"loft": "x"})
	for _, tc := range []struct {
		n    NewAccount
		want string
	}{
		{NewAccount{ID: "Big One", Channel: "pigeon", Name: strings.Repeat("x", 201), Settings: m{"loft": 7.5, "birds": "many", "night": "perhaps", "routes": m{}, "breed": "homre", "fish": 1}},
			"id: has to be 1 to 40 characters of a-z, 0-9 and -; write for example support; name: has to be one line of at most 200 characters; " +
				"settings.birds: is not a whole number; write one, without quotes and units; settings.night: is neither true nor false; write one of them; " +
				"settings.routes: has the wrong type; write a list of texts, for example [one, two]; settings.breed: is not one of the choices; did you mean \"homer\"?; " +
				"settings.fish: is not a setting of this channel; known are loft, whistle, token, birds, night, routes, breed, default_charset; settings.whistle: is missing for night flights"},
		{NewAccount{ID: "x", Channel: "pidgeon"}, `channel: is not a channel of this program; did you mean "pigeon"?`},
		{NewAccount{ID: "x"}, "channel: is missing; write one of pigeon, drum"},
		{NewAccount{ID: "x", Channel: "pigeon"}, "settings.loft: is missing; write a text"},
		{NewAccount{ID: "x", Channel: "pigeon", Settings: m{"loft": "x", "night": true}}, "settings.whistle: is missing for night flights"},
		{NewAccount{ID: "x", Channel: "pigeon", Settings: m{"loft": "x", "night": true, "whistle": true}}, "settings.whistle: is missing for night flights"},
		{NewAccount{ID: "x", Channel: "pigeon", Settings: m{"loft": "haunted", "whistle": "hunter2"}}, "a ghost whistles ***"},
	} {
		_, err := a.Create(t.Context(), tc.n)
		if inv, ok := errors.AsType[*Invalid](err); !ok || inv.Error() != tc.want {
			t.Errorf("%+v:\ngot  %v\nwant %s", tc.n, err, tc.want)
		}
	}
	for _, id := range []string{"taken", "filed"} {
		if _, err := a.Create(t.Context(), NewAccount{ID: id, Channel: "pigeon", Settings: m{"loft": "x"}}); !errors.Is(err, ErrExists) {
			t.Errorf("%s: %v", id, err)
		}
	}
	if errs := a.Validate("pigeon", m{"loft": "x", "night": true, "whistle": "w"}); errs != nil {
		t.Errorf("right settings: %v", errs)
	}
	if errs := a.Validate("pigeon", m{"night": true}); len(errs) != 2 || errs[0].Key != "loft" || errs[1].Key != "whistle" {
		t.Errorf("wrong settings: %v", errs)
	}
	if errs := a.Validate("fish", nil); len(errs) != 1 || errs[0].Key != "channel" {
		t.Errorf("wrong channel: %v", errs)
	}
}

func TestUpdate(t *testing.T) {
	a := start(t, storetest.Open(t), NewKey(), fromFile(t, "accounts:\n  - {id: filed, channel: pigeon, loft: f}\n")...)
	acc := create(t, a, "a", m{"loft": "east", "whistle": "one", "token": "t", "night": true})
	revision := acc.Revision
	step := func(what string, c Change, changes bool, want m) {
		t.Helper()
		acc, err := a.Update(t.Context(), "a", c)
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		if changed := acc.Revision != revision; changed != changes {
			t.Errorf("%s: revision %d after %d", what, acc.Revision, revision)
		}
		revision = acc.Revision
		want["default_charset"] = "windows-1256"
		expect(t, what, settings(t, a, "a"), want)
	}
	step("nothing", Change{}, false, m{"loft": "east", "whistle": "one", "token": "t", "night": true})
	step("as shown", Change{Settings: acc.Settings}, false, m{"loft": "east", "whistle": "one", "token": "t", "night": true})
	step("the same", Change{Name: ptr("a"), Disabled: ptr(false), Settings: m{"whistle": "one", "loft": "east"}}, false, m{"loft": "east", "whistle": "one", "token": "t", "night": true})
	step("one setting", Change{Settings: m{"birds": 4.0}}, true, m{"loft": "east", "whistle": "one", "token": "t", "night": true, "birds": 4})
	step("a secret", Change{Settings: m{"whistle": "two"}}, true, m{"loft": "east", "whistle": "two", "token": "t", "night": true, "birds": 4})
	step("clear", Change{Settings: m{"token": nil, "birds": "", "night": false}}, true, m{"loft": "east", "whistle": "two", "night": false})
	step("name", Change{Name: ptr("Alpha")}, true, m{"loft": "east", "whistle": "two", "night": false})
	step("disable", Change{Disabled: ptr(true)}, true, m{"loft": "east", "whistle": "two", "night": false})
	shown, err := a.Show("a")
	if err != nil || shown.Name != "Alpha" || !shown.Disabled {
		t.Errorf("shown %+v, %v", shown, err)
	}
	step("name again", Change{Name: ptr(" ")}, true, m{"loft": "east", "whistle": "two", "night": false})

	_, err = a.Update(t.Context(), "a", Change{Name: ptr("a\nb"), Settings: m{"loft": nil, "whistle": ""}})
	if inv, ok := errors.AsType[*Invalid](err); !ok || inv.Error() != "name: has to be one line of at most 200 characters; settings.loft: is missing; write a text; settings.whistle: is missing for night flights" {
		t.Errorf("wrong update: %v", err)
	}
	expect(t, "after a wrong update", settings(t, a, "a"), m{"loft": "east", "whistle": "two", "night": false, "default_charset": "windows-1256"})
	if _, err := a.Update(t.Context(), "none", Change{}); !errors.Is(err, ErrNotFound) {
		t.Errorf("update of none: %v", err)
	}
	if _, err := a.Update(t.Context(), "filed", Change{}); !errors.Is(err, ErrFromFile) {
		t.Errorf("update of the file: %v", err)
	}
	if err := a.Delete(t.Context(), "filed"); !errors.Is(err, ErrFromFile) {
		t.Errorf("delete of the file: %v", err)
	}
	if err := a.Delete(t.Context(), "a"); err != nil {
		t.Error(err)
	}
	if err := a.Delete(t.Context(), "a"); !errors.Is(err, ErrNotFound) {
		t.Errorf("delete of none: %v", err)
	}
	if again := create(t, a, "a", m{"loft": "new"}); again.Revision == revision {
		t.Error("an account made anew has the revision of the old one")
	}
	expect(t, "made anew", settings(t, a, "a"), m{"loft": "new", "default_charset": "windows-1256"})
}

func TestPrepare(t *testing.T) {
	a := start(t, storetest.Open(t), NewKey(), fromFile(t, "accounts:\n  - {id: filed, channel: pigeon, loft: f, whistle: blow}\n")...)
	create(t, a, "a", m{"loft": "east", "whistle": "one"})
	for _, tc := range []struct {
		id, channel string
		settings    m
		want        string
	}{
		{"", "pigeon", m{"loft": "new"}, `{"default_charset":"windows-1256","loft":"new"}`},
		{"unknown", "pigeon", m{"loft": "new", "default_charset": "koi8-r"}, `{"default_charset":"koi8-r","loft":"new"}`},
		{"a", "", m{"loft": "west"}, `{"default_charset":"windows-1256","loft":"west","whistle":"one"}`},
		{"a", "pigeon", m{"whistle": true}, `{"default_charset":"windows-1256","loft":"east","whistle":"one"}`},
		{"filed", "", nil, `{"default_charset":"windows-1256","loft":"f","whistle":"blow"}`},
		{"a", "drum", nil, "channel: of an account cannot change; add a new account"},
		{"", "pigeon", nil, "settings.loft: is missing; write a text"},
	} {
		acc, err := a.Prepare(tc.id, tc.channel, tc.settings)
		got := string(acc.Settings)
		if err != nil {
			got = err.Error()
		}
		if got != tc.want {
			t.Errorf("%s %v:\ngot  %s\nwant %s", tc.id, tc.settings, got, tc.want)
		}
	}
	expect(t, "stored", settings(t, a, "a"), m{"loft": "east", "whistle": "one", "default_charset": "windows-1256"})
}

func TestSave(t *testing.T) {
	path, key := filepath.Join(t.TempDir(), "hub.db"), NewKey()
	s := storetest.OpenPath(t, path)
	const yaml = "accounts:\n  - {id: filed, channel: pigeon, loft: f, token: FIRST}\n"
	a := start(t, s, key, fromFile(t, yaml)...)
	acc := create(t, a, "a", m{"loft": "east", "token": "first"})
	wake, stop := a.Watch()
	defer stop()
	ctx := t.Context()
	for _, id := range []string{"a", "filed"} {
		shown, err := a.Show(id)
		if err != nil {
			t.Fatal(err)
		}
		save := a.Saver(id, shown.Revision)
		if err := save(ctx, "token", "rotated"); err != nil {
			t.Fatal(err)
		}
		expect(t, id, settings(t, a, id)["token"], "rotated")
		after, err := a.Show(id)
		if err != nil || after.Revision != shown.Revision {
			t.Errorf("%s: revision %d after %d, %v", id, after.Revision, shown.Revision, err)
		}
		for _, k := range []string{"fish", "birds"} {
			if err := save(ctx, k, "s3cret"); err == nil || strings.Contains(err.Error(), "s3cret") {
				t.Errorf("%s: save of %s: %v", id, k, err)
			}
		}
	}
	select {
	case <-wake:
		t.Error("saving woke the supervisor")
	default:
	}
	if err := a.Save(ctx, "none", 1, "token", "x"); !errors.Is(err, ErrNotFound) {
		t.Errorf("save for none: %v", err)
	}

	// What an admin sets afterwards is not overwritten by the old connector,
	// but what it saves of another setting counts.
	if _, err := a.Update(ctx, "a", Change{Settings: m{"token": "granted"}}); err != nil {
		t.Fatal(err)
	}
	if err := a.Save(ctx, "a", acc.Revision, "token", "old rotated"); !errors.Is(err, ErrStale) {
		t.Errorf("stale save: %v", err)
	}
	if err := a.Save(ctx, "a", acc.Revision, "whistle", "saved"); err != nil {
		t.Error(err)
	}
	got := settings(t, a, "a")
	expect(t, "after the stale save", []any{got["token"], got["whistle"]}, []string{"granted", "saved"})

	// A restart keeps what was saved; a new value in the file counts again.
	s = reopen(t, s, path)
	a = start(t, s, key, fromFile(t, yaml)...)
	expect(t, "after a restart", settings(t, a, "filed")["token"], "rotated")
	a = start(t, reopen(t, s, path), key, fromFile(t, strings.Replace(yaml, "FIRST", "SECOND", 1))...)
	expect(t, "after a change of the file", settings(t, a, "filed")["token"], "SECOND")
}

func TestWatch(t *testing.T) {
	a := start(t, storetest.Open(t), NewKey())
	wake, stop := a.Watch()
	ctx := t.Context()
	woken := func() bool {
		select {
		case <-wake:
			return true
		default:
			return false
		}
	}
	create(t, a, "a", m{"loft": "x"})
	if !woken() {
		t.Error("Create woke nobody")
	}
	for _, c := range []Change{{Name: ptr("b")}, {Settings: m{"loft": "y"}}, {Disabled: ptr(true)}} {
		if _, err := a.Update(ctx, "a", c); err != nil || !woken() {
			t.Errorf("Update %+v woke nobody (%v)", c, err)
		}
		if _, err := a.Update(ctx, "a", c); err != nil || woken() {
			t.Errorf("Update %+v without effect woke somebody (%v)", c, err)
		}
	}
	if err := a.Delete(ctx, "a"); err != nil || !woken() {
		t.Errorf("Delete woke nobody (%v)", err)
	}
	stop()
	create(t, a, "a", m{"loft": "x"})
	if woken() {
		t.Error("woken after stop")
	}
}

// Two admins and a connector that rotates its token change one account at the
// same time: no change is lost.
func TestConcurrentChanges(t *testing.T) {
	a := start(t, storetest.Open(t), NewKey())
	acc := create(t, a, "a", m{"loft": "x", "token": "0"})
	const rounds = 20
	var wg sync.WaitGroup
	update := func(change func(i int) Change) {
		wg.Go(func() {
			for i := range rounds {
				for {
					_, err := a.Update(t.Context(), "a", change(i))
					if errors.Is(err, ErrBusy) {
						continue
					}
					if err != nil {
						t.Error(err)
					}
					break
				}
			}
		})
	}
	update(func(i int) Change { return Change{Settings: m{"whistle": fmt.Sprint("w", i)}} })
	update(func(i int) Change { return Change{Settings: m{"birds": i}} })
	wg.Go(func() {
		for i := range rounds {
			if err := a.Save(t.Context(), "a", acc.Revision, "token", fmt.Sprint(i)); err != nil {
				t.Error(err)
			}
		}
	})
	wg.Wait()
	expect(t, "all changes", settings(t, a, "a"), m{"loft": "x", "whistle": "w19", "birds": 19, "token": "19", "default_charset": "windows-1256"})
}

// A program whose Kind has other Fields than the one that stored an account.
func TestFieldsChange(t *testing.T) {
	path, key := filepath.Join(t.TempDir(), "hub.db"), NewKey()
	s := storetest.OpenPath(t, path)
	create(t, start(t, s, key), "a", m{"loft": "x", "whistle": "w", "birds": 3})
	newer := pigeon()
	newer.Fields = slices.DeleteFunc(newer.Fields, func(f connectors.Field) bool { return f.Key == "birds" || f.Key == "whistle" })
	newer.Fields[0].Type = "secret" // the loft
	a := New(reopen(t, s, path), key, []connectors.Kind{newer})
	if err := a.Start(t.Context(), Options{}); err != nil {
		t.Fatal(err)
	}
	expect(t, "settings", settings(t, a, "a"), m{"loft": "x"})
	shown, err := a.Show("a")
	if err != nil || shown.Settings["loft"] != true || shown.Settings["whistle"] != true {
		t.Errorf("shown %v, %v", shown.Settings, err)
	}
	if _, err := a.Update(t.Context(), "a", Change{Settings: m{"token": "t"}}); err != nil {
		t.Error(err)
	}
	expect(t, "settings", settings(t, a, "a"), m{"loft": "x", "token": "t"})
}

func TestStartReportsConflicts(t *testing.T) {
	path, key := filepath.Join(t.TempDir(), "hub.db"), NewKey()
	s := storetest.OpenPath(t, path)
	a := start(t, s, key)
	for _, id := range []string{"a", "b", "c"} {
		create(t, a, id, m{"loft": "x"})
	}
	err := New(reopen(t, s, path), key, kinds()).Start(t.Context(), Options{
		File: fromFile(t, "accounts:\n  - {id: c, channel: pigeon, loft: f}\n  - {id: d, channel: drum}\n  - {id: a, channel: drum}\n")})
	if err == nil || !strings.Contains(err.Error(), "added in the browser: c, a; give them another id") {
		t.Errorf("error %v", err)
	}
}
