package e2e

import (
	"bytes"
	"fmt"
	"image"
	"image/png"
	"net/http"
	"strings"
	"testing"

	"throughline/connectors/slack/slacktest"
)

// TestBrowserSlack is the story of Slack on the screen: what customers do in a thread
// appears while one looks on, the answer arrives in the thread, and colleagues are
// told in a channel of theirs by a rule that is made in the settings.
func TestBrowserSlack(t *testing.T) {
	t.Parallel()
	node, chromium := browserTools(t)
	s, err := slacktest.Start(slacktest.Options{Unlimited: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	partner := s.Team("Partner", "partner")
	ann := s.User(slacktest.Person{RealName: "Ann Example", Team: partner})
	lena := s.User(slacktest.Person{RealName: "Lena Example"})
	room := s.Channel(slacktest.Room{Name: "larkspur", Members: []*slacktest.User{ann, lena}, Shared: []*slacktest.Team{partner}})
	desk := s.Channel(slacktest.Room{Name: "desk", Private: true, Members: []*slacktest.User{lena}})
	c := openChatAt(t, s, map[string]any{"notice_channels": []string{desk.ID}})
	browse(t, node, chromium, "slack", c.hub, c.around(ann, lena, room, desk))
	if v := s.Violations(); len(v) > 0 {
		t.Errorf("Slack would shrug at %q", v)
	}
	c.check()
}

// around answers the scenario.
func (c *chat) around(ann, lena *slacktest.User, room, desk *slacktest.Channel) http.Handler {
	mux := surroundings{http.NewServeMux()}
	var square bytes.Buffer
	if err := png.Encode(&square, image.NewGray(image.Rect(0, 0, 40, 40))); err != nil {
		c.t.Fatal(err)
	}
	rooms := map[string]*slacktest.Channel{"": room, "desk": desk}
	// say lets Ann write, in a thread and with a picture if asked for; Lena at the desk.
	mux.handle("say", func(in map[string]any) (any, error) {
		how := slacktest.Say{Thread: textOf(in, "thread")}
		if in["picture"] == true {
			how.Files = []slacktest.Upload{{Name: "rack.png", MIMEType: "image/png", Content: square.Bytes()}}
		}
		who := ann
		if textOf(in, "where") == "desk" {
			who = lena
		}
		return who.Say(rooms[textOf(in, "where")], strings.ReplaceAll(textOf(in, "text"), "@Lena", "<@"+lena.ID+">"), how)
	})
	mux.handle("edit", func(in map[string]any) (any, error) {
		return true, ann.Edit(room, textOf(in, "ts"), textOf(in, "text"))
	})
	mux.handle("delete", func(in map[string]any) (any, error) { return true, ann.Delete(room, textOf(in, "ts")) })
	mux.handle("react", func(in map[string]any) (any, error) {
		return true, ann.React(room, textOf(in, "ts"), textOf(in, "name"))
	})
	mux.handle("members", func(map[string]any) (any, error) { return map[string]string{"ann": ann.ID, "lena": lena.ID}, nil })
	// posts are what the app has posted in a channel.
	mux.handle("posts", func(in map[string]any) (any, error) {
		list := []map[string]any{}
		for _, p := range c.slack.Posted() {
			if p.Channel == rooms[textOf(in, "where")].ID {
				list = append(list, map[string]any{"ts": p.TS, "thread": p.ThreadTS, "text": p.Text, "blocks": fmt.Sprint(p.Blocks)})
			}
		}
		return list, nil
	})
	return mux
}
