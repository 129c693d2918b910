package slacktest_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"throughline/connectors/slack/slacktest"
)

// BenchmarkDelivery is what the double itself costs for a message in one channel,
// from Say to the answer of an app that does nothing.
func BenchmarkDelivery(b *testing.B) {
	s, err := slacktest.Start(fast())
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	h := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer h.Close()
	ana := s.User(slacktest.Person{RealName: "Ana Example"})
	c := s.Channel(slacktest.Room{Name: "support", Members: []*slacktest.User{ana}})
	s.SetEventsURL(h.URL)
	b.ResetTimer()
	for range b.N { // not Loop: it would leave out what is still on its way
		must(ana.Say(c, "hello"))
	}
	if err := s.WaitDelivered(b.Context()); err != nil {
		b.Fatal(err)
	}
}
