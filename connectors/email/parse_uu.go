package email

import "strings"

// uuFile is a file written into a text as mail programs did before MIME.
type uuFile struct {
	name string
	data []byte
}

// splitUU takes the uuencoded files out of a text: "begin 644 NAME", lines that
// begin with their length, "end". What only looks alike stays.
func splitUU(text string) (rest string, files []uuFile) {
	if !strings.HasPrefix(text, "begin ") && !strings.Contains(text, "\nbegin ") {
		return text, nil
	}
	var b strings.Builder
	for s := text; s != ""; {
		if len(files) < MaxParts {
			if f, after, ok := cutUU(s); ok {
				files = append(files, f)
				s = after
				continue
			}
		}
		line, more, found := strings.Cut(s, "\n")
		b.WriteString(line)
		if found {
			b.WriteByte('\n')
		}
		s = more
	}
	if files == nil {
		return text, nil
	}
	return b.String(), files
}

// cutUU reads the file that begins at the start of s.
func cutUU(s string) (f uuFile, after string, ok bool) {
	line, rest, _ := strings.Cut(s, "\n")
	head, ok := strings.CutPrefix(line, "begin ")
	if !ok {
		return f, s, false
	}
	mode, name, ok := strings.Cut(strings.TrimSpace(head), " ")
	if !ok || len(mode) < 3 || len(mode) > 4 || strings.Trim(mode, "01234567") != "" {
		return f, s, false
	}
	f.name = strings.TrimSpace(name)
	for rest != "" {
		line, rest, _ = strings.Cut(rest, "\n")
		line = strings.TrimRight(line, "\r")
		if line == "end" {
			return f, rest, true
		}
		data, ok := uuLine(line)
		if !ok {
			return f, s, false
		}
		f.data = append(f.data, data...)
	}
	return f, s, false
}

// uuLine decodes one line. Trailing spaces, which are zeros, may be missing.
func uuLine(line string) ([]byte, bool) {
	if strings.TrimSpace(line) == "" {
		return nil, true
	}
	n := int(line[0]-' ') & 63
	digits := line[1:]
	if line[0] < ' ' || line[0] > '`' || len(digits) > (n+2)/3*4+2 || n > 45 {
		return nil, false
	}
	out := make([]byte, 0, n+2)
	var bits uint32
	for i := range (n + 2) / 3 * 4 {
		c := byte(' ')
		if i < len(digits) {
			c = digits[i]
		}
		if c < ' ' || c > '`' {
			return nil, false
		}
		bits = bits<<6 | uint32(c-' ')&63
		if i%4 == 3 {
			out = append(out, byte(bits>>16), byte(bits>>8), byte(bits))
			bits = 0
		}
	}
	return out[:n], true
}

// decodeUU decodes a part whose transfer encoding is x-uuencode; one that is
// not is left as it is.
func decodeUU(b []byte) []byte {
	if _, files := splitUU(normalNewlines(string(b))); len(files) > 0 {
		return files[0].data
	}
	return b
}
