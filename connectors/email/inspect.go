package email

import (
	"bufio"
	"crypto/md5"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"throughline/message"
)

// inspected is one line of "throughline inspect mail -json". Lists are never
// null; Date is null when unknown.
type inspected struct {
	File        string           `json:"file"`
	MessageID   string           `json:"message_id"`
	Date        *string          `json:"date"`
	From        mailbox          `json:"from"`
	ReplyTo     []mailbox        `json:"reply_to"`
	To          []mailbox        `json:"to"`
	Cc          []mailbox        `json:"cc"`
	Subject     string           `json:"subject"`
	Text        string           `json:"text"`
	HTML        string           `json:"html"`
	Reply       string           `json:"reply"`
	Quoted      string           `json:"quoted"`
	Signature   string           `json:"signature"`
	Attachments []attached       `json:"attachments"`
	Kind        message.Kind     `json:"kind"`
	Bounces     []bouncedAddress `json:"bounces"`
	References  []string         `json:"references"`
	Thread      string           `json:"thread"`
	Held        string           `json:"held"`
	Warnings    []string         `json:"warnings"`
}

type mailbox struct {
	Name    string `json:"name"`
	Address string `json:"address"`
}

type attached struct {
	Name        string `json:"name"`
	ContentType string `json:"content_type"`
	Size        int64  `json:"size"`
	MD5         string `json:"md5"`
	SHA256      string `json:"sha256"`
	Inline      bool   `json:"inline"`
	ContentID   string `json:"content_id"`
}

type bouncedAddress struct {
	Address   string `json:"address"`
	Status    string `json:"status"`
	Permanent bool   `json:"permanent"`
}

// Inspect writes to w how the program understands the mails in paths: files
// with one mail, mboxes (they begin with "From "), folders (walked in the order
// of names) and "-" for stdin. With jsonOut it writes one JSON object a line,
// else text for people. A file that cannot be read is an object with the reason
// in held; only an error of w or of the temporary folder is returned.
//
// What it writes about a mail is kept in a temporary file until the
// conversations of all are known, so memory does not grow with their bodies.
func Inspect(w io.Writer, paths []string, stdin io.Reader, jsonOut bool) (err error) {
	dir, err := os.MkdirTemp("", "throughline-inspect-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	spool, err := os.Create(filepath.Join(dir, "spool"))
	if err != nil {
		return err
	}
	defer spool.Close()
	in := &inspector{dir: dir, out: bufio.NewWriterSize(spool, 64<<10)}
	for _, path := range paths {
		if path == "-" {
			err = in.stream("-", stdin)
		} else {
			err = in.path(path)
		}
		if err != nil {
			return err
		}
	}
	if err := in.out.Flush(); err != nil {
		return err
	}
	if _, err := spool.Seek(0, io.SeekStart); err != nil {
		return err
	}
	return in.write(w, spool, jsonOut)
}

type inspector struct {
	dir     string
	out     *bufio.Writer
	threads Threads
	number  []int // of each object in threads, -1 for held ones
}

// path inspects a file or the files in a folder.
func (in *inspector) path(root string) error {
	return filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			if errors.Is(err, fs.ErrNotExist) {
				return in.held(path, "there is no such file")
			}
			return in.held(path, "it cannot be read: "+reasonOf(err))
		}
		if d.IsDir() {
			return nil
		}
		if !d.Type().IsRegular() {
			if info, err := os.Stat(path); err != nil || !info.Mode().IsRegular() {
				return in.held(path, "it is not a regular file")
			}
		}
		f, err := os.Open(path)
		if err != nil {
			return in.held(path, "it cannot be read: "+reasonOf(err))
		}
		defer f.Close()
		return in.stream(path, f)
	})
}

func reasonOf(err error) string {
	var pe *fs.PathError
	if errors.As(err, &pe) {
		return pe.Err.Error()
	}
	return err.Error()
}

// stream inspects one mail or the mails of an mbox.
func (in *inspector) stream(name string, r io.Reader) error {
	br := bufio.NewReaderSize(r, 64<<10)
	if start, _ := br.Peek(100); isFromLine(start) {
		return in.mbox(name, br)
	}
	c, err := in.keep(br)
	if err != nil {
		var re *readError
		if errors.As(err, &re) {
			return in.held(name, "it cannot be read: "+reasonOf(re.err))
		}
		return err
	}
	defer c.Remove()
	return in.mail(name, "", c)
}

// readError is an error of the input, not of the temporary folder.
type readError struct{ err error }

func (e *readError) Error() string { return e.err.Error() }

