package slack

import (
	"net/http/httptest"
	"net/url"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"throughline/connectors/slack/slacktest"
	"throughline/message"
)

func TestFilesIn(t *testing.T) {
	srv := startSlack(t, slacktest.Options{})
	other := srv.Team("Customer", "customer")
	ann := srv.User(slacktest.Person{RealName: "Ann Example", Team: other})
	room := srv.Channel(slacktest.Room{Name: "help", Members: []*slacktest.User{ann}, Shared: []*slacktest.Team{other}})
	dm := srv.User(slacktest.Person{RealName: "Bob Example"})
	h := newHub()
	c := connect(t, srv, srv.URL, nil)
	c.set.fileBytes = 1 << 20
	_, stop := start(t, c, h)
	h.awaitLive(t)
	big := strings.Repeat("abcdefgh", 64<<10)
	say(t, ann, room, "shared", slacktest.Say{Files: []slacktest.Upload{{Name: "note.txt", Content: []byte("hello")}, {Name: "big.bin", Content: []byte(big)}}})
	say(t, dm, dm.DM(), "direct", slacktest.Say{Files: []slacktest.Upload{{Name: "page.html", MIMEType: "text/html", Content: []byte("<p>hi")}}})
	say(t, dm, dm.DM(), "huge", slacktest.Say{Files: []slacktest.Upload{{Name: "huge.bin", Content: make([]byte, 2<<20)}}})
	h.awaitTexts(t, "shared", "direct", "huge")
	m := h.byText(t, "shared")
	if len(m.Parts) != 2 || m.Parts[0].Name != "note.txt" || m.Parts[0].ContentType != "text/plain" || m.Parts[0].Size != 5 || m.Parts[1].Size != int64(len(big)) {
		t.Errorf("%+v", m.Parts)
	}
	if s, _ := h.File(m.Key + "/big.bin"); s != big {
		t.Errorf("%d bytes of the large file", len(s))
	}
	if d := h.byText(t, "direct"); len(d.Parts) != 1 || d.Parts[0].ContentType != "text/html" {
		t.Errorf("%+v", d.Parts)
	}
	if d := h.byText(t, "huge"); len(d.Parts) != 0 || !slices.ContainsFunc(d.Warnings, func(s string) bool { return strings.Contains(s, "larger") }) {
		t.Errorf("%+v %q", d.Parts, d.Warnings)
	}
	stop()
	noTempFiles(t, c)
	noViolations(t, srv)
}

func noTempFiles(t *testing.T, c *Connector) {
	t.Helper()
	left, err := os.ReadDir(c.host.TempDir)
	if err != nil || len(left) > 0 {
		t.Errorf("temporary files are left: %v %v", left, err)
	}
}

// TestLateFiles: files that fail come later, with the words as they are then.
func TestLateFiles(t *testing.T) {
	srv := startSlack(t, slacktest.Options{})
	ann := srv.User(slacktest.Person{RealName: "Ann Example"})
	dm := ann.DM()
	h := newHub()
	c := connect(t, srv, srv.URL, nil)
	_, stop := start(t, c, h)
	h.awaitLive(t)
	srv.Inject("download", 1, slacktest.Fault{CutAfter: true})
	srv.Inject("download", 1, slacktest.Fault{Status: 503})
	ts := say(t, ann, dm, "look", slacktest.Say{Files: []slacktest.Upload{{Name: "a.txt", Content: []byte(strings.Repeat("a", 1000))}}})
	h.awaitTexts(t, "look")
	key := keyOf(srv.TeamID(), dm.ID, ts)
	h.Wait(t, "the file", func() bool { _, ok := h.File(key + "/a.txt"); return ok })
	if m := h.byText(t, "look"); len(m.Parts) != 0 || !slices.Contains(m.Warnings, waiting) {
		t.Errorf("%+v", m)
	}
	ch := h.Changes()
	if len(ch) != 1 || ch[0].Of != key || ch[0].Edit.Text != "look" || len(ch[0].Edit.Parts) != 1 {
		t.Errorf("%+v", ch)
	}
	// An edit of such a message brings the file again, because it replaces all.
	ok(t, ann.Edit(dm, ts, "look here"))
	h.Wait(t, "the edit", func() bool { return len(h.Changes()) == 2 })
	if e := h.Changes()[1].Edit; e.Text != "look here" || len(e.Parts) != 1 {
		t.Errorf("%+v", e)
	}
	stop()
	noTempFiles(t, c)
}

