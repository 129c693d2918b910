package wording

import (
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
	verb := regexp.MustCompile(`%[dqsv]`)
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

// isInvalid tells the type of a refusal that blames one field.
func isInvalid(e ast.Expr) bool {
	switch x := e.(type) {
	case *ast.Ident:
		return x.Name == "InvalidError"
	case *ast.SelectorExpr:
		return x.Sel.Name == "InvalidError"
	}
	return false
}
