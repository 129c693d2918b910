package identity

import (
	"encoding/json"
	"fmt"

	"throughline/identity/match"
	"throughline/store"
)

// Rules say what becomes of pairs that may be one person. They are an
// administrator's; nothing is linked by itself unless he wants it.
type Rules struct {
	// Suggest is the confidence from which a pair is shown to people.
	Suggest float64 `json:"suggest"`
	// Link is the confidence from which a pair is put together without asking, 0
	// for never.
	Link float64 `json:"link"`
	// Directory and Signature say what an exact address does that a provider's
	// directory, or the footer of a mail, names for somebody and that is another
	// customer's: RuleSuggest or RuleLink.
	Directory string `json:"directory"`
	Signature string `json:"signature"`
	// Nightly is the hour of the day, of the hub's clock, at which the whole base is
	// looked through, -1 for never.
	Nightly int `json:"nightly"`
}

// What a rule does.
const (
	RuleSuggest = "suggest"
	RuleLink    = "link"
)

// DefaultRules link nothing.
func DefaultRules() Rules {
	return Rules{Suggest: 0.5, Directory: RuleSuggest, Signature: RuleSuggest, Nightly: 3}
}

// LeastLink is the lowest confidence from which pairs may be put together unasked.
const LeastLink = 0.95

// Check says what is wrong with rules: the field and a sentence.
func (r Rules) Check() (field, text string) {
	switch {
	case r.Suggest < 0.05 || r.Suggest > 0.99:
		return "suggest", "choose a confidence from 0.05 to 0.99"
	case r.Link != 0 && (r.Link < LeastLink || r.Link >= 1):
		return "link", fmt.Sprintf("choose 0 for never, or a confidence from %.2f to below 1", LeastLink)
	case r.Link != 0 && r.Link < r.Suggest:
		return "link", "pairs are put together from a higher confidence on than they are suggested"
	case r.Directory != RuleSuggest && r.Directory != RuleLink:
		return "directory", "choose suggest or link"
	case r.Signature != RuleSuggest && r.Signature != RuleLink:
		return "signature", "choose suggest or link"
	case r.Nightly < -1 || r.Nightly > 23:
		return "nightly", "choose an hour from 0 to 23, or -1 for never"
	}
	return "", ""
}

// What is kept beside the tables.
const (
	matchBucket = "match"
	rulesKey    = "rules"
	modelKey    = "model"
)

// Rules returns the rules in force.
func (i *Identity) Rules(tx *store.Tx) Rules {
	r := DefaultRules()
	if v := tx.GetValue(matchBucket, rulesKey); v != nil && json.Unmarshal(v, &r) != nil {
		return DefaultRules()
	}
	return r
}

// SetRules replaces the rules; the caller has checked them.
func (i *Identity) SetRules(tx *store.Tx, r Rules) error {
	v, err := json.Marshal(r)
	if err != nil {
		return err
	}
	return tx.PutValue(matchBucket, rulesKey, v)
}

// Model returns the weights in force: those learned last, else the assumed ones.
func (i *Identity) Model(tx *store.Tx) *match.Model {
	if v := tx.GetValue(matchBucket, modelKey); v != nil {
		if m, err := match.ReadModel(v); err == nil {
			return m
		}
	}
	return match.NewModel(i.people.Len(tx), i.Attributes(tx))
}

// SetModel keeps learned weights.
func (i *Identity) SetModel(tx *store.Tx, m *match.Model) error {
	v, err := json.Marshal(m)
	if err != nil {
		return err
	}
	return tx.PutValue(matchBucket, modelKey, v)
}
