package email

import (
	"crypto/sha256"
	"encoding/hex"
	"io"
	"slices"
	"strconv"
	"strings"
)

// key makes the identity of a mail: 32 hex digits over Message-ID, sender, date
// and content. The same mail in two mailboxes, with other trace fields or
// transfer encodings, has one key; a Message-ID used again for other content,
// or none at all, gives another.
func (p *parser) key() string {
	d := sha256.New()
	put := func(s string) {
		var n [20]byte
		d.Write(strconv.AppendInt(n[:0], int64(len(s)), 10)) // lengths keep the fields apart
		d.Write([]byte{':'})
		io.WriteString(d, s)
	}
	put(p.m.Ref)
	put(strings.ToLower(string(p.m.From.Handle)))
	put(p.date)
	put(p.m.Subject)
	for _, u := range p.body.units {
		put(keyText(u.plain))
		put(keyText(u.html))
	}
	sums := make([]string, 0, len(p.body.parts))
	for i := range p.body.parts {
		sums = append(sums, p.body.parts[i].sum())
	}
	slices.Sort(sums)
	for _, s := range sums {
		put(s)
	}
	var sum [sha256.Size]byte
	return hex.EncodeToString(d.Sum(sum[:0])[:16])
}

// keyText drops what transports change: white space at the ends of lines and of
// the text.
func keyText(s string) string {
	s = strings.TrimRight(s, " \t\n")
	if !strings.Contains(s, " \n") && !strings.Contains(s, "\t\n") {
		return s
	}
	var b strings.Builder
	b.Grow(len(s))
	for s != "" {
		line, rest, found := strings.Cut(s, "\n")
		b.WriteString(strings.TrimRight(line, " \t"))
		if found {
			b.WriteByte('\n')
		}
		s = rest
	}
	return b.String()
}

// sum is the SHA-256 of a part's bytes.
func (pt *part) sum() string {
	if pt.node != nil && pt.node.file != nil {
		return string(pt.node.file.sum[:])
	}
	var b []byte
	if pt.node != nil {
		b = pt.node.content
	}
	s := sha256.Sum256(b)
	return string(s[:])
}
