package documents

import (
	"context"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"throughline/store"
)

// Type is a kind of document, from a list that administrators edit.
type Type struct {
	Key string `json:"key"` // a-z, 0-9 and -; what documents refer to
	// Name is shown to people; "" leaves the naming of a built-in key to the screen.
	Name string `json:"name,omitempty"`
	// Managers: only managers and administrators see documents of this type.
	Managers bool `json:"managers,omitempty"`
	// Remind is how many days before its expiry a new document of this type is
	// reminded of, 0 for the usual.
	Remind int `json:"remind,omitempty"`
}

// The acts that have a least role of their own.
const (
	ActSee    = "see"
	ActAdd    = "add" // upload, put an attachment in, change the card
	ActDelete = "delete"
	ActShare  = "share"
)

// Rules are the types there are and the least role that each act asks for.
type Rules struct {
	Types []Type            `json:"types"`
	Roles map[string]string `json:"roles"` // act → "agent", "manager" or "admin"
}

// Type returns a type by its key, nil if there is none.
func (r *Rules) Type(key string) *Type {
	for i := range r.Types {
		if r.Types[i].Key == key {
			return &r.Types[i]
		}
	}
	return nil
}

// The roles that rules speak of, each with all that the one before it may.
const (
	RoleAgent   = "agent"
	RoleManager = "manager"
	RoleAdmin   = "admin"
)

var roleOrder = []string{RoleAgent, RoleManager, RoleAdmin}

// Least returns the least role that an act asks for: never less than for seeing,
// since whoever adds, deletes or shares a document sees it.
func (r *Rules) Least(act string) string {
	see, own := slices.Index(roleOrder, r.Roles[ActSee]), slices.Index(roleOrder, r.Roles[act])
	if see < 0 || own < 0 {
		return RoleAdmin
	}
	return roleOrder[max(see, own)]
}

// Sees tells whether a role sees documents of a type.
func (r *Rules) Sees(role, typ string) bool {
	least := r.Least(ActSee)
	if r.Restricted(typ) && least == RoleAgent {
		least = RoleManager
	}
	return slices.Index(roleOrder, role) >= slices.Index(roleOrder, least)
}

// Restricted tells whether only managers see documents of a type. Only what is in
// the bin can have one that is no longer on the list, and stays restricted.
func (r *Rules) Restricted(key string) bool {
	t := r.Type(key)
	return key != "" && (t == nil || t.Managers)
}

// defaultRules are those of a hub where nobody has changed them.
func defaultRules() *Rules {
	return &Rules{
		Types: []Type{{Key: "contract"}, {Key: "offer"}, {Key: "invoice"}, {Key: "order"}, {Key: "certificate"}, {Key: "identity", Managers: true}, {Key: "other"}},
		Roles: map[string]string{ActSee: RoleAgent, ActAdd: RoleAgent, ActDelete: RoleAgent, ActShare: RoleAgent},
	}
}

const (
	rulesBucket = "documents"
	rulesKey    = "rules"
	maxTypes    = 100
	maxTypeName = 60
)

// Rules returns the rules as they are now.
func (l *Library) Rules(tx *store.Tx) (*Rules, error) {
	r := defaultRules()
	data := tx.GetValue(rulesBucket, rulesKey)
	if data == nil {
		return r, nil
	}
	var kept Rules
	if err := json.Unmarshal(data, &kept); err != nil {
		return nil, fmt.Errorf("documents: the rules cannot be read: %w", err)
	}
	for act, role := range kept.Roles {
		r.Roles[act] = role
	}
	r.Types = kept.Types
	return r, nil
}

var typeKey = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,39}$`)

// SetRules replaces the rules. A type that documents have can only be taken off
// the list once they have another one.
func (l *Library) SetRules(ctx context.Context, r Rules) error {
	if len(r.Types) > maxTypes {
		return &InvalidError{"types", fmt.Sprintf("at most %d types", maxTypes)}
	}
	seen := map[string]bool{}
	for i := range r.Types {
		t := &r.Types[i]
		t.Name = strings.TrimSpace(t.Name)
		at := fmt.Sprintf("types[%d]", i)
		switch {
		case !typeKey.MatchString(t.Key):
			return &InvalidError{at, "a key is made of a-z, 0-9 and -, at most 40 of them"}
		case seen[t.Key]:
			return &InvalidError{at, "this key is there twice"}
		case utf8.RuneCountInString(t.Name) > maxTypeName:
			return &InvalidError{at, fmt.Sprintf("a name has at most %d characters", maxTypeName)}
		case t.Remind < 0 || t.Remind > MaxRemind:
			return &InvalidError{at, fmt.Sprintf("a reminder comes 0 to %d days before", MaxRemind)}
		}
		seen[t.Key] = true
	}
	acts := defaultRules().Roles
	for act, role := range r.Roles {
		if _, ok := acts[act]; !ok {
			return &InvalidError{"roles", "there is no act of this name: use see, add, delete and share"}
		}
		if !slices.Contains(roleOrder, role) {
			return &InvalidError{"roles." + act, "use agent, manager or admin"}
		}
	}
	return l.store.Update(ctx, func(tx *store.Tx) error {
		old, err := l.Rules(tx)
		if err != nil {
			return err
		}
		for _, t := range old.Types {
			if n := l.documents.Count(tx, "type", store.K().Str(t.Key)); !seen[t.Key] && n > 0 {
				return &ConflictError{fmt.Sprintf("%d documents have the type %q: give them another one first", n, t.Key)}
			}
		}
		data, err := json.Marshal(r)
		if err != nil {
			return err
		}
		return tx.PutValue(rulesBucket, rulesKey, data)
	})
}