// TestLateFilesOverRestart: they are not forgotten by a restart, and given up at last.
func TestLateFilesOverRestart(t *testing.T) {
	srv := startSlack(t, slacktest.Options{})
	ann := srv.User(slacktest.Person{RealName: "Ann Example"})
	dm := ann.DM()
	h := newHub()
	c := connect(t, srv, srv.URL, nil)
	c.limits.again = []time.Duration{time.Hour}
	_, stop := start(t, c, h)
	h.awaitLive(t)
	srv.Inject("download", -1, slacktest.Fault{Status: 503})
	say(t, ann, dm, "look", slacktest.Say{Files: []slacktest.Upload{{Name: "a.txt", Content: []byte("a")}}})
	h.awaitTexts(t, "look")
	stop()
	cur, err := readCursor(h.Stored())
	if err != nil || len(cur.Late) != 1 {
		t.Fatalf("%+v, %v", cur, err)
	}
	cur.Late[0].Next = time.Now()
	h.SetCursor(marshalled(t, cur))
	c = connect(t, srv, srv.URL, nil)
	_, stop = start(t, c, h)
	h.Wait(t, "the end of the tries", func() bool {
		b, _ := h.Cursor(t.Context())
		cur, err := readCursor(b)
		return err == nil && len(cur.Late) == 0
	})
	stop()
	if n := len(srv.Calls("download")); n != 1+len(c.limits.again) {
		t.Errorf("%d downloads", n)
	}
}

// TestOneBadFile: a file that cannot be fetched keeps none of the others, and when it is
// given up the hub is told why.
func TestOneBadFile(t *testing.T) {
	srv := startSlack(t, slacktest.Options{})
	ann := srv.User(slacktest.Person{RealName: "Ann Example"})
	dm := ann.DM()
	two := slacktest.Say{Files: []slacktest.Upload{{Name: "a.txt", Content: []byte("a")}, {Name: "b.txt", Content: []byte("b")}}}
	names := func(m *message.Message) (list []string) {
		for _, p := range m.Parts {
			list = append(list, p.Name)
		}
		return list
	}
	for _, tt := range []struct {
		name   string
		method string
		status int // of the last try
		files  []string
		says   string
	}{
		{"comes at last", "", 0, []string{"a.txt", "b.txt"}, ""},
		{"never comes", "download", 403, []string{"b.txt"}, "file 1 (a.txt) could not be fetched from Slack: Slack answers 403"},
		{"nobody answers", "conversations.history", 500, nil, "could not be fetched from Slack: Slack answers 500"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h := newHub()
			c := connect(t, srv, srv.URL, nil)
			c.limits.again = []time.Duration{time.Hour, time.Hour}
			r := &run{Connector: c, in: h}
			ok(t, r.begin(t.Context()))
			ok(t, r.catchUp(t.Context(), true))
			ts := say(t, ann, dm, "look, it "+tt.name, two)
			srv.Inject("download", 1, slacktest.Fault{Status: 503})
			ok(t, r.catchUp(t.Context(), false))
			m := h.byText(t, "look, it "+tt.name)
			if !slices.Equal(names(&m), []string{"b.txt"}) || !slices.Equal(m.Warnings, []string{waiting}) || len(r.cur.Late) != 1 {
				t.Fatalf("%q %q, %+v", names(&m), m.Warnings, r.cur.Late)
			}
			before := len(h.Changes())
			srv.Inject("download", 1, slacktest.Fault{Status: 503})
			ok(t, r.bring(t.Context(), r.cur.Late[0]))
			if tt.status != 0 {
				srv.Inject(tt.method, 1, slacktest.Fault{Status: tt.status})
			}
			ok(t, r.bring(t.Context(), r.cur.Late[0]))
			all := h.Changes()[before:]
			for _, ch := range all {
				if ch.Of != keyOf(srv.TeamID(), dm.ID, ts) || !ch.Files || ch.Time.Before(m.Time) {
					t.Errorf("%+v", ch)
				}
			}
			if len(all) != 2 || !slices.Contains(all[0].Edit.Warnings, waiting) {
				t.Fatalf("%+v", all)
			}
			last := all[1].Edit
			if !slices.Equal(names(last), tt.files) || slices.Contains(last.Warnings, waiting) || !strings.Contains(strings.Join(last.Warnings, "\n"), tt.says) || tt.says == "" && len(last.Warnings) > 0 {
				t.Errorf("%q, %q", names(last), last.Warnings)
			}
			if len(r.cur.Late) != 0 {
				t.Errorf("it is still waited for: %+v", r.cur.Late)
			}
			noTempFiles(t, c)
		})
	}
}

