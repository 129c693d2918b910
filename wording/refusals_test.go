package wording

import (
	"cmp"
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// TestRefusals: what is refused of purposes, preferences and teams is named, so that
// screens say it in every language. What offers words of the API to choose from is for
// programs.
func TestRefusals(t *testing.T) {
	for _, file := range []string{"preference/policy.go", "preference/rules.go", "preference/statement.go", "inbox/team.go", "inbox/purpose.go", "api/teams.go"} {
		f, err := parser.ParseFile(token.NewFileSet(), filepath.Join("..", file), nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		n := 0
		ast.Inspect(f, func(node ast.Node) bool {
			l, ok := node.(*ast.CompositeLit)
			if !ok || len(l.Elts) != 2 || !isInvalid(l.Type) {
				return true
			}
			text := ""
			ast.Inspect(l.Elts[1], func(node ast.Node) bool {
				if b, ok := node.(*ast.BasicLit); ok && b.Kind == token.STRING && text == "" {
					text, _ = strconv.Unquote(b.Value)
				}
				return true
			})
			n++
			if said := verb.ReplaceAllString(text, "7"); !strings.HasPrefix(said, `write "`) && Of(said) == nil {
				t.Errorf("%s: %q has no name in english.txt", file, text)
			}
			return true
		})
		if n == 0 {
			t.Errorf("%s: no refusal was found", file)
		}
	}
}

// TestConflicts: likewise what cannot be done as things stand, wherever it is told.
func TestConflicts(t *testing.T) {
	n := 0
	for _, dir := range []string{"inbox", "documents", "people", "api"} {
		files, err := filepath.Glob(filepath.Join("..", dir, "*.go"))
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			if !strings.HasSuffix(file, "_test.go") {
				n += named(t, file, func(node ast.Node) string { return made(node, "ConflictError") })
			}
		}
	}
	if n < 40 {
		t.Errorf("only %d conflicts were found", n)
	}
}

// TestRowErrors: likewise what is wrong with a row of an import.
func TestRowErrors(t *testing.T) {
	n := 0
	for _, file := range []string{"place", "row", "seen", "work", "vcard"} {
		n += named(t, filepath.Join("..", "people", file+".go"), func(node ast.Node) string {
			if x, ok := node.(*ast.AssignStmt); ok && len(x.Lhs) == 1 && typeName(x.Lhs[0]) == "Problem" {
				return whole(x.Rhs[0])
			}
			return made(node, "RowError")
		})
	}
	if n < 10 {
		t.Errorf("only %d errors of rows were found", n)
	}
}

var verb = regexp.MustCompile(`%[dqsv]`)

// named counts the texts in a file that say finds, "" for what is none, and fails for
// those without a name.
func named(t *testing.T, file string, say func(ast.Node) string) (n int) {
	t.Helper()
	f, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	ast.Inspect(f, func(node ast.Node) bool {
		if text := say(node); text != "" {
			n++
			if Of(verb.ReplaceAllString(text, "7")) == nil {
				t.Errorf("%s: %q has no name in english.txt", file, text)
			}
		}
		return true
	})
	return n
}

// made is the text of which a refusal of a type is made, "" if node makes none, or makes
// it of what somebody else says.
func made(node ast.Node, kind string) string {
	if l, ok := node.(*ast.CompositeLit); ok && len(l.Elts) == 1 && typeName(l.Type) == kind {
		return whole(l.Elts[0])
	}
	return ""
}

// whole is the text of an expression that is a text, or a form for Sprintf.
func whole(e ast.Expr) string {
	switch x := e.(type) {
	case *ast.KeyValueExpr:
		return whole(x.Value)
	case *ast.CallExpr:
		if typeName(x.Fun) == "Sprintf" {
			return whole(x.Args[0])
		}
	case *ast.BinaryExpr: // a text and what it is about
		if left, right := whole(x.X), whole(x.Y); left != "" || right != "" {
			return cmp.Or(left, "%s") + cmp.Or(right, "%s")
		}
	case *ast.BasicLit:
		text, _ := strconv.Unquote(x.Value)
		return text
	}
	return ""
}

// isInvalid tells the type of a refusal that blames one field.
func isInvalid(e ast.Expr) bool { return typeName(e) == "InvalidError" }

// typeName is the name of a type or function, without its package.
func typeName(e ast.Expr) string {
	switch x := e.(type) {
	case *ast.Ident:
		return x.Name
	case *ast.SelectorExpr:
		return x.Sel.Name
	}
	return ""
}
