package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"throughline/identity/match"
)

func TestReadRecords(t *testing.T) {
	for _, c := range []struct {
		name, in string
		want     []match.Record
		err      string
	}{
		{name: "csv", in: "\xef\xbb\xbfid,First,last,emails,other.tax,shoe size\n1,Ann,Lee,a@example.org|b@example.org,77,42\n",
			want: []match.Record{{ID: "1", First: []string{"Ann"}, Last: []string{"Lee"}, Emails: []string{"a@example.org", "b@example.org"}, Attributes: map[string][]string{"tax": {"77"}}}}},
		{name: "semicolons", in: "id;name;phone\nx;\"Lee; Ann\";1|2\n", want: []match.Record{{ID: "x", Names: []string{"Lee", " Ann"}, Phones: []string{"1", "2"}}}},
		{name: "json", in: "{\"id\":7,\"full_name\":[\"Ann Lee\",null],\"dob\":19800203,\"other\":{\"tax\":\"77\"}}\n\n{\"id\":\"8\"}\n",
			want: []match.Record{{ID: "7", Names: []string{"Ann Lee"}, Born: []string{"19800203"}, Attributes: map[string][]string{"tax": {"77"}}}, {ID: "8"}}},
		{name: "empty", in: " \n", err: "the file is empty"},
		{name: "no id column", in: "name,email\nAnn,a@example.org\n", err: "line 1: no column is named id"},
		{name: "an id twice", in: "id,name\n1,Ann\n2,Tom\n1,Ida\n", err: `line 4: the id "1" was used in line 2`},
		{name: "no id", in: "{\"id\":\"1\"}\n{\"last\":\"Lee\"}\n", err: "line 2: there is no id"},
		{name: "columns", in: "id,name\n1,Ann,x\n", err: "line 2: there are 3 columns, the header has 2"},
		{name: "quotes", in: "id,name\n1,\"Ann\n", err: "line 2: "},
		{name: "no json", in: "{\"id\":\"1\"}\n{\"id\":", err: "line 2: "},
		{name: "an array", in: "{\"id\":\"1\"}\n[1]\n", err: "line 2: "},
		{name: "an object", in: "{\"id\":\"1\",\"emails\":{\"a\":1}}\n", err: "line 1: emails is neither a text nor a list of texts"},
	} {
		got, _, err := readRecords(strings.NewReader(c.in))
		switch {
		case c.err != "":
			if err == nil || !strings.Contains(err.Error(), c.err) {
				t.Errorf("%s: error %v, want %q", c.name, err, c.err)
			}
		case err != nil:
			t.Errorf("%s: %v", c.name, err)
		case !reflect.DeepEqual(got, c.want):
			t.Errorf("%s: %+v, want %+v", c.name, got, c.want)
		}
	}
	if _, ignored, _ := readRecords(strings.NewReader("id,shoe size\n1,42\n")); !reflect.DeepEqual(ignored, []string{"shoe size"}) {
		t.Errorf("ignored columns: %v", ignored)
	}
}

// TestManyErrors: a file that is something else does not fill the screen.
func TestManyErrors(t *testing.T) {
	_, _, err := readRecords(strings.NewReader("id,name\n" + strings.Repeat("1,2,3\n", 1000)))
	if n := strings.Count(err.Error(), "\n"); err == nil || n > maxRecordErrors+1 {
		t.Errorf("%d lines of errors", n)
	}
}

func FuzzReadRecords(f *testing.F) {
	f.Add("id,name\n1,Ann\n")
	f.Add("{\"id\":\"1\",\"emails\":[\"a@example.org\"]}\n")
	f.Add("id;a\n\"\n")
	f.Fuzz(func(t *testing.T, in string) {
		records, _, err := readRecords(strings.NewReader(in))
		seen := map[string]bool{}
		for _, r := range records {
			if r.ID == "" || seen[r.ID] {
				t.Errorf("id %q is empty or there twice (error %v)", r.ID, err)
			}
			seen[r.ID] = true
		}
	})
}

// TestIdentityMatch reads a list, writes each entry into exactly one line, and says
// how far that is the truth.
func TestIdentityMatch(t *testing.T) {
	list := "id,name,email,phone\n1,Ann Lee,ann.lee@example.org,+447700900123\n2,\"Lee, Ann\",ann.lee@example.org,\n3,Tom Moss,,+447700900199\n"
	records, _, err := readRecords(strings.NewReader(list))
	if err != nil {
		t.Fatal(err)
	}
	r := match.Find(records, match.Options{})
	var out bytes.Buffer
	if err := writeClusters(&out, records, r); err != nil {
		t.Fatal(err)
	}
	d := json.NewDecoder(&out)
	var lines []clusterJSON
	for d.More() {
		var c clusterJSON
		if err := d.Decode(&c); err != nil {
			t.Fatal(err)
		}
		lines = append(lines, c)
	}
	if len(lines) != 2 || !reflect.DeepEqual(lines[0].IDs, []string{"1", "2"}) || len(lines[0].Evidence) != 1 || len(lines[0].Evidence[0].Facts) < 2 {
		t.Fatalf("clusters %+v", lines)
	}
	describeClusters(&out, records, r)
	if !strings.Contains(out.String(), "same email (ann.lee@example.org)") || !strings.Contains(out.String(), "3 entries are 2 people") {
		t.Errorf("for people:\n%s", out.String())
	}
	truth := filepath.Join(t.TempDir(), "truth.csv")
	if err := os.WriteFile(truth, []byte("id,cluster\n1,a\n2,a\n3,a\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	out.Reset()
	if err := compareWithTruth(&out, truth, records, r); err != nil || !strings.Contains(out.String(), "precision 1.0000  recall 0.3333  F1 0.5000") {
		t.Errorf("%v: %s", err, out.String())
	}
}
