package people

import (
	"strings"
	"testing"
	"time"

	"throughline/connectors"
	"throughline/identity"
	"throughline/inbox"
	"throughline/message"
	"throughline/store"
)

// suggested waits until so many pairs are of a state and returns them by the names of
// the two.
func (w *world) suggested(state string, want int) (pairs map[string]*identity.Suggestion) {
	w.t.Helper()
	wake, stop := w.store.Watch()
	defer stop()
	late := time.After(20 * time.Second)
	for {
		pairs = map[string]*identity.Suggestion{}
		w.view(func(tx *store.Tx) error {
			list, _, err := w.hub.Identity.Suggestions(tx, state, nil, 100)
			for _, g := range list {
				a, err := w.hub.Identity.Customer(tx, g.A)
				if err != nil {
					return err
				}
				b, err := w.hub.Identity.Customer(tx, g.B)
				if err != nil {
					return err
				}
				pairs[a.Name+" + "+b.Name] = g
			}
			return err
		})
		if len(pairs) == want {
			return pairs
		}
		select {
		case <-wake:
		case <-late:
			w.t.Fatalf("%d pairs are %s, want %d: %v", len(pairs), state, want, pairs)
		}
	}
}

// doubles are people of two lists, most of whom are in both under other addresses.
const (
	doublesTable = "name,email,phone,company\n" +
		"Ann Ashbrookham,ann@example.org,+44 7700 900101,Bluebird\n" +
		"محمد رضایی,reza@example.org,,Kingfisher\n" +
		"Tom Moss,tom@example.org,+44 7700 900103,\n"
	doublesCards = "BEGIN:VCARD\r\nVERSION:3.0\r\nN:Ashbrookham;Ann;;;\r\nFN:Ann Ashbrookham\r\nEMAIL:a.ashbrookham@example.net\r\nORG:Bluebird\r\nEND:VCARD\r\n" +
		"BEGIN:VCARD\r\nVERSION:4.0\r\nFN:Mohammad Rezaei\r\nEMAIL:m.rezaei@example.net\r\nORG:Kingfisher\r\nEND:VCARD\r\n" +
		"BEGIN:VCARD\r\nVERSION:3.0\r\nFN:Ida Berg\r\nEMAIL:ida@example.net\r\nEND:VCARD\r\n"
)

