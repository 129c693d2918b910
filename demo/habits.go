package demo

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"throughline/connectors/twilio/twiliotest"
	"throughline/identity"
	"throughline/inbox"
	"throughline/message"
	"throughline/preference"
	"throughline/safehtml"
	"throughline/store"
	"throughline/timeline"
)

// strand is an episode as it goes on.
type strand struct {
	episode
	*teller
	thread       *thread // of its mails
	chat         *chat   // of its texts
	tag          string
	subject      string
	ask          string // what begins it
	turns        []string
	at           time.Time // of what was said last
	conversation uint64
	last         uint64 // our newest message
}

// teller is a regular with what the hub knows of him.
type teller struct {
	regular
	l        *language
	who      person
	number   string
	customer uint64
	agent    int
	said     int // how many of says are told
}

// tellHabits tells the three months of the regulars, one episode of each after the
// other, and all of it in the order in which it happened to each of them: their mails
// come by IMAP with the times they had, their texts by the provider's webhook, and what
// agents did they do through the hub at the time at which they did it.
func (w *World) tellHabits(ctx context.Context) error {
	tellers, err := w.gatherRegulars(ctx)
	if err != nil {
		return err
	}
	for g := 0; ; g++ {
		var strands []*strand
		for _, t := range tellers {
			if g < len(t.story) {
				strands = append(strands, w.strand(t, t.story[g]))
			} else if err := w.tellSayings(ctx, t, 0); err != nil {
				return err
			}
		}
		if len(strands) == 0 {
			break
		}
		slices.SortStableFunc(strands, func(a, b *strand) int { return a.at.Compare(b.at) })
		if err := w.tellEpisodes(ctx, strands); err != nil {
			return err
		}
	}
	return w.tellLost(ctx)
}

// gatherRegulars finds them in the hub, and lets agents note their numbers.
func (w *World) gatherRegulars(ctx context.Context) (list []*teller, err error) {
	for _, r := range regulars() {
		l := w.cast.langs[r.lang]
		t := &teller{regular: r, l: l, who: l.people[r.person], number: w.cast.number(l, r.person), agent: w.cast.agentFor(l)}
		linked := false
		if err := w.hub.Store.View(func(tx *store.Tx) error {
			h, ok := w.hub.Identity.Find(tx, message.NewHandle("mailto", t.who.address))
			if !ok {
				return fmt.Errorf("%s has not written", t.who.address)
			}
			root, err := w.hub.Identity.Root(tx, h.Customer)
			t.customer = root.ID
			_, linked = w.hub.Identity.Find(tx, telOf(t.number))
			return err
		}); err != nil {
			return nil, err
		}
		first := store.At(ctx, time.Now().AddDate(0, 0, -pastDays))
		if !linked {
			if err := w.hub.Link(first, w.agents[t.agent], t.customer, telOf(t.number), "the number below the mail"); err != nil {
				return nil, err
			}
		}
		if err := w.hub.EditCard(first, w.agents[t.agent], t.customer, []identity.Edit{{Field: identity.FieldTimeZone, Value: t.zone}}); err != nil {
			return nil, err
		}
		list = append(list, t)
	}
	return list, nil
}

