package mailtest

import (
	"bufio"
	"net"
	"strings"
	"sync"
)

// ScriptServer is an IMAP server that answers from a table, for answers that no
// honest server gives.
type ScriptServer struct {
	Port int

	ln      net.Listener
	answers map[string]string
	wg      sync.WaitGroup

	mu       sync.Mutex
	used     map[string]int
	commands []string
	conns    map[net.Conn]bool
	closed   bool
}

// StartScript starts a server. A command is answered by the entry with the
// longest key that it begins with, after its tag. In an answer $TAG is the tag,
// $IDLETAG the tag of the last IDLE, and $CLOSE at the end closes the
// connection; parts divided by "|" answer the first, second, … such command,
// the last one all further ones. A command without an entry gets a BAD.
func StartScript(answers map[string]string) (*ScriptServer, error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	s := &ScriptServer{Port: ln.Addr().(*net.TCPAddr).Port, ln: ln, answers: answers, used: map[string]int{}, conns: map[net.Conn]bool{}}
	s.wg.Go(func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			s.mu.Lock()
			if s.closed {
				c.Close()
			} else {
				s.conns[c] = true
				s.wg.Go(func() { s.serve(c) })
			}
			s.mu.Unlock()
		}
	})
	return s, nil
}

// Commands returns what was received so far, without tags.
func (s *ScriptServer) Commands() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string(nil), s.commands...)
}

// Close ends the server and its connections.
func (s *ScriptServer) Close() error {
	s.mu.Lock()
	s.closed = true
	for c := range s.conns {
		c.Close()
	}
	s.mu.Unlock()
	err := s.ln.Close()
	s.wg.Wait()
	return err
}

func (s *ScriptServer) serve(c net.Conn) {
	defer c.Close()
	if _, err := c.Write([]byte("* OK ready\r\n")); err != nil {
		return
	}
	idle := ""
	lines := bufio.NewScanner(c)
	for lines.Scan() {
		line := lines.Text()
		tag, command, _ := strings.Cut(line, " ")
		if line == "DONE" {
			command = line
		}
		if command == "IDLE" {
			idle = tag
		}
		answer := strings.NewReplacer("$TAG", tag, "$IDLETAG", idle).Replace(s.answer(command))
		answer, last := strings.CutSuffix(answer, "$CLOSE")
		if _, err := c.Write([]byte(answer)); err != nil || last {
			return
		}
	}
}

func (s *ScriptServer) answer(command string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.commands = append(s.commands, command)
	best := ""
	for key := range s.answers {
		if strings.HasPrefix(command, key) && len(key) > len(best) {
			best = key
		}
	}
	if best == "" {
		return "$TAG BAD not in the script\r\n"
	}
	parts := strings.Split(s.answers[best], "|")
	n := min(s.used[best], len(parts)-1)
	s.used[best]++
	return parts[n]
}
