package twilio

import (
	"bytes"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"throughline/connectors"
	"throughline/connectors/twilio/twiliotest"
	"throughline/message"
)

var (
	picture = twiliotest.Media{ContentType: "image/jpeg", Data: []byte("a small picture")}
	card    = twiliotest.Media{ContentType: "text/vcard", Data: []byte("BEGIN:VCARD")}
	film    = twiliotest.Media{ContentType: "video/mp4", Data: bytes.Repeat([]byte("film"), 300<<10)} // 1.2 MiB
)

// noLeftovers checks that no temporary file is left.
func (r *rig) noLeftovers(t *testing.T) {
	t.Helper()
	list, err := os.ReadDir(r.host.TempDir)
	if err != nil || len(list) > 0 {
		t.Errorf("left behind: %v, %v", list, err)
	}
}

func TestFilesComeWithTheirMessage(t *testing.T) {
	r := newRig(t, sms(), nil)
	a, err := r.Receive(ann, ourNumber, "Look", picture, card, film)
	if err != nil || !a.Answered {
		t.Fatal(err)
	}
	m := r.hub.Messages()[0]
	if len(m.Parts) != 3 || len(m.Warnings) > 0 {
		t.Fatalf("%+v", m)
	}
	for i, want := range []struct {
		name, kind string
		data       []byte
	}{{"image-1.jpg", "image/jpeg", picture.Data}, {"file-2.vcf", "text/vcard", card.Data}, {"video-3.mp4", "video/mp4", film.Data}} {
		p := m.Parts[i]
		if p.Name != want.name || p.ContentType != want.kind || p.Size != int64(len(want.data)) || stored(r, m.Key+"/"+p.Name) != string(want.data) {
			t.Errorf("part %d: %s %s, %d bytes", i, p.Name, p.ContentType, p.Size)
		}
	}
	r.noLeftovers(t)
	// A repeat fetches nothing.
	n := len(r.Requests())
	d := r.Deliveries()[0]
	if w := r.post(routeMessage, d.Form, nil); w.Code != 200 || len(r.Requests()) != n {
		t.Errorf("%d, %d requests", w.Code, len(r.Requests())-n)
	}
}

func TestFilesThatAreLeft(t *testing.T) {
	r := newRig(t, sms(), func(_ *twiliotest.Options, set map[string]any, _ *connectors.Host) {
		set["file_mib"], set["file_types"] = 1, []string{"image/*", "video/*"}
	})
	if _, err := r.Receive(ann, ourNumber, "Look", film, card, picture); err != nil {
		t.Fatal(err)
	}
	m := r.hub.Messages()[0]
	if len(m.Parts) != 1 || m.Parts[0].Name != "image-3.jpg" || len(m.Warnings) != 2 ||
		!strings.Contains(m.Warnings[0], "1 MiB") || !strings.Contains(m.Warnings[1], "text/vcard") {
		t.Errorf("%+v", m)
	}
	if len(r.c.late) > 0 {
		t.Error("a file that is left for good is waited for")
	}
	r.noLeftovers(t)
}

// The message comes at once, its slow files as a change.
func TestSlowFilesFollow(t *testing.T) {
	for name, fault := range map[string]twiliotest.Fault{
		"slow":   {Delay: 500 * time.Millisecond, Count: 1},
		"failed": {Status: 500, Count: 1},
		"cut":    {Cut: twiliotest.CutAfter, Count: 3},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, sms(), nil)
			r.c.limits.media = 50 * time.Millisecond
			r.c.limits.again = []time.Duration{1, 1, 1, 1, 1}
			r.run(t)
			fault.Method, fault.Path = http.MethodGet, "/Media/"
			r.Inject(fault)
			a, err := r.Receive(ann, ourNumber, "Look", picture, card)
			if err != nil || !a.Answered {
				t.Fatal(err)
			}
			m := r.hub.Messages()[0]
			if len(m.Parts) == 2 || len(m.Warnings) != 1 || m.Warnings[0] != waiting {
				t.Fatalf("%+v", m)
			}
			r.hub.Wait(t, "the change", func() bool { return len(r.hub.Changes()) == 1 })
			c := r.hub.Changes()[0]
			if c.Of != m.Key || c.Time.IsZero() || c.Edit == nil || c.Edit.Text != m.Text || c.Edit.Reply != m.Reply || len(c.Edit.Parts) != 2 ||
				stored(r, m.Key+"/image-1.jpg") != string(picture.Data) || stored(r, m.Key+"/file-2.vcf") != string(card.Data) {
				t.Errorf("%+v", c)
			}
			if len(r.hub.Messages()) != 1 {
				t.Error("the message came twice")
			}
			r.hub.Wait(t, "the end of waiting", func() bool { return r.hub.Last().Lag == 0 })
			r.noLeftovers(t)
		})
	}
}

