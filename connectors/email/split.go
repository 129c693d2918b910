package email

import (
	"bufio"
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"strconv"
	"strings"

	"throughline/message"
)

// File is Content in a temporary file. It stays until Remove; see Cleanup.
type File struct {
	path string
	size int64
	sum  [sha256.Size]byte
}

// Open opens the file.
func (f *File) Open() (io.ReadCloser, error) { return os.Open(f.path) }

// Size is the size in bytes.
func (f *File) Size() int64 { return f.size }

// Remove deletes the file; a second call does nothing.
func (f *File) Remove() error {
	if err := os.Remove(f.path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}

// Cleanup removes the temporary files that Parse made for the parts of m. Call
// it when the hub has taken the message, or given it up.
func Cleanup(m *message.Message) {
	for i := range m.Parts {
		if f, ok := m.Parts[i].Content.(*File); ok {
			_ = f.Remove() // the folder is emptied at start-up
		}
	}
}

// fileWriter writes a decoded part to a temporary file.
type fileWriter struct {
	f    *os.File
	buf  *bufio.Writer
	sum  hash.Hash
	dec  io.WriteCloser
	size int64
}

func newFileWriter(dir, encoding string) (*fileWriter, error) {
	f, err := os.CreateTemp(dir, "part-*")
	if err != nil {
		return nil, fmt.Errorf("temporary file for an attachment: %w", err)
	}
	w := &fileWriter{f: f, buf: bufio.NewWriterSize(f, 64<<10), sum: sha256.New()}
	w.dec = transferDecoder(encoding, w)
	return w, nil
}

// Write takes decoded bytes.
func (w *fileWriter) Write(p []byte) (int, error) {
	w.size += int64(len(p))
	w.sum.Write(p)
	return w.buf.Write(p)
}

// finish flushes and closes the file; on an error the file is gone.
func (w *fileWriter) finish() (*File, error) {
	err := errors.Join(w.dec.Close(), w.buf.Flush(), w.f.Close())
	if err != nil {
		_ = os.Remove(w.f.Name())
		return nil, fmt.Errorf("temporary file for an attachment: %w", err)
	}
	file := &File{path: w.f.Name(), size: w.size}
	w.sum.Sum(file.sum[:0])
	return file, nil
}

// slimBudget is how much of a mail is kept in memory before even small
// attachments go to files, and spillTight the size that counts as small then.
const (
	slimBudget    = 2 << 20
	spillTight    = 4 << 10
	partHeaderMax = 64 << 10
)

// splitter copies a multipart body and leaves out what is large: such parts are
// decoded into files and a token takes their place. It also cuts what nests
// deeper than MaxDepth or comes after MaxParts parts. Memory stays bounded
// whatever the size of the mail, and the work is linear in it.
type splitter struct {
	dir   string
	token string // random, so that no mail can name a file itself
	slim  bytes.Buffer
	files []*File

	open     map[string]int // delimiter line -> its place in stack
	stack    []string       // delimiters ("--boundary") of the open multiparts
	parts    int
	inHeader bool
	start    int // where the header of this part starts in slim
	body     int // where its body starts
	leaf     bool
	text     bool // the leaf is a body text
	encoding string
	out      *fileWriter
	eol      []byte // line end held back: it belongs to a delimiter that may follow
	warnings []string
	deep     bool
}

func newSplitter(dir string) (*splitter, error) {
	var nonce [16]byte
	if _, err := rand.Read(nonce[:]); err != nil {
		return nil, err
	}
	return &splitter{dir: dir, token: "\x00spilled-" + hex.EncodeToString(nonce[:]) + "-", open: map[string]int{}}, nil
}

// run reads a multipart body with the delimiter of its root. On an error the
// files made so far are gone.
func (s *splitter) run(r io.Reader, boundary string) (err error) {
	defer func() {
		if err != nil {
			s.discard()
		}
	}()
	s.push(boundary)
	br := bufio.NewReaderSize(r, 64<<10)
	middle := false // in the middle of a long line
	for {
		line, rerr := br.ReadSlice('\n')
		if len(line) > 0 {
			done, err := s.line(line, middle)
			if err != nil {
				return err
			}
			if done {
				s.warnings = append(s.warnings, "the mail has more than 1,000 parts; the rest was left out")
				break
			}
		}
		middle = rerr == bufio.ErrBufferFull
		if rerr == io.EOF {
			break
		}
		if rerr != nil && !middle {
			return rerr
		}
	}
	return s.endLeaf()
}

// discard removes all files.
func (s *splitter) discard() {
	if s.out != nil {
		if f, err := s.out.finish(); err == nil {
			_ = f.Remove()
		}
		s.out = nil
	}
	for _, f := range s.files {
		_ = f.Remove()
	}
	s.files = nil
}

func (s *splitter) push(boundary string) {
	d := "--" + boundary
	if _, ok := s.open[d]; !ok {
		s.open[d] = len(s.stack)
	}
	s.stack = append(s.stack, d)
}

// cut closes the multiparts from place n on.
func (s *splitter) cut(n int) {
	for i := len(s.stack) - 1; i >= n; i-- {
		if s.open[s.stack[i]] == i {
			delete(s.open, s.stack[i])
		}
	}
	s.stack = s.stack[:n]
}

// line takes one line, or a piece of one. done means that the limit of parts is
// reached.
func (s *splitter) line(line []byte, middle bool) (done bool, err error) {
	if !middle && len(line) > 2 && line[0] == '-' && line[1] == '-' {
		d := string(bytes.TrimRight(line, " \t\r\n"))
		if i, ok := s.open[d]; ok {
			if err := s.endLeaf(); err != nil {
				return false, err
			}
			if s.parts++; s.parts > MaxParts {
				return true, nil
			}
			s.cut(i + 1)
			s.slim.Write(line)
			s.inHeader, s.start = true, s.slim.Len()
			return false, nil
		}
		if i, ok := s.open[strings.TrimSuffix(d, "--")]; ok {
			if err := s.endLeaf(); err != nil {
				return false, err
			}
			s.cut(i)
			s.slim.Write(line)
			s.inHeader = false
			return false, nil
		}
	}
	if s.inHeader {
		if !middle && len(bytes.TrimRight(line, "\r\n")) == 0 {
			s.slim.Write(line)
			s.endHeader()
		} else if s.slim.Len()-s.start < partHeaderMax {
			s.slim.Write(line)
		}
		return false, nil
	}
	if !s.leaf {
		return false, nil // preamble or epilogue
	}
	return false, s.leafBytes(line)
}

// endHeader decides what the part is whose header was just copied.
func (s *splitter) endHeader() {
	s.inHeader = false
	h, _, _ := readHeader(s.slim.Bytes()[s.start:])
	ct := parseMediaType(h.get("Content-Type"))
	s.encoding = h.get("Content-Transfer-Encoding")
	s.body, s.leaf, s.eol = s.slim.Len(), true, nil
	s.text = isBodyText(ct, parseMediaType(h.get("Content-Disposition")))
	if !strings.HasPrefix(ct.kind, "multipart/") || ct.param("boundary", "") == "" {
		return
	}
	if len(s.stack) < MaxDepth {
		s.leaf = false
		s.push(ct.param("boundary", ""))
		return
	}
	s.slim.Truncate(s.start)
	s.slim.WriteString("Content-Type: application/octet-stream; name=\"nested.txt\"\r\nContent-Disposition: attachment\r\n\r\n")
	s.body, s.text, s.encoding = s.slim.Len(), false, ""
	if !s.deep {
		s.deep = true
		s.warnings = append(s.warnings, "parts nested deeper than 100 levels were kept as an attachment")
	}
}

// leafBytes takes bytes of a leaf's body.
func (s *splitter) leafBytes(line []byte) error {
	if s.out == nil {
		s.slim.Write(line)
		limit := spillBytes
		if s.text {
			limit = MaxText
		}
		if s.slim.Len() > slimBudget {
			limit = spillTight
		}
		if s.slim.Len()-s.body > limit {
			return s.spill()
		}
		return nil
	}
	return s.toFile(line)
}

// spill moves the leaf that is being read from memory to a file.
func (s *splitter) spill() error {
	out, err := newFileWriter(s.dir, s.encoding)
	if err != nil {
		return err
	}
	s.out = out
	if err := s.toFile(s.slim.Bytes()[s.body:]); err != nil {
		return err
	}
	h, _, _ := readHeader(s.slim.Bytes()[s.start:s.body])
	s.slim.Truncate(s.start)
	for _, f := range h {
		if !strings.EqualFold(f.key, "Content-Transfer-Encoding") {
			s.slim.WriteString(f.key + ": " + f.value + "\r\n")
		}
	}
	s.slim.WriteString("\r\n" + s.token + strconv.Itoa(len(s.files)) + "\r\n")
	s.body = s.slim.Len()
	return nil
}

// toFile decodes p into the file, holding back its last line end.
func (s *splitter) toFile(p []byte) error {
	if len(s.eol) > 0 {
		if _, err := s.out.dec.Write(s.eol); err != nil {
			return fmt.Errorf("temporary file for an attachment: %w", err)
		}
	}
	n := len(p)
	if n > 0 && p[n-1] == '\n' {
		n--
		if n > 0 && p[n-1] == '\r' {
			n--
		}
	}
	s.eol = append(s.eol[:0], p[n:]...)
	if _, err := s.out.dec.Write(p[:n]); err != nil {
		return fmt.Errorf("temporary file for an attachment: %w", err)
	}
	return nil
}

// endLeaf closes the file of the leaf that was read, if it has one.
func (s *splitter) endLeaf() error {
	s.leaf = false
	if s.out == nil {
		return nil
	}
	out := s.out
	s.out = nil
	f, err := out.finish()
	if err != nil {
		return err
	}
	s.files = append(s.files, f)
	return nil
}

// spilled returns the file that content stands for, nil if it stands for itself.
func (s *splitter) spilled(content []byte) *File {
	if s == nil || len(s.files) == 0 {
		return nil
	}
	rest, ok := bytes.CutPrefix(content, []byte(s.token))
	if !ok {
		return nil
	}
	n, err := strconv.Atoi(string(bytes.TrimSpace(rest)))
	if err != nil || n < 0 || n >= len(s.files) {
		return nil
	}
	return s.files[n]
}

// spillAll decodes a body that is one single part into a file.
func spillAll(r io.Reader, dir, encoding string) (*File, error) {
	w, err := newFileWriter(dir, encoding)
	if err != nil {
		return nil, err
	}
	if _, err := io.Copy(w.dec, r); err != nil {
		if f, ferr := w.finish(); ferr == nil {
			_ = f.Remove()
		}
		return nil, err
	}
	return w.finish()
}