// TestImportedAreSuggested: a table and vCards with people who are there already under
// other addresses make suggestions with evidence and merge nobody; the same files again
// make nobody twice; and what was decided holds, also when an administrator's rule
// merges others.
func TestImportedAreSuggested(t *testing.T) {
	w := newWorld(t)
	w.bring("people.csv", doublesTable, Change{})
	w.bring("people.vcf", doublesCards, Change{})
	pairs := w.suggested(identity.SuggestionOpen, 2)
	const ann, reza = "Ann Ashbrookham + Ann Ashbrookham", "محمد رضایی + Mohammad Rezaei"
	for name, codes := range map[string][]string{
		ann:  {"given_name.same", "family_name.same", "company.same"},
		reza: {"given_name.variant", "family_name.variant", "company.same"},
	} {
		if pairs[name] == nil {
			t.Fatalf("%s are not suggested: %v", name, pairs)
		}
		for _, code := range codes {
			found := false
			for _, e := range pairs[name].Evidence {
				found = found || e.Code == code && e.Weight > 0
			}
			if !found {
				t.Errorf("%s: no evidence %s in %+v", name, code, pairs[name].Evidence)
			}
		}
	}
	if n := w.roots(); n != 6 {
		t.Fatalf("%d customers, want 6: nobody is merged by himself", n)
	}
	for name, content := range map[string]string{"people.csv": doublesTable, "people.vcf": doublesCards} {
		if again := w.bring(name, content, Change{}); again.Counts != (ImportCounts{Same: 3}) {
			t.Errorf("%s again: %+v", name, again.Counts)
		}
	}
	for name, state := range map[string]string{ann: identity.SuggestionNotSame, reza: identity.SuggestionLater} {
		must(t, w.hub.Decide(t.Context(), 1, pairs[name].ID, inbox.Verdict{State: state}))
	}
	// From now on a rule merges what is as good as certain.
	born, err := w.hub.PutField(t.Context(), 1, 0, func(d *identity.FieldDef) {
		d.Name, d.Kind, d.Of, d.Tells = "Birthday", identity.KindDate, identity.OfCustomer, identity.TellsBorn
	})
	must(t, err)
	rules := identity.DefaultRules()
	rules.Link = identity.LeastLink
	must(t, w.hub.SetRules(t.Context(), 1, rules))
	mapping := []string{"name", ToEmail, "company", identity.CustomFieldName(born.ID)}
	w.bring("more.csv", "name,email,company,birthday\n"+
		"Ann Ashbrookham,ann@example.org,Bluebird,1987-03-09\nAnn Ashbrookham,a.ashbrookham@example.net,Bluebird,1987-03-09\n"+
		"محمد رضایی,reza@example.org,Kingfisher,1985-01-02\nMohammad Rezaei,m.rezaei@example.net,Kingfisher,1985-01-02\n"+
		"Zoe Zanderling,zoe@example.org,Heron,1990-05-06\nZoe Zanderling,zz@example.net,Heron,1990-05-06\n", Change{Mapping: &mapping})
	// Those of the last two rows are compared last.
	if merged := w.suggested(identity.SuggestionSame, 1)["Zoe Zanderling + Zoe Zanderling"]; merged == nil || merged.By != identity.RuleByWeight {
		t.Errorf("the rule did not merge those of whom nobody decided anything: %+v", merged)
	}
	w.suggested(identity.SuggestionNotSame, 1)
	w.suggested(identity.SuggestionLater, 1)
	if n := w.roots(); n != 7 {
		t.Errorf("%d customers, want 7", n)
	}
}

// roots is how many customers there are, merged records not counted.
func (w *world) roots() (n int) {
	w.view(func(tx *store.Tx) error {
		for _, id := range w.hub.Identity.Records(tx, 0, 1000) {
			if c, err := w.hub.Identity.Customer(tx, id); err == nil && c.MergedInto == 0 {
				n++
			}
		}
		return nil
	})
	return n
}

// TestNumberOfSomebodyElse: a number does not make two people one whose names are not
// the same, neither of one file nor of the file and the customers there are.
func TestNumberOfSomebodyElse(t *testing.T) {
	w := newWorld(t)
	family := "name,email,phone\nAnna Berg,anna@example.org,+44 7700 900111\nTom Berg,tom.berg@example.org,+44 7700 900111\nBerg Anna,,+44 7700 900111\n"
	first := w.bring("family.csv", family, Change{})
	if first.Counts != (ImportCounts{New: 1, Same: 1, Bad: 1}) {
		t.Errorf("a family of one file: %+v", first.Counts)
	}
	again := w.bring("other.csv", "name,email,phone\nTom Berg,tom.berg@example.org,+44 7700 900111\nAnna B.,anna@example.org,+44 7700 900111\n", Change{})
	if again.Counts.Bad != 1 || again.Counts.New != 0 {
		t.Errorf("another of the family: %+v", again.Counts)
	}
	rows, _, err := w.Rows(again.ID, Bad, nil, 10)
	must(t, err)
	if len(rows) != 1 || !strings.Contains(rows[0].Reason, "+447700900111 belongs to Anna Berg") {
		t.Errorf("rows with errors: %+v", rows)
	}
	// Once it is marked as shared both are there, and it is nobody's key any more.
	must(t, w.hub.SetShared(t.Context(), 1, "tel:+447700900111", true))
	w.bring("mended.csv", "name,email,phone\nTom Berg,tom.berg@example.org,+44 7700 900111\n", Change{})
	if a, b := w.customer("anna@example.org"), w.customer("tom.berg@example.org"); a.ID == b.ID {
		t.Error("Tom and Anna are one customer")
	}
}

