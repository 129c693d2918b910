package email

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// SplitReply divides the text of a mail for reading: what its writer wrote, what
// repeats earlier mail, and the footer. It never guesses at the cost of words:
// answers between quoted lines keep the quotes they answer, a forwarded mail
// stays whole, and if nothing new would be left, all of text is the reply.
//
// It is one pass over the lines with a look-around of a few lines, so its time
// is linear in the length of text whatever the text is.
func SplitReply(text string) (reply, quoted, signature string) {
	s := splitText{lines: strings.Split(text, "\n")}
	s.mark()
	from, to := s.trim(0, len(s.lines))
	if from >= to {
		return text, "", ""
	}
	sig := s.signature(from, to)
	// A footer below the last quote leaves that quote at the end: cut it too.
	if f, t := s.trim(from, sig); f < t && t < sig && s.quoteIn(t, sig) {
		signature = s.join(sig, to)
		to = t
		if more := s.signature(f, to); more < to && s.hasNew(f, more) {
			signature = strings.Trim(s.join(more, to)+"\n\n"+signature, "\n")
			to = more
		}
		from = f
	} else if f < t {
		signature = s.join(sig, to)
		from, to = f, t
	}
	reply = strings.Trim(s.join(from, to), "\n")
	if strings.TrimSpace(reply) == "" {
		return text, "", ""
	}
	if from == 0 && to == len(s.lines) {
		return text, "", ""
	}
	var q strings.Builder
	for i, k := range s.kind {
		if (i < from || i >= to) && k != newLine {
			q.WriteString(s.lines[i])
			q.WriteByte('\n')
		}
	}
	return reply, strings.Trim(q.String(), "\n"), signature
}

// lineKind is what a line is for SplitReply.
type lineKind uint8

const (
	newLine lineKind = iota
	blankLine
	quoteLine // quoted text, or what introduces it
)

type splitText struct {
	lines []string
	kind  []lineKind
}

// mark finds the quoted lines.
func (s *splitText) mark() {
	n := len(s.lines)
	s.kind = make([]lineKind, n)
	for i, l := range s.lines {
		t := strings.TrimSpace(l)
		switch {
		case t == "":
			s.kind[i] = blankLine
		case t[0] == '>' || strings.HasPrefix(t, "&gt;") || isInitialsQuote(t):
			s.kind[i] = quoteLine
		}
	}
	for i := 0; i < n; i++ {
		if s.kind[i] != newLine {
			continue
		}
		line := marker(s.lines[i])
		if line != "" && isForward(line) {
			for j := i; j < n; j++ { // what follows was sent on purpose
				if s.kind[j] == quoteLine {
					s.kind[j] = newLine
				}
			}
			return
		}
		end := 0
		switch {
		case line != "" && isSeparator(line):
			end = s.skipHeaders(i + 1)
		case s.headerBlock(i):
			end = s.skipHeaders(i)
		case isRule(s.lines[i]) && s.headerBlock(s.next(i+1)):
			end = s.skipHeaders(s.next(i + 1))
		default:
			start, after := s.attribution(i)
			if after == 0 {
				continue
			}
			marked := s.quoteSoon(after)
			if !marked && s.next(after) < n && !s.datedOrAddressed(start, after) {
				continue // a sentence with a colon
			}
			for j := start; j < after; j++ {
				s.kind[j] = quoteLine
			}
			if !marked && s.next(after) < n {
				s.quoteFrom(after)
				return
			}
			i = after - 1
			continue
		}
		for j := i; j < end; j++ {
			if s.kind[j] == newLine {
				s.kind[j] = quoteLine
			}
		}
		if q := s.next(end); q < n && s.kind[q] == quoteLine {
			i = end - 1
			continue // quoted line by line: answers may stand between
		}
		s.quoteFrom(i)
		return
	}
}

// quoteFrom marks everything from line i on as quoted.
func (s *splitText) quoteFrom(i int) {
	for ; i < len(s.lines); i++ {
		if s.kind[i] == newLine {
			s.kind[i] = quoteLine
		}
	}
}

// quoteSoon reports whether one of the next few lines is quoted: then the quote
// is marked line by line, and answers may stand between.
func (s *splitText) quoteSoon(i int) bool {
	for n := 0; n < 3; n++ {
		if i = s.next(i); i >= len(s.lines) {
			return false
		}
		if s.kind[i] == quoteLine {
			return true
		}
		i++
	}
	return false
}

// isInitialsQuote reports whether a line is quoted with its writer's initials:
// "AL> text".
func isInitialsQuote(t string) bool {
	i := strings.IndexByte(t[:min(len(t), 5)], '>')
	if i < 2 || len(t) > i+1 && t[i+1] != ' ' && t[i+1] != '>' {
		return false
	}
	for j := 0; j < i; j++ {
		if t[j] < 'A' || t[j] > 'Z' {
			return false
		}
	}
	return true
}

// next is the first line from i on that is not blank.
func (s *splitText) next(i int) int {
	for i < len(s.lines) && s.kind[i] == blankLine {
		i++
	}
	return i
}

// skipHeaders skips blank lines and "Label: value" lines.
func (s *splitText) skipHeaders(i int) int {
	i = s.next(i)
	for n := 0; i < len(s.lines) && n < 12; n++ {
		if _, ok := headerLabel(s.lines[i]); !ok {
			break
		}
		i++
	}
	return i
}

