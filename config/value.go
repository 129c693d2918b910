package config

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// MaxSecretFileBytes is the largest file that a value may be taken from.
const MaxSecretFileBytes = 64 << 10

// filePrefix starts a value that is the content of a file.
const filePrefix = "file:"

// value is a scalar of the file with its expansions made.
type value struct {
	entry
	text    string // after expansion
	foreign bool   // text came at least partly from outside the file: never quote it
}

// raw is the value as written, for messages. A number or a date is the text
// that stands in the file: a password 007 keeps its zeros.
func (v value) raw() string { return v.node.Value }

// scalar reads a single value and expands it; false means that a problem was
// reported. Secrets in the clear are warned about.
func (r *reader) scalar(e entry, secret bool) (value, bool) {
	n := e.node
	if !r.usable(n, e.path) {
		return value{}, false
	}
	if n.Kind != yaml.ScalarNode {
		r.problem(n.Line, e.path, "is a %s; write a single value", nodeName(n))
		return value{}, false
	}
	v := value{entry: e}
	text, found, err := r.expand(n.Value)
	if err != nil {
		r.problem(n.Line, e.path, "%s", err)
		return value{}, false
	}
	v.text, v.foreign = text, found
	// Only what stands in this file can name another one: a variable's content
	// is taken as it is.
	if strings.HasPrefix(n.Value, filePrefix) {
		name := strings.TrimSpace(strings.TrimPrefix(text, filePrefix))
		if name == "" {
			r.problem(n.Line, e.path, "file: needs a path; write file:secrets/name")
			return value{}, false
		}
		path := r.path(name)
		b, err := readFile(path, MaxSecretFileBytes)
		if err != nil {
			r.problem(n.Line, e.path, "the file %s %s", strings.TrimPrefix(n.Value, filePrefix), fileProblem(err))
			return value{}, false
		}
		if secret {
			r.checkMode(v, path)
		}
		v.text = strings.TrimSuffix(strings.TrimSuffix(string(b), "\n"), "\r")
		v.foreign = true
	}
	if secret && !v.foreign && v.text != "" {
		r.warn(n.Line, e.path, "is in the clear; better write ${NAME} and set it in the environment, or file:PATH")
	}
	return v, true
}

// fileProblem makes "there is no such file" read well after the file's name.
func fileProblem(err error) string {
	return strings.Replace(err.Error(), "there is no such file;", "does not exist;", 1)
}

func (r *reader) checkMode(v value, path string) {
	if info, err := os.Stat(path); err == nil && info.Mode().Perm()&0o004 != 0 {
		r.warn(v.node.Line, v.path, "everybody on this machine can read the file %s; run chmod 600 on it",
			strings.TrimPrefix(v.raw(), filePrefix))
	}
}

// path makes a relative path start at the configuration file's folder.
func (r *reader) path(p string) string {
	if filepath.IsAbs(p) {
		return filepath.Clean(p)
	}
	return filepath.Join(r.dir, p)
}

var variable = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// expand replaces ${NAME} and unescapes $${; found tells whether there was a
// variable. Errors name variables, never their content.
func (r *reader) expand(s string) (out string, found bool, err error) {
	var b strings.Builder
	for {
		i := strings.Index(s, "${")
		if i < 0 {
			b.WriteString(s)
			return b.String(), found, nil
		}
		if i > 0 && s[i-1] == '$' {
			b.WriteString(s[:i-1] + "${")
			s = s[i+2:]
			continue
		}
		b.WriteString(s[:i])
		name, rest, ok := strings.Cut(s[i+2:], "}")
		if !ok || !variable.MatchString(name) {
			return "", found, errors.New("after ${ has to come the name of an environment variable and }; write $${ for a plain ${")
		}
		val, ok := r.env(name)
		if !ok {
			return "", found, fmt.Errorf("the environment variable %s is not set; set it before starting", name)
		}
		b.WriteString(val)
		found, s = true, rest
	}
}

func nodeName(n *yaml.Node) string {
	switch n.Kind {
	case yaml.MappingNode:
		return "group of settings"
	case yaml.SequenceNode:
		return "list"
	}
	return "single value"
}

// formatSize writes bytes as people do: 25 MiB.
func formatSize(n int64) string {
	for _, u := range []struct {
		name string
		size int64
	}{{"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}} {
		if n >= u.size && n%u.size == 0 {
			return fmt.Sprintf("%d %s", n/u.size, u.name)
		}
	}
	return fmt.Sprintf("%d bytes", n)
}

var sizeSyntax = regexp.MustCompile(`^(\d{1,15})\s*([A-Za-z]*)$`)

// parseSize reads a number of bytes: 1048576, 1 MiB, 1MiB, 1 MB.
func parseSize(s string) (int64, bool) {
	m := sizeSyntax.FindStringSubmatch(strings.TrimSpace(s))
	if m == nil {
		return 0, false
	}
	n, err := strconv.ParseInt(m[1], 10, 64)
	if err != nil {
		return 0, false
	}
	unit, ok := map[string]int64{
		"": 1, "b": 1, "kb": 1e3, "mb": 1e6, "gb": 1e9,
		"k": 1 << 10, "m": 1 << 20, "g": 1 << 30, "kib": 1 << 10, "mib": 1 << 20, "gib": 1 << 30,
	}[strings.ToLower(m[2])]
	if !ok || n > (1<<62)/unit {
		return 0, false
	}
	return n * unit, true
}
