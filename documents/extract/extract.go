// Package extract takes the plain text out of files: PDF, Word (DOCX),
// OpenDocument (ODT), HTML, CSV and plain text.
//
// It keeps nothing. Files come from strangers, so every step has a limit (pages,
// nesting, operators, bytes of an archive once unpacked, bytes of text), a panic of
// a parser becomes an error, and the work ends with the context. What no Go code
// can promise about a foreign parser, memory above all, Child does: it runs the work
// in a process of its own, with limits that the system keeps.
//
// It never draws a page, never runs a script, and never follows a link.
package extract

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/net/html/charset"
)

// Limits of one file.
const (
	MaxText     = 2 << 20  // bytes of text that are kept
	MaxUnpacked = 16 << 20 // bytes of one part of an archive
	MaxPages    = 5000     // of a PDF
	MaxSource   = 16 << 20 // bytes that are read of HTML, CSV and plain text
)

// ErrNoText tells that there is no text in files of this kind.
var ErrNoText = errors.New("there is no text in files of this kind")

// errEnough ends the work once MaxText is reached; it is no failure.
var errEnough = errors.New("enough text")

// File is what the text is taken out of.
type File struct {
	Name        string // tells the kind where the type does not
	ContentType string
	Size        int64
	io.ReaderAt
}

// Text is what was found.
type Text struct {
	Text string `json:"text"`
	Cut  bool   `json:"cut,omitempty"` // there was more than MaxText
}

// FromFile takes the text out of f. The error is ErrNoText for other kinds of file,
// and one that says in words what is wrong with a file that cannot be read.
func FromFile(ctx context.Context, f File) (t Text, err error) {
	w := &writer{ctx: ctx}
	defer func() {
		if p := recover(); p != nil {
			t, err = Text{}, fmt.Errorf("the file is damaged: %s", shorten(fmt.Sprint(p)))
		}
	}()
	err = read(ctx, f, w)
	if errors.Is(err, errEnough) {
		err, w.cut = nil, true
	}
	if err != nil {
		return Text{}, err
	}
	return Text{Text: strings.TrimSpace(w.b.String()), Cut: w.cut}, nil
}

// shorten keeps what a parser says of a file to a line.
func shorten(s string) string {
	s = strings.Join(strings.Fields(strings.ToValidUTF8(s, "?")), " ")
	if len(s) > 120 {
		s = strings.ToValidUTF8(s[:120], "") + "…"
	}
	return s
}

func read(ctx context.Context, f File, w *writer) error {
	head := make([]byte, min(f.Size, 1024))
	if _, err := f.ReadAt(head, 0); err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	ext := strings.ToLower(path.Ext(f.Name))
	switch {
	case bytes.Contains(head, []byte("%PDF-")):
		return readPDF(ctx, f, w)
	case bytes.HasPrefix(head, []byte("PK\x03\x04")):
		return readArchive(f, w)
	case bytes.IndexByte(head, 0) >= 0 && !bytes.HasPrefix(head, []byte("\xff\xfe")) && !bytes.HasPrefix(head, []byte("\xfe\xff")):
		return ErrNoText
	case f.ContentType == "text/html", f.ContentType == "application/xhtml+xml", ext == ".html", ext == ".htm":
		return readHTML(f, w)
	case strings.HasPrefix(f.ContentType, "text/"), ext == ".txt", ext == ".csv", ext == ".md", ext == ".log", ext == ".tsv":
		return readPlain(f, w)
	}
	return ErrNoText
}

// source reads the bytes of a text as UTF-8, whatever charset they are in.
func source(f File) (io.Reader, error) {
	r := io.NewSectionReader(f.ReaderAt, 0, min(f.Size, MaxSource))
	head := make([]byte, min(f.Size, 1<<16))
	n, err := r.ReadAt(head, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	head = head[:n]
	for i := 0; i < utf8.UTFMax && len(head) > 0 && !utf8.Valid(head); i++ {
		head = head[:len(head)-1] // a character that the end has cut
	}
	if utf8.Valid(head) && len(head)+utf8.UTFMax > n {
		return r, nil
	}
	return charset.NewReader(r, f.ContentType)
}

func readPlain(f File, w *writer) error {
	r, err := source(f)
	if err != nil {
		return err
	}
	_, err = io.Copy(w, r)
	return err
}

// writer collects text: tidy, up to MaxText bytes.
type writer struct {
	ctx   context.Context
	b     strings.Builder
	cut   bool
	space bool // a space is due before the next character
	lines int  // line ends are due, at most two
	part  []byte
}

// Write takes UTF-8, which may be cut anywhere.
func (w *writer) Write(p []byte) (int, error) {
	data := append(w.part, p...)
	end := len(data)
	for i := 1; i < utf8.UTFMax && i <= len(data); i++ {
		if c := data[len(data)-i]; utf8.RuneStart(c) {
			if !utf8.FullRune(data[len(data)-i:]) {
				end = len(data) - i
			}
			break
		}
	}
	w.part = append([]byte(nil), data[end:]...)
	return len(p), w.text(string(data[:end]))
}

// text adds a text; runs of white space become one.
func (w *writer) text(s string) error {
	if err := w.ctx.Err(); err != nil {
		return err
	}
	for _, r := range s {
		switch {
		case r == '\n' || r == '\f' || r == '\u2028' || r == '\u2029':
			w.line()
		case unicode.IsSpace(r) || r == 0xfeff:
			w.space = true
		case r == utf8.RuneError || unicode.IsControl(r):
		default:
			if w.b.Len() >= MaxText {
				return errEnough
			}
			if w.b.Len() > 0 {
				switch {
				case w.lines > 0:
					w.b.WriteString("\n\n"[:w.lines])
				case w.space:
					w.b.WriteByte(' ')
				}
			}
			w.space, w.lines = false, 0
			w.b.WriteRune(r)
		}
	}
	return nil
}

func (w *writer) line() { w.lines = min(w.lines+1, 2) }
