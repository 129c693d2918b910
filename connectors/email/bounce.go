package email

import (
	"bytes"
	"io"
	"strings"

	"throughline/message"
)

// complaint recognises an abuse report (RFC 5965) and says what it is about.
func (p *parser) complaint() bool {
	n := p.reportPart("message/feedback-report")
	if n == nil {
		return false
	}
	h, _, _ := readHeader(nodeStart(n))
	r := message.Report{Status: message.Delivered, Reason: "reported as " + kindOfComplaint(h.get("Feedback-Type")), Ref: p.returnedRef(), Time: p.m.Time}
	if list, _ := parseAddresses(h.get("Original-Rcpt-To"), ""); len(list) > 0 {
		r.Handle = list[0].Handle
	}
	if r.Ref != "" || r.Handle != "" {
		p.m.Reports = append(p.m.Reports, r)
	}
	return true
}

func kindOfComplaint(s string) string {
	if s = strings.ToLower(firstWord(s)); s == "" || !plainASCII(s) || len(s) > 40 {
		return "abuse"
	}
	return s
}

// receipt recognises a disposition notification (RFC 8098): the recipient's
// program says that the mail was shown.
func (p *parser) receipt() bool {
	n := p.reportPart("message/disposition-notification")
	if n == nil {
		return false
	}
	h, _, _ := readHeader(nodeStart(n))
	if strings.Contains(strings.ToLower(h.get("Disposition")), "displayed") {
		r := message.Report{Status: message.Read, Time: p.m.Time, Ref: p.returnedRef()}
		if ids := messageIDs(h.get("Original-Message-ID"), 1); len(ids) > 0 {
			r.Ref = wireRef(ids[0])
		}
		r.Handle = recipient(h)
		if r.Ref != "" {
			p.m.Reports = append(p.m.Reports, r)
		}
	}
	return true
}

// bounce recognises a non-delivery report and reads who was not reached.
func (p *parser) bounce() bool {
	var status *node
	for _, kind := range [...]string{"message/delivery-status", "message/global-delivery-status"} {
		for _, n := range p.reportParts(kind) {
			if status == nil || !hasRecipients(status) {
				status = n // some systems put the notice into such a part as well
			}
		}
	}
	var text string // a delivery status that stands in the body, as some gateways leave it
	if status == nil {
		if !p.daemonSent() {
			return false
		}
		text = p.m.Text
	}
	var reports []message.Report
	found := false
	if status != nil {
		reports, found = deliveryStatus(nodeStart(status))
	} else if strings.Contains(text, "Final-Recipient:") {
		reports, found = deliveryStatus([]byte(text[lineStart(text, strings.Index(text, "Final-Recipient:")):]))
	}
	notice, returned := splitNotice(p.m.Text)
	if len(reports) == 0 && !found {
		still := saysDelay(p.m.Subject) || saysDelay(notice)
		if reports = freeForm(notice, p.h.get("X-Failed-Recipients"), p.bystander); len(reports) == 0 && status == nil && !still && !saysBounce(notice) {
			return false
		}
		if still { // the system goes on trying: nothing has failed yet
			reports = nil
		}
	}
	if len(reports) == 1 && reports[0].Status == message.Failed { // then the notice speaks of this one too
		r := &reports[0]
		r.Permanent = addressIsBad(r.Code, r.Reason+" "+notice)
	}
	ref := p.returnedRef()
	if ref == "" {
		ref = refInText(returned)
	}
	for i := range reports {
		reports[i].Ref = ref
		reports[i].Time = p.m.Time
	}
	p.m.Reports = append(p.m.Reports, reports...)
	return true
}

// daemonSent reports whether a mail system sent this and its subject or header
// says that it is about a delivery.
func (p *parser) daemonSent() bool {
	h := p.h
	if h.get("X-Failed-Recipients") != "" {
		return true
	}
	local, _, _ := strings.Cut(strings.ToLower(p.m.From.Handle.Address()), "@")
	name := strings.ToLower(p.m.From.Name)
	daemon := local == "mailer-daemon" || local == "postmaster" || local == "mail-daemon" || local == "mailerdaemon" ||
		strings.Contains(name, "mail delivery") || strings.Contains(name, "mail server") || strings.Contains(name, "mail router") || strings.Contains(name, "mailer-daemon") || strings.Contains(name, "mail administrator")
	if !daemon && !nullReturnPath(h) {
		return false
	}
	return bounceSubject(p.m.Subject) || daemon && (saysBounce(p.m.Text) || saysDelay(p.m.Text))
}