// The program ends between a message and its files.
func TestFilesAreFoundAfterARestart(t *testing.T) {
	for name, noted := range map[string]bool{"noted": true, "not noted": false} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, sms(), nil)
			stop := r.run(t)
			if !noted {
				stop() // nothing writes down that files are missing
			}
			r.c.limits.again = []time.Duration{time.Hour, time.Hour}
			r.Inject(twiliotest.Fault{Path: "/Media/", Status: 500, Count: -1})
			if a, err := r.Receive(ann, ourNumber, "Look", picture); err != nil || !a.Answered {
				t.Fatal(err)
			}
			if noted {
				r.hub.Wait(t, "the note", func() bool { return strings.Contains(string(r.hub.Stored()), r.hub.Messages()[0].Ref) })
				stop()
			}
			r.ClearFaults()
			// As if the pause before the next try had passed.
			r.hub.SetCursor(bytes.ReplaceAll(r.hub.Stored(), []byte(`"next":"2`), []byte(`"next":"1`)))
			r.restart(t)
			r.run(t)
			r.hub.Wait(t, "the files", func() bool { return len(r.hub.Changes()) == 1 })
			m := r.hub.Messages()
			if len(m) != 1 || r.hub.Changes()[0].Of != m[0].Key || stored(r, m[0].Key+"/image-1.jpg") != string(picture.Data) {
				t.Errorf("%+v", r.hub.Changes())
			}
		})
	}
}

// The hub has the message, and the note that files follow it could not take: they come
// all the same, with a look at the list or with an audit.
func TestFilesWithoutANote(t *testing.T) {
	for _, how := range []string{"refused", "lost", "audited"} {
		t.Run(how, func(t *testing.T) {
			r := newRig(t, sms(), nil)
			r.run(t)()
			r.Inject(twiliotest.Fault{Path: "/Media/", Status: 500})
			a, err := r.ReceiveMessage(twiliotest.Inbound{From: ann, To: ourNumber, Body: "Look", Media: []twiliotest.Media{picture},
				At: time.Now().Add(2 * time.Second)}) // younger than the connector
			if err != nil || !a.Answered {
				t.Fatal(err)
			}
			switch how {
			case "refused":
				r.hub.Refuse(errors.New("the disk is full"))
				if err := r.c.Run(t.Context(), r.hub); err == nil {
					t.Fatal("a refusal is nothing")
				}
				r.hub.Refuse(nil)
				r.c.limits.again = []time.Duration{1, 1}
				r.run(t)
			case "lost":
				r.c.late = nil
				r.run(t)
			case "audited":
				if err := r.c.Refetch(t.Context(), r.hub, []string{keyPrefix + a.Message.SID}); err != nil {
					t.Fatal(err)
				}
			}
			r.hub.Wait(t, "the files", func() bool { return len(r.hub.Changes()) > 0 })
			m := r.hub.Messages()
			if c := r.hub.Changes()[0]; len(m) != 1 || c.Of != m[0].Key || c.Edit.Text != "Look" || stored(r, m[0].Key+"/image-1.jpg") != string(picture.Data) {
				t.Errorf("%+v", c)
			}
			r.noLeftovers(t)
		})
	}
}

// While Run is halted, what requests leave for it does not grow for ever.
func TestNotesAreBounded(t *testing.T) {
	r := newRig(t, sms(), nil)
	for i := range 2 * maxLate {
		r.c.comesLate(strconv.Itoa(i))
		r.c.comesLate(strconv.Itoa(i))
	}
	if l := r.c.late; len(l) != maxLate || l[maxLate-1] != strconv.Itoa(2*maxLate-1) || l[0] != strconv.Itoa(maxLate) || !r.c.missed {
		t.Errorf("%d wait, missed %v", len(l), r.c.missed)
	}
}

