package slack

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"throughline/connectors/slack/slacktest"
	"throughline/message"
)

// TestPicture: a member's picture comes with what he writes, is told anew when he
// changes it, and is fetched from Slack alone, without the token.
func TestPicture(t *testing.T) {
	srv := startSlack(t, slacktest.Options{})
	ann := srv.User(slacktest.Person{RealName: "Ann Example"})
	h := newHub()
	c := connect(t, srv, srv.URL, nil)
	start(t, c, h)
	h.awaitLive(t)
	say(t, ann, ann.DM(), "hello")
	h.awaitTexts(t, "hello")
	first := h.byText(t, "hello").From.Picture
	if b, err := c.Picture(t.Context(), first); err != nil || !strings.HasPrefix(string(b), "\x89PNG") {
		t.Errorf("%q: %d bytes, %v", first, len(b), err)
	}
	ann.Change(func(p *slacktest.Person) { p.RealName = "Ann Other" })
	var now message.Person
	h.Wait(t, "the new profile", func() bool {
		for _, b := range h.Batches() {
			for _, p := range b.People {
				now = p
			}
		}
		return now.Name == "Ann Other"
	})
	if now.Handle != handleOf(ann.TeamID(), ann.ID) || now.Picture == "" || now.Picture == first {
		t.Errorf("%+v, before %q", now, first)
	}
	asked := false
	other := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { asked = true }))
	t.Cleanup(other.Close)
	for _, at := range []string{other.URL + "/x.png", "http://169.254.169.254/latest", "file:///etc/passwd", "::", ""} {
		if b, err := c.Picture(t.Context(), at); err == nil || asked {
			t.Errorf("%q was asked: %d bytes", at, len(b))
		}
	}
	// What Slack draws for those who have chosen none says less than initials.
	if p := readPerson(bag{"profile": []byte(`{"real_name":"X","image_192":"https://a.slack-edge.com/x.png"}`)}); p.Picture != "" {
		t.Errorf("%+v", p)
	}
}
