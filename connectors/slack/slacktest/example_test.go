package slacktest_test

import (
	"context"
	"fmt"

	"github.com/slack-go/slack"

	"throughline/connectors/slack/slacktest"
)

func Example() {
	srv, err := slacktest.Start(slacktest.Options{})
	if err != nil {
		panic(err)
	}
	defer srv.Close()
	ana := srv.User(slacktest.Person{RealName: "Ana Example", Email: "ana@example.com"})
	support := srv.Channel(slacktest.Room{Name: "support", Members: []*slacktest.User{ana}})

	ts, err := ana.Say(support, "Where is my order?")
	if err != nil {
		panic(err)
	}
	app := slack.New(srv.BotToken, slack.OptionAPIURL(srv.API()))
	if _, _, err := app.PostMessage(support.ID, slack.MsgOptionText("On its way.", false), slack.MsgOptionTS(ts)); err != nil {
		panic(err)
	}
	posts, err := srv.WaitPosted(context.Background(), 1)
	if err != nil {
		panic(err)
	}
	fmt.Println(posts[0].Text, posts[0].ThreadTS == ts)
	// Output: On its way. true
}
