package email

import (
	"bufio"
	"fmt"
	"strings"
)

// render writes an object for people. Errors of w show at Flush.
func (o *inspected) render(w *bufio.Writer) {
	line := func(label, value string) {
		if value != "" {
			fmt.Fprintf(w, "%-12s %s\n", label+":", strings.ReplaceAll(value, "\n", " "))
		}
	}
	block := func(label, value string) {
		if value != "" {
			fmt.Fprintf(w, "%s:\n    %s\n", label, strings.ReplaceAll(value, "\n", "\n    "))
		}
	}
	fmt.Fprintf(w, "== %s\n", o.File)
	line("held", o.Held)
	if o.Held != "" {
		fmt.Fprintln(w)
		return
	}
	line("from", o.From.String())
	line("reply to", joinBoxes(o.ReplyTo))
	line("to", joinBoxes(o.To))
	line("cc", joinBoxes(o.Cc))
	if o.Date != nil {
		line("date", *o.Date)
	}
	line("subject", o.Subject)
	line("kind", string(o.Kind))
	line("message id", o.MessageID)
	line("references", strings.Join(o.References, " "))
	line("thread", o.Thread)
	for _, b := range o.Bounces {
		permanent := "for now"
		if b.Permanent {
			permanent = "for good"
		}
		line("bounced", b.Address+" "+b.Status+" "+permanent)
	}
	for _, a := range o.Attachments {
		where := "attached"
		if a.Inline {
			where = "inline"
		}
		line(where, fmt.Sprintf("%q %s %d bytes sha256 %s", a.Name, a.ContentType, a.Size, a.SHA256))
	}
	for _, s := range o.Warnings {
		line("warning", s)
	}
	block("reply", o.Reply)
	block("quoted", o.Quoted)
	block("signature", o.Signature)
	fmt.Fprintln(w)
}

func (b mailbox) String() string {
	if b.Name == "" {
		return b.Address
	}
	return b.Name + " <" + b.Address + ">"
}

func joinBoxes(bs []mailbox) string {
	out := make([]string, len(bs))
	for i, b := range bs {
		out[i] = b.String()
	}
	return strings.Join(out, ", ")
}
