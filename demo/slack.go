package demo

import (
	"context"
	"time"

	"throughline/accounts"
	"throughline/connectors/slack/slacktest"
	"throughline/inbox"
	"throughline/notify"
	"throughline/safehtml"
	"throughline/store"
)

// The account of the hub in the workspace of Larkspur Cycles. Business customers
// are in it by shared channels.
const (
	slackID      = "slack"
	slackChannel = "slack"
	slackName    = "Larkspur Slack"
)

// How many conversations there wait on the desk.
const (
	openTalks    = 3
	visitorTalks = 1
	nobodyTalks  = 1
)

// The business customer who shares a channel, and one who writes directly: both have
// mailed before.
const (
	fleetOwner = "owen@castellan.example.org"
	tourGuide  = "simon@archertours.example.com"
)

// maxSaid is how often customers speak in Slack before they fall silent.
const maxSaid = maxLive / 10

// talk is a thread or a direct message as its customer sees it.
type talk struct {
	room   *slacktest.Channel
	root   string // ts of the thread, "" in a direct message
	who    *slacktest.User
	tag    string
	then   string // to whatever is answered first
	thanks int
	plan   plan
}

// workspace is the double of Slack with who is in it.
type workspace struct {
	*slacktest.Server
	owen, mira, simon *slacktest.User
	marco             *slacktest.User
	fleet, direct     *slacktest.Channel
	desk              *slacktest.Channel // where colleagues are told what happens in the hub
	clock             time.Time          // of what is said of the past; zero is now
	talks             map[string]*talk   // by the hub's reference to a message
	threads           map[string]*talk   // by channel and thread
	said              int                // live
	slip              string             // ts of what was said in the wrong place
	mine              []string           // ts of what the customers have said in the fleet's channel lately
	uploads           []slacktest.Upload // pictures
}

// openSlack starts the double; Live fills it.
func (w *World) openSlack() error {
	s := &workspace{talks: map[string]*talk{}, threads: map[string]*talk{}}
	var err error
	if s.Server, err = slacktest.Start(slacktest.Options{TeamName: "Larkspur Cycles", TeamDomain: "larkspur", AppName: "Larkspur Desk", Unlimited: true, Now: s.now}); err != nil {
		return err
	}
	w.slack = s
	castellan, archer := s.Team("Castellan Couriers", "castellan"), s.Team("Archer Bicycle Tours", "archertours")
	s.owen = s.User(slacktest.Person{RealName: "Owen Castellan", Email: fleetOwner, ShareEmail: true, Title: "Owner", Team: castellan})
	s.mira = s.User(slacktest.Person{RealName: "Mira Castellan", Email: "mira@castellan.example.org", Title: "Dispatch", Team: castellan})
	s.simon = s.User(slacktest.Person{RealName: "Simon Archer", Email: tourGuide, ShareEmail: true, Title: "Guide", Team: archer})
	s.marco = s.User(slacktest.Person{RealName: colleagues[1].name, Email: colleagues[1].address})
	s.fleet = s.Channel(slacktest.Room{Name: "castellan-fleet", Members: []*slacktest.User{s.owen, s.mira, s.marco}, Shared: []*slacktest.Team{castellan}, Topic: "Twelve cargo bikes and what they need"})
	s.desk = s.Channel(slacktest.Room{Name: "larkspur-desk", Private: true, Members: []*slacktest.User{s.marco}, Topic: "What waits for us"})
	s.direct = s.simon.DM()
	for i, p := range w.cast.photos {
		s.uploads = append(s.uploads, slacktest.Upload{Name: [...]string{"rack.png", "wheel.png", "bike-7.png", "yard.png", "bell.png"}[i%5], MIMEType: "image/png", Content: p})
	}
	return nil
}

func (s *workspace) now() time.Time {
	if s.clock.IsZero() {
		return time.Now()
	}
	return s.clock
}

// say lets somebody speak and remembers to which talk that belongs; t.root "" in a
// channel begins a thread.
func (s *workspace) say(t *talk, who *slacktest.User, text string, files ...slacktest.Upload) error {
	ts, err := who.Say(t.room, text, slacktest.Say{Thread: t.root, Files: files})
	if err != nil {
		return err
	}
	if t.root == "" && t.room != s.direct {
		t.root = ts
	}
	s.threads[t.room.ID+"/"+t.root] = t
	s.talks["slack:"+s.TeamID()+"/"+t.room.ID+"/"+ts] = t
	if t.room == s.fleet && who != s.marco {
		s.mine = append(s.mine, ts)
	}
	return nil
}

