package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"throughline/connectors"
)

// MaxFileBytes is the largest configuration file that is read.
const MaxFileBytes = 1 << 20

// Load reads and checks the file at path. The settings of its accounts are
// checked against the Fields of their Kind, and by its New. env looks up
// environment variables, as os.LookupEnv does.
//
// The error is Errors: everything that is wrong with the file.
func Load(path string, kinds []connectors.Kind, env func(string) (string, bool)) (*Config, error) {
	r := &reader{file: path, dir: filepath.Dir(path), env: env, kinds: kinds}
	src, err := readFile(path, MaxFileBytes)
	if err != nil {
		return nil, Errors{{File: path, Text: err.Error()}}
	}
	c := Default()
	c.File = path
	if root := r.parse(src); root != nil {
		r.config(root, c)
	}
	c.Data = r.path(c.Data)
	if len(r.problems) > 0 {
		sortProblems(r.problems)
		return nil, r.problems
	}
	sortProblems(r.warnings)
	c.Warnings = r.warnings
	return c, nil
}

// readFile reads a regular file of at most limit bytes. Its errors do not name
// the file and say what to do.
func readFile(path string, limit int64) ([]byte, error) {
	// Stat before Open: opening a pipe would wait for its writer.
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, errors.New("there is no such file; create it or correct the path")
	case err != nil:
		return nil, fmt.Errorf("cannot be read: %w", withoutPath(err))
	case !info.Mode().IsRegular():
		return nil, errors.New("is not a regular file; give the path of one")
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("cannot be read: %w; check its owner and mode", withoutPath(err))
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err != nil {
		return nil, fmt.Errorf("cannot be read: %w", withoutPath(err))
	}
	if int64(len(b)) > limit {
		return nil, fmt.Errorf("is larger than %s; is it the right file?", formatSize(limit))
	}
	return b, nil
}

func withoutPath(err error) error {
	if pe, ok := errors.AsType[*fs.PathError](err); ok {
		return pe.Err
	}
	return err
}

// reader collects what is wrong with a file while it is read.
type reader struct {
	file     string
	dir      string // relative paths start here
	env      func(string) (string, bool)
	kinds    []connectors.Kind
	problems Errors
	warnings []Problem
	accounts map[string]int // ID → line
}

func (r *reader) problem(line int, key, format string, args ...any) {
	r.problems = append(r.problems, Problem{r.file, line, key, fmt.Sprintf(format, args...)})
}

func (r *reader) warn(line int, key, format string, args ...any) {
	r.warnings = append(r.warnings, Problem{r.file, line, key, fmt.Sprintf(format, args...)})
}

// parse returns the root of the file's only document, nil if it is empty or
// cannot be understood.
func (r *reader) parse(src []byte) *yaml.Node {
	if i := bytes.IndexByte(src, 0); i >= 0 {
		r.problem(1+bytes.Count(src[:i], []byte("\n")), "", "holds a NUL byte; save the file as plain UTF-8 text")
		return nil
	}
	d := yaml.NewDecoder(bytes.NewReader(src))
	var doc, second yaml.Node
	switch err := d.Decode(&doc); {
	case errors.Is(err, io.EOF):
		return nil
	case err != nil:
		r.syntax(src, err)
		return nil
	}
	switch err := d.Decode(&second); {
	case errors.Is(err, io.EOF):
	case err != nil:
		r.syntax(src, err)
	default:
		r.problem(max(second.Line, 1), "", "a second document starts after ---; keep everything in one")
	}
	if doc.Kind != yaml.DocumentNode || len(doc.Content) != 1 {
		return nil
	}
	return doc.Content[0]
}

var (
	yamlLine   = regexp.MustCompile(`^line (\d+): `)
	yamlAnchor = regexp.MustCompile(`^unknown anchor '(.*)' referenced`)
)