// bounceSubjects are found in the subjects of non-delivery reports, lower case.
var bounceSubjects = [...]string{
	"undeliver", "delivery status notification", "delivery fail", "delivery failure", "mail delivery", "returned mail", "returned to sender",
	"failure notice", "delivery report", "delivery notification", "delivery problem", "mail system error", "mail could not be", "could not be delivered",
	"delivery error", "non delivery", "non-delivery", "nondelivery", "message not delivered", "not delivered", "delivery has failed", "rejected mail", "postmaster notify",
	"unzustellbar", "nicht zugestellt", "non remis", "échec de la remise", "no se puede entregar", "no entregado", "mancato recapito", "non recapitabile",
	"onbestelbaar", "não entregue", "não é possível entregar", "olevererbart", "nie można dostarczyć", "не доставлено", "недоставленное", "配信不能", "配信できません", "无法送达", "退信", "teslim edilemedi", "mail failure", "delivery status",
}

func bounceSubject(s string) bool {
	s = strings.ToLower(s)
	for _, x := range bounceSubjects {
		if strings.Contains(s, x) {
			return true
		}
	}
	return false
}

// bouncePhrases are how mail systems begin a notice, lower case.
var bouncePhrases = [...]string{
	"could not be delivered", "couldn't be delivered", "wasn't able to deliver", "was not able to deliver", "unable to deliver", "delivery to the following recipient",
	"delivery has failed", "had permanent fatal errors", "had delivery problems", "permanent error", "undeliverable", "not delivered", "delivery failed",
	"returned to sender", "did not reach the following recipient", "could not deliver", "user unknown", "couldn't deliver",
}

func saysBounce(text string) bool {
	text = strings.ToLower(text[:min(len(text), 4096)])
	for _, x := range bouncePhrases {
		if strings.Contains(text, x) {
			return true
		}
	}
	return false
}

// delayPhrases are how mail systems say that they have not given up, lower case.
var delayPhrases = [...]string{
	"warning message only", "do not need to resend", "no action is required", "will continue to be attempted", "will be retried", "will continue to try", "will keep trying",
	"still trying", "delivery is delayed", "delivery delayed", "message delayed", "has been delayed", "notification (delay)", "delivery incomplete", "not yet been delivered",
}

func saysDelay(text string) bool {
	return containsAny(strings.ToLower(text[:min(len(text), 4096)]), delayPhrases[:]...)
}

// bystander reports whether an address in a notice is not the recipient it is
// about: ours, the mail system's or one to ask for help.
func (p *parser) bystander(addr string) bool {
	for _, who := range p.m.To {
		if strings.EqualFold(who.Handle.Address(), addr) {
			return true
		}
	}
	local, _, _ := strings.Cut(strings.ToLower(addr), "@")
	return strings.EqualFold(addr, p.m.From.Handle.Address()) || local == "postmaster" || strings.HasPrefix(local, "mailer-daemon") || local == "abuse" || local == "helpdesk"
}

// reportPart finds a part of that type among the parts of a multipart/report,
// or of what should have been one: a child of the root, never a part of an
// attached mail.
func (p *parser) reportPart(kind string) *node {
	if ns := p.reportParts(kind); len(ns) > 0 {
		return ns[0]
	}
	return nil
}

func (p *parser) reportParts(kind string) (out []*node) {
	if !strings.HasPrefix(p.body.kind, "multipart/") || p.body.kind == "multipart/alternative" {
		return nil
	}
	if p.body.kind != "multipart/report" && !nullReturnPath(p.h) && !p.daemonSent() {
		return nil
	}
	for _, n := range p.body.report {
		if n.kind.kind == kind {
			out = append(out, n)
		}
	}
	return out
}

