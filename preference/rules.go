package preference

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// Rule gives a purpose to a new conversation that meets all of its conditions, and
// to one that gets its tag. A list is met by one of its entries.
type Rule struct {
	Purpose string   `json:"purpose"`
	Account string   `json:"account,omitempty"` // the inbox it came to
	Tag     string   `json:"tag,omitempty"`
	Words   []string `json:"words,omitempty"`   // in the subject
	Text    []string `json:"text,omitempty"`    // in what the customer wrote first
	Address []string `json:"address,omitempty"` // part of the customer's address: "@example.com", "+4420"
}

func (r *Rule) check(at string, known bool) error {
	switch {
	case !known:
		return &InvalidError{at + ".purpose", fmt.Sprintf("there is no purpose %q", r.Purpose)}
	case r.Account == "" && r.Tag == "" && len(r.Words)+len(r.Text)+len(r.Address) == 0:
		return &InvalidError{at, "a rule needs an inbox, a tag, words of the subject or of the text, or part of an address"}
	}
	for _, l := range []struct {
		name    string
		entries []string
		folded  func(string) string
	}{{"words", r.Words, fold}, {"text", r.Text, fold}, {"address", r.Address, plainAddress}} {
		if len(l.entries) > maxRuleWords {
			return &InvalidError{at + "." + l.name, fmt.Sprintf("at most %d entries", maxRuleWords)}
		}
		for _, w := range l.entries {
			if strings.TrimSpace(l.folded(w)) == "" || utf8.RuneCountInString(w) > maxName {
				return &InvalidError{at + "." + l.name, fmt.Sprintf("an entry has 1 to %d characters", maxName)}
			}
		}
	}
	return nil
}

// Clue is what rules look at of a conversation.
type Clue struct {
	Account string
	Tags    []string
	Subject string
	Text    string // what the customer wrote first, "" if no rule reads it
	Address string // of the customer, "" if no rule reads it
}

// Reads tells which of a clue's costlier parts some rule looks at.
func (n *Policy) Reads() (text, address bool) {
	for i := range n.Rules {
		text = text || len(n.Rules[i].Text) > 0
		address = address || len(n.Rules[i].Address) > 0
	}
	return text, address
}

// ByRules is the purpose that the first rule which holds gives, and the index of that
// rule; "" and -1 for none. A rule to a purpose that is archived rests.
func (n *Policy) ByRules(c Clue) (purpose string, rule int) {
	subject, text, address := spaced(c.Subject), "", plainAddress(c.Address)
	if c.Text != "" {
		text = spaced(c.Text)
	}
	for i, r := range n.Rules {
		if r.Account != "" && r.Account != c.Account || r.Tag != "" && !slices.Contains(c.Tags, r.Tag) ||
			!oneOf(r.Words, func(w string) bool { return has(subject, w) }) ||
			!oneOf(r.Text, func(w string) bool { return has(text, w) }) ||
			!oneOf(r.Address, func(w string) bool { return strings.Contains(address, plainAddress(w)) }) {
			continue
		}
		if at := slices.IndexFunc(n.Purposes, func(p Purpose) bool { return p.Key == r.Purpose }); at >= 0 && !n.Purposes[at].Archived {
			return r.Purpose, i
		}
	}
	return "", -1
}

// oneOf tells whether an entry is met; an empty list asks for nothing.
func oneOf(entries []string, met func(string) bool) bool {
	return len(entries) == 0 || slices.ContainsFunc(entries, met)
}

// plainAddress is how addresses are compared: in lower case and without spaces.
func plainAddress(s string) string { return strings.ToLower(strings.Join(strings.Fields(s), "")) }

// spaced is a folded text with one space around every word.
func spaced(s string) string { return " " + strings.Join(strings.Fields(fold(s)), " ") + " " }

// has tells whether a folded text has a word: as a whole, or anywhere in a script
// that puts no spaces between words.
func has(folded, word string) bool {
	w := strings.TrimSpace(spaced(word))
	if w == "" {
		return false
	}
	if strings.ContainsFunc(w, spaceless) {
		return strings.Contains(folded, w)
	}
	return strings.Contains(folded, " "+w+" ")
}