// strand chooses what is said in an episode.
func (w *World) strand(t *teller, e episode) *strand {
	c := w.cast
	s := &strand{episode: e, teller: t}
	zone := t.place()
	day := time.Now().In(zone).AddDate(0, 0, -e.ago)
	from := t.hours
	if e.from == "" {
		from = [2]int{9, 16} // ours, as far as it goes
	}
	s.at = time.Date(day.Year(), day.Month(), day.Day(), from[0], 0, 0, 0, zone).Add(c.between(0, time.Duration(from[1]-from[0])*time.Hour)).UTC()
	letters := slices.DeleteFunc(slices.Clone(t.l.matters), func(m matter) bool { return purposeOf(m.tag) != e.purpose })
	short := slices.DeleteFunc(slices.Clone(t.l.texting.matters), func(m short) bool { return purposeOf(m.tag) != e.purpose })
	m := &t.l.matters[0]
	if len(letters) > 0 {
		m = &letters[c.rng.IntN(len(letters))]
	}
	s.thread = c.open(t.l, t.who, m)
	s.thread.cc = nil
	s.chat = &chat{lang: t.l, matter: &t.l.texting.matters[0], who: t.who, number: t.number, fill: s.thread.fill}
	if e.from == byApp || e.by == byApp {
		s.chat.phone = whatsApp
	}
	s.tag, s.subject = m.tag, s.thread.subject
	s.ask, s.turns = pick(c, m.asks), m.turns
	if (e.from == byText || e.from == byApp) && len(short) > 0 {
		s.chat.matter = &short[c.rng.IntN(len(short))]
		s.tag, s.ask, s.turns = s.chat.matter.tag, strings.Join(s.chat.matter.ask, " "), s.chat.matter.turns
	}
	if e.from == "" {
		s.tag, s.subject = e.purpose, s.thread.fill.Replace(subjects[t.l.code][e.purpose])
		s.thread.subject = s.subject
		s.turns = []string{openings[t.l.code][e.purpose], pick(c, t.l.texting.thanks)}
	}
	return s
}

func (t *teller) place() *time.Location {
	zone, err := time.LoadLocation(t.zone)
	if err != nil {
		return time.UTC // a system without time zones
	}
	return zone
}

// tellEpisodes tells episodes of different people side by side.
func (w *World) tellEpisodes(ctx context.Context, strands []*strand) error {
	for _, s := range strands {
		if err := w.tellSayings(ctx, s.teller, s.ago); err != nil {
			return err
		}
	}
	// They ask.
	if err := w.theySay(ctx, strands, func(s *strand) string { return s.from }, func(s *strand) string { return s.ask }); err != nil {
		return err
	}
	// What is advised rests on what was learned so far.
	if err := w.hub.Preference.CatchUp(ctx); err != nil {
		return err
	}
	for _, s := range strands {
		if err := w.weSay(ctx, s); err != nil {
			return fmt.Errorf("answer %s %d days ago: %w", s.who.name, s.ago, err)
		}
	}
	if err := w.outboxEmpty(ctx, strands); err != nil {
		return err
	}
	// They answer, those who do over this channel.
	answers := slices.DeleteFunc(slices.Clone(strands), func(s *strand) bool {
		p, ok := s.answers[s.by]
		if ok {
			s.at = s.at.Add(w.cast.between(p.least, p.most))
		}
		return !ok || len(s.turns) < 2 || s.at.After(time.Now())
	})
	if err := w.theySay(ctx, answers, func(s *strand) string { return s.by }, func(s *strand) string { return s.turns[1] }); err != nil {
		return err
	}
	for _, s := range strands {
		done, end := inbox.Resolved, s.at.Add(w.cast.between(20*time.Minute, 5*time.Hour))
		if err := w.hub.Change(store.At(ctx, end), w.agents[s.agent], []uint64{s.conversation}, inbox.Change{Status: &done}); err != nil {
			return err
		}
	}
	return nil
}

// theySay lets customers write something over a channel each, "" for nothing, and
// waits until the hub has it.
func (w *World) theySay(ctx context.Context, strands []*strand, over, words func(*strand) string) error {
	var upTo uint64
	if err := w.hub.Store.View(func(tx *store.Tx) error { upTo = w.hub.Timeline.Last(tx); return nil }); err != nil {
		return err
	}
	heard := map[string]*strand{} // by the reference of a message
	for _, s := range strands {
		switch channel := over(s); channel {
		case "":
		case byMail:
			l := w.cast.fromCustomer(s.thread, words(s), s.at)
			if _, err := w.imap[s.thread.box].Append(folderInbox, l.wire(), l.date); err != nil {
				return err
			}
			heard[l.id] = s
		default:
			sid, err := w.textAt(ctx, s.chat, words(s), s.at)
			if err != nil {
				return err
			}
			heard[sid] = s
		}
	}
	var failed error
	err := w.complete(ctx, func(tx *store.Tx) int {
		var events []timeline.Event
		if events, failed = w.hub.Timeline.After(tx, upTo, 10_000); failed != nil {
			return 0
		}
		for _, e := range events {
			upTo = e.Seq
			if e.Kind != timeline.MessageReceived {
				continue
			}
			r, err := w.hub.Message(tx, e.Message)
			if err != nil {
				failed = err
				return 0
			}
			if s := heard[r.Ref]; s != nil {
				s.conversation = e.Conversation
				delete(heard, r.Ref)
			}
		}
		return len(heard)
	})
	return errors.Join(err, failed)
}

