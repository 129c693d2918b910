package email

import (
	"strings"
	"testing"
	"time"

	"throughline/connectors/email/mailtest"
)

// sentRig is a connector that files copies through a proxy.
func sentRig(t *testing.T) (*Connector, *mailtest.IMAP, *mailtest.Proxy) {
	t.Helper()
	imapSrv, smtpSrv := imapServer(t), smtpServer(t, mailtest.SMTPOptions{})
	if err := imapSrv.Create("Sent"); err != nil {
		t.Fatal(err)
	}
	proxy := viaProxy(t, imapSrv.Port)
	c := newConnector(t, plain(proxy.Port, smtpSrv.Port, map[string]any{"sent_folder": "Sent"}))
	t.Cleanup(func() { c.out.release(); c.copies.finish(0) })
	return c, imapSrv, proxy
}

// filed waits until no copy is under way and counts them.
func filed(t *testing.T, c *Connector, srv *mailtest.IMAP) uint32 {
	t.Helper()
	c.copies.mu.Lock()
	ended := c.copies.ended
	c.copies.mu.Unlock()
	if ended != nil {
		<-ended
	}
	all, _, err := srv.Status("Sent")
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestSentCopiesShareAConnection(t *testing.T) {
	c, srv, _ := sentRig(t)
	for id := range uint64(5) {
		if r, err := c.Send(t.Context(), outMail(id+1)); err != nil || strings.Contains(r.Detail, "sent folder") {
			t.Fatalf("%+v %v", r, err)
		}
	}
	if n, logins := filed(t, c, srv), srv.Logins(); n != 5 || logins != 1 {
		t.Errorf("%d copies over %d connections, want 5 over 1", n, logins)
	}
	// A connection that the server has closed meanwhile is no failure.
	srv.Kick()
	if r, err := c.Send(t.Context(), outMail(6)); err != nil || strings.Contains(r.Detail, "no copy") {
		t.Fatalf("%+v %v", r, err)
	}
	if n := filed(t, c, srv); n != 6 {
		t.Errorf("%d copies, want 6", n)
	}
}

// TestSlowSentFolder: the mail counts as sent while its copy still tries.
func TestSlowSentFolder(t *testing.T) {
	c, srv, proxy := sentRig(t)
	c.limits.copy, c.limits.silence = 20*time.Millisecond, slowButThere
	proxy.Silence(true)
	r, err := c.Send(t.Context(), outMail(1))
	if err != nil || !strings.Contains(r.Detail, "follows") {
		t.Fatalf("%+v %v", r, err)
	}
	proxy.Silence(false)
	if n := filed(t, c, srv); n != 1 {
		t.Errorf("%d copies, want 1", n)
	}
}

// TestSentCopyOnce: a copy that arrived though its answer was lost is not made
// again.
func TestSentCopyOnce(t *testing.T) {
	c, srv, _ := sentRig(t)
	mail, err := compose(outMail(1), "support@example.com")
	if err != nil {
		t.Fatal(err)
	}
	var size counter
	mail.write(&size)
	cp := &sentCopy{mail: mail, size: int64(size)}
	for range 2 {
		if err := c.appendCopy(t.Context(), cp, true); err != nil {
			t.Fatal(err)
		}
	}
	if n := filed(t, c, srv); n != 1 {
		t.Errorf("%d copies, want 1", n)
	}
}

func TestSentCopyStops(t *testing.T) {
	c, srv, proxy := sentRig(t)
	c.limits.copy = 0
	proxy.Silence(true)
	if _, err := c.Send(t.Context(), outMail(1)); err != nil {
		t.Fatal(err)
	}
	c.copies.finish(0)
	if n := filed(t, c, srv); n != 0 || c.copies.session != nil {
		t.Errorf("%d copies, session %v", n, c.copies.session)
	}
}

// TestFinish: a copy that an end of the program left behind is made, once.
func TestFinish(t *testing.T) {
	c, srv, proxy := sentRig(t)
	c.limits.copy = 0
	proxy.Silence(true)
	r, err := c.Send(t.Context(), outMail(1))
	if err != nil || !r.Pending {
		t.Fatalf("%+v %v", r, err)
	}
	c.copies.finish(0) // killed, or switched off
	proxy.Silence(false)
	for range 2 {
		if err := c.Finish(t.Context(), outMail(1)); err != nil {
			t.Fatal(err)
		}
	}
	if n := filed(t, c, srv); n != 1 {
		t.Errorf("%d copies, want 1", n)
	}
}

// TestFinishJoins: a copy that is still on its way is waited for and not made again.
func TestFinishJoins(t *testing.T) {
	c, srv, proxy := sentRig(t)
	c.limits.copy, c.limits.silence = 0, slowButThere
	proxy.Silence(true)
	if r, err := c.Send(t.Context(), outMail(1)); err != nil || !r.Pending {
		t.Fatalf("%+v %v", r, err)
	}
	proxy.Silence(false)
	if err := c.Finish(t.Context(), outMail(1)); err != nil {
		t.Fatal(err)
	}
	if n := filed(t, c, srv); n != 1 {
		t.Errorf("%d copies, want 1", n)
	}
}