// After the last try, and when Twilio has them no more, files are not promised any longer:
// people are told of each why it is not there.
func TestFilesAreGivenUp(t *testing.T) {
	for name, tt := range map[string]struct {
		then  twiliotest.Fault // of all requests after the first try
		parts int
		warn  string
	}{
		"no answer":   {twiliotest.Fault{Path: "/Media/", Status: 500, Count: -1}, 0, "file 1 (image/jpeg) was left at Twilio: it could not be fetched"},
		"deleted":     {twiliotest.Fault{Path: "/Media/", Status: 410, Count: -1}, 0, "file 1 (image/jpeg) was left at Twilio: it was deleted at Twilio"},
		"no message":  {twiliotest.Fault{Path: "/Messages/MM", Status: 404, Count: -1}, 0, noFiles},
		"only one is": {twiliotest.Fault{Path: "/Media/", Status: 410, Count: 1}, 1, "was left at Twilio: it was deleted at Twilio"},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, sms(), nil)
			r.c.limits.again = []time.Duration{1, 1, 1}
			r.Inject(twiliotest.Fault{Path: "/Media/", Status: 500, Count: -1})
			files := []twiliotest.Media{picture}
			if tt.parts > 0 {
				files = append(files, film)
			}
			if _, err := r.Receive(ann, ourNumber, "Look", files...); err != nil {
				t.Fatal(err)
			}
			m := r.hub.Messages()[0]
			if !slices.Equal(m.Warnings, []string{waiting}) {
				t.Fatalf("warnings %q", m.Warnings)
			}
			r.ClearFaults()
			r.Inject(tt.then)
			r.run(t)
			r.hub.Wait(t, "the end", func() bool { return len(r.hub.Changes()) > 0 })
			c := r.hub.Changes()[0]
			if c.Of != m.Key || !c.Files || len(c.Edit.Parts) != tt.parts || len(c.Edit.Warnings) != 1 || !strings.HasSuffix(c.Edit.Warnings[0], tt.warn) {
				t.Errorf("told %+v of %s", c.Edit, c.Of)
			}
			if s := string(r.hub.Stored()); strings.Contains(s, `"late"`) {
				t.Errorf("waits on: %s", s)
			}
		})
	}
}

func TestMissedMessagesBringTheirFiles(t *testing.T) {
	r := newRig(t, sms(), nil)
	r.run(t)()
	if _, err := r.ReceiveMessage(twiliotest.Inbound{From: ann, To: ourNumber, Body: "Look", Media: []twiliotest.Media{picture, film}, NoHook: true}); err != nil {
		t.Fatal(err)
	}
	r.restart(t)
	r.run(t)
	m := r.hub.Messages()
	if len(m) != 1 || len(m[0].Parts) != 2 || stored(r, m[0].Key+"/video-2.mp4") != string(film.Data) {
		t.Errorf("%+v", m)
	}
	r.noLeftovers(t)
}

// An audit brings a message that was missing; its files are slower.
func TestFilesFollowAfterAnAudit(t *testing.T) {
	r := newRig(t, sms(), nil)
	r.c.limits.again = []time.Duration{1, 1, 1, 1, 1}
	r.run(t)
	msg, err := r.ReceiveMessage(twiliotest.Inbound{From: ann, To: ourNumber, Body: "Look", Media: []twiliotest.Media{picture}, NoHook: true})
	if err != nil {
		t.Fatal(err)
	}
	r.Inject(twiliotest.Fault{Method: http.MethodGet, Path: "/Media/", Status: 500})
	if err := r.c.Refetch(t.Context(), r.hub, []string{keyPrefix + msg.Message.SID}); err != nil {
		t.Fatal(err)
	}
	if m := r.hub.Messages(); len(m) != 1 || len(m[0].Parts) != 0 {
		t.Fatalf("%+v", m)
	}
	r.hub.Wait(t, "the change", func() bool { return len(r.hub.Changes()) == 1 })
	if c := r.hub.Changes()[0]; len(c.Edit.Parts) != 1 {
		t.Errorf("%+v", c)
	}
}

