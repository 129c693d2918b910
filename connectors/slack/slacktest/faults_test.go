package slacktest_test

import (
	"bytes"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/slack-go/slack"

	"throughline/connectors/slack/slacktest"
)

func TestFaultsOfCalls(t *testing.T) {
	s := start(t, fast())
	c := s.Channel(slacktest.Room{Name: "support"})
	post := func() (int, error) {
		before := len(s.Posted())
		_, _, err := client(s).PostMessageContext(ctx(t), c.ID, slack.MsgOptionText("x", false))
		return len(s.Posted()) - before, err
	}
	for _, x := range []struct {
		name   string
		fault  slacktest.Fault
		posted int
		fails  bool
	}{
		{"none", slacktest.Fault{}, 1, false},
		{"cut before", slacktest.Fault{CutBefore: true}, 0, true},
		{"cut after", slacktest.Fault{CutAfter: true}, 1, true},
		{"5xx", slacktest.Fault{Status: 502}, 0, true},
		{"5xx after", slacktest.Fault{StatusLate: 504}, 1, true},
		{"an error", slacktest.Fault{Error: "fatal_error"}, 0, true},
		{"slow", slacktest.Fault{Delay: time.Millisecond}, 1, false},
	} {
		t.Run(x.name, func(t *testing.T) {
			s.Inject("chat.postMessage", 1, x.fault)
			n, err := post()
			if n != x.posted || (err != nil) != x.fails {
				t.Errorf("%d posted, %v", n, err)
			}
			if n, err := post(); n != 1 || err != nil {
				t.Errorf("the call after it: %d posted, %v", n, err)
			}
		})
	}
	calls := s.Calls("chat.postMessage")
	if len(calls) != 14 || calls[2].Error != "cut before" || calls[0].Args["channel"] != c.ID || calls[0].Args["token"] != "" {
		t.Errorf("calls: %+v", calls)
	}
	s.Inject("", -1, slacktest.Fault{Status: 500})
	if _, err := client(s).AuthTestContext(ctx(t)); err == nil {
		t.Error("no fault")
	}
	s.ClearFaults()
	if _, err := client(s).AuthTestContext(ctx(t)); err != nil {
		t.Error(err)
	}
}

func TestFiles(t *testing.T) {
	s := start(t, fast())
	api := client(s)
	acme := s.Team("Acme", "acme")
	ana := s.User(slacktest.Person{RealName: "Ana Example"})
	ben := s.User(slacktest.Person{RealName: "Ben Partner", Team: acme})
	c := s.Channel(slacktest.Room{Name: "support", Members: []*slacktest.User{ana, ben}, Shared: []*slacktest.Team{acme}})
	parent := must(ana.Say(c, "a thread"))
	up, err := api.UploadFileContext(ctx(t), slack.UploadFileParameters{
		Filename: "note.txt", Title: "Note", FileSize: 5, Content: "hello", Channel: c.ID, ThreadTimestamp: parent, InitialComment: "see",
	})
	if err != nil {
		t.Fatal(err)
	}
	post := s.Posted()[0]
	if post.Text != "see" || post.ThreadTS != parent || string(post.Files[0].Content) != "hello" || post.Files[0].ID != up.ID {
		t.Errorf("posted: %+v", post)
	}
	info, _, _, err := api.GetFileInfoContext(ctx(t), up.ID, 1, 1)
	if err != nil || info.Size != 5 || info.Mimetype != "text/plain" || len(info.Shares.Public[c.ID]) != 1 {
		t.Errorf("%+v %v", info, err)
	}
	var b bytes.Buffer
	if err := api.GetFileContext(ctx(t), info.URLPrivateDownload, &b); err != nil || b.String() != "hello" {
		t.Errorf("%q %v", b.String(), err)
	}
	err = slack.New("xoxb-wrong", slack.OptionAPIURL(s.API())).GetFileContext(ctx(t), info.URLPrivate, &b)
	if err == nil || !strings.Contains(err.Error(), "sign-in page") {
		t.Error(err)
	}
	s.Inject("download", 1, slacktest.Fault{CutAfter: true})
	if err := api.GetFileContext(ctx(t), info.URLPrivate, &b); err == nil {
		t.Error("a cut download is no error")
	}
	var downloads []string
	for _, c := range s.Calls("download") {
		downloads = append(downloads, c.Error)
	}
	if want := []string{"", "no access", "cut after"}; !slices.Equal(downloads, want) {
		t.Errorf("downloads: %q, want %q", downloads, want)
	}

	must(ana.Say(c, "", slacktest.Say{Files: []slacktest.Upload{{Name: "a.png", Content: []byte("\x89PNG\r\n\x1a\n")}}}))
	must(ben.Say(c, "look", slacktest.Say{Files: []slacktest.Upload{{Name: "b.pdf", Content: []byte("%PDF-1.7")}}}))
	h, err := api.GetConversationHistoryContext(ctx(t), &slack.GetConversationHistoryParameters{ChannelID: c.ID})
	if err != nil || len(h.Messages) != 3 {
		t.Fatal(h, err)
	}
	if f := h.Messages[0].Files[0]; f.FileAccess != "check_file_info" || f.Name != "" {
		t.Errorf("a file of another workspace: %+v", f)
	}
	if f := h.Messages[1].Files[0]; f.Mimetype != "image/png" || f.URLPrivate == "" || h.Messages[1].SubType != "file_share" {
		t.Errorf("a file: %+v", f)
	}
	full, _, _, err := api.GetFileInfoContext(ctx(t), h.Messages[0].Files[0].ID, 1, 1)
	if err != nil || full.Name != "b.pdf" || full.User != ben.ID {
		t.Errorf("%+v %v", full, err)
	}
	if err := s.DeleteFile(full.ID); err != nil {
		t.Fatal(err)
	}
	if _, _, _, err := api.GetFileInfoContext(ctx(t), full.ID, 1, 1); err == nil || err.Error() != "file_deleted" {
		t.Error(err)
	}
	// An address takes one upload, and only uploaded files can be completed.
	u, err := api.GetUploadURLExternalContext(ctx(t), slack.GetUploadURLExternalParameters{FileName: "x", FileSize: 1})
	if err != nil {
		t.Fatal(err)
	}
	complete := slack.CompleteUploadExternalParameters{Files: []slack.FileSummary{{ID: u.FileID}}, Channel: c.ID}
	if _, err := api.CompleteUploadExternalContext(ctx(t), complete); err == nil || err.Error() != "file_not_found" {
		t.Error(err)
	}
	for _, want := range []int{200, 404} {
		res, err := http.Post(u.UploadURL, "application/octet-stream", strings.NewReader("x"))
		if err != nil || res.StatusCode != want {
			t.Errorf("%v %v, want %d", res, err, want)
		}
		res.Body.Close()
	}
	if _, err := api.CompleteUploadExternalContext(ctx(t), complete); err != nil {
		t.Error(err)
	}
	http.DefaultClient.CloseIdleConnections()
}