// TestEditBeforeItsFiles: the words of an edit are shown though a file of the message
// cannot be fetched any more.
func TestEditBeforeItsFiles(t *testing.T) {
	srv := startSlack(t, slacktest.Options{})
	ann := srv.User(slacktest.Person{RealName: "Ann Example"})
	dm := ann.DM()
	h := newHub()
	c := connect(t, srv, srv.URL, nil)
	c.limits.again = []time.Duration{10 * time.Millisecond}
	start(t, c, h)
	h.awaitLive(t)
	ts := say(t, ann, dm, "ten pieces", slacktest.Say{Files: []slacktest.Upload{{Name: "a.txt", Content: []byte("a")}}})
	h.awaitTexts(t, "ten pieces")
	srv.Inject("download", -1, slacktest.Fault{Status: 403})
	ok(t, ann.Edit(dm, ts, "a hundred pieces"))
	h.Wait(t, "what became of the file", func() bool { return slices.ContainsFunc(h.Changes(), func(ch message.Change) bool { return ch.Files }) })
	all := h.Changes()
	if e := all[0]; e.Files || e.Edit.Text != "a hundred pieces" || len(e.Edit.Parts) != 0 || !slices.Equal(e.Edit.Warnings, []string{waiting}) {
		t.Errorf("%+v", e)
	}
	if f := all[len(all)-1]; !f.Files || f.Time.Before(all[0].Time) || len(f.Edit.Warnings) != 1 || !strings.Contains(f.Edit.Warnings[0], "403") {
		t.Errorf("%+v", f)
	}
}

// TestEditWhileFilesAreFetched: the look that an edit asks for is made, though one of
// before is just ending.
func TestEditWhileFilesAreFetched(t *testing.T) {
	c := &cursor{}
	due := lateItem{Room: "C1", TS: "1700000000.000100", Next: time.Now().UTC()}
	c.addLate(due)
	anew := due
	anew.Next = due.Next.Add(time.Second)
	c.addLate(anew)
	if c.tried(due, true, nil); len(c.Late) != 1 {
		t.Error("the look was taken for that of before")
	}
	if c.tried(anew, true, nil); len(c.Late) != 0 {
		t.Errorf("%+v", c.Late)
	}
}

// TestFilesWithoutANote: a request brought the message without its files, and the program
// ended before the cursor said so. They come with a look at the history or an audit.
func TestFilesWithoutANote(t *testing.T) {
	for _, how := range []string{"looked for", "looked for, answered", "audited", "audited, slowly"} {
		t.Run(how, func(t *testing.T) {
			srv := startSlack(t, slacktest.Options{})
			ann := srv.User(slacktest.Person{RealName: "Ann Example"})
			dm := ann.DM()
			h := newHub()
			over := map[string]any{"app_token": ""}
			_, stop := start(t, connect(t, srv, srv.URL, over), h)
			h.awaitLive(t)
			stop()
			c := connect(t, srv, srv.URL, over) // does not run
			web := httptest.NewServer(c.Webhook(h))
			t.Cleanup(web.Close)
			ok(t, srv.SubscribeURL(t.Context(), web.URL+routeEvents))
			file := slacktest.Say{Files: []slacktest.Upload{{Name: "a.txt", Content: []byte("a")}}}
			if how == "looked for, answered" {
				file.Thread = say(t, ann, dm, "before")
			}
			srv.Inject("download", 1, slacktest.Fault{Status: 503})
			ts := say(t, ann, dm, "look", file)
			h.awaitTexts(t, "look")
			ok(t, srv.WaitDelivered(t.Context()))
			key := keyOf(srv.TeamID(), dm.ID, ts)
			if m := h.byText(t, "look"); len(m.Parts) != 0 {
				t.Fatalf("%+v", m.Parts)
			}
			c = connect(t, srv, srv.URL, over)
			if strings.HasPrefix(how, "audited") {
				if how == "audited, slowly" {
					// Nothing else looks at it any more.
					h.SetCursor(seenUpTo(t, h, dm, ts))
					start(t, c, h)
					h.awaitLive(t)
					srv.Inject("download", 1, slacktest.Fault{Status: 503})
				}
				ok(t, c.Refetch(t.Context(), h, []string{key}))
			} else {
				start(t, c, h)
			}
			h.Wait(t, "the file", func() bool { return len(h.Changes()) > 0 })
			if ch := h.Changes()[0]; ch.Of != key || ch.Edit == nil || ch.Edit.Text != "look" || len(ch.Edit.Parts) != 1 {
				t.Errorf("%+v", ch)
			}
			if s, _ := h.File(key + "/a.txt"); s != "a" {
				t.Errorf("the file is %q", s)
			}
		})
	}
}

