// Package wording gives the texts that the hub and its connectors say to people
// names that stay: a program can act on them, and a screen can say the same in the
// reader's language. The English text remains what is meant; one that has no name is
// shown as it is.
//
// english.txt is the catalogue, names and texts. A text is recognised by its words, so
// that those who write one need to know nothing of this package; a test keeps the
// catalogue in line with the sources, and the translations in line with the catalogue.
//
// Pure: nothing on disk, no I/O.
package wording

import (
	_ "embed"
	"regexp"
	"slices"
	"strings"
	"sync"
)

// Words are the name of a text and what stands in its gaps.
type Words struct {
	Code string            `json:"code" doc:"The name of the text: it stays, whatever becomes of the English words."`
	With map[string]string `json:"with,omitempty" doc:"What stands in its gaps, by name."`
	// Parts are the names of what stands in gaps, where that is itself such a text.
	Parts map[string]Words `json:"parts,omitempty" doc:"Of what stands in a gap, where that has a name too."`
}

//go:embed english.txt
var english string

// Entry is a line of the catalogue.
type Entry struct {
	Code string
	Text string // with {gaps}

	start string // up to the first gap
	core  string // the longest stretch between gaps, to tell quickly that it is another
	form  *regexp.Regexp
	gaps  []string
	fixed int // bytes outside of gaps
}

var gap = regexp.MustCompile(`\{(\w+)\}`)

// table is made once, when it is first needed; nothing changes it.
var table = sync.OnceValue(func() []Entry {
	var list []Entry
	for line := range strings.Lines(english) {
		code, text, ok := strings.Cut(strings.TrimSpace(line), " = ")
		if !ok || strings.HasPrefix(code, "#") {
			continue
		}
		e := Entry{Code: code, Text: text, fixed: len(gap.ReplaceAllString(text, ""))}
		var form strings.Builder
		at := 0
		for _, m := range gap.FindAllStringSubmatchIndex(text, -1) {
			form.WriteString(regexp.QuoteMeta(text[at:m[0]]) + "(.+?)")
			e.gaps = append(e.gaps, text[m[2]:m[3]])
			at = m[1]
		}
		e.start, _, _ = strings.Cut(text, "{")
		for _, s := range gap.Split(text, -1) {
			if len(s) > len(e.core) {
				e.core = s
			}
		}
		e.form = regexp.MustCompile(`(?s)^` + form.String() + regexp.QuoteMeta(text[at:]) + `$`)
		list = append(list, e)
	}
	// Of two that fit, the one that says more is meant.
	slices.SortStableFunc(list, func(a, b Entry) int { return b.fixed - a.fixed })
	return list
})

// Catalogue are all entries.
func Catalogue() []Entry { return slices.Clone(table()) }

const (
	maxText = 2000 // bytes of what is looked at; no text of ours is longer
	maxDeep = 3    // texts within texts
)

// Of names a text, nil if it has no name.
func Of(text string) *Words { return of(text, 0) }

func of(text string, deep int) *Words {
	if text == "" || len(text) > maxText || deep == maxDeep {
		return nil
	}
	for i := range table() {
		e := &table()[i]
		if !strings.HasPrefix(text, e.start) || !strings.Contains(text, e.core) {
			continue
		}
		m := e.form.FindStringSubmatch(text)
		if m == nil {
			continue
		}
		w := &Words{Code: e.Code}
		for n, name := range e.gaps {
			if w.With == nil {
				w.With = make(map[string]string, len(e.gaps))
			}
			w.With[name] = strings.Trim(m[n+1], `"`)
			if part := of(m[n+1], deep+1); part != nil {
				if w.Parts == nil {
					w.Parts = make(map[string]Words)
				}
				w.Parts[name] = *part
			}
		}
		return w
	}
	return nil
}
