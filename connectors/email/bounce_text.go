package email

import (
	"strings"

	"throughline/message"
)

// copyMarkers begin the copy of the original mail in a notice, lower case
// without leading dashes and spaces.
var copyMarkers = [...]string{
	"this is a copy of", "below this line is a copy", "original message", "original message headers", "undelivered message follows",
	"message header", "the original message", "returned message", "unsent message", "this is the original message", "your original message", "text of your message",
	"message headers follow", "header of the original message", "included is a copy",
}

// splitNotice divides the text of a notice from the mail that it returns.
func splitNotice(s string) (notice, returned string) {
	for at := 0; at < len(s); {
		end := strings.IndexByte(s[at:], '\n')
		if end < 0 {
			end = len(s)
		} else {
			end += at
		}
		line := strings.ToLower(strings.Trim(s[at:end], "-=* \t:>"))
		cut := strings.HasPrefix(line, "received: ") || strings.HasPrefix(line, "return-path: ")
		for _, m := range copyMarkers {
			if strings.HasPrefix(line, m) && len(line) < len(m)+60 && !strings.Contains(line, "was received") {
				cut = true
			}
		}
		if cut && at > 0 {
			return s[:at], s[at:]
		}
		at = end + 1
	}
	return s, ""
}

// freeForm reads the recipients in the notice of a mail system that does not
// write RFC 3464: a line that holds only an address, or begins with one in
// brackets, opens a recipient; what follows up to the next one is the reason.
// What follows a line of dashes is common to those without a reason. header is
// X-Failed-Recipients. Where no line names anybody, the first address in the
// sentences does that is no bystander, and those that begin a line.
func freeForm(notice, header string, bystander func(string) bool) []message.Report {
	var out []message.Report
	var reason, tail strings.Builder
	tailed := false // past the lines of dashes
	common := ""    // what stands after the last recipient holds for those without a reason
	whole := notice
	flush := func() {
		if len(out) > 0 {
			r := &out[len(out)-1]
			if r.Reason == "" {
				r.Reason = strings.TrimSpace(reason.String())
			}
		}
		reason.Reset()
	}
	for notice != "" && len(out) < MaxReports {
		line, rest, _ := strings.Cut(notice, "\n")
		notice = rest
		if addr, tail, ok := noticeRecipient(line); ok {
			if i := reported(out, addr); i >= 0 { // named again, with details
				flush()
				tailed = false
				if len(out) > 0 && i != len(out)-1 {
					out[i], out[len(out)-1] = out[len(out)-1], out[i]
				}
				reason.WriteString(out[len(out)-1].Reason + " " + tail + " ")
				out[len(out)-1].Reason = ""
				continue
			}
			flush()
			tailed = false
			out = append(out, message.Report{Status: message.Failed, Handle: message.NewHandle(scheme, addr)})
			reason.WriteString(tail + " ")
			continue
		}
		if strings.HasPrefix(strings.TrimSpace(line), "----") && strings.TrimSpace(reason.String()) != "" {
			flush()
			tailed = true
		}
		switch {
		case len(out) == 0:
		case tailed && tail.Len() < 2000:
			tail.WriteString(strings.TrimSpace(line) + " ")
		case !tailed && reason.Len() < 2000:
			reason.WriteString(strings.TrimSpace(line) + " ")
		}
	}
	if !tailed {
		flush()
	}
	common = tail.String()
	if len(out) == 0 {
		list, _ := parseAddresses(header, "")
		for _, who := range list {
			if who.Handle != "" && len(out) < MaxReports {
				out = append(out, message.Report{Status: message.Failed, Handle: who.Handle})
			}
		}
		if len(out) == 0 {
			for _, addr := range addressesIn(whole, bystander) {
				out = append(out, message.Report{Status: message.Failed, Handle: message.NewHandle(scheme, addr)})
			}
		}
		common = whole
	}
	for i := len(out) - 1; i >= 0; i-- {
		r := &out[i]
		if r.Reason == "" {
			r.Reason = common
		}
		common = r.Reason
		r.Code = codeOf(r.Reason)
		r.Permanent = addressIsBad(r.Code, r.Reason)
		r.Reason = shorten(strings.Join(strings.Fields(r.Reason), " "), 1000)
	}
	return out
}

// addressesIn finds the first address in a text that is no bystander, and those
// with which a line begins.
func addressesIn(text string, bystander func(string) bool) (out []string) {
	for line := range strings.Lines(text) {
		for i, w := range strings.Fields(line) {
			w = strings.TrimPrefix(strings.Trim(w, "<>()[]{},;:.'\"*"), "mailto:")
			if (i == 0 || len(out) == 0) && len(out) < MaxReports && isAddress(w) && strings.Contains(domainOf(w), ".") && !bystander(w) && !has(out, w) {
				out = append(out, w)
			}
		}
	}
	return out
}

func reported(rs []message.Report, addr string) int {
	for i := range rs {
		if strings.EqualFold(rs[i].Handle.Address(), addr) {
			return i
		}
	}
	return -1
}

