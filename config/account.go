package config

import (
	"encoding/json"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"

	"throughline/connectors"
)

// accountKeys are the keys of an account on every channel; the others are the
// Fields of its Kind. A Field "name" shares its key with the account's name:
// the account is called on the screen what customers see.
var accountKeys = []string{"id", "channel", "name", "disabled"}

// The limits of an account.
const (
	MaxAccounts  = 1000
	MaxNameRunes = 200
)

var idSyntax = regexp.MustCompile(`^[a-z0-9-]{1,40}$`)

// CheckID says what is wrong with the ID of an account, "" if nothing.
func CheckID(id string) string {
	if !idSyntax.MatchString(id) {
		return "has to be 1 to 40 characters of a-z, 0-9 and -; write for example support"
	}
	return ""
}

// CheckName says what is wrong with the name of an account, "" if nothing.
func CheckName(name string) string {
	if utf8.RuneCountInString(name) > MaxNameRunes || strings.ContainsFunc(name, unicode.IsControl) {
		return "has to be one line of at most " + strconv.Itoa(MaxNameRunes) + " characters"
	}
	return ""
}

// FindKind returns the Kind of a channel, or what is wrong with its name.
func FindKind(kinds []connectors.Kind, channel string) (connectors.Kind, string) {
	names := make([]string, len(kinds))
	for i, k := range kinds {
		if k.Channel == channel {
			return k, ""
		}
		names[i] = k.Channel
	}
	if channel == "" {
		return connectors.Kind{}, "is missing; write one of " + strings.Join(names, ", ")
	}
	return connectors.Kind{}, "is not a channel of this program;" + hint(channel, names)
}

// accounts reads the list of accounts.
func (r *reader) accountList(e entry, c *Config) {
	if e.node.Kind != yaml.SequenceNode {
		r.problem(e.node.Line, e.path, `has to be a list; start each account with "- id: NAME"`)
		return
	}
	items := r.list(e)
	if len(items) > MaxAccounts {
		r.problem(e.line, e.path, "has too many entries; at most %d are allowed", MaxAccounts)
		return
	}
	r.accounts = map[string]int{}
	for _, item := range items {
		r.account(item, c)
	}
}

// account reads one entry. Its problems carry its ID once that is known.
func (r *reader) account(item entry, c *Config) {
	n, path := item.node, item.path
	if n.Kind != yaml.MappingNode {
		r.problem(n.Line, path, `has to be an account; write "id: NAME", "channel: NAME" and its settings, one a line`)
		return
	}
	id, hasID := peek(n, "id")
	if hasID && CheckID(id) == "" {
		path = join(keyAccounts, id)
	}
	channel, _ := peek(n, "channel")
	kind, badChannel := FindKind(r.kinds, channel)
	known := slices.Clone(accountKeys)
	meant := badChannel == ""
	if !meant {
		// A channel with a slip in its name, or the only one, is the one that is
		// meant: what is wrong with its settings shows at once.
		if kind, meant = meantKind(r.kinds, channel); !meant {
			for i := 0; i+1 < len(n.Content); i += 2 {
				known = append(known, n.Content[i].Value) // none can be judged
			}
		}
	}
	for _, f := range kind.Fields {
		if !slices.Contains(known, f.Key) {
			known = append(known, f.Key)
		}
	}
	found := r.mapping(n, path, known)

	a := Account{Account: connectors.Account{ID: id, Channel: channel}}
	switch e, ok := found["id"]; {
	case !ok:
		r.problem(n.Line, join(path, "id"), "is missing; every account needs one, for example support")
	case CheckID(id) != "":
		r.problem(e.node.Line, e.path, "%s", CheckID(id))
	case r.accounts[id] != 0:
		r.problem(e.node.Line, e.path, "%q is also the id of the account on line %d; give each its own", id, r.accounts[id])
	default:
		r.accounts[id] = n.Line
	}
	if badChannel != "" {
		line := n.Line
		if e, ok := found["channel"]; ok {
			line = e.node.Line
		}
		r.problem(line, join(path, "channel"), "%s", badChannel)
	}
	if e, ok := found["disabled"]; ok {
		if v, ok := r.scalar(e, false); ok {
			if a.Disabled, ok = parseBool(v.text); !ok {
				r.problem(e.node.Line, e.path, "is neither true nor false; write one of them")
			}
		}
	}
	a.Name = id
	if e, ok := found["name"]; ok {
		if v, ok := r.scalar(e, false); ok && strings.TrimSpace(v.text) != "" {
			a.Name = strings.TrimSpace(v.text)
			if wrong := CheckName(a.Name); wrong != "" {
				r.problem(e.node.Line, e.path, "%s", wrong)
			}
		}
	}
	if meant {
		r.settings(n, path, kind, found, &a)
	} else {
		r.expandAll(found)
	}
	c.Accounts = append(c.Accounts, a)
}