// syntax reports what the YAML parser says, except where its words repeat text
// of the file: a password that starts with * is an alias to it.
func (r *reader) syntax(src []byte, err error) {
	text := strings.TrimPrefix(err.Error(), "yaml: ")
	line := 1
	if m := yamlLine.FindStringSubmatch(text); m != nil {
		if n, err := strconv.Atoi(m[1]); err == nil && n > 0 {
			line = n
		}
		text = text[len(m[0]):]
	}
	if m := yamlAnchor.FindStringSubmatch(text); m != nil { // the parser gives no line
		line = 1 + bytes.Count(src[:max(0, bytes.Index(src, []byte("*"+m[1])))], []byte("\n"))
	}
	switch {
	case strings.Contains(text, "unknown anchor"), strings.Contains(text, "anchor '"):
		text = "a value starts with *, which YAML takes for a reference; put it in quotes"
	case strings.Contains(text, "cannot start any token"):
		text = "a value starts with a sign that means something to YAML (one of @ ` % & * ! | > , or a tab); put it in quotes"
	case strings.Contains(text, "mapping values are not allowed"):
		text = "a colon where none can be; put values that contain \": \" in quotes and check the indentation"
	default:
		text = "is not valid YAML: " + text + "; check indentation, quotes and the space after each colon"
	}
	r.problem(line, "", "%s", text)
}

// plainKey is what a key may look like to be repeated in a message.
var plainKey = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_.-]{0,39}$`)

// mapping reads a mapping with the known keys and returns the values that are
// not null. Unknown and repeated keys are problems.
func (r *reader) mapping(n *yaml.Node, path string, known []string) map[string]entry {
	out := map[string]entry{}
	if !r.usable(n, path) || isNull(n) {
		return out
	}
	if n.Kind != yaml.MappingNode {
		r.problem(n.Line, path, "has to hold settings; write one \"key: value\" a line%s, with a space after the colon", below(path))
		return out
	}
	seen := map[string]int{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		k, v := n.Content[i], n.Content[i+1]
		if k.Kind != yaml.ScalarNode || k.Tag == "!!merge" {
			r.problem(k.Line, path, "a key has to be a plain word; anchors and merges (<<) are not supported")
			continue
		}
		full := join(path, k.Value)
		switch first, dup := seen[k.Value]; {
		case dup && plainKey.MatchString(k.Value):
			r.problem(k.Line, full, "is set twice, first on line %d; remove one", first)
			continue
		case dup:
			continue // an unknown key, reported the first time
		}
		seen[k.Value] = k.Line
		if !slices.Contains(known, k.Value) {
			r.unknown(k, path, known)
			continue
		}
		if r.usable(v, full) && !isNull(v) {
			out[k.Value] = entry{v, k.Line, full}
		}
	}
	return out
}

// entry is the value of one key.
type entry struct {
	node *yaml.Node
	line int // of the key
	path string
}

// unknown reports a key that means nothing. It repeats only keys that look like
// one: `password:hunter2` without a space is a key to YAML.
func (r *reader) unknown(k *yaml.Node, path string, known []string) {
	if head, _, ok := strings.Cut(k.Value, ":"); ok && slices.Contains(known, head) {
		r.problem(k.Line, join(path, head), "write a space after the colon")
		return
	}
	if !plainKey.MatchString(k.Value) {
		r.problem(k.Line, path, "a key that is no plain word; known here are %s", strings.Join(known, ", "))
		return
	}
	hint := suggest(k.Value, known)
	if hint == "" {
		hint = " known here are " + strings.Join(known, ", ")
	}
	r.problem(k.Line, join(path, k.Value), "is not a setting;%s", hint)
}

// usable refuses what would let a small file stand for a large one, or run
// surprises: references and tags.
func (r *reader) usable(n *yaml.Node, path string) bool {
	switch {
	case n.Kind == yaml.AliasNode || n.Anchor != "":
		r.problem(n.Line, path, "anchors (&) and references (*) are not supported; write the value out, in quotes if it starts with such a sign")
		return false
	case n.Style&yaml.TaggedStyle != 0:
		r.problem(n.Line, path, "tags (!) are not supported; put the value in quotes if it starts with such a sign")
		return false
	}
	return true
}

func isNull(n *yaml.Node) bool {
	return n.Kind == yaml.ScalarNode && n.ShortTag() == "!!null"
}

func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}

func below(path string) string {
	if path == "" {
		return ""
	}
	return " below it, indented"
}
