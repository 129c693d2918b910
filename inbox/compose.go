package inbox

import (
	"fmt"
	"html"
	"regexp"
	"slices"
	"strings"

	"throughline/message"
	"throughline/safehtml"
)

// subjectPrefix are the marks of answers and forwards in the languages met most.
var subjectPrefix = regexp.MustCompile(`(?i)^\s*(?:(?:re|aw|antw|sv|vs|odp|rif|ynt|fwd?|wg|tr|rv|i|پاسخ|ارسال|ตอบกลับ|ส่งต่อ)\s*(?:\[\d+\])?\s*[:：]\s*)+`)

func bareSubject(s string) string { return strings.TrimSpace(subjectPrefix.ReplaceAllString(s, "")) }

// quoteHTML is the answered message as it stands below an answer. The line above
// it uses no words, so that it reads in any language.
func quoteHTML(r *Record, forward bool) string {
	body := safehtml.FromText(r.Text)
	if r.HTML != "" {
		body = safehtml.Message(r.HTML, safehtml.Options{Images: true})
	}
	who := html.EscapeString(strings.TrimSpace(r.From.Name + " <" + r.From.Handle.Address() + ">"))
	date := r.Time.UTC().Format("2006-01-02 15:04 MST")
	if !forward {
		return fmt.Sprintf(`<p>%s, %s:</p><blockquote type="cite">%s</blockquote>`, date, who, body)
	}
	line := func(list []message.Person) string {
		var s []string
		for _, p := range list {
			s = append(s, strings.TrimSpace(p.Name+" <"+p.Handle.Address()+">"))
		}
		return html.EscapeString(strings.Join(s, ", "))
	}
	head := fmt.Sprintf("From: %s<br>Date: %s<br>To: %s<br>", who, date, line(r.To))
	if len(r.Cc) > 0 {
		head += "Cc: " + line(r.Cc) + "<br>"
	}
	return fmt.Sprintf(`<p>---------- Forwarded message ----------<br>%sSubject: %s</p>%s`, head, html.EscapeString(r.Subject), body)
}

// maxRefs bounds the references of an answer: those of a matter of hundreds of
// messages would grow with each. The nearest and the root tell where it belongs.
const maxRefs = 20

func fewRefs(refs []string) []string {
	if len(refs) <= maxRefs {
		return refs
	}
	return append(slices.Clone(refs[:maxRefs-1]), refs[len(refs)-1])
}

// compose fills in the texts of an outgoing message: what is new, the signature,
// and what it answers below, as quote makes it (not asked without a base).
func compose(r, base *Record, body, sig, mode string, quote func(*Record) string) {
	r.Reply = strings.TrimSpace(safehtml.Text(body))
	r.HTML, r.Text, r.Signature = body, r.Reply, sig
	if sig != "" {
		r.HTML += "<p>-- <br>" + strings.ReplaceAll(html.EscapeString(sig), "\n", "<br>") + "</p>"
		r.Text += "\n\n-- \n" + sig
	}
	if base == nil {
		return
	}
	quoted := quote(base)
	r.HTML += quoted
	if mode == ModeForward {
		r.Quoted = strings.TrimSpace(safehtml.Text(quoted))
		r.Text += "\n\n" + r.Quoted
		return
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s, %s <%s>:\n", base.Time.UTC().Format("2006-01-02 15:04 MST"), base.From.Name, base.From.Handle.Address())
	for line := range strings.Lines(base.Text) {
		b.WriteString("> ")
		b.WriteString(strings.TrimRight(line, "\r\n"))
		b.WriteByte('\n')
	}
	r.Quoted = b.String()
	r.Text += "\n\n" + r.Quoted
}

func signature(agent, account string) string {
	return strings.TrimSpace(strings.TrimSpace(agent) + "\n" + strings.TrimSpace(account))
}