// weSay takes a matter and answers it, or begins it.
func (w *World) weSay(ctx context.Context, s *strand) error {
	agent := w.agents[s.agent]
	box := s.thread.box
	out := inbox.Outgoing{Agent: agent, Conversation: s.conversation, Mode: inbox.ModeReply, Account: accountIDs[box], Anyway: true,
		To: []message.Person{{Name: s.who.name, Handle: message.NewHandle("mailto", s.who.address)}}}
	body := s.thread.fill.Replace(s.turns[0])
	if s.from == "" {
		out.Mode, out.Purpose = inbox.ModeNew, s.purpose
	} else {
		wait := [2]time.Duration{20 * time.Minute, 6 * time.Hour}
		if s.from != byMail {
			wait = [2]time.Duration{3 * time.Minute, 50 * time.Minute}
		}
		s.at = s.at.Add(w.cast.between(wait[0], wait[1]))
		if s.from == byMail {
			s.at = office(s.at)
		}
		tags := []string{s.tag}
		take := inbox.Change{Assignee: &agent, Tags: &tags}
		if err := w.hub.Change(store.At(ctx, s.at.Add(-2*time.Minute)), agent, []uint64{s.conversation}, take); err != nil {
			return err
		}
		// By hand where no rule did it.
		if err := w.hub.Change(store.At(ctx, s.at.Add(-time.Minute)), agent, []uint64{s.conversation}, inbox.Change{Purpose: &s.purpose}); err != nil {
			return err
		}
	}
	switch s.by {
	case byMail:
		out.Subject = s.subject
		if s.from != "" {
			out.Subject = answerTo(s.subject)
		}
		out.HTML = safehtml.FromText(w.cast.ours(s.thread, s.turns[0], colleagues[s.agent].name))
	default:
		out.Account = phoneIDs[texts]
		if s.by == byApp {
			// The time for own words is over by now.
			out.Account = phoneIDs[whatsApp]
			out.Template = &message.TemplateUse{ID: letters[s.l.code], Values: map[string]string{"1": s.who.first(), "2": s.thread.fill.Replace("{model}")}}
		}
		out.To = []message.Person{{Name: s.who.name, Handle: telOf(s.number)}}
		out.HTML = safehtml.FromText(body)
	}
	seq, err := w.hub.Reply(store.At(ctx, s.at), out)
	if err != nil {
		return err
	}
	return w.hub.Store.View(func(tx *store.Tx) error {
		e, err := w.hub.Timeline.Get(tx, seq)
		if err != nil {
			return err
		}
		r, err := w.hub.Message(tx, e.Message)
		if err != nil {
			return err
		}
		s.conversation, s.last, w.toldUpTo = e.Conversation, r.ID, max(w.toldUpTo, r.ID)
		if s.by == byMail {
			w.cast.remember(s.thread, &letter{id: r.Ref, from: our(box, colleagues[s.agent].name), to: []person{s.who}, subject: out.Subject, text: body, date: s.at})
		}
		return nil
	})
}

// outboxEmpty waits until what we said is on its way: what is said next may forbid it.
func (w *World) outboxEmpty(ctx context.Context, strands []*strand) error {
	return w.complete(ctx, func(tx *store.Tx) (missing int) {
		for _, s := range strands {
			if d, err := w.hub.Delivery(tx, s.last); err == nil && (d.Status == message.Queued || d.Status == message.Sending) {
				missing++
			}
		}
		return missing
	})
}

