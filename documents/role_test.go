package documents_test

import (
	"errors"
	"reflect"
	"testing"
	"time"

	"throughline/documents"
)

// TestAs: the rules hold at the moment something is done, whatever was asked before.
func TestAs(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	acts := func(role string, id uint64) map[string]func() error {
		do := func(act string) *documents.Library { return w.lib.As(role, act) }
		title := "changed"
		return map[string]func() error{
			"change": func() error { return do(documents.ActAdd).Change(ctx, me, id, documents.Change{Title: &title}) },
			"version": func() error {
				return do(documents.ActAdd).AddVersion(ctx, me, id, w.file("b.txt", "text/plain", []byte("b")))
			},
			"restore":  func() error { return do(documents.ActAdd).Restore(ctx, me, id, 1) },
			"move":     func() error { return do(documents.ActAdd).Move(ctx, me, id, documents.Place{Customer: w.bob}) },
			"delete":   func() error { return do(documents.ActDelete).Delete(ctx, me, id) },
			"undelete": func() error { return do(documents.ActDelete).Undelete(ctx, me, id) },
			"purge":    func() error { return do(documents.ActDelete).Purge(ctx, me, id) },
			"open":     func() error { _, err := do(documents.ActSee).Open(ctx, me, id, 0, documents.ByDownload); return err },
			"share": func() error {
				_, _, err := do(documents.ActShare).Share(ctx, me, id, documents.NewLink{Expires: w.now.Add(time.Hour)})
				return err
			},
		}
	}
	id := w.add(w.ann, "pass.txt", "a")
	w.ok(w.lib.AddVersion(ctx, me, id, w.file("pass-2.txt", "text/plain", []byte("two"))))
	secret := "identity" // for managers
	w.ok(w.lib.Change(ctx, me, id, documents.Change{Type: &secret}))
	before, events := w.get(id), w.events()
	for name, do := range acts(documents.RoleAgent, id) {
		if err := do(); !errors.Is(err, documents.ErrNotFound) {
			t.Errorf("an agent may %s what he does not see: %v", name, err)
		}
	}
	if _, err := w.lib.As(documents.RoleAgent, documents.ActAdd).Add(ctx, me, documents.Draft{Owner: w.ann, Type: secret, File: w.file("c.txt", "text/plain", []byte("c"))}); err == nil {
		t.Error("an agent may add what he would not see")
	}
	if !reflect.DeepEqual(before, w.get(id)) || events != w.events() {
		t.Errorf("something was done: %+v, %s", w.get(id), w.events())
	}
	// A manager may, until the rules say otherwise.
	w.ok(acts(documents.RoleManager, id)["change"]())
	w.ok(w.lib.SetRules(ctx, documents.Rules{Types: []documents.Type{{Key: secret, Managers: true}}, Roles: map[string]string{documents.ActAdd: documents.RoleAdmin, documents.ActDelete: documents.RoleAdmin, documents.ActShare: documents.RoleAdmin}}))
	for name, do := range acts(documents.RoleManager, id) {
		if err := do(); name != "open" && !errors.Is(err, documents.ErrRole) || name == "open" && err != nil {
			t.Errorf("a manager, %s: %v", name, err)
		}
	}
	w.ok(acts(documents.RoleAdmin, id)["share"]())
}
