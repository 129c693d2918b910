package people

import (
	"slices"
	"strings"
	"testing"

	"throughline/identity"
)

// TestCheckSaysWhatTheImportDoes: files one after the other, each checked and then
// imported; both say the same of every row.
func TestCheckSaysWhatTheImportDoes(t *testing.T) {
	const header = "id,name,email,phone\n"
	for name, tt := range map[string]struct {
		files []string
		want  []string // outcomes of the last file
		after int      // customers in the end
	}{
		"a row joins two before": {[]string{",Ann Lee,ann@example.org,\n,Ann Lee,,+447700900123\n,Ann Lee,ann@example.org,+447700900123\n"},
			[]string{Added, Added, Bad}, 2},
		"a row goes on with two before": {[]string{",Ann Lee,ann@example.org,\n,Ann Lee,ann@example.org,+447700900123\n,Ann Lee,,+447700900123\n"},
			[]string{Added, Updated, Same}, 1},
		"a row joins somebody known and a row before": {[]string{",Ann Lee,ann@example.org,\n", ",Ann Lee,,+447700900123\n,Ann Lee,ann@example.org,+447700900123\n"},
			[]string{Added, Bad}, 2},
		"the numbers of another system": {[]string{"1,Ann Lee,ann@example.org,\n2,Mia Berg,,\n", "1,Boris Stern,boris@example.net,\n2,Olaf Quist,,\n"},
			[]string{Added, Added}, 4},
		"both systems again": {[]string{"1,Ann Lee,,\n", "1,Boris Stern,,\n", "1,Ann Lee,,\n1,Boris Stern,,\n"},
			[]string{Same, Same}, 2},
		"one number for two": {[]string{"1,Ann Lee,,\n1,Boris Stern,,\n1,Ann Lee,,\n"},
			[]string{Added, Added, Same}, 2},
		"a name becomes longer": {[]string{"1,Ann Lee,,\n", "1,Ann Mary Lee,,\n"},
			[]string{Same}, 1},
		"an address says more than a number": {[]string{"1,Ann Lee,ann@example.org,\n2,Ann Berg,berg@example.org,\n", "2,Ann Lee,ann@example.org,\n"},
			[]string{Same}, 2},
		"a number, and a new address of a row before": {[]string{"1,Ann Lee,,\n", ",Ann Lee,ann@example.org,\n1,Ann Lee,ann@example.org,\n"},
			[]string{Added, Same}, 2},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			var done []string
			for n, f := range tt.files {
				i, err := w.Add(t.Context(), 1, "list.csv", strings.NewReader(header+f))
				must(t, err)
				must(t, w.Check(t.Context(), i.ID))
				w.settled(i.ID)
				checked := w.results(i.ID)
				must(t, w.Start(t.Context(), i.ID, 1))
				w.settled(i.ID)
				done = nil
				for r, res := range w.results(i.ID) {
					done = append(done, res.Outcome)
					// Of who is made by a row before the check does not know what there will be.
					ofBefore := checked[r].Outcome == Updated && checked[r].Of != 0 && res.Outcome == Same
					if checked[r].Outcome != res.Outcome && !ofBefore {
						t.Errorf("file %d, row %d: the check says %q, the import %q %s", n+1, r+1, checked[r].Outcome, res.Outcome, res.Reason)
					}
				}
			}
			if !slices.Equal(done, tt.want) || w.roots() != tt.after {
				t.Errorf("%q, %d customers; want %q, %d", done, w.roots(), tt.want, tt.after)
			}
		})
	}
}

// TestRenamedIsKnownAgain: a row whose customer an agent called otherwise since is his.
func TestRenamedIsKnownAgain(t *testing.T) {
	w := newWorld(t)
	const file = "id,name,email\n7,Ann Lee,\n"
	i := w.bring("a.csv", file, Change{})
	must(t, w.hub.EditCard(t.Context(), 1, w.results(i.ID)[0].Customer, []identity.Edit{{Field: identity.FieldName, Value: "Clara Berg"}}))
	if i := w.bring("b.csv", file, Change{}); i.Counts != (ImportCounts{Same: 1}) {
		t.Errorf("%+v", i.Counts)
	}
}

// results are what became of the rows of an import, or would.
func (w *world) results(id uint64) []*RowResult {
	w.t.Helper()
	rows, _, err := w.Rows(id, "", nil, 100)
	must(w.t, err)
	return rows
}