func hasRecipients(n *node) bool {
	b := bytes.ToLower(nodeStart(n))
	return bytes.Contains(b, []byte("final-recipient:")) || bytes.Contains(b, []byte("original-recipient:"))
}

// returnedRef is the reference of the mail that came back with a report.
func (p *parser) returnedRef() string {
	for _, n := range p.body.report {
		switch n.kind.kind {
		case "message/rfc822", "text/rfc822-headers", "message/global", "message/global-headers", "message/rfc822-headers":
			b := nodeStart(n)
			if clean, _, ok := repair(b); ok {
				b = clean
			}
			h, _, _ := readHeader(b)
			if ids := messageIDs(h.get("Message-ID"), 1); len(ids) > 0 {
				return wireRef(ids[0])
			}
		}
	}
	return ""
}

// nodeStart returns the first bytes of a leaf: enough for any header.
func nodeStart(n *node) []byte {
	const enough = 256 << 10
	if n.file == nil {
		return n.content[:min(len(n.content), enough)]
	}
	r, err := n.file.Open()
	if err != nil {
		return nil
	}
	defer r.Close()
	b, _ := io.ReadAll(io.LimitReader(r, enough)) // what could be read is used
	return b
}

func lineStart(s string, i int) int { return strings.LastIndexByte(s[:max(i, 0)], '\n') + 1 }

// refInText finds the Message-ID in the returned mail that a notice quotes.
func refInText(s string) string {
	for s != "" {
		line, rest, _ := strings.Cut(s, "\n")
		s = rest
		line = strings.TrimLeft(line, "> \t")
		if len(line) >= 11 && strings.EqualFold(line[:11], "message-id:") {
			v := line[11:]
			if strings.TrimSpace(v) == "" {
				v, _, _ = strings.Cut(s, "\n")
			}
			if ids := messageIDs(v, 1); len(ids) > 0 {
				return wireRef(ids[0])
			}
		}
	}
	return ""
}

// deliveryStatus reads the fields of RFC 3464: groups divided by empty lines,
// one for each recipient. found tells that there were any recipients, whatever
// became of them: delayed ones give no report, for the system still tries.
func deliveryStatus(b []byte) (reports []message.Report, found bool) {
	for len(b) > 0 && len(reports) < MaxReports {
		h, next, _ := readHeader(b)
		b = b[next:]
		if !h.has("Final-Recipient") && !h.has("Original-Recipient") {
			continue
		}
		found = true
		r := message.Report{Status: message.Failed, Handle: recipient(h)}
		switch strings.ToLower(firstWord(h.get("Action"))) {
		case "delayed":
			continue
		case "delivered", "relayed", "expanded":
			r.Status = message.Delivered
		}
		diag := typed(h.get("Diagnostic-Code"))
		r.Reason = shorten(cleanControls(decodeRaw(diag, "")), 1000)
		r.Code = enhancedCode(diag)
		if s := enhancedCode(h.get("Status")); r.Code == "" || s != "" && vague(r.Code) && !vague(s) {
			r.Code = s
		}
		if r.Status == message.Failed {
			r.Permanent = addressIsBad(r.Code, diag)
		}
		reports = append(reports, r)
	}
	return reports, found
}

// vague codes say no more than their class.
func vague(code string) bool { return strings.HasSuffix(code, ".0.0") }

// typed drops the type of "rfc822; ann@example.org".
func typed(s string) string {
	if i := strings.IndexByte(s, ';'); i >= 0 && i < 20 {
		s = s[i+1:]
	}
	return strings.TrimSpace(s)
}

// recipient is the address that the sender wrote to, if the report knows it,
// else the one that the mail got to.
func recipient(h header) message.Handle {
	for _, key := range [...]string{"Original-Recipient", "Final-Recipient", "X-Actual-Recipient"} {
		list, _ := parseAddresses(typed(h.get(key)), "")
		if len(list) > 0 && strings.IndexByte(list[0].Handle.Address(), '@') > 0 {
			return list[0].Handle
		}
	}
	return ""
}
