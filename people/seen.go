package people

import (
	"hash/fnv"
	"io"
)

// seen are the people of the rows so far, which a check needs since it makes
// nobody. It holds hashes: two names with the same one would show in the check, and
// change nothing of what is written.
type seen struct{ rows map[uint64]int32 }

func newSeen() *seen { return &seen{map[uint64]int32{}} }

func (p *person) hashes() []uint64 {
	list := make([]uint64, 0, len(p.handles)+1)
	for _, s := range append([]string{p.key}, p.addresses()...) {
		f := fnv.New64a()
		io.WriteString(f, s)
		list = append(list, f.Sum64())
	}
	return list
}

func (p *person) addresses() []string {
	list := make([]string, len(p.handles))
	for i, h := range p.handles {
		list[i] = string(h)
	}
	return list
}

func (s *seen) note(p *person, row int) {
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
