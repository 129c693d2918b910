package api

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"throughline/auth"
)

// Who is ready stays so while a live stream of theirs is open, and a little longer.
func TestReadyEnds(t *testing.T) {
	w := newWorld(t, worldOptions{})
	c := w.browser(w.admin)
	var p Phone
	c.call(http.StatusOK, "PUT", "/api/phone", PhoneChange{Ready: true, Number: "+44 7700 900123"}, &p)
	if !p.Ready || p.Number != "+447700900123" || p.Devices != 0 || len(p.Lines) != 0 {
		t.Errorf("%+v", p)
	}
	l, gone, now := w.s.lives, map[uint64]time.Time{}, time.Now()
	ready := func(at time.Duration) bool {
		t.Helper()
		if err := l.endReady(t.Context(), gone, now.Add(at)); err != nil {
			t.Fatal(err)
		}
		c.call(http.StatusOK, "GET", "/api/phone", nil, &p)
		return p.Ready
	}
	if !ready(0) || !ready(readyGrace-time.Second) {
		t.Error("it ended before its time")
	}
	// A page that comes back in time.
	a, b := c.live(""), w.browser(w.agent("Ann", auth.RoleAgent)).live("")
	a.until("live", nil)
	if !ready(readyGrace+time.Second) || len(gone) != 0 || p.Devices != 1 {
		t.Errorf("%+v, gone %v", p, gone)
	}
	a.until("presence", func(f LiveFrame) bool { return len(f.Ready) == 1 && f.Ready[0] == w.admin.ID })
	a.conn.Close()
	b.until("presence", func(f LiveFrame) bool { return len(f.Online) == 1 })
	if !ready(time.Hour) || ready(time.Hour+readyGrace) {
		t.Error("it did not end")
	}
	if p.Number != "+447700900123" {
		t.Error("the number is forgotten")
	}
}

func TestPhoneRefusals(t *testing.T) {
	w := newWorld(t, worldOptions{})
	c := w.browser(w.admin)
	for _, r := range []struct {
		status       int
		method, path string
		body         any
	}{
		{422, "PUT", "/api/phone", PhoneChange{Number: "12"}},
		{422, "POST", "/api/phone/token", PhoneTokenRequest{Account: "support"}},
		{422, "POST", "/api/calls", CallRequest{Account: "support", To: "+447700900123"}},
		{422, "POST", "/api/calls", CallRequest{Account: "none", To: "+447700900123"}},
		{404, "POST", "/api/calls/999/take", nil},
		{404, "POST", "/api/calls/999/hangup", nil},
		{404, "PUT", "/api/calls/999/wrapup", WrapUpRequest{Reason: "x"}},
		{404, "POST", "/api/calls/999/transfer", CallTransferRequest{Agent: 999}},
	} {
		if p := c.refused(r.status, r.method, r.path, r.body); p.Detail == "" {
			t.Errorf("%s %s says nothing", r.method, r.path)
		}
	}
	var calls Calls
	c.call(http.StatusOK, "GET", "/api/calls", nil, &calls)
	if calls.Calls == nil || len(calls.Calls) != 0 {
		t.Errorf("%+v", calls)
	}
}

// Pages may talk to the hosts of the lines, and to no others.
func TestPhoneCSP(t *testing.T) {
	if phoneCSP(nil) != appCSP {
		t.Error("without a line it is another policy")
	}
	got := phoneCSP([]string{"https://*.phone.example.com", "wss://*.phone.example.com"})
	if !strings.HasPrefix(got, appCSP+"; ") || !strings.Contains(got, "connect-src 'self' https://*.phone.example.com wss://*.phone.example.com;") {
		t.Error(got)
	}
}
