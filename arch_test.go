// Package throughline_test holds the tests of the repository as a whole: which
// package may import which, and what every package and file keeps to. It reads
// the sources only, so that it also judges a tree that does not compile.
package throughline_test

import (
	"encoding/json"
	"errors"
	"go/ast"
	"go/build/constraint"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const module = "throughline"

// allowed is the table of imports between our packages: what stands right may be
// imported by what stands left, everything else is forbidden. A new package
// needs a line here, and docs/architecture.md draws the same picture.
var allowed = map[string]string{
	"message":                      "",
	"connectors":                   "message",
	"connectors/connectortest":     "connectors message peertest",
	"connectors/email":             "connectors message", // like every connector: never store, identity, inbox or api
	"connectors/email/mailtest":    "peertest",
	"connectors/slack":             "connectors message",
	"connectors/slack/slacktest":   "",
	"connectors/twilio":            "connectors message",
	"connectors/twilio/twiliotest": "",

	"store":           "",
	"store/storetest": "store",
	"peertest":        "",
	"blob":            "",
	"safehtml":        "",
	"wording":         "", // texts and their names

	"identity/match": "", // pure functions of records

	"identity": "identity/match message store",
	"timeline": "store",
	"config":   "connectors",
	"accounts": "config connectors store",
	"auth":     "store",
	"inbox":    "accounts blob connectors identity identity/match message preference safehtml store timeline",

	"preference":        "identity message store timeline",
	"documents":         "blob documents/extract identity message store timeline",
	"documents/extract": "",
	"documents/clamd":   "",

	"people": "blob identity inbox message store timeline",
	"notify": "connectors identity inbox message store timeline",

	"api": "accounts auth blob config connectors documents identity inbox message notify people preference safehtml store timeline wording",
	"ui":  "", // holds files only

	"demo":            "accounts auth connectors connectors/email/mailtest connectors/slack/slacktest connectors/twilio/twiliotest documents identity inbox message notify preference safehtml store timeline",
	"cmd/throughline": "accounts api auth blob config connectors connectors/email connectors/slack connectors/twilio demo documents documents/clamd documents/extract identity identity/match inbox message notify people store ui",

	"e2e": "", // drives the binary from outside
}

// allowedInTests is what the tests of a package may import besides what the
// package itself may.
var allowedInTests = map[string]string{
	"accounts":                   "store/storetest",
	"api":                        "connectors/connectortest connectors/email connectors/email/mailtest store/storetest ui peertest",
	"auth":                       "store/storetest",
	"cmd/throughline":            "connectors/connectortest connectors/email/mailtest preference store/storetest",
	"config":                     "connectors/email connectors/slack connectors/twilio",
	"connectors/email":           "connectors/connectortest connectors/email/mailtest",
	"connectors/slack":           "connectors/connectortest connectors/slack/slacktest",
	"connectors/slack/slacktest": "connectors/connectortest",
	"connectors/twilio":          "connectors/connectortest connectors/twilio/twiliotest",
	// Tokens of the connector are compared with those of the vendor's client.
	"connectors/twilio/twiliotest": "connectors connectors/connectortest connectors/twilio",
	"documents":                    "store/storetest",
	"documents/clamd":              "peertest",
	"documents/extract":            "peertest",
	"preference":                   "store/storetest",
	"demo":                         "blob config connectors/email connectors/slack connectors/twilio store/storetest",
	"e2e":                          "accounts api blob config connectors connectors/email connectors/email/mailtest connectors/slack/slacktest connectors/twilio/twiliotest inbox message store peertest",
	"identity":                     "store/storetest",
	"inbox":                        "config connectors/connectortest connectors/email connectors/email/mailtest store/storetest",
	"notify":                       "accounts blob connectors/connectortest connectors/slack connectors/slack/slacktest store/storetest",
	"people":                       "accounts config connectors connectors/connectortest preference store/storetest",
	"store":                        "store/storetest",
	"timeline":                     "store/storetest",
}

// keepers names the only packages whose code may import a module, so that one
// can be replaced in one place.
var keepers = map[string]string{
	"go.etcd.io/bbolt":              "store",
	"github.com/danielgtaylor/huma": "api",
	"github.com/gorilla/websocket":  "api connectors/slack connectors/slack/slacktest",
	"github.com/prometheus":         "api",
	"github.com/emersion":           "connectors/email connectors/email/mailtest demo people",
	"github.com/jhillyerd/enmime":   "connectors/email demo",
	"github.com/nyaruka":            "identity identity/match",
	"github.com/twilio":             "connectors/twilio",
	"github.com/slack-go":           "connectors/slack",
	"github.com/kyokomi":            "connectors/slack",
	"github.com/microcosm-cc":       "safehtml",
	"go.yaml.in/yaml":               "config",
	"golang.org/x/crypto":           "accounts auth",
	"golang.org/x/term":             "cmd/throughline",
	"github.com/ledongthuc/pdf":     "documents/extract",
}

// goFile is one of our Go files.
type goFile struct {
	name string // relative, with slashes
	test bool
	ast  *ast.File
}

// ours calls fn for every file that belongs to the repository, with its path
// relative to the root.
func ours(t *testing.T, fn func(name string)) {
	t.Helper()
	err := filepath.WalkDir(".", func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			switch {
			case p == ".":
			case d.Name() == "node_modules", d.Name() == "data", d.Name() == "bin", d.Name() == "coverage",
				strings.HasPrefix(d.Name(), ".") && d.Name() != ".ci":
				return fs.SkipDir
			}
			return nil
		}
		fn(filepath.ToSlash(p))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// packages parses all of our Go files, by folder.
func packages(t *testing.T) map[string][]goFile {
	t.Helper()
	all := map[string][]goFile{}
	set := token.NewFileSet()
	ours(t, func(name string) {
		if path.Ext(name) != ".go" || strings.Contains("/"+name, "/testdata/") {
			return
		}
		f, err := parser.ParseFile(set, name, nil, parser.ParseComments)
		if err != nil {
			t.Error(err)
			return
		}
		dir := path.Dir(name)
		all[dir] = append(all[dir], goFile{name: name, test: strings.HasSuffix(name, "_test.go"), ast: f})
	})
	if len(all) < 10 {
		t.Fatalf("found only %d packages: is this the root of the repository?", len(all))
	}
	return all
}

func imports(f goFile) []string {
	var list []string
	for _, spec := range f.ast.Imports {
		list = append(list, strings.Trim(spec.Path.Value, "`\""))
	}
	return list
}

func TestImportsKeepToTheTable(t *testing.T) {
	for dir, files := range packages(t) {
		if dir == "." {
			continue
		}
		table, known := allowed[dir]
		if !known {
			t.Errorf("%s is not in the table of imports: add it to arch_test.go and to docs/architecture.md", dir)
			continue
		}
		for _, f := range files {
			may := strings.Fields(table)
			if f.test {
				may = append(append(may, dir), strings.Fields(allowedInTests[dir])...)
			}
			for _, imp := range imports(f) {
				if own, ok := strings.CutPrefix(imp, module+"/"); ok && !slices.Contains(may, own) {
					t.Errorf("%s imports %s, which the table of imports forbids", f.name, own)
				}
				if dir == "message" && !f.test && strings.Contains(imp, ".") {
					t.Errorf("%s imports %s: message uses the standard library only", f.name, imp)
				}
				for prefix, who := range keepers {
					// Tests may look at a file or a wire with the same library.
					if strings.HasPrefix(imp, prefix) && !f.test && !slices.Contains(strings.Fields(who), dir) {
						t.Errorf("%s imports %s, which only %s may", f.name, imp, who)
					}
				}
			}
		}
	}
}

// TestTheTableHasNoCircle keeps the table itself honest: it has to stay a
// drawing with arrows in one direction.
func TestTheTableHasNoCircle(t *testing.T) {
	for from := range allowed {
		seen := map[string]bool{}
		todo := strings.Fields(allowed[from])
		for len(todo) > 0 {
			p := todo[0]
			todo = todo[1:]
			if p == from {
				t.Errorf("%s may import itself over others", from)
				break
			}
			if !seen[p] {
				seen[p] = true
				todo = append(todo, strings.Fields(allowed[p])...)
			}
		}
	}
	for _, table := range []map[string]string{allowed, allowedInTests} {
		for from, list := range table {
			for _, p := range append(strings.Fields(list), from) {
				if _, ok := allowed[p]; !ok {
					t.Errorf("the table speaks of %s, which has no line of its own", p)
				}
			}
		}
	}
}

func TestEveryPackageHasADocComment(t *testing.T) {
	for dir, files := range packages(t) {
		want, found := "", false
		for _, f := range files {
			if f.ast.Name.Name == "main" {
				want = "Command " + path.Base(dir)
			} else if want == "" {
				want = "Package " + f.ast.Name.Name
			}
			if !f.test {
				want = strings.TrimSuffix(want, "_test")
			}
			found = found || f.ast.Doc != nil && strings.HasPrefix(f.ast.Doc.Text(), want+" ")
		}
		if !found {
			t.Errorf("%s has no doc comment that begins with %q", dir, want)
		}
	}
}

func TestPackageNamesSayWhatIsInThem(t *testing.T) {
	for dir, files := range packages(t) {
		for _, f := range files {
			switch name := strings.TrimSuffix(f.ast.Name.Name, "_test"); name {
			case "util", "utils", "common", "models", "helpers", "misc", "shared", "base":
				t.Errorf("%s: a package named %s says nothing of what is in it", f.name, name)
			default:
				if name != "main" && dir != "." && name != path.Base(dir) {
					t.Errorf("%s: package %s lies in folder %s", f.name, name, path.Base(dir))
				}
			}
		}
	}
}

func TestNoInitFunctions(t *testing.T) {
	for _, files := range packages(t) {
		for _, f := range files {
			for _, d := range f.ast.Decls {
				if fn, ok := d.(*ast.FuncDecl); ok && fn.Recv == nil && fn.Name.Name == "init" {
					t.Errorf("%s has an init function: wire things where they are used", f.name)
				}
			}
		}
	}
}

// TestBuildConstraints allows code for one system only where a file says so in
// its name, so that nothing is left out of a build without being seen.
func TestBuildConstraints(t *testing.T) {
	for _, files := range packages(t) {
		for _, f := range files {
			for _, group := range f.ast.Comments {
				for _, c := range group.List {
					if constraint.IsGoBuild(c.Text) && c.Pos() < f.ast.Package && !slices.Contains([]string{"race_on_test.go", "race_off_test.go"}, path.Base(f.name)) {
						t.Errorf("%s has a build constraint (%s): put the system into the file's name", f.name, c.Text)
					}
				}
			}
		}
	}
}

// ofThisMachine finds what only makes sense where it was written: absolute paths
// of home folders and work spaces, and the hosts that packages come from.
var ofThisMachine = regexp.MustCompile(strings.Join([]string{
	`(^|[\s"'=:(` + "`" + `])/(work|root|home|Users|workspace)/[a-z.]`,
	`registry\.npm` + `js\.org`, `proxy\.golang` + `\.org`, `registry\.yarn` + `pkg`, `GOPROXY` + `=`,
}, "|"))

func TestNoTraceOfAMachine(t *testing.T) {
	text := []string{".go", ".md", ".ts", ".mjs", ".js", ".svelte", ".json", ".yaml", ".yml", ".css", ".html", ".sh", ".mod", ""}
	checked := 0
	ours(t, func(name string) {
		if !slices.Contains(text, path.Ext(name)) || strings.HasPrefix(name, "ui/dist/") || strings.Contains("/"+name, "/testdata/") {
			return
		}
		b, err := os.ReadFile(filepath.FromSlash(name))
		if err != nil {
			t.Fatal(err)
		}
		if len(b) > 8<<20 {
			return // not a source
		}
		checked++
		for i, line := range strings.Split(string(b), "\n") {
			if m := ofThisMachine.FindString(line); m != "" {
				t.Errorf("%s:%d names a place of one machine: %q", name, i+1, strings.TrimSpace(m))
			}
		}
	})
	if checked < 100 {
		t.Fatalf("only %d files were looked at", checked)
	}
}

// TestLockFilesNameNoRegistry makes npm take packages from the registry that is
// configured where it runs; the integrity hashes say that they are the same.
func TestLockFilesNameNoRegistry(t *testing.T) {
	found := 0
	ours(t, func(name string) {
		if path.Base(name) != "package-lock.json" {
			return
		}
		found++
		b, err := os.ReadFile(filepath.FromSlash(name))
		if err != nil {
			t.Fatal(err)
		}
		var lock struct {
			Packages map[string]struct {
				Resolved, Integrity string
				InBundle            bool // comes inside another package, under its hash
			}
		}
		if err := json.Unmarshal(b, &lock); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		for _, p := range slices.Sorted(maps.Keys(lock.Packages)) {
			switch e := lock.Packages[p]; {
			case e.Resolved != "":
				t.Errorf("%s: %s has a resolved address: npm config set omit-lockfile-registry-resolved true", name, p)
			case p != "" && e.Integrity == "" && !e.InBundle:
				t.Errorf("%s: %s has no integrity hash", name, p)
			}
		}
		rc, err := os.ReadFile(filepath.Join(filepath.Dir(name), ".npmrc"))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(rc)) {
			if key, _, _ := strings.Cut(line, "="); strings.HasSuffix(strings.TrimSpace(key), "registry") {
				t.Errorf("%s/.npmrc names a registry: that is the machine's choice", path.Dir(name))
			}
		}
	})
	if found == 0 {
		t.Error("there is no package-lock.json")
	}
}