// tellSayings tells what is known of somebody before a day.
func (w *World) tellSayings(ctx context.Context, t *teller, ago int) error {
	for ; t.said < len(t.says) && t.says[t.said].ago > ago; t.said++ {
		s := t.says[t.said]
		at := time.Now().AddDate(0, 0, -s.ago)
		then := store.At(ctx, at)
		var err error
		switch {
		case s.text != "":
			_, err = w.textAt(ctx, &chat{lang: t.l, matter: &short{tag: "feedback"}, who: t.who, number: t.number, plan: plan{status: inbox.Resolved, agent: t.agent}}, s.text, at)
		case s.unsubscribe != "":
			err = w.unsubscribe(then, t.who, s.unsubscribe)
		default:
			s.what.Customer, s.what.By = t.customer, fmt.Sprintf("agent:%d", w.agents[t.agent])
			if s.what.Proof.Form != "" {
				s.what.By = fmt.Sprintf("customer:%d", t.customer)
			} else if s.what.Source == preference.Stated {
				s.what.Proof.Heard = w.agents[t.agent]
			}
			_, err = w.hub.Preference.State(then, s.what)
		}
		if err != nil {
			return fmt.Errorf("what %s says: %w", t.who.name, err)
		}
	}
	return nil
}

// unsubscribe clicks on the link below an offer.
func (w *World) unsubscribe(ctx context.Context, who person, purpose string) error {
	page := ""
	if err := w.hub.Store.View(func(tx *store.Tx) error {
		h, ok := w.hub.Identity.Find(tx, message.NewHandle("mailto", who.address))
		if !ok {
			return inbox.ErrNotFound
		}
		var err error
		page, err = w.hub.ChoicesPage(tx, h.ID)
		return err
	}); err != nil {
		return err
	}
	return w.hub.Unsubscribe(ctx, strings.TrimPrefix(page, inbox.ChoicesPath), purpose)
}

// tellLost answers somebody whose server knows him no more.
func (w *World) tellLost(ctx context.Context) error {
	en := w.cast.langs[0]
	t := &teller{regular: regular{lang: 0, hours: [2]int{10, 12}, zone: "Europe/London"}, l: en, who: lost, agent: 1}
	s := w.strand(t, episode{lostAgo, forSupport, byMail, byMail})
	return w.tellEpisodes(ctx, []*strand{s})
}

// textAt lets a customer text at a time of the past, by the webhook that tells of it.
func (w *World) textAt(ctx context.Context, t *chat, words string, at time.Time) (sid string, err error) {
	in := twiliotest.Inbound{From: t.wire(), To: phonePrefix[t.phone] + phoneNumbers[t.phone], At: at, NoHook: true, Body: words}
	if t.fill != nil {
		in.Body = t.say(words)
	}
	a, err := w.twilio.ReceiveMessage(in)
	if err != nil {
		return "", err
	}
	form := url.Values{"MessageSid": {a.Message.SID}, "SmsSid": {a.Message.SID}, "AccountSid": {w.twilio.AccountSID()}, "From": {in.From}, "To": {in.To},
		"Body": {in.Body}, "NumMedia": {"0"}, "SmsStatus": {"received"}, "ApiVersion": {"2010-04-01"}}
	if t.phone == whatsApp {
		form.Set("ProfileName", t.who.name)
	}
	hook, err := w.hub.Webhook(phoneIDs[t.phone])
	if err != nil {
		return "", err
	}
	r, err := http.NewRequestWithContext(store.At(ctx, at), http.MethodPost, "/message", strings.NewReader(form.Encode()))
	if err != nil {
		return "", err
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("X-Twilio-Signature", twiliotest.Sign(w.twilio.AuthToken(), w.hub.WebhookURL(phoneIDs[t.phone])+"/message", form))
	answer := &answerWriter{head: http.Header{}}
	hook.ServeHTTP(answer, r)
	if cmp.Or(answer.status, http.StatusOK) != http.StatusOK {
		return "", fmt.Errorf("a text of %s was answered %d: %s", t.who.name, answer.status, answer.body.String())
	}
	w.cast.texts[a.Message.SID] = t
	return a.Message.SID, nil
}

// answerWriter keeps the answer to a request that was made without a connection.
type answerWriter struct {
	head   http.Header
	status int
	body   bytes.Buffer
}

func (a *answerWriter) Header() http.Header         { return a.head }
func (a *answerWriter) WriteHeader(status int)      { a.status = status }
func (a *answerWriter) Write(b []byte) (int, error) { return a.body.Write(b) }