// TestAddressOfSomebodyElse: neither does a mail address, whatever else the row says,
// and also where the file is said to know better. A name that is the same one in another
// form, or none, says nothing against it.
func TestAddressOfSomebodyElse(t *testing.T) {
	w := newWorld(t)
	w.bring("a.csv", "id,name,email,phone\n1,Anna Berg,anna@example.org,+44 7700 900111\n", Change{})
	anna := w.customer("anna@example.org")
	yes := true
	for _, change := range []Change{{}, {Overwrite: &yes}} {
		i := w.bring("b.csv", "name,email,phone,goals\nTom Berg,anna@example.org,+44 7700 900111,a boat\nTom Berg,anna@example.org;tom@example.org,,a boat\n", change)
		if i.Counts != (ImportCounts{Bad: 2}) {
			t.Fatalf("another name: %+v", i.Counts)
		}
		rows, _, err := w.Rows(i.ID, Bad, nil, 10)
		must(t, err)
		for _, r := range rows {
			if !strings.Contains(r.Reason, "anna@example.org belongs to Anna Berg") || !strings.Contains(r.Reason, "mark it as shared") {
				t.Errorf("row %d does not say what to do: %q", r.Row, r.Reason)
			}
		}
	}
	// Two rows of one file.
	i := w.bring("c.csv", "name,email\nIda Moss,moss@example.org\nPeter Moss,moss@example.org\n,moss@example.org\nMoss Ida,moss@example.org\n", Change{})
	if i.Counts.New != 1 || i.Counts.Bad != 1 {
		t.Errorf("two people of one file: %+v", i.Counts)
	}
	rows, _, err := w.Rows(i.ID, Bad, nil, 10)
	must(t, err)
	if len(rows) != 1 || rows[0].Row != 2 {
		t.Errorf("rows with errors: %+v", rows)
	}
	i = w.bring("d.csv", "name,email,goals\nBerg, anna@example.org,\n", Change{})
	if i.Counts.Bad != 0 {
		t.Errorf("one word of the name: %+v", i.Counts)
	}
	if c := w.customer("anna@example.org"); c.ID != anna.ID || c.Name != "Anna Berg" || c.Goals != "" {
		t.Errorf("Anna has become %+v", c)
	}
	must(t, w.hub.SetShared(t.Context(), 1, "mailto:moss@example.org", true))
	w.bring("f.csv", "name,email\nPeter Moss,moss@example.org;peter@example.org\n", Change{})
	if w.customer("peter@example.org").ID == w.customer("moss@example.org").ID {
		t.Error("Peter and Ida are one customer though the address is marked as shared")
	}
}

// TestAddressThatUseHasShared: what different people were seen to use is nobody's key,
// and no person by itself.
func TestAddressThatUseHasShared(t *testing.T) {
	w := newWorld(t)
	w.bring("a.csv", "name,email\nAnn Reed,family@example.org;ann@example.org\n", Change{})
	for _, name := range []string{"Ann Reed", "Peter Reed", "Zoe Reed"} {
		must(t, w.sink.Accept(t.Context(), connectors.Batch{Messages: []message.Message{mail("family@example.org", name, name, "hello")}}))
	}
	i := w.bring("b.csv", "name,email\nTom Reed,family@example.org;tom@example.org\nIda Reed,ida@example.org;family@example.org\n,family@example.org\n", Change{})
	if i.Counts != (ImportCounts{New: 2, Bad: 1}) {
		t.Errorf("%+v", i.Counts)
	}
	for address, name := range map[string]string{"tom@example.org": "Tom Reed", "ida@example.org": "Ida Reed", "family@example.org": "Ann Reed"} {
		if c := w.customer(address); c.Name != name {
			t.Errorf("%s is %q, want %q", address, c.Name, name)
		}
	}
}
