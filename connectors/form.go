package connectors

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Form reads the settings of an account, as a file or the form in the browser gives
// them, and gathers everything wrong with them. What is wrong may be a secret and is
// not repeated.
type Form struct {
	values map[string]any
	fields map[string]Field
	errs   []error
}

// ReadForm reads a JSON object with the keys of a channel's fields, and blames every
// other key. The error is for what is no object.
func ReadForm(raw json.RawMessage, channel string, fields []Field) (*Form, error) {
	f := &Form{values: map[string]any{}, fields: make(map[string]Field, len(fields))}
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	if err := dec.Decode(&f.values); err != nil {
		return nil, errors.New("the settings are not a JSON object")
	}
	if f.values == nil { // "null"
		f.values = map[string]any{}
	}
	for _, d := range fields {
		f.fields[d.Key] = d
	}
	for key := range f.values {
		if _, ok := f.fields[key]; !ok {
			f.Blame(key, "is not a setting of an account of channel %s", channel)
		}
	}
	return f, nil
}

// TakeDefaults gives every setting that is not there the default of its field.
func (f *Form) TakeDefaults() {
	for key, d := range f.fields {
		if _, given := f.values[key]; given || d.Default == nil {
			continue
		}
		f.values[key] = d.Default
		if n, ok := d.Default.(int); ok {
			f.values[key] = json.Number(strconv.Itoa(n))
		}
	}
}

// Blame notes what is wrong with a setting, and what to write instead.
func (f *Form) Blame(key, format string, args ...any) {
	f.errs = append(f.errs, &SettingsError{Key: key, Text: fmt.Sprintf(format, args...)})
}

// Err joins one *SettingsError for each fault, in the order of their keys; nil
// without any.
func (f *Form) Err() error {
	slices.SortStableFunc(f.errs, func(a, b error) int { return strings.Compare(a.Error(), b.Error()) })
	return errors.Join(f.errs...)
}

// Text is a text of any number of lines, "" if there is none.
func (f *Form) Text(key string) string {
	switch v := f.values[key].(type) {
	case nil:
		return ""
	case string:
		return v
	}
	f.Blame(key, "must be a text")
	return ""
}

// Line is one line of text, without the space around it.
func (f *Form) Line(key string) string {
	s := strings.TrimSpace(f.Text(key))
	if strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r == 0x7f }) {
		f.Blame(key, "must be one line without control characters")
		return ""
	}
	return s
}

// Shaped is a line of a certain form, or "".
func (f *Form) Shaped(key string, form *regexp.Regexp, want string) string {
	s := f.Line(key)
	if s != "" && !form.MatchString(s) {
		f.Blame(key, "must be %s", want)
		return ""
	}
	return s
}

// Choice is one of the field's choices, its default if nothing good is chosen.
func (f *Form) Choice(key string) string {
	d := f.fields[key]
	byDefault, _ := d.Default.(string)
	s := f.Line(key)
	if s == "" {
		return byDefault
	}
	if !slices.Contains(d.Choices, s) {
		f.Blame(key, "must be one of %s", strings.Join(d.Choices, ", "))
		return byDefault
	}
	return s
}

// Number is a whole number from low to high.
func (f *Form) Number(key string, byDefault, low, high int) int {
	n, given, err := f.whole(key)
	if err != nil || given && (n < low || n > high) {
		f.Blame(key, "must be a whole number from %d to %d", low, high)
		return byDefault
	}
	if !given {
		return byDefault
	}
	return n
}

// Port is a port number; nothing and 0 take the usual one.
func (f *Form) Port(key string, usual int) int {
	n, _, err := f.whole(key)
	if err != nil || n < 0 || n > 65535 {
		f.Blame(key, "must be a port number from 1 to 65535, or 0 for the usual one")
	}
	if n == 0 {
		return usual
	}
	return n
}

func (f *Form) whole(key string) (n int, given bool, err error) {
	var s string
	switch v := f.values[key].(type) {
	case nil:
		return 0, false, nil
	case json.Number:
		s = v.String()
	case string:
		if s = strings.TrimSpace(v); s == "" {
			return 0, false, nil
		}
	default:
		return 0, true, strconv.ErrSyntax
	}
	n, err = strconv.Atoi(s)
	return n, true, err
}

// Brief writes a duration as people do, without units that are zero: "1h", not "1h0m0s".
func Brief(d time.Duration) string {
	s := d.String()
	for _, zero := range []string{"m0s", "h0m"} {
		if strings.HasSuffix(s, zero) {
			s = s[:len(s)-2]
		}
	}
	return s
}

// Duration is a duration from low to high.
func (f *Form) Duration(key string, byDefault, low, high time.Duration) time.Duration {
	v := f.Line(key)
	if v == "" {
		return byDefault
	}
	d, err := time.ParseDuration(v)
	if err != nil || d < low || d > high {
		f.Blame(key, "must be a duration from %v to %v, for example %s", low, high, byDefault)
		return byDefault
	}
	return d
}

// Flag is true or false, false without the setting.
func (f *Form) Flag(key string) bool {
	switch v := f.values[key].(type) {
	case nil:
		return false
	case bool:
		return v
	case string:
		switch strings.ToLower(strings.TrimSpace(v)) {
		case "true", "yes":
			return true
		case "false", "no", "":
			return false
		}
	}
	f.Blame(key, "must be true or false")
	return false
}

// List is a list of texts, also as one text parted by commas or lines, without
// empty ones; given tells whether the setting is there.
func (f *Form) List(key string) (out []string, given bool) {
	switch v := f.values[key].(type) {
	case nil:
		return nil, false
	case string:
		out = strings.FieldsFunc(v, func(r rune) bool { return r == ',' || r == '\n' })
	case []any:
		for _, e := range v {
			s, ok := e.(string)
			if !ok {
				f.Blame(key, "must be a list of texts")
				return nil, false
			}
			out = append(out, s)
		}
	default:
		f.Blame(key, "must be a list of texts")
		return nil, false
	}
	for i := range out {
		out[i] = strings.TrimSpace(out[i])
	}
	return slices.DeleteFunc(out, func(s string) bool { return s == "" }), true
}
