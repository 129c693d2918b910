package preference

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"throughline/store"
	"throughline/timeline"
)

// Purpose is what a conversation is about, as far as the choice of a channel goes.
type Purpose struct {
	Key string `json:"key"` // for ever; names may change
	// Names by language ("en", "fa", "th", …); where one is missing the first of
	// these that there is stands for it.
	Names    map[string]string `json:"names"`
	Archived bool              `json:"archived,omitempty"` // not offered any more
	// Marketing purposes carry an unsubscribe link that works with one click.
	Marketing bool `json:"marketing,omitempty"`
}

// Name of a purpose in a language.
func (p *Purpose) Name(language string) string {
	return cmp.Or(p.Names[language], p.Names["en"], p.Key)
}

// Policy is what administrators decide about purposes.
type Policy struct {
	Purposes []Purpose `json:"purposes"` // in the order in which they are offered
	Rules    []Rule    `json:"rules"`    // the first that holds decides
	// Threshold is how sure the classifier has to be, 0.5 to 1, to set a purpose by
	// itself; 0: it only proposes.
	Threshold float64 `json:"threshold"`
	Version   uint64  `json:"version"` // of which a change was made
}

// Limits of a policy.
const (
	maxPurposes  = 40
	maxRules     = 100
	maxRuleWords = 50
	maxName      = 60 // characters of a purpose's name or a rule's word
)

const (
	policyBucket = "preference"
	policyKey    = "policy"
)

// usual is the policy until an administrator changes it.
func usual() Policy {
	name := func(en, fa, th string) map[string]string { return map[string]string{"en": en, "fa": fa, "th": th} }
	return Policy{Rules: []Rule{}, Purposes: []Purpose{
		{Key: "support", Names: name("Support", "پشتیبانی", "บริการช่วยเหลือ")},
		{Key: "invoice", Names: name("Invoice", "صورت‌حساب", "ใบแจ้งหนี้")},
		{Key: "appointment", Names: name("Appointment", "قرار ملاقات", "นัดหมาย")},
		{Key: "delivery", Names: name("Delivery", "ارسال کالا", "การจัดส่ง")},
		{Key: "offer", Names: name("Offer", "پیشنهاد ویژه", "ข้อเสนอพิเศษ"), Marketing: true},
	}}
}

// Policy returns what holds now.
func (p *Preferences) Policy(tx *store.Tx) (Policy, error) {
	data := tx.GetValue(policyBucket, policyKey)
	if data == nil {
		return usual(), nil
	}
	var out Policy
	if err := json.Unmarshal(data, &out); err != nil {
		return Policy{}, fmt.Errorf("preference: the policy cannot be read: %w", err)
	}
	return out, nil
}

// Purpose returns a purpose by its key, archived ones too.
func (p *Preferences) Purpose(tx *store.Tx, key string) (*Purpose, bool, error) {
	policy, err := p.Policy(tx)
	if err != nil {
		return nil, false, err
	}
	i := slices.IndexFunc(policy.Purposes, func(o Purpose) bool { return o.Key == key })
	if i < 0 {
		return nil, false, nil
	}
	return &policy.Purposes[i], true, nil
}

// goodKey is what a purpose's key looks like.
var goodKey = regexp.MustCompile(`^[a-z][a-z0-9-]{0,30}$`)

// SetPolicy replaces the policy. A purpose that once was there is archived instead
// of left out: conversations name it.
func (p *Preferences) SetPolicy(ctx context.Context, actor string, next Policy) error {
	if err := next.check(); err != nil {
		return err
	}
	return p.store.Update(ctx, func(tx *store.Tx) error {
		was, err := p.Policy(tx)
		if err != nil {
			return err
		}
		if next.Version != was.Version {
			return &InvalidError{"version", "somebody else changed the purposes meanwhile: load them again"}
		}
		for _, o := range was.Purposes {
			if !slices.ContainsFunc(next.Purposes, func(n Purpose) bool { return n.Key == o.Key }) {
				return &InvalidError{"purposes", fmt.Sprintf("%q is missing: archive a purpose instead of removing it", o.Key)}
			}
		}
		put := next
		put.Version++
		data, err := json.Marshal(put)
		if err != nil {
			return err
		}
		if err := tx.PutValue(policyBucket, policyKey, data); err != nil {
			return err
		}
		_, err = p.timeline.Append(tx, timeline.Event{Kind: timeline.PurposesChanged, Actor: actor, Quiet: true})
		return err
	})
}

// check blames the first field that is wrong.
func (n *Policy) check() error {
	if len(n.Purposes) == 0 || len(n.Purposes) > maxPurposes {
		return &InvalidError{"purposes", fmt.Sprintf("there have to be 1 to %d purposes", maxPurposes)}
	}
	keys := map[string]bool{}
	for i, o := range n.Purposes {
		at := fmt.Sprintf("purposes[%d]", i)
		switch {
		case !goodKey.MatchString(o.Key):
			return &InvalidError{at + ".key", "a key is 1 to 31 of a-z, 0-9 and -, beginning with a letter"}
		case keys[o.Key]:
			return &InvalidError{at + ".key", fmt.Sprintf("there are two purposes %q", o.Key)}
		case len(o.Names) == 0:
			return &InvalidError{at + ".names", "give it a name"}
		}
		for l, name := range o.Names {
			if utf8.RuneCountInString(name) > maxName || strings.TrimSpace(name) == "" || len(l) > 20 {
				return &InvalidError{at + ".names", fmt.Sprintf("a name has 1 to %d characters", maxName)}
			}
		}
		keys[o.Key] = true
	}
	if len(n.Rules) > maxRules {
		return &InvalidError{"rules", fmt.Sprintf("at most %d rules", maxRules)}
	}
	for i, r := range n.Rules {
		if err := r.check(fmt.Sprintf("rules[%d]", i), keys[r.Purpose]); err != nil {
			return err
		}
	}
	if n.Threshold != 0 && (n.Threshold < 0.5 || n.Threshold > 1) {
		return &InvalidError{"threshold", "write 0 for never, or 0.5 to 1"}
	}
	return nil
}
