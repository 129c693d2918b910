package inbox

import (
	"errors"
	"strings"
	"testing"

	"throughline/connectors"
	"throughline/message"
)

// audited runs an audit to its end.
func (w *world) audited() *Audit {
	w.t.Helper()
	if err := w.StartAudit("support"); err != nil {
		w.t.Fatal(err)
	}
	w.auditWG.Wait()
	return w.Audit("support")
}

func TestAudit(t *testing.T) {
	w := newWorld(t)
	stored, missing, gone, never := mail("ann@example.org", "a1", "stored"), mail("ann@example.org", "a2", "missing"), mail("ann@example.org", "a3", "gone"), mail("ann@example.org", "a4", "not asked for")
	again := stored
	again.Source = "Archive;1;1"
	w.accept(stored, again)
	if err := w.sink.Accept(t.Context(), connectors.Batch{Held: []message.Held{{Source: "INBOX;1;held", Reason: "no"}}}); err != nil {
		t.Fatal(err)
	}
	for _, s := range []string{stored.Source, again.Source, "INBOX;1;held", missing.Source, gone.Source, never.Source} {
		w.ch.inventory = append(w.ch.inventory, connectors.Item{Source: s})
	}
	a := w.audited()
	if a.Running || a.Error != "" || a.Server != 6 || a.Stored != 1 || a.Duplicate != 1 || a.Held != 1 || a.MissingTotal != 3 {
		t.Fatalf("audit %+v", a)
	}
	w.ch.refetch = func(in connectors.Sink, sources []string) error {
		for _, s := range sources {
			if s != missing.Source {
				continue // gone from the server
			}
			if err := in.Accept(t.Context(), connectors.Batch{Messages: []message.Message{missing}}); err != nil {
				return err
			}
		}
		return nil
	}
	if err := w.StartImport("support", []string{missing.Source, gone.Source}); err != nil {
		t.Fatal(err)
	}
	w.auditWG.Wait()
	w.where(missing)
	if a = w.Audit("support"); a.Imported != 1 || a.Stored != 2 || a.MissingTotal != 2 || len(a.Missing) != 2 {
		t.Errorf("after the import: %+v", a)
	}
	if a = w.audited(); a.Stored != 2 || a.MissingTotal != 2 || a.Imported != 0 {
		t.Errorf("audited again: %+v", a)
	}
}

func TestLargeAudit(t *testing.T) {
	w := newWorld(t)
	for range maxMissing + auditPage + 3 {
		w.ch.inventory = append(w.ch.inventory, connectors.Item{Source: mail("", "", "").Source})
	}
	if a := w.audited(); len(a.Missing) != maxMissing || a.MissingTotal != len(w.ch.inventory) || a.Server != a.MissingTotal {
		t.Errorf("%d of %d missing items are listed, of %d", len(a.Missing), a.MissingTotal, a.Server)
	}
}

// TestFailedAudit: a connector that fails in any way ends the audit alone.
func TestFailedAudit(t *testing.T) {
	w := newWorld(t)
	for name, fail := range map[string]func() error{
		"an error": func() error { return errors.New("login refused") },
		"a panic":  func() error { panic("poison") },
	} {
		w.ch.listing = fail
		if a := w.audited(); a.Running || a.Error == "" || a.Finished.IsZero() {
			t.Errorf("%s: %+v", name, a)
		}
	}
	w.ch.listing = nil
	if a := w.audited(); a.Error != "" {
		t.Errorf("the next audit: %+v", a)
	}
	w.stop()
	var conflict *ConflictError
	if err := w.StartAudit("support"); !errors.As(err, &conflict) || !strings.Contains(err.Error(), "stopping") {
		t.Errorf("an audit of a stopped hub: %v", err)
	}
}