// addSlack tells the past, adds the account and waits until the hub has it.
func (w *World) addSlack(ctx context.Context) error {
	s := w.slack
	due, err := s.past(time.Now(), w.cast.lastMail[fleetOwner])
	if err != nil {
		return err
	}
	if _, err := w.accounts.Create(ctx, accounts.NewAccount{ID: slackID, Channel: slackChannel, Name: slackName, Settings: map[string]any{
		"bot_token": s.BotToken, "app_token": s.AppToken, "base_url": s.URL + "/api", "name": slackName, "customers": "external",
		"history_days": float64(pastDays), "notice_channels": []any{s.desk.ID},
	}}); err != nil {
		return err
	}
	if err := w.complete(ctx, func(tx *store.Tx) int { return max(0, due-w.hub.Health(tx, slackID).Stored) }); err != nil || w.notify == nil {
		return err
	}
	_, err = w.notify.Save(ctx, notify.Rule{Name: "Desk", Account: slackID, Place: s.desk.ID, Preview: true, Language: "en",
		Events: []string{notify.OnNew, notify.OnMention, notify.OnMissed, notify.OnFailed, notify.OnWaiting}, After: time.Hour})
	return err
}

// DeskURL is where a browser sees the channel of the colleagues in the double of
// Slack.
func (w *World) DeskURL() string { return w.slack.desk.PageURL() }

// past lets everybody say what they have said before the visitor came, on the days
// since the owner's last mail; due is how much of it the hub will take in.
func (s *workspace) past(now, since time.Time) (due int, err error) {
	defer func() { s.clock = time.Time{} }()
	const day = 24 * time.Hour
	stretch := min(1, float64(now.Sub(since)-day/4)/float64(9*day))
	line := func(t *talk, age time.Duration, who *slacktest.User, text string, files ...slacktest.Upload) {
		if err == nil {
			due++
			if age > day {
				age = max(day, time.Duration(float64(age)*stretch))
			}
			s.clock = now.Add(-age + time.Duration(due)*time.Minute)
			err = s.say(t, who, text, files...)
		}
	}
	done := func(tag string) *talk {
		return &talk{room: s.fleet, who: s.mira, tag: tag, then: "Thanks for coming back to this 🙏", plan: plan{status: inbox.Resolved, agent: 1}}
	}
	valve := done("service")
	line(valve, 9*day, s.owen, "Morning all! Bike 4 loses pressure every night, *rear wheel only*. Tube or valve?")
	line(valve, 9*day-20*time.Minute, s.marco, "Probably the valve core, the last batch had a few bad ones. I put ten new ones into today's van.")
	line(valve, 6*day, s.mira, "Swapped, and it held over night. Thank you!")
	lights := done("parts")
	line(lights, 4*day, s.mira, "Two front lights gone in the rain (bikes 2 and 9). Same type as before please.")
	line(lights, 4*day-time.Hour, s.marco, "On their way, with the better seal this time.")
	line(lights, 3*day, s.owen, "Arrived and mounted. Much brighter too!")
	rack := &talk{room: s.fleet, who: s.mira, tag: "damage", then: "The courier is fine. When could you have a look?", plan: plan{status: inbox.Open, agent: 1, priority: "high"}}
	line(rack, 20*time.Hour, s.mira, "The rack of bike 7 came off on the ring road. Nobody hurt, box has a dent. Picture below.", s.uploads[0])
	line(rack, 19*time.Hour, s.marco, "Glad nobody was hurt. Please take bike 7 off the road until I have seen it.")
	line(rack, 110*time.Minute, s.mira, "Parked in the yard. We are one bike short now, so the sooner the better…")
	more := &talk{room: s.fleet, who: s.owen, tag: "quote", then: "Sounds good. Can we split the payment like last time?", plan: plan{status: inbox.Open, agent: nobody}}
	line(more, 31*time.Minute, s.owen, "<@"+s.App().ID+"> could we get two more Pelican Cargo by March? Same setup as bikes 9 to 12.")
	guide := &talk{room: s.direct, who: s.simon, tag: "parts", then: "You are a star. I can be at yours at ten.", plan: plan{status: inbox.Open, agent: visitor}}
	line(guide, 14*time.Minute, s.simon, "Hi! Quick one: the belt of tour bike 11 jumps under load. Twelve guests on Saturday 😬")
	line(guide, 13*time.Minute, s.simon, "Is that a tensioner thing I can do myself?")
	return due, err
}