// meantKind guesses the Kind of an account with a wrong channel.
func meantKind(kinds []connectors.Kind, channel string) (connectors.Kind, bool) {
	if channel == "" && len(kinds) == 1 {
		return kinds[0], true
	}
	for _, k := range kinds {
		if suggest(channel, []string{k.Channel}) != "" {
			return k, true
		}
	}
	return connectors.Kind{}, false
}

// expandAll looks for variables and files that are missing, in settings of
// which nothing else is known.
func (r *reader) expandAll(found map[string]entry) {
	for key, e := range found {
		if slices.Contains(accountKeys, key) || e.node.Kind == yaml.MappingNode {
			continue // those are read, or could be anything
		}
		for _, item := range r.list(e) {
			if item.node.Kind == yaml.ScalarNode {
				r.scalar(item, false)
			}
		}
	}
}

// peek returns a plain scalar of a mapping before it is read properly.
func peek(n *yaml.Node, key string) (string, bool) {
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == key && n.Content[i+1].Kind == yaml.ScalarNode && !isNull(n.Content[i+1]) {
			return n.Content[i+1].Value, true
		}
	}
	return "", false
}

// settings reads the Fields of a Kind.
func (r *reader) settings(n *yaml.Node, path string, kind connectors.Kind, found map[string]entry, a *Account) {
	in, shown := map[string]any{}, map[string]any{}
	broken := map[string]bool{} // reported already
	lines := map[string]int{}
	for _, f := range kind.Fields {
		e, ok := found[f.Key]
		if !ok || slices.Contains(accountKeys, f.Key) && f.Key != "name" {
			continue
		}
		lines[f.Key] = e.node.Line
		before := len(r.problems)
		if f.Type == "list" {
			var texts, raw []string
			for _, item := range r.list(e) {
				if v, ok := r.scalar(item, false); ok {
					texts, raw = append(texts, v.text), append(raw, v.shown())
				}
			}
			in[f.Key], shown[f.Key] = texts, raw
			if e.node.Kind == yaml.ScalarNode && len(texts) == 1 {
				in[f.Key] = texts[0] // a variable may hold one entry a line
			}
		} else if v, ok := r.scalar(e, f.Type == "secret"); ok {
			in[f.Key], shown[f.Key] = v.text, v.shown()
			if f.Type == "secret" {
				shown[f.Key] = hidden
			}
		}
		broken[f.Key] = len(r.problems) > before
	}
	out, errs := CheckSettings(kind.Fields, in)
	blame := func(err *connectors.SettingsError) {
		line, key := lines[err.Key], path
		if line == 0 {
			line = n.Line
		}
		if err.Key != "" {
			key = join(path, err.Key)
		}
		r.problem(line, key, "%s", err.Text)
	}
	all := maps.Clone(out)
	for _, err := range errs {
		if !broken[err.Key] {
			blame(err)
		}
		broken[err.Key] = true
	}
	for key := range broken {
		if broken[key] && all[key] == nil {
			all[key] = in[key] // so that what the Kind says of the others is right
		}
	}
	for _, err := range TryKind(kind, a.Account, all) {
		// Of the account as a whole it speaks only when each setting is right.
		if !broken[err.Key] && (err.Key != "" || !slices.Contains(slices.Collect(maps.Values(broken)), true)) {
			blame(err)
		}
	}
	b, err := json.Marshal(out)
	if err != nil {
		r.problem(n.Line, path, "has settings that cannot be passed on; write plain UTF-8 text")
		return
	}
	a.Settings, a.shown = b, shown
}

// shown is the value as it may be shown: what came from outside stays as it is
// written.
func (v value) shown() string {
	if v.foreign {
		return v.raw()
	}
	return v.text
}
