package email

import (
	"strings"
	"unicode/utf8"

	"throughline/message"
)

// scheme is the handle scheme of mail addresses.
const scheme = "mailto"

// parseAddresses reads an address list (RFC 5322 section 3.4) with the faults
// that real senders make: unquoted commas, dots and "@" in names, missing
// brackets, encoded words inside quotes, semicolons instead of commas, groups.
// Names are decoded; addresses are as on the wire. What holds neither is left
// out. Linear in the length of s.
func parseAddresses(s, fallback string) (people []message.Person, warning string) {
	p := addressReader{s: s, fallback: fallback}
	p.read()
	if p.full {
		warning = "more than 1,000 addresses in one field; the rest was left out"
	} else if p.shortened {
		warning = "a very long name was shortened"
	}
	return p.out, warning
}

type addressReader struct {
	s         string
	fallback  string
	out       []message.Person
	full      bool
	shortened bool

	text    strings.Builder // words of the name, or a bare address
	comment string          // the last comment: the name in "a@example.org (Ann)"
	quoted  bool            // text holds a quoted string
	carry   string          // text before an unquoted comma that belongs to the name
	after   bool            // an address in brackets came before, without a name
}

func (p *addressReader) read() {
	if addr := strings.TrimSpace(p.s); isAddress(addr) && plainASCII(addr) {
		p.add("", addr) // the common short form
		return
	}
	s := p.s
	for i := 0; i < len(s) && !p.full; i++ {
		switch c := s[i]; c {
		case '"':
			i = p.quotedString(i)
		case '(':
			i = p.readComment(i)
		case '<':
			i = p.angle(i)
		case ',', ';', '\n', '\r':
			p.bare(c == ',')
		case ':':
			// "Group name: a, b;" — but not the colon of a URL or an IPv6 literal.
			if strings.ContainsAny(p.text.String(), "@[") {
				p.text.WriteByte(c)
			} else {
				p.reset()
			}
		case '\\':
			if i+1 < len(s) {
				i++
				p.text.WriteByte(s[i])
			}
		default:
			p.text.WriteByte(c)
		}
	}
	p.bare(false)
}

func (p *addressReader) reset() {
	p.text.Reset()
	p.comment, p.carry, p.quoted, p.after = "", "", false, false
}

// nameLast gives the last person the name that stands behind the address.
func (p *addressReader) nameLast(name string) {
	if name = displayName(decodeWords(name, p.fallback)); utf8.RuneCountInString(name) <= MaxNameRunes {
		p.out[len(p.out)-1].Name = name
	}
}

// quotedString copies a quoted string; without a closing quote the quote is
// taken as a character. Returns the index of the last byte used.
func (p *addressReader) quotedString(i int) int {
	s := p.s
	end := -1
	for j := i + 1; j < len(s); j++ {
		if s[j] == '\\' {
			j++
		} else if s[j] == '"' {
			end = j
			break
		}
	}
	if end < 0 {
		return i // an odd quote: leave it out
	}
	// A quoted local part keeps its quotes.
	keep := end+1 < len(s) && s[end+1] == '@'
	if keep {
		p.text.WriteString(s[i : end+1])
		return end
	}
	for j := i + 1; j < end; j++ {
		if s[j] == '\\' && j+1 < end {
			j++
		}
		p.text.WriteByte(s[j])
	}
	p.quoted = true
	return end
}

// readComment skips a comment, which may nest, and remembers its text.
func (p *addressReader) readComment(i int) int {
	depth := 0
	for j := i; j < len(p.s); j++ {
		switch p.s[j] {
		case '\\':
			j++
		case '(':
			depth++
		case ')':
			depth--
			if depth == 0 {
				p.comment = strings.ReplaceAll(p.s[i+1:j], "\\", "")
				if p.after {
					p.nameLast(p.comment)
				}
				return j
			}
		}
	}
	p.comment = p.s[i+1:]
	return len(p.s)
}

// angle reads "<address>" and closes the entry.
func (p *addressReader) angle(i int) int {
	s := p.s
	end := i + 1
	for end < len(s) && s[end] != '>' && s[end] != '<' && s[end] != '\n' {
		if s[end] == '"' { // a quoted local part may hold ">"
			if j := strings.IndexByte(s[end+1:], '"'); j >= 0 && strings.HasPrefix(s[end+1+j+1:], "@") {
				end += j + 1
			}
		}
		end++
	}
	addr := s[i+1 : end]
	if end < len(s) && s[end] == '<' { // "name <<a@example.org>>", "<x <a@example.org>"
		p.text.WriteString(addr)
		return end - 1
	}
	name := p.carry + p.text.String()
	if strings.TrimSpace(name) == "" {
		name = p.comment
	}
	addr = strings.TrimSpace(stripComments(addr))
	if addr != "" && addr[0] == '@' { // obsolete route: <@a,@b:ann@example.org>
		if j := strings.IndexByte(addr, ':'); j >= 0 {
			addr = addr[j+1:]
		}
	}
	addr = strings.TrimPrefix(addr, "mailto:")
	if strings.ContainsAny(addr, " \t") { // "ann @ example . org"
		addr = strings.Join(strings.Fields(addr), "")
	}
	n := len(p.out)
	p.add(name, addr)
	p.reset()
	p.after = len(p.out) > n && p.out[n].Name == ""
	for end+1 < len(s) && s[end+1] == '>' {
		end++
	}
	return end
}