// noticeRecipient reads "<ann@example.org>: reason", "ann@example.org" alone on
// its line, and "ann@example.org<mailto:ann@example.org>".
func noticeRecipient(line string) (addr, tail string, ok bool) {
	line = strings.Trim(line, " \t\r*-")
	if line == "" || len(line) > 2000 {
		return "", "", false
	}
	if line[0] == '<' {
		addr, tail, ok = strings.Cut(line[1:], ">")
		addr = strings.TrimPrefix(addr, "mailto:")
		tail = strings.TrimSpace(tail)
		if !ok || !isAddress(addr) {
			return "", "", false
		}
		// "<ann@example.org>... User unknown" repeats an SMTP answer.
		return addr, strings.TrimLeft(tail, ": "), tail == "" || tail[0] == ':' || tail[0] == '('
	}
	word, tail, _ := strings.Cut(line, " ")
	word, _, linked := strings.Cut(word, "<mailto:")
	bare := strings.TrimSuffix(strings.Trim(word, "\"'"), ":")
	if !isAddress(bare) || !strings.Contains(domainOf(bare), ".") {
		return "", "", false
	}
	if linked || tail == "" || strings.HasSuffix(word, ":") || tail[0] == '(' || tail[0] == ':' {
		return bare, tail, true
	}
	return "", "", false
}

// codeOf finds or derives the RFC 3463 code of a reason in words.
func codeOf(reason string) string {
	code := enhancedCode(reason)
	if code != "" {
		return code
	}
	low := strings.ToLower(reason)
	class := replyClass(reason)
	switch {
	case containsAny(low, "retry timeout", "queue too long", "timed out", "retry time", "message expired", "delivery time expired", "connection refused", "too many connections"):
		return "4.4.7"
	case class == 0 && containsAny(low, badUser[:]...):
		return "5.1.1"
	case class == 0 && containsAny(low, badHost[:]...):
		return "5.1.2"
	case class == 0 && containsAny(low, "quota", "mailbox full", "mailbox is full", "disk space"):
		return "5.2.2"
	case class == '4':
		return "4.0.0"
	}
	return "5.0.0"
}

// enhancedCode finds an RFC 3463 code: the last that follows an SMTP reply
// code or "#", else the first anywhere. Addresses like 192.0.2.1 are none.
func enhancedCode(s string) string {
	first := ""
	for i := 0; i < len(s); i++ {
		if s[i] != '2' && s[i] != '4' && s[i] != '5' || i > 0 && (isDigit(s[i-1]) || s[i-1] == '.' || isWordByte(s[i-1])) {
			continue
		}
		j := i + 1
		dots := 0
		for j < len(s) && (isDigit(s[j]) || s[j] == '.' && j+1 < len(s) && isDigit(s[j+1])) {
			if s[j] == '.' {
				dots++
			}
			j++
		}
		code := s[i:j]
		if dots != 2 || s[i+1] != '.' || len(code) > 9 {
			i = j
			continue
		}
		before := strings.TrimRight(s[:i], " -(")
		if strings.HasSuffix(before, "#") || len(before) >= 3 && isReply(before[len(before)-3:]) {
			return code
		}
		if first == "" {
			first = code
		}
		i = j
	}
	return first
}

// replyClass is '4' or '5' if s holds an SMTP reply code, else 0.
func replyClass(s string) byte {
	for i := 0; i+3 <= len(s); i++ {
		if isReply(s[i:i+3]) && (i == 0 || !isDigit(s[i-1]) && s[i-1] != '.' && !isWordByte(s[i-1])) && (i+3 == len(s) || s[i+3] == ' ' || s[i+3] == '-') {
			return s[i]
		}
	}
	return 0
}

func isReply(s string) bool {
	return (s[0] == '4' || s[0] == '5') && s[1] >= '0' && s[1] <= '7' && isDigit(s[2])
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

func isWordByte(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '_' || c >= 0x80
}

func containsAny(s string, subs ...string) bool {
	for _, x := range subs {
		if strings.Contains(s, x) {
			return true
		}
	}
	return false
}

// badUser and badHost are how servers say that an address leads nowhere.
var badUser = [...]string{
	"user unknown", "unknown user", "no such user", "user does not exist", "user doesn't exist", "recipient not found", "recipientnotfound",
	"mailbox not found", "no mailbox", "no such mailbox", "invalid recipient", "unknown recipient", "no such recipient", "recipient unknown", "unknown address", "no such address",
	"address rejected", "unknown local part", "user not found", "not a valid", "address unknown", "does not have an account", "account does not exist",
	"unrouteable address", "that you tried to reach does not exist", "not our customer", "mailbox does not exist", "address does not exist", "recipient does not exist", "address wasn't found", "address couldn't be found", "has been disabled",
	"not listed in", "unknown or illegal alias", "account has been closed", "invalid mailbox", "no longer valid", "no longer works", "no account by that name",
}

var badHost = [...]string{
	"host not found", "host unknown", "unknown host", "no such domain", "domain not found", "name service error", "domain does not exist", "nxdomain",
	"unable to route", "couldn't find any host", "no mx", "all relevant mx records point to non-existent hosts", "domain name not found", "bad destination",
}

// addressIsBad decides whether trying again is pointless because the address
// itself is wrong. A refusal for policy, size or a full mailbox is final for
// that mail, but says nothing against the address.
func addressIsBad(code, reason string) bool {
	low := strings.ToLower(reason)
	_, detail, _ := strings.Cut(code, ".")
	switch detail {
	case "1.7", "1.8", "7.1", "7.0", "2.2", "2.3", "3.4", "7.26": // the sender, policy, a full mailbox, size
		if detail == "1.7" || detail == "1.8" || !containsAny(low, badUser[:]...) {
			return false
		}
	case "1.1", "1.2", "1.3", "1.6", "1.10", "4.4":
		return !containsAny(low, "quota", "mailbox full", "mailbox is full", "disk space", "sender address", "procmail")
	}
	if containsAny(low, "end of data", "after data") {
		return false // the recipient had been accepted before
	}
	return containsAny(low, badUser[:]...) || containsAny(low, badHost[:]...)
}
