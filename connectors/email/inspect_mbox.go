package email

import (
	"bufio"
	"bytes"
	"io"

	"throughline/message"
)

// mbox inspects the mails of an mbox one after the other. A line "From " after
// an empty line begins a mail; ">From ", ">>From " … lose one ">" (mboxrd).
func (in *inspector) mbox(name string, br *bufio.Reader) error {
	for {
		m := &mboxReader{br: br}
		if !m.begin() {
			return nil
		}
		var c message.Content
		b, err := io.ReadAll(io.LimitReader(m, smallBytes))
		if err == nil && len(b) < smallBytes {
			c = message.Bytes(b)
		} else if err == nil {
			var f *File
			if f, err = in.keep(io.MultiReader(bytes.NewReader(b), m)); err == nil {
				defer f.Remove()
				c = f
			}
		}
		switch {
		case m.err != nil:
			return in.held(name, "it cannot be read: "+reasonOf(m.err))
		case err != nil:
			return err
		}
		if err := in.mail(name, m.sender, c); err != nil {
			return err
		}
		if err := m.skip(); err != nil {
			return nil
		}
	}
}

// mboxReader reads one mail of an mbox.
type mboxReader struct {
	br     *bufio.Reader
	buf    []byte // bytes of the line that is being handed out
	middle bool   // the next piece continues a long line
	blank  bool   // the last line was empty
	held   []byte // an empty line: dropped if it is the last
	end    bool
	err    error
	sender string // of the "From " line: who sent it according to the envelope
}

// begin reads the "From " line; false at the end of the mbox.
func (m *mboxReader) begin() bool {
	for {
		start, err := m.br.Peek(1)
		if err != nil {
			return false
		}
		if start[0] != '\n' && start[0] != '\r' {
			break
		}
		_, _ = m.br.Discard(1)
	}
	if line, _ := m.br.Peek(200); bytes.HasPrefix(line, []byte("From ")) {
		line, _, _ = bytes.Cut(line[5:], []byte("\n"))
		if word, _, ok := bytes.Cut(line, []byte(" ")); ok && bytes.IndexByte(word, '@') > 0 {
			m.sender = string(word)
		}
	}
	for {
		_, err := m.br.ReadSlice('\n')
		if err != bufio.ErrBufferFull {
			return err == nil
		}
	}
}

// fromLine reports whether the next line begins a mail: "From ", a sender and
// a time. A sentence that begins with "From" has none.
func fromLine(br *bufio.Reader) bool {
	if start, _ := br.Peek(5); string(start) != "From " {
		return false
	}
	line, _ := br.Peek(200)
	line, _, _ = bytes.Cut(line, []byte("\n"))
	for i := 1; i+1 < len(line); i++ {
		if line[i] == ':' && isDigit(line[i-1]) && isDigit(line[i+1]) {
			return true
		}
	}
	return false
}

func (m *mboxReader) Read(p []byte) (int, error) {
	for len(m.buf) == 0 {
		if m.end {
			return 0, io.EOF
		}
		m.fill()
	}
	n := copy(p, m.buf)
	m.buf = m.buf[n:]
	return n, nil
}

// fill reads the next line, or a piece of a long one.
func (m *mboxReader) fill() {
	if !m.middle && m.blank && fromLine(m.br) {
		m.end = true
		return
	}
	line, err := m.br.ReadSlice('\n')
	if err != nil && err != bufio.ErrBufferFull {
		m.end = true
		if err != io.EOF {
			m.err = err
		}
	}
	wasMiddle := m.middle
	m.middle = err == bufio.ErrBufferFull
	if !wasMiddle && len(line) > 0 && line[0] == '>' && bytes.HasPrefix(bytes.TrimLeft(line, ">"), []byte("From ")) {
		line = line[1:]
	}
	empty := !wasMiddle && len(bytes.TrimRight(line, "\r\n")) == 0 && len(line) > 0
	m.buf = append(append(m.buf[:0], m.held...), line...)
	m.held = m.held[:0]
	m.blank = empty
	if empty {
		m.held, m.buf = append(m.held, line...), m.buf[:len(m.buf)-len(line)]
	}
}

// skip reads what is left of the mail.
func (m *mboxReader) skip() error {
	_, err := io.Copy(io.Discard, m)
	return err
}
