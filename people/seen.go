package people

import (
	"fmt"
	"hash/fnv"
	"io"

	"throughline/identity"
	"throughline/message"
)

// seen are the people of the rows so far, which a check needs since it makes
// nobody. It holds hashes: two names with the same one would show in the check, and
// change nothing of what is written. Of several rows about one person the first stands
// for all.
type seen struct {
	rows  map[uint64]int32
	names map[int32]string // of the rows
	known map[int32]uint64 // whose customer there is already
}

func newSeen() *seen { return &seen{map[uint64]int32{}, map[int32]string{}, map[int32]uint64{}} }

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

// unlike returns the row before row that has one of p's addresses with another name,
// and which; 0 if there is none. Those of the same person for another reason do not
// count: the import would know the row again by them, or they have an earlier address of
// p. fresh are the addresses that no customer has: who has the others is known.
func (s *seen) unlike(p *person, fresh []message.Handle, row int) (other int, address message.Handle) {
	same := s.keyed(p, row)
	for _, h := range fresh {
		n := s.before(string(h), row)
		if n == 0 || n == same {
			continue
		}
		if identity.UnlikeNames(s.names[int32(n)], p.name()) {
			return n, h
		}
		same = n
	}
	return 0, ""
}

// before is the row before row that tells what, 0 if there is none. A transaction that
// is done again meets itself.
func (s *seen) before(what string, row int) int {
	if n := int(s.rows[digest(what)]); n < row {
		return n
	}
	return 0
}

// keyed is the row that the import would know this one again by, as People.keyed does.
func (s *seen) keyed(p *person, row int) int {
	if n := s.before(p.exact, row); n != 0 {
		return n
	}
	n := s.before(p.key, row)
	if n != 0 && identity.UnlikeNames(s.names[int32(n)], p.name()) {
		return 0
	}
	return n
}

// note remembers a row under the first about the same person, whose customer is known,
// 0 if there is none yet.
func (s *seen) note(p *person, row int, known uint64) {
	n := int32(row)
	if name := p.name(); name != "" && s.names[n] == "" {
		s.names[n] = name
	}
	if known != 0 {
		s.known[n] = known
	}
	for _, h := range p.handles {
		if at := digest(string(h)); s.rows[at] == 0 {
			s.rows[at] = n
		}
	}
	// The last row that has the number has it in the next import too.
	s.rows[digest(p.key)], s.rows[digest(p.exact)] = n, n
}

// find returns the row before row about the same person, 0 if there is none, and whether
// an address tells it. known is his customer, 0 if there is none; byKey that no address
// led to it.
func (s *seen) find(p *person, row int, known uint64, byKey bool) (of int, byAddress bool, err error) {
	by := ""
	for _, h := range p.handles {
		n := s.before(string(h), row)
		switch {
		case n == 0 || n == of:
			continue
		case of != 0 && (s.known[int32(n)] == 0 || s.known[int32(n)] != s.known[int32(of)]):
			return 0, false, &RowError{fmt.Sprintf("%s is in row %d, but %s in row %d: merge the two, or leave one out", by, of, h.Address(), n)}
		case known != 0 && !byKey && s.known[int32(n)] != known:
			return 0, false, &RowError{fmt.Sprintf("%s is in row %d, and the rest of this one belongs to somebody else: merge the two, or leave it out", h.Address(), n)}
		}
		of, by = n, h.Address()
	}
	if of != 0 {
		return of, true, nil
	}
	return s.keyed(p, row), false, nil
}