// Our credentials go to the API's host only, and a file is taken from Twilio's
// hosts only.
func TestWhereFilesAreFetched(t *testing.T) {
	r := newRig(t, sms(), nil)
	for address, ok := range map[string]bool{
		"https://api.twilio.com/x":                                               true,
		"https://media.twiliocdn.com/x":                                          true,
		"https://mms.twiliocdn.com:443/x":                                        true,
		"https://s3-external-1.amazonaws.com/media.twiliocdn.com/AC/x":           true,
		"https://s3-external-1.amazonaws.com/other/x":                            false,
		"https://other.amazonaws.com/media.twiliocdn.com/x":                      false,
		"http://media.twiliocdn.com/x":                                           false,
		"https://media.twiliocdn.com:8443/x":                                     false,
		"https://twiliocdn.com.example.com/x":                                    false,
		"https://eviltwiliocdn.com/x":                                            false,
		"https://user:pass@media.twiliocdn.com/x":                                false,
		"http://192.0.2.1/x":                                                     false,
		"https://127.0.0.1/x":                                                    false,
		"file:///etc/passwd":                                                     false,
		r.URL() + "/cdn/x":                                                       true,
		strings.Replace(r.URL(), "127.0.0.1", "127.0.0.1.example.com", 1) + "/x": false,
	} {
		u, err := url.Parse(address)
		if err != nil {
			t.Fatal(err)
		}
		if r.c.trusted(u) != ok {
			t.Errorf("%s is trusted: %v", address, !ok)
		}
	}

	hops := 0
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		_, _, auth := req.BasicAuth()
		switch {
		case strings.HasSuffix(req.URL.Path, "1"):
			http.Redirect(w, req, "https://files.example.com/x", http.StatusFound)
		case strings.HasSuffix(req.URL.Path, "2"):
			hops++
			http.Redirect(w, req, "/loop2", http.StatusTemporaryRedirect)
		case req.URL.Path == "/file":
			if auth {
				t.Error("the credentials went on")
			}
			w.Header().Set("Content-Disposition", `attachment; filename="..\\..\\my picture.jpg"`)
			w.Header().Set("Content-Type", "image/jpeg; x=y")
			_, _ = w.Write([]byte("picture"))
		case strings.HasSuffix(req.URL.Path, "3"):
			if !auth {
				t.Error("no credentials")
			}
			http.Redirect(w, req, "/file", http.StatusFound)
		case strings.HasSuffix(req.URL.Path, "4"):
			w.WriteHeader(http.StatusGone)
		case strings.HasSuffix(req.URL.Path, "5"):
			w.Header().Set("Content-Type", "text/html")
			w.Header().Set("Content-Length", "9")
			_, _ = w.Write([]byte("<html>"))
		}
	}))
	defer web.Close()
	r.c.set.api = web.URL
	var files []file
	for _, n := range []string{"1", "2", "3", "4", "5"} {
		files = append(files, file{path: "/2010-04-01/media/" + n, contentType: "image/jpeg"})
	}
	parts, warnings, missing := r.c.fetchAll(t.Context(), files)
	if hops != maxRedirects+1 || len(missing) == 0 || len(parts) != 1 || len(warnings) != 2 {
		t.Errorf("%d hops, missing %v, %+v, %q", hops, missing, parts, warnings)
	}
	if len(parts) == 1 && (parts[0].Name != "my picture.jpg" || parts[0].ContentType != "image/jpeg") {
		t.Errorf("%+v", parts[0])
	}
}

func TestFilesGoOut(t *testing.T) {
	files := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "image/jpeg")
		_, _ = w.Write(picture.Data)
	}))
	defer files.Close()
	var shared time.Duration
	r := newRig(t, sms(), func(_ *twiliotest.Options, set map[string]any, h *connectors.Host) {
		h.Share = func(p message.Part, ttl time.Duration) string { shared = ttl; return files.URL + "/" + p.Name }
	})
	if w := r.c.Info().Writing; w.Files != 10 || w.FileBytes != defaultSend<<20 {
		t.Errorf("%+v", w)
	}
	m := outgoing(1, "See this")
	m.Parts = append(aFile("a.jpg"), aFile("b.jpg")...)
	receipt, err := r.c.Send(t.Context(), m)
	if err != nil {
		t.Fatal(err)
	}
	sent, err := r.WaitMessage(t.Context(), func(m twiliotest.Message) bool { return m.SID == receipt.Ref && m.Status == "delivered" })
	if err != nil || len(sent.Media) != 2 || string(sent.Media[1].Data) != string(picture.Data) || shared != shareTime {
		t.Errorf("%+v, %v", sent, err)
	}
	for name, parts := range map[string][]message.Part{
		"too many":  append(aFile("a"), make([]message.Part, 10)...),
		"too large": {{Name: "x", Size: defaultSend<<20 + 1}},
	} {
		m.Parts = parts
		_, err := r.c.Send(t.Context(), m)
		if se := sendErr(t, err); se.Class != connectors.Reject {
			t.Errorf("%s: %+v", name, se)
		}
	}
}
