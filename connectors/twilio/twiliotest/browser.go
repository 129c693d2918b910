package twiliotest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
)

// devicePath is where pages without the vendor's SDK sign in as a browser: for demonstrations and tests of pages, without
// sound. With ?token=ACCESS_TOKEN each:
//
//	GET  /device/events               Server-Sent Events: ready {identity}, call {sid, from, status, muted, heard} at each
//	                                  change of a leg that rings or rang here, refused {code, text}
//	POST /device/calls/SID/answer     also decline, hangup, mute (muted=true|false), digits (digits=12#); 204, or 409 with why not
//
// Open to pages of every origin, as the vendor's hosts are.
const devicePath = "/device/"

// deviceBeat keeps a stream of events alive.
const deviceBeat = 15 * time.Second

// deviceCall is a leg as a browser sees it.
type deviceCall struct {
	SID    string   `json:"sid"`
	From   string   `json:"from"`
	Status string   `json:"status"`
	Muted  bool     `json:"muted"`
	Heard  []string `json:"heard"`
}

// serveDevice answers a page.
func (s *Server) serveDevice(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Access-Control-Allow-Origin", "*")
	h.Set("Cache-Control", "no-store")
	d, err := s.Device(r.URL.Query().Get("token"))
	parts := strings.Split(strings.TrimPrefix(r.URL.Path, devicePath), "/")
	switch {
	case r.Method == http.MethodGet && len(parts) == 1 && parts[0] == "events":
		h.Set("Content-Type", "text/event-stream")
		if err != nil {
			te := err.(*TokenError)
			event(w, "refused", map[string]any{"code": te.Code, "text": te.Text})
			return
		}
		d.events(w, r)
	case err != nil:
		http.Error(w, err.Error(), http.StatusUnauthorized)
	case r.Method == http.MethodPost && len(parts) == 3 && parts[0] == "calls":
		if err := d.press(parts[1], parts[2], r); err != nil {
			http.Error(w, err.Error(), http.StatusConflict)
			return
		}
		w.WriteHeader(http.StatusNoContent)
	default:
		http.NotFound(w, r)
	}
}

func event(w http.ResponseWriter, name string, data any) {
	b, err := json.Marshal(data)
	if err != nil {
		return // strings and numbers always marshal
	}
	fmt.Fprintf(w, "event: %s\ndata: %s\n\n", name, b)
	_ = http.NewResponseController(w).Flush()
}

// events tells what rings until the page or the double goes away.
func (d *Device) events(w http.ResponseWriter, r *http.Request) {
	event(w, "ready", map[string]string{"identity": d.Identity})
	told := map[string]deviceCall{}
	beat := time.NewTicker(deviceBeat)
	defer beat.Stop()
	for {
		d.s.mu.Lock()
		changed := d.s.changed
		var now []deviceCall
		for _, c := range d.s.calls {
			if c.to == "client:"+d.Identity && d.Incoming {
				now = append(now, deviceCall{c.sid, c.from, c.status, c.muted, slices.Clone(c.heard)})
			}
		}
		d.s.mu.Unlock()
		for _, c := range now {
			was, known := told[c.SID]
			if known && was.Status == c.Status && was.Muted == c.Muted && len(was.Heard) == len(c.Heard) || !known && over(c.Status) {
				continue
			}
			told[c.SID] = c
			event(w, "call", c)
		}
		select {
		case <-changed:
		case <-beat.C:
			fmt.Fprint(w, ": \n\n")
			_ = http.NewResponseController(w).Flush()
		case <-r.Context().Done():
			return
		case <-d.s.ctx.Done():
			return
		}
	}
}

// press does what a button of the page does.
func (d *Device) press(sid, what string, r *http.Request) error {
	d.s.mu.Lock()
	c := d.s.callByID[sid]
	d.s.mu.Unlock()
	if c == nil || c.to != "client:"+d.Identity {
		return fmt.Errorf("no call %s rings here", sid)
	}
	switch what {
	case "answer":
		return c.Answer()
	case "decline":
		c.Decline()
	case "hangup":
		c.HangUp()
	case "mute":
		on := r.FormValue("muted") == "true"
		c.set(func() { c.muted = on })
	case "digits":
		digits := r.FormValue("digits")
		if digits == "" || strings.Trim(digits, "0123456789*#w") != "" {
			return fmt.Errorf("%q are no digits", digits)
		}
		d.s.spawn(func() { _ = c.Press(digits) })
	default:
		return fmt.Errorf("a browser cannot %s", what)
	}
	return nil
}
