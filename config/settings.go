package config

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"throughline/connectors"
)

// The limits of one account setting.
const (
	MaxSettingBytes = 64 << 10 // a text, a secret, one entry of a list
	MaxListEntries  = 1000
)

// CheckSettings checks the settings of an account against the fields of its
// Kind and brings them to the form that a connector takes: string for the types
// string, secret, choice and text, int64 for int, bool, the text of a duration
// ("90s"), []string for list. Values may be of the types that encoding/json
// makes, numbers and bools may also be text. Null, "" and an empty list mean
// "not set" and are left out.
//
// Every problem is returned, one for each key at fault, in the order of fields;
// unknown keys come last. The texts never repeat a value.
func CheckSettings(fields []connectors.Field, in map[string]any) (map[string]any, []*connectors.SettingsError) {
	out := map[string]any{}
	var errs []*connectors.SettingsError
	known := make([]string, len(fields))
	for i, f := range fields {
		known[i] = f.Key
		v, problem := checkValue(f, in[f.Key])
		switch {
		case problem != "":
			errs = append(errs, &connectors.SettingsError{Key: f.Key, Text: problem})
		case v != nil:
			out[f.Key] = v
		case f.Required:
			errs = append(errs, &connectors.SettingsError{Key: f.Key, Text: missing(f)})
		}
	}
	var unknown []string
	for k := range in {
		if !slices.Contains(known, k) {
			unknown = append(unknown, k)
		}
	}
	slices.Sort(unknown)
	for _, k := range unknown {
		if !plainKey.MatchString(k) {
			k = "settings" // not repeated: it may be anything
		}
		errs = append(errs, &connectors.SettingsError{Key: k, Text: "is not a setting of this channel;" + hint(k, known)})
	}
	return out, errs
}

func missing(f connectors.Field) string {
	if f.Type == "secret" {
		return "is missing; set it"
	}
	return "is missing; " + example(f)
}

// example tells what a field takes.
func example(f connectors.Field) string {
	switch f.Type {
	case "int":
		return "write a whole number"
	case "bool":
		return "write true or false"
	case "duration":
		return "write a number with a unit, for example 90s, 5m or 1h30m"
	case "list":
		return "write a list of texts, for example [one, two]"
	case "choice":
		return "write one of " + strings.Join(f.Choices, ", ")
	}
	if f.Label != "" {
		return fmt.Sprintf("write a text (%s)", f.Label)
	}
	return "write a text"
}

// checkValue returns the value in the form for connectors, nil if it is not
// set, or what is wrong.
func checkValue(f connectors.Field, v any) (any, string) {
	if v == nil {
		return nil, ""
	}
	if f.Type == "list" {
		return checkList(v)
	}
	s, ok := asText(v)
	if !ok {
		return nil, "has the wrong type; " + example(f)
	}
	if len(s) > MaxSettingBytes {
		return nil, fmt.Sprintf("is too long; at most %s are allowed", formatSize(MaxSettingBytes))
	}
	// Space is part of a password, and of a signature.
	if f.Type != "secret" && f.Type != "text" {
		s = strings.TrimSpace(s)
	}
	if s == "" {
		return nil, ""
	}
	switch f.Type {
	case "int":
		n, err := strconv.ParseInt(s, 10, 64)
		if err != nil {
			return nil, "is not a whole number; write one, without quotes and units"
		}
		return n, ""
	case "bool":
		switch s {
		case "true":
			return true, ""
		case "false":
			return false, ""
		}
		return nil, "is neither true nor false; write one of them"
	case "duration":
		d, err := time.ParseDuration(s)
		if err != nil || d < 0 {
			return nil, "is not a duration; " + example(f)
		}
		return s, ""
	case "choice":
		if !slices.Contains(f.Choices, s) {
			return nil, "is not one of the choices;" + hint(s, f.Choices)
		}
	case "secret", "text":
		if strings.ContainsRune(s, 0) {
			return nil, "holds a NUL character; remove it"
		}
	default:
		if strings.ContainsFunc(s, unicode.IsControl) {
			return nil, "has to be a single line without control characters"
		}
	}
	return s, ""
}

// asText is the text of a single value.
func asText(v any) (string, bool) {
	switch v := v.(type) {
	case string:
		return v, true
	case json.Number:
		return v.String(), true
	case bool:
		return strconv.FormatBool(v), true
	case int:
		return strconv.Itoa(v), true
	case int64:
		return strconv.FormatInt(v, 10), true
	case float64:
		if v == math.Trunc(v) && math.Abs(v) < 1<<53 {
			return strconv.FormatInt(int64(v), 10), true
		}
		return strconv.FormatFloat(v, 'g', -1, 64), true
	}
	return "", false
}

// checkList takes a list of texts, or one text with an entry on each line.
func checkList(v any) (any, string) {
	var entries []string
	switch v := v.(type) {
	case []string:
		entries = slices.Clone(v)
	case []any:
		for _, e := range v {
			s, ok := asText(e)
			if !ok {
				return nil, "has an entry that is no text; write a list of texts, for example [one, two]"
			}
			entries = append(entries, s)
		}
	default:
		s, ok := asText(v)
		if !ok {
			return nil, "has the wrong type; write a list of texts, for example [one, two]"
		}
		entries = strings.Split(s, "\n")
	}
	for i, e := range entries {
		entries[i] = strings.TrimSpace(e)
		if len(e) > MaxSettingBytes {
			return nil, fmt.Sprintf("has an entry that is too long; at most %s are allowed", formatSize(MaxSettingBytes))
		}
		if strings.ContainsFunc(entries[i], unicode.IsControl) {
			return nil, "has an entry with control characters; write single lines"
		}
	}
	entries = slices.DeleteFunc(entries, func(e string) bool { return e == "" })
	if len(entries) > MaxListEntries {
		return nil, fmt.Sprintf("has too many entries; at most %d are allowed", MaxListEntries)
	}
	if len(entries) == 0 {
		return nil, ""
	}
	return entries, ""
}

// hint suggests the known word that is meant, or lists all.
func hint(wrong string, known []string) string {
	if s := suggest(wrong, known); s != "" {
		return s
	}
	return " known are " + strings.Join(known, ", ")
}