// spoken is what customers begin with while the visitor looks on.
func (s *workspace) spoken() []func() error {
	begin := func(who *slacktest.User, tag, text, then string, files ...slacktest.Upload) func() error {
		return func() error { return s.say(&talk{room: s.fleet, who: who, tag: tag, then: then}, who, text, files...) }
	}
	direct := func(text string) func() error {
		return func() error { return s.say(s.threads[s.direct.ID+"/"], s.simon, text) }
	}
	last := func() string { return s.mine[len(s.mine)-1] }
	return []func() error{
		func() error {
			return s.owen.Edit(s.fleet, last(), "<@"+s.App().ID+"> could we get *three* more Pelican Cargo by March? Same setup as bikes 9 to 12.")
		},
		func() error { return s.mira.React(s.fleet, last(), "raised_hands") },
		direct("I have the five millimetre key here, in case that is all it takes"),
		begin(s.mira, "service", "Bike 3 wants its yearly service. Thursday morning?", "Thursday at eight then, thanks!"),
		func() error { return s.owen.React(s.fleet, last(), "+1") },
		begin(s.owen, "invoice", "The January invoice lists bike 5 twice, I think.", "No rush, end of month is fine.", s.uploads[1]),
		direct("Update: tensioner was loose indeed. One to go 🤞"),
		begin(s.mira, "parts", "Do you have brake pads for all twelve? We change them together this time.", "Perfect, I'll pick them up."),
		begin(s.owen, "feedback", "A driver just told me he will never get into a van again. Thought you would like to know 😄", "Tell the workshop!"),
		func() error {
			err := s.say(&talk{room: s.fleet, who: s.mira, tag: "feedback"}, s.mira, "Lunch at one?")
			s.slip = last()
			return err
		},
		func() error { return s.mira.Delete(s.fleet, s.slip) }, // that was for somebody else
	}
}

// customersSpeak lets somebody say something in Slack, and puts the next time on
// the agenda.
func (w *World) customersSpeak(context.Context) error {
	s := w.slack
	if s.said >= maxSaid {
		return nil
	}
	w.after(w.cast.between(w.pace.MailMin, w.pace.MailMax)*3, w.customersSpeak)
	list, err := w.open(2 * deskFull)
	if err != nil || len(list) >= deskFull {
		return err
	}
	steps := s.spoken()
	n := s.said
	if n >= len(steps) { // what was edited once is not edited again
		n = 3 + (n-3)%(len(steps)-3)
	}
	s.said++
	return steps[n]()
}

// watchSlack tells Live that something happened there.
func (w *World) watchSlack(ctx context.Context) {
	n := 0
	for {
		if err := w.slack.WaitFor(ctx, func() bool { return len(w.slack.Posted()) > n }); err != nil {
			return
		}
		list := w.slack.Posted()
		for _, p := range list[n:] {
			select {
			case w.spoke <- p:
			case <-ctx.Done():
				return
			}
		}
		n = len(list)
	}
}

// answered lets a customer react to what the hub has posted.
func (w *World) answered(p slacktest.Post) error {
	s := w.slack
	t := s.threads[p.Channel+"/"+p.ThreadTS]
	if t == nil {
		t = s.threads[p.Channel+"/"]
	}
	if t == nil || s.said >= maxSaid || t.thanks > 2 {
		return nil
	}
	t.thanks++
	words := t.then
	if t.then = ""; words == "" {
		w.after(w.pace.ReplyMin, func(context.Context) error {
			return t.who.React(t.room, p.TS, pick(w.cast, []string{"+1", "pray", "bike", "tada"}))
		})
		return nil
	}
	w.after(w.cast.between(w.pace.ReplyMin, w.pace.ReplyMax), func(context.Context) error { return s.say(t, t.who, words) })
	return nil
}

// answerTalk lets a colleague answer in Slack.
func (w *World) answerTalk(ctx context.Context, conv placed) error {
	words := [...]string{"Thanks for telling us. I look into it right now.", "Noted, I come back to you within the hour.", "Good point, I ask the workshop."}[int(conv.ID)%3]
	return w.reply(ctx, conv.Assignee, conv.ID, conv.LastSeq, safehtml.FromText(words), "")
}
