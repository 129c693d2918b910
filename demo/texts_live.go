package demo

import (
	"context"
	"errors"
	"net/url"
	"strings"
	"time"

	"throughline/accounts"
	"throughline/connectors/twilio/twiliotest"
	"throughline/inbox"
	"throughline/message"
	"throughline/safehtml"
	"throughline/store"
)

// The ones who show what can go wrong with texts.
const (
	deadNumber = "+447700900198" // switched off for good
	stopNumber = "+12025550199"  // wants no more texts
	codeDead   = 30003           // of Twilio: unreachable destination handset
)

// textRate is how many texts a second the provider takes.
const textRate = 100

// maxTexts is how many texts customers write before they fall silent.
const maxTexts = maxLive / 4

// slow lets a text take about two seconds to its telephone, so that its states can
// be seen.
const slow = 0.5

// templateSID begins the names of the templates.
const templateSID = "HX0000000000000000000000000000000"

// The templates that WhatsApp is said to have approved.
func templates() []twiliotest.Template {
	const sid = templateSID
	return []twiliotest.Template{
		{SID: sid + "1", Name: "ready_for_pickup", Language: "en", Body: "Hello {{1}}, your {{2}} is ready. We are open until six. Larkspur Cycles"},
		{SID: sid + "2", Name: "more_questions", Language: "en", Body: "Hello {{1}}, we have a question about order {{2}}. Please answer here when it suits you."},
		{SID: sid + "3", Name: "ready_for_pickup_fa", Language: "fa", Body: "سلام {{1}}، {{2}} شما آماده است. تا ساعت شش هستیم. لارک‌اسپر"},
		{SID: sid + "4", Name: "ready_for_pickup_th", Language: "th", Body: "สวัสดีค่ะ {{1}} {{2}} พร้อมรับแล้วค่ะ ร้านเปิดถึงหกโมงเย็น"},
	}
}

// openPhones starts the double of the provider, whose webhooks go to the hub.
func (w *World) openPhones(public string) (err error) {
	o := twiliotest.Options{Speed: slow, FailTo: map[string]int{deadNumber: codeDead}, Templates: templates()}
	for phone := range phones {
		n := twiliotest.Number{PhoneNumber: phonePrefix[phone] + phoneNumbers[phone], SMS: phone == texts, MMS: phone == texts, AreaCountry: "GB"}
		if public != "" {
			n.SMSURL = public + inbox.HookPath + phoneIDs[phone] + "/message"
		}
		o.Numbers = append(o.Numbers, n)
	}
	w.twilio, err = twiliotest.Start(o)
	return err
}

// addPhones adds the accounts and waits until the hub has the texts of the past.
func (w *World) addPhones(ctx context.Context) error {
	var due [phones]int
	for _, p := range w.cast.pastTexts(time.Now()) {
		if _, err := w.textIn(p.chat, p.body, p.with, p.at); err != nil {
			return err
		}
		due[p.chat.phone]++
	}
	for phone := range phones {
		if _, err := w.accounts.Create(ctx, accounts.NewAccount{ID: phoneIDs[phone], Channel: phoneChannels[phone], Name: phoneNames[phone], Settings: map[string]any{
			"account_sid": w.twilio.AccountSID(), "auth_token": w.twilio.AuthToken(), "from": phoneNumbers[phone], "name": phoneNames[phone],
			"base_url": w.twilio.URL(), "history_days": float64(pastDays), "poll_interval": "1m", "rate": float64(textRate),
		}}); err != nil {
			return err
		}
	}
	return w.complete(ctx, func(tx *store.Tx) (missing int) {
		for phone := range phones {
			missing += max(0, due[phone]-w.hub.Health(tx, phoneIDs[phone]).Stored)
		}
		return missing
	})
}