// keep copies r to a temporary file, at most so much that Parse sees that it is
// too large.
func (in *inspector) keep(r io.Reader) (*File, error) {
	f, err := os.CreateTemp(in.dir, "mail-*")
	if err != nil {
		return nil, err
	}
	src := &sourceReader{r: r}
	n, err := io.Copy(f, io.LimitReader(src, MaxSize+1))
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		_ = os.Remove(f.Name())
		if src.err != nil {
			return nil, &readError{src.err}
		}
		return nil, err
	}
	return &File{path: f.Name(), size: n}, nil
}

// sourceReader remembers the error of its reader.
type sourceReader struct {
	r   io.Reader
	err error
}

func (s *sourceReader) Read(p []byte) (int, error) {
	n, err := s.r.Read(p)
	if err != nil && err != io.EOF {
		s.err = err
	}
	return n, err
}

// held writes an object for what could not be read.
func (in *inspector) held(name, reason string) error {
	in.number = append(in.number, -1)
	return in.put(&inspected{File: name, Held: reason})
}

// mail understands one mail and writes its object. sender is whom its envelope
// names, if that is known: it stands in for a From that is missing, as a
// Return-Path would.
func (in *inspector) mail(name, sender string, c message.Content) error {
	m, h, err := parseMail(c, Options{TempDir: in.dir})
	defer Cleanup(&m)
	var held *HeldError
	if errors.As(err, &held) {
		return in.held(name, held.Reason)
	}
	if err != nil {
		return err
	}
	if m.From.Handle == "" && sender != "" {
		m.From.Handle = message.NewHandle(Scheme, sender)
	}
	in.number = append(in.number, in.threads.Add(m))
	o := &inspected{
		File: name, MessageID: strings.Join(messageIDs(h.get("Message-ID"), 1), ""), Subject: m.Subject, Text: m.Text, HTML: m.HTML, Reply: m.Reply, Quoted: m.Quoted, Signature: m.Signature,
		Kind: m.Kind, References: referenceIDs(h), Warnings: m.Warnings, From: boxOf(m.From), ReplyTo: boxes(m.ReplyTo), To: boxes(m.To), Cc: boxes(m.Cc),
	}
	if !m.Time.IsZero() {
		d := m.Time.Format(time.RFC3339)
		o.Date = &d
	}
	for _, part := range m.Parts {
		a := attached{Name: part.Name, ContentType: part.ContentType, Size: part.Size, Inline: part.Inline, ContentID: part.ContentID}
		if a.MD5, a.SHA256, err = sums(part.Content); err != nil {
			return err
		}
		o.Attachments = append(o.Attachments, a)
	}
	for _, r := range m.Reports {
		if r.Status == message.Failed {
			o.Bounces = append(o.Bounces, bouncedAddress{r.Handle.Address(), r.Code, r.Permanent})
		}
	}
	return in.put(o)
}

func (in *inspector) put(o *inspected) error {
	b, err := json.Marshal(o)
	if err != nil {
		return err
	}
	if _, err := in.out.Write(b); err != nil {
		return err
	}
	return in.out.WriteByte('\n')
}

func boxOf(p message.Person) mailbox { return mailbox{p.Name, p.Handle.Address()} }

func boxes(people []message.Person) []mailbox {
	out := make([]mailbox, 0, len(people))
	for _, p := range people {
		out = append(out, boxOf(p))
	}
	return out
}

func sums(c message.Content) (md5sum, sha string, err error) {
	r, err := c.Open()
	if err != nil {
		return "", "", err
	}
	defer r.Close()
	a, b := md5.New(), sha256.New()
	if _, err := io.Copy(io.MultiWriter(a, b), r); err != nil {
		return "", "", err
	}
	return hex.EncodeToString(a.Sum(nil)), hex.EncodeToString(b.Sum(nil)), nil
}

// write copies the objects to w with the names of their conversations.
func (in *inspector) write(w io.Writer, spool io.Reader, jsonOut bool) error {
	out := bufio.NewWriterSize(w, 64<<10)
	enc := json.NewEncoder(out)
	enc.SetEscapeHTML(false)
	dec := json.NewDecoder(bufio.NewReaderSize(spool, 64<<10))
	for _, n := range in.number {
		var o inspected
		if err := dec.Decode(&o); err != nil {
			return err
		}
		if n >= 0 {
			o.Thread = in.threads.Name(n)
		}
		o.ReplyTo, o.To, o.Cc = list(o.ReplyTo), list(o.To), list(o.Cc)
		o.Attachments, o.Bounces = list(o.Attachments), list(o.Bounces)
		o.References, o.Warnings = list(o.References), list(o.Warnings)
		if jsonOut {
			if err := enc.Encode(&o); err != nil {
				return err
			}
		} else {
			o.render(out)
		}
	}
	return out.Flush()
}

// list makes an empty list of none.
func list[T any](s []T) []T {
	if s == nil {
		return []T{}
	}
	return s
}