// seenUpTo is a cursor that knows everything up to a message.
func seenUpTo(t *testing.T, h *hub, in *slacktest.Channel, ts string) []byte {
	t.Helper()
	cur, err := readCursor(h.Stored())
	ok(t, err)
	cur.note(mark{in.ID, ts, ""}, cur.Begin, 0)
	return marshalled(t, cur)
}

// TestFilesOfWhatIsSeen: the event brought a message while the history was read; the
// files are still there for the change that comes with it.
func TestFilesOfWhatIsSeen(t *testing.T) {
	srv := startSlack(t, slacktest.Options{})
	ann := srv.User(slacktest.Person{RealName: "Ann Example"})
	dm := ann.DM()
	ts := say(t, ann, dm, "look", slacktest.Say{Files: []slacktest.Upload{{Name: "a.txt", Content: []byte(strings.Repeat("a", 1<<20))}}})
	h := newHub()
	c := connect(t, srv, srv.URL, map[string]any{"app_token": ""})
	r := &run{Connector: c, in: h}
	ok(t, r.begin(t.Context()))
	k := room{ID: dm.ID, Kind: "im"}
	e, _, err := r.one(t.Context(), dm.ID, ts, "")
	ok(t, err)
	o, err := r.old(t.Context(), k, e, false, span{begin: r.cur.Begin}, time.Now())
	ok(t, err)
	c.brought = []mark{{dm.ID, ts, ""}}
	ok(t, r.accept(t.Context(), o, nil))
	if m, ch := h.Messages(), h.Changes(); len(m) != 0 || len(ch) != 1 || len(ch[0].Edit.Parts) != 1 {
		t.Errorf("messages %+v, changes %+v", m, ch)
	}
	noTempFiles(t, c)
}

// TestTrusted: the token goes nowhere else.
func TestTrusted(t *testing.T) {
	srv := startSlack(t, slacktest.Options{})
	c := connect(t, srv, srv.URL, nil)
	real := connect(t, srv, srv.URL, nil)
	real.set.host, real.set.insecure = "slack.com", false
	for _, tt := range []struct {
		at         string
		here, live bool
	}{
		{srv.URL + "/files-pri/x", true, false},
		{"https://files.slack.com/files-pri/x", true, true},
		{"https://slack.com/x", true, true},
		{"https://a.slack-edge.com/x", true, true},
		{"http://files.slack.com/x", false, false},
		{"https://files.slack.com:8443/x", false, false},
		{"https://user@files.slack.com/x", false, false},
		{"https://evilslack.com/x", false, false},
		{"https://slack.com.example.net/x", false, false},
		{"http://127.0.0.1:1/x", false, false},
		{"ftp://files.slack.com/x", false, false},
	} {
		u, err := url.Parse(tt.at)
		ok(t, err)
		if c.set.trusted(u) != tt.here || real.set.trusted(u) != tt.live {
			t.Errorf("%s: %v %v", tt.at, c.set.trusted(u), real.set.trusted(u))
		}
	}
}
