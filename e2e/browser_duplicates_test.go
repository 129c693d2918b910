package e2e

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"throughline/connectors/email/mailtest"
	"throughline/connectors/twilio/twiliotest"
)

// TestBrowserDuplicates: a mail and a text of one person are suggested with evidence,
// merged, and parted again with what came meanwhile on the right side.
func TestBrowserDuplicates(t *testing.T) {
	t.Parallel()
	node, chromium := browserTools(t)
	d := mailtest.Peer(t)
	p := openPhones(t, hubOptions{undo: "6s"}, twiliotest.Options{})
	smtp := startSMTP(t, mailtest.SMTPOptions{})
	p.admin.addAccount(t, "support", settings(d, "support", smtp.Port))
	p.admin.untilPhase(t, "support", "live")

	mux := surroundings{http.NewServeMux()}
	mux.handle("deliver", func(in map[string]any) (any, error) {
		l := letter{from: textOf(in, "from"), subject: textOf(in, "subject"), text: textOf(in, "text"), id: fmt.Sprintf("duplicates-%d@example.org", time.Now().UnixNano())}
		return true, d.Deliver("support", l.raw())
	})
	mux.handle("text", func(in map[string]any) (any, error) {
		_, err := p.twilio.ReceiveMessage(twiliotest.Inbound{From: textOf(in, "from"), To: ourNumber, Body: textOf(in, "body")})
		return true, err
	})
	browse(t, node, chromium, "duplicates", p.hub, mux)
	p.check()
}