// headerBlock reports whether the header of a quoted mail starts at line i, as
// Outlook writes it: From, and at least two of Sent, To and Subject after it.
func (s *splitText) headerBlock(i int) bool {
	if i >= len(s.lines) || s.kind[i] != newLine {
		return false
	}
	first, ok := headerLabel(s.lines[i])
	if !ok || first != labelFrom && first != labelDate {
		return false
	}
	seen := 1 << first
	for j := i + 1; j < len(s.lines) && j < i+9; j++ {
		if s.kind[j] == blankLine && j > i+1 {
			break
		}
		if l, ok := headerLabel(s.lines[j]); ok {
			seen |= 1 << l
		}
	}
	count := 0
	for l := labelFrom; l <= labelSubject; l++ {
		count += seen >> l & 1
	}
	return seen>>labelFrom&1 == 1 && count >= 3
}

// attribution finds a line like "On Monday, Ann wrote:" that starts at line i
// and may go on over four lines. It returns its first line and the one after
// it, after = 0 if there is none.
func (s *splitText) attribution(i int) (start, after int) {
	const maxLines, maxBytes = 4, 600
	size := 0
	for j := i; j < len(s.lines) && j < i+maxLines && s.kind[j] == newLine; j++ {
		line := strings.TrimRight(s.lines[j], " \t\r\u00a0\u200e\u200f\u202c\u2069")
		if size += len(line); size > maxBytes {
			break
		}
		if !strings.HasSuffix(line, ":") && !strings.HasSuffix(line, "：") {
			continue
		}
		for k := i + 1; k <= j; k++ {
			if attributionStart(strings.TrimSpace(s.lines[k])) {
				return 0, 0 // it starts further down
			}
		}
		joined := strings.Join(strings.Fields(strings.Join(s.lines[i:j+1], " ")), " ")
		if isAttribution(joined, j == i) || s.datedQuote(i, j, joined) {
			return i, j + 1
		}
	}
	return 0, 0
}

// datedQuote reports whether lines i to j introduce the quote right below them
// without a word that is known, in whatever language: with a date and an address.
func (s *splitText) datedQuote(i, j int, joined string) bool {
	q := s.next(j + 1)
	return j-i < 2 && q < len(s.lines) && s.kind[q] == quoteLine && digits(s.lines[i]) >= 4 &&
		strings.IndexByte(joined, '@') >= 0 && digits(joined) >= 5
}

// datedOrAddressed reports whether an attribution is more than a sentence: it
// names an address, a year or a time.
func (s *splitText) datedOrAddressed(from, to int) bool {
	for _, l := range s.lines[from:to] {
		if strings.IndexByte(l, '@') >= 0 || digits(l) >= 4 {
			return true
		}
	}
	return false
}

// trim cuts quoted and blank lines off both ends of a range. The upper quote
// stays if there are answers between quotes below it.
func (s *splitText) trim(from, to int) (int, int) {
	for to > from && s.kind[to-1] != newLine {
		to--
	}
	first := from
	for first < to && s.kind[first] != newLine {
		first++
	}
	if first >= to {
		return to, to
	}
	if s.quoteIn(first, to) && s.quoteIn(from, first) {
		for from < first && s.kind[from] == blankLine {
			from++
		}
		return from, to // answers between quotes
	}
	return first, to
}

func (s *splitText) quoteIn(from, to int) bool {
	for i := from; i < to; i++ {
		if s.kind[i] == quoteLine {
			return true
		}
	}
	return false
}

func (s *splitText) hasNew(from, to int) bool {
	for i := from; i < to; i++ {
		if s.kind[i] == newLine {
			return true
		}
	}
	return false
}

func (s *splitText) join(from, to int) string {
	return strings.Trim(strings.Join(s.lines[from:to], "\n"), "\n")
}

// signature finds where the footer begins in a range that ends with new text;
// to if there is none. It looks at the last run of new text only.
func (s *splitText) signature(from, to int) int {
	const most = 30 // lines: a longer footer is text
	top := from
	for i := to - 1; i >= from; i-- {
		if s.kind[i] == quoteLine {
			top = i + 1
			break
		}
	}
	start, count := to, 0
	for i := to - 1; i >= top && count <= most; i-- {
		line := s.lines[i]
		if s.kind[i] != newLine {
			continue
		}
		count++
		t := strings.TrimRight(line, "\r\t ")
		switch {
		case t == "--" && (strings.HasSuffix(line, "-- ") || count <= 12):
			return i
		case (t == "—" || t == "__" || t == "–") && count <= 12:
			start = i
		case len(t) >= 10 && strings.Trim(t, "_") == "" && count <= 12: // a list's footer
			start = i
		case count <= 6 && isMobileFooter(t):
			start = i
		case count == 1 && isDashName(t) && i > top && s.kind[i-1] == blankLine:
			start = i
		}
		if start < to && count > 12 {
			break
		}
	}
	if start < to && start > top { // "-Ann" above a list's footer
		i := start - 1
		for i > top && s.kind[i] == blankLine {
			i--
		}
		if i > top && isDashName(strings.TrimSpace(s.lines[i])) && s.kind[i-1] == blankLine {
			start = i
		}
	}
	if !s.hasNew(from, start) && top == from {
		return to // a footer and nothing else is the message
	}
	return start
}

// isDashName reports whether a line is a name after a dash: "-Ann Lee".
func isDashName(t string) bool {
	name := strings.TrimLeft(t, "-– ")
	if name == t || len(name) < 2 || len(name) > 40 || t[0] != '-' && !strings.HasPrefix(t, "–") || strings.HasPrefix(t, "--") {
		return false
	}
	words := 0
	for _, w := range strings.Fields(name) {
		r, _ := utf8.DecodeRuneInString(w)
		if !unicode.IsLetter(r) || unicode.IsLower(r) && unicode.In(r, unicode.Latin, unicode.Cyrillic, unicode.Greek) {
			return false
		}
		words++
	}
	return words <= 3 && !strings.ContainsAny(name, ",;:!?0123456789")
}