// knowAll does what agents do who know whose number or member it is: records that
// came about by a text are merged with that of the mails, new numbers are linked.
func (w *World) knowAll(ctx context.Context) error {
	type known struct {
		customer, other uint64 // other is 0 if the handle is new
		handle          message.Handle
	}
	var list []known
	if err := w.hub.Store.View(func(tx *store.Tx) error {
		find := func(address string, handle message.Handle) {
			mail, ok := w.hub.Identity.Find(tx, message.NewHandle("mailto", address))
			if !ok {
				return
			}
			k := known{customer: mail.Customer, handle: handle}
			if h, ok := w.hub.Identity.Find(tx, handle); ok {
				k.other = h.Customer
			}
			list = append(list, k)
		}
		for _, l := range w.cast.langs {
			for i, p := range l.people {
				if isKnown(i) {
					find(p.address, message.NewHandle("tel", w.cast.number(l, i)))
				}
			}
		}
		find(fleetOwner, message.NewHandle("slack", w.slack.owen.TeamID()+"/"+w.slack.owen.ID))
		return nil
	}); err != nil {
		return err
	}
	for n, k := range list {
		var err error
		if k.other != 0 {
			err = w.hub.Merge(ctx, w.agents[n%3], k.customer, k.other, nil, false, "told us so by mail")
		} else {
			err = w.hub.Link(ctx, w.agents[n%3], k.customer, k.handle, "the number below the mail")
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// textIn lets a customer text; at is zero for now. What was written in the past is
// found by the hub when it first looks.
func (w *World) textIn(t *chat, body string, photo bool, at time.Time) (twiliotest.Arrival, error) {
	in := twiliotest.Inbound{From: t.wire(), To: phonePrefix[t.phone] + phoneNumbers[t.phone], Body: body, At: at, NoHook: !at.IsZero()}
	if t.phone == whatsApp {
		in.ProfileName = t.who.name
	}
	if photo {
		n := w.cast.rng.IntN(photoCount)
		in.Media = []twiliotest.Media{{ContentType: "image/png", Data: w.cast.photos[n]}}
	}
	a, err := w.twilio.ReceiveMessage(in)
	w.cast.texts[a.Message.SID] = t
	return a, err
}

// textNow lets a customer text something.
func (w *World) textNow(t *chat, words string, photo bool) error {
	w.texts++
	_, err := w.textIn(t, t.say(words), photo, time.Time{})
	return err
}

// customerTexts lets somebody text, and puts the next time on the agenda.
func (w *World) customerTexts(context.Context) error {
	if w.texts >= maxTexts {
		return nil
	}
	w.after(w.cast.between(w.pace.MailMin, w.pace.MailMax)*2, w.customerTexts)
	list, err := w.open(2 * deskFull)
	if err != nil {
		return err
	}
	c := w.cast
	var known []*chat
	for _, conv := range list {
		if t := conv.chat; t != nil && !conv.Waiting.IsZero() && t.thanked < 2 && t.number != stopNumber {
			known = append(known, t)
		}
	}
	if len(known) > 0 && (w.texts%3 == 2 || len(list) >= deskFull) {
		t := pick(c, known)
		t.thanked += 2
		return w.textNow(t, pick(c, t.lang.texting.nudges), false)
	}
	if len(list) >= deskFull {
		return nil
	}
	t := c.texter(c.langs[[...]int{0, 1, 0, 2}[w.texts%4]])
	for n, words := range t.matter.ask {
		say := func(context.Context) error { return w.textNow(t, words, t.matter.photo && n == 0) }
		w.after(time.Duration(n)*w.pace.ReplyMin, say)
	}
	return nil
}

// colleagueTexts lets a colleague answer a text, or in Slack.
func (w *World) colleagueTexts(ctx context.Context) error {
	if w.texts >= maxTexts {
		return nil
	}
	w.after(w.cast.between(w.pace.AgentMin, w.pace.AgentMax), w.colleagueTexts)
	list, err := w.open(2 * deskFull)
	if err != nil {
		return err
	}
	for _, conv := range list {
		if conv.talk != nil && conv.Assignee != 0 && conv.Assignee != w.Visitor && !conv.Waiting.IsZero() {
			return w.answerTalk(ctx, conv)
		}
		old := time.Since(conv.Last) > 20*time.Hour // own words may be refused
		if conv.chat == nil || conv.Assignee == w.Visitor || conv.Waiting.IsZero() || old || conv.Assignee == 0 && len(list) < deskFull/2 && w.cast.rng.IntN(2) == 0 {
			continue
		}
		return w.answerText(ctx, conv)
	}
	return nil
}

// answerText lets a colleague answer a chat.
func (w *World) answerText(ctx context.Context, conv placed) error {
	t := conv.chat
	words, script := pick(w.cast, t.lang.texting.ours), false
	if t.turn < len(t.matter.turns) && t.turn%2 == 0 {
		words, script = t.matter.turns[t.turn], true
	}
	agent := w.agents[w.cast.agentFor(t.lang)]
	if conv.Assignee != 0 {
		agent = conv.Assignee
	}
	err := w.reply(ctx, agent, conv.ID, conv.LastSeq, safehtml.FromText(t.fill.Replace(words)), "")
	var newer *inbox.NewerError
	var conflict *inbox.ConflictError
	if errors.As(err, &newer) || errors.As(err, &conflict) {
		return nil // somebody was quicker, or said STOP meanwhile
	}
	t.script = t.script || script && err == nil
	return err
}

// watchTexts tells Live of each text of the hub that has come to its end.
func (w *World) watchTexts(ctx context.Context) {
	told := map[string]bool{}
	for {
		var ended []twiliotest.Message
		if err := w.twilio.Wait(ctx, func() bool {
			ended = nil
			for _, m := range w.twilio.Outbox() {
				if final := m.Status == "delivered" || m.Status == "undelivered" || m.Status == "failed"; final && !told[m.SID] {
					ended = append(ended, m)
				}
			}
			return len(ended) > 0
		}); err != nil {
			return
		}
		for _, m := range ended {
			told[m.SID] = true
			select {
			case w.texted <- m:
			case <-ctx.Done():
				return
			}
		}
	}
}

// carried lets whoever got a text of ours read it and answer.
func (w *World) carried(m twiliotest.Message) error {
	if m.Status != "delivered" || w.texts >= maxTexts {
		return nil
	}
	number, app := strings.CutPrefix(m.To, phonePrefix[whatsApp])
	phone := texts
	if app {
		phone = whatsApp
		w.after(w.pace.ReplyMin/2, func(context.Context) error { return w.twilio.ReadMessage(m.SID) })
	}
	var own string
	if u, err := url.Parse(m.Callback); err == nil {
		own = u.Query().Get("m")
	}
	if w.isTold("tl." + own) {
		return nil
	}
	byVisitor, err := w.byVisitor("tl." + own)
	if err != nil {
		return err
	}
	t := w.cast.called(number, phone, m.Body)
	words := w.cast.reactionByText(t, byVisitor)
	if number == stopNumber {
		words = "STOP"
	}
	if words == "" {
		return nil
	}
	w.after(w.cast.between(w.pace.ReplyMin, w.pace.ReplyMax), func(context.Context) error { return w.textNow(t, words, false) })
	return nil
}

// troubleByText shows a number that cannot be reached and somebody who wants
// nothing more.
func (w *World) troubleByText(context.Context) error {
	en := w.cast.langs[0]
	for _, d := range [...]struct {
		number string
		matter short
		agent  int
	}{
		{deadNumber, short{tag: "pickup", ask: []string{"Is the workshop open on {day}? Battery nearly empty, please be quick"}, turns: []string{"It is, nine to six."}}, 2},
		{stopNumber, short{tag: "newsletter", ask: []string{"Why do I get texts about a service?"}, turns: []string{"You asked us to remind you when 500 km are done. Answer STOP and we do not write again."}}, 1},
	} {
		who := person{name: d.number, address: d.number}
		t := &chat{lang: en, matter: &d.matter, who: who, number: d.number, phone: texts, fill: w.cast.filler(en, who)}
		w.cast.chats[d.number] = t
		if err := w.textNow(t, d.matter.ask[0], false); err != nil {
			return err
		}
		w.awaitAndText(t, d.agent, 50)
	}
	return nil
}

// awaitAndText lets a colleague answer a chat as soon as its text has come in.
func (w *World) awaitAndText(t *chat, colleague, tries int) {
	w.after(w.pace.First/8, func(ctx context.Context) error {
		list, err := w.open(2 * deskFull)
		if err != nil {
			return err
		}
		for _, conv := range list {
			if conv.chat == t {
				conv.Assignee = w.agents[colleague]
				return w.answerText(ctx, conv)
			}
		}
		if tries > 0 {
			w.awaitAndText(t, colleague, tries-1)
		}
		return nil
	})
}