// bare closes an entry without brackets. An unquoted comma inside a name, as in
// "Doe, John <john@example.org>", leaves text without an address: it is carried
// over to the next entry.
func (p *addressReader) bare(comma bool) {
	text := strings.TrimSpace(p.text.String())
	if tight := tightAddress(text); tight != "" && !p.quoted && p.carry == "" {
		text = tight
	}
	switch {
	case text == "" && p.carry == "":
	case p.after && strings.IndexByte(text, '@') < 0:
		p.nameLast(text)
	case isAddress(text):
		p.add(p.comment, text)
	case comma && text != "" && len(p.carry) < 4*MaxNameRunes:
		carry := p.carry + text + ", "
		p.reset()
		p.carry = carry
		return
	default:
		name, addr := lastAddress(p.carry + text)
		if addr == "" && p.carry == "" && !p.quoted && isLocalPart(text) {
			addr, name = text, "" // a local mailbox: "root"
		}
		if addr != "" {
			p.add(name, addr)
		} else if name = strings.Trim(name, " ,"); name != "" {
			p.add(name, "")
		}
	}
	p.reset()
}

// add appends one person. A handle without an address is "".
func (p *addressReader) add(name, addr string) {
	addr = strings.TrimSpace(addr)
	if strings.Contains(addr, "=?") {
		addr = strings.TrimSpace(decodeWords(addr, p.fallback))
	}
	if !utf8.ValidString(addr) {
		addr = decodeRaw(addr, p.fallback)
	}
	if len(addr) > MaxAddressBytes || strings.ContainsAny(addr, "\x00\r\n") {
		addr = ""
	}
	name = displayName(decodeWords(name, p.fallback))
	// A name that was encoded whole, address and all.
	if addr == "" && strings.IndexByte(name, '@') >= 0 {
		name, addr = lastAddress(name)
	}
	if utf8.RuneCountInString(name) > MaxNameRunes {
		name = shorten(name, MaxNameRunes)
		p.shortened = true
	}
	if name == addr {
		name = ""
	}
	if name == "" && addr == "" {
		return
	}
	if len(p.out) == MaxAddresses {
		p.full = true
		return
	}
	person := message.Person{Name: name}
	if addr != "" {
		person.Handle = message.NewHandle(scheme, addr)
	}
	p.out = append(p.out, person)
}

// displayName folds white space and takes off quotes that were encoded along.
func displayName(s string) string {
	s = strings.Join(strings.Fields(s), " ")
	for len(s) > 1 && (s[0] == '"' && s[len(s)-1] == '"' || s[0] == '\'' && s[len(s)-1] == '\'') {
		s = strings.TrimSpace(s[1 : len(s)-1])
	}
	return s
}

// shorten cuts s to n runes, the last one an ellipsis.
func shorten(s string, n int) string {
	i := 0
	for j := range s {
		if i == n-1 {
			return s[:j] + "…"
		}
		i++
	}
	return s
}

// isAddress reports whether s is one address and nothing else.
func isAddress(s string) bool {
	at := strings.LastIndexByte(s, '@')
	if at <= 0 || at == len(s)-1 || len(s) > MaxAddressBytes {
		return false
	}
	if s[0] == '"' {
		return strings.HasSuffix(s[:at], "\"") && !strings.ContainsAny(s[at:], " \t<>,;\"")
	}
	return !strings.ContainsAny(s, " \t<>,;\"") && strings.IndexByte(s[:at], '@') < 0
}

// tightAddress takes the white space out of "ann @ example . org" (RFC 5322
// section 4.4); "" if s is nothing of that kind.
func tightAddress(s string) string {
	if !strings.ContainsAny(s, " \t") || strings.IndexByte(s, '@') < 0 {
		return ""
	}
	var b strings.Builder
	for i, w := range strings.Fields(s) {
		if i > 0 {
			if so := b.String(); !strings.ContainsAny(so[len(so)-1:], "@.") && w[0] != '@' && w[0] != '.' {
				return ""
			}
		}
		b.WriteString(w)
	}
	if t := b.String(); isAddress(t) && strings.IndexByte(domainOf(t), '.') > 0 {
		return t
	}
	return ""
}

// isLocalPart reports whether s is a single word that can be a mailbox name.
func isLocalPart(s string) bool {
	return s != "" && len(s) <= 64 && plainASCII(s) && !strings.Contains(s, "=?") && !strings.ContainsAny(s, " ,;:<>()[]\\\"")
}

// lastAddress finds the last word of s that is an address and takes what stands
// before it as the name.
func lastAddress(s string) (name, addr string) {
	words := strings.Fields(s)
	for i := len(words) - 1; i >= 0; i-- {
		if w := strings.Trim(words[i], "<>()[]{},;:.'\""); isAddress(w) {
			return strings.Join(words[:i], " "), w
		}
	}
	return s, ""
}
