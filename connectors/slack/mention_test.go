package slack

import (
	"testing"

	"throughline/connectors/slack/slacktest"
)

// TestMentionable: the members of the channel that is answered in, by name; the app
// itself and direct messages name nobody. Who is chosen is told by Slack.
func TestMentionable(t *testing.T) {
	srv := startSlack(t, slacktest.Options{})
	zoe := srv.User(slacktest.Person{RealName: "Zoe Example"})
	ann := srv.User(slacktest.Person{RealName: "Ann Example"})
	srv.User(slacktest.Person{RealName: "Not There"})
	room := srv.Channel(slacktest.Room{Name: "help", Members: []*slacktest.User{zoe, ann}})
	root := say(t, zoe, room, "question")
	direct := say(t, ann, ann.DM(), "hello")
	c := connect(t, srv, srv.URL, nil)
	in := keyOf(srv.TeamID(), room.ID, root)
	list, err := c.Mentionable(t.Context(), []string{in + threadMark, in})
	if err != nil || len(list) != 2 || list[0].Name != "Ann Example" || list[1].Name != "Zoe Example" {
		t.Fatalf("%+v, %v", list, err)
	}
	for name, thread := range map[string][]string{"direct": {keyOf(srv.TeamID(), ann.DM().ID, direct)}, "none": nil, "elsewhere": {"slack:TOTHER/C1/1700000000.000100"}} {
		if list, err := c.Mentionable(t.Context(), thread); err != nil || len(list) != 0 {
			t.Errorf("%s: %+v, %v", name, list, err)
		}
	}
	m := out(zoe, "", in+threadMark, in)
	m.HTML = `<p>Ask <span data-mention="` + string(list[0].Handle) + `">@Ann Example</span></p>`
	m.Text = "Ask @Ann Example"
	if _, err := c.Send(t.Context(), m); err != nil {
		t.Fatal(err)
	}
	posts := srv.Posted()
	if got, want := posts[len(posts)-1].Text, "Ask <@"+ann.ID+">"; got != want {
		t.Errorf("posted %q, want %q", got, want)
	}
	if _, err := c.Mentionable(t.Context(), []string{keyOf(srv.TeamID(), "CGONE", root)}); err == nil {
		t.Error("a channel that is gone has members")
	}
	noViolations(t, srv)
}
