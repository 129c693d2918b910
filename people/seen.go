package people

import (
	"hash/fnv"
	"io"

	"throughline/identity"
)

// seen are the people of the rows so far, which a check needs since it makes
// nobody. It holds hashes: two names with the same one would show in the check, and
// change nothing of what is written.
type seen struct {
	rows  map[uint64]int32
	names map[int32]string // of the rows with a number
}

func newSeen() *seen { return &seen{map[uint64]int32{}, map[int32]string{}} }

func (p *person) hashes() []uint64 {
	list := make([]uint64, 0, len(p.handles)+1)
	for _, s := range append([]string{p.key}, p.addresses()...) {
		list = append(list, digest(s))
	}
	return list
}

func digest(s string) uint64 {
	f := fnv.New64a()
	io.WriteString(f, s)
	return f.Sum64()
}

// name is what the row calls the person, "" if nothing.
func (p *person) name() string {
	for _, e := range p.edits {
		if e.Field == identity.FieldName {
			return e.Value
		}
	}
	return ""
}

// unlike returns the row before that has a number of p with another name, and is not
// about the same person for another reason; 0 if there is none.
func (s *seen) unlike(p *person) int {
	if s.rows[digest(p.key)] != 0 {
		return 0
	}
	for _, h := range p.handles {
		if h.Scheme() == identity.Tel {
			continue
		}
		if s.rows[digest(string(h))] != 0 {
			return 0
		}
	}
	for _, h := range p.handles {
		if h.Scheme() != identity.Tel {
			continue
		}
		if n := s.rows[digest(string(h))]; n != 0 && identity.UnlikeNames(s.names[n], p.name()) {
			return int(n)
		}
	}
	return 0
}

func (p *person) addresses() []string {
	list := make([]string, len(p.handles))
	for i, h := range p.handles {
		list[i] = string(h)
	}
	return list
}

func (s *seen) note(p *person, row int) {
	for _, h := range p.handles {
		if h.Scheme() == identity.Tel {
			s.names[int32(row)] = p.name()
		}
	}
	for _, h := range p.hashes() {
		if _, ok := s.rows[h]; !ok {
			s.rows[h] = int32(row)
		}
	}
}

// find returns the row before row about the same person, 0 if there is none.
func (s *seen) find(p *person, row int) int {
	for _, h := range p.hashes() {
		if n := int(s.rows[h]); n != 0 && n < row {
			return n
		}
	}
	return 0
}
