package email

import (
	"regexp"
	"strings"
)

// sesHost matches the SMTP endpoints of Amazon SES and finds their region.
var sesHost = regexp.MustCompile(`^email-smtp(?:-fips)?\.([a-z0-9-]+)\.amazonaws\.com\.?$`)

// sesAnswer matches what they answer to a mail: its new name.
var sesAnswer = regexp.MustCompile(`^250 (?i:ok) ([0-9A-Za-z-]+)(?:;|$)`)

// renamed is the Message-ID, without brackets, of a mail whose provider replaces
// ours by its own, "" for all others. Amazon SES says in its answer the left side;
// the right side is made of the region, except in the oldest one ("Message ID" in
// the SES developer guide).
func renamed(host, answer string) string {
	h := sesHost.FindStringSubmatch(strings.ToLower(host))
	a := sesAnswer.FindStringSubmatch(answer)
	if h == nil || a == nil {
		return ""
	}
	region := h[1]
	if region == "us-east-1" {
		region = "email"
	}
	return a[1] + "@" + region + ".amazonses.com"
}
