package demo

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"time"

	"throughline/connectors/email/mailtest"
	"throughline/inbox"
	"throughline/safehtml"
)

// maxLive is how many mails customers write before they fall silent, so that a
// demo that is forgotten stays small.
const maxLive = 2000

// deskFull is the number of open conversations above which customers begin no
// new matters and colleagues close what they answer.
const deskFull = 40

// task is something that somebody does at a time.
type task struct {
	at time.Time
	do func(ctx context.Context) error
}

// after puts a task on the agenda.
func (w *World) after(d time.Duration, do func(ctx context.Context) error) {
	w.agenda = append(w.agenda, task{time.Now().Add(d), do})
}

// Live waits for the past, does what the colleagues had done about it, and then
// lets people write until ctx ends or the world is closed. Trouble is logged: a
// demo goes on.
func (w *World) Live(ctx context.Context) {
	w.living.Lock()
	defer w.living.Unlock()
	begin := func() error {
		if err := w.arrived(ctx); err != nil {
			return err
		}
		// Whoever presses "try again" shall succeed.
		w.imap[w.poison.box].Poison(w.poison.uid, false)
		if err := errors.Join(w.addSlack(ctx), w.addPhones(ctx), w.addLine(ctx), w.knowAll(ctx), w.tellHabits(ctx)); err != nil {
			return err
		}
		return errors.Join(w.arrange(ctx), w.settleIn(ctx))
	}
	// Whatever changes the world does so under acting, for those who look at it.
	act := func(do func() error) error {
		w.acting.Lock()
		defer w.acting.Unlock()
		return do()
	}
	if err := act(begin); err != nil {
		w.complain(ctx, err)
		return
	}
	watching, stop := context.WithCancel(ctx)
	var watch sync.WaitGroup
	watch.Go(func() { w.watchTexts(watching) })
	watch.Go(func() { w.watchSlack(watching) })
	dial := make(chan caller, 1)
	watch.Go(func() { w.takeCalls(watching, dial) })
	defer func() { stop(); watch.Wait() }()
	w.after(w.pace.First/2, w.trouble)
	w.after(w.pace.First, w.troubleByText)
	w.after(w.pace.First*2, w.customerTexts)
	w.after(w.pace.First*3, w.customersSpeak)
	w.after(w.pace.First*2+w.cast.between(0, w.pace.AgentMin), w.colleagueTexts)
	w.after(w.pace.First, w.customerWrites)
	w.after(w.pace.First*6, w.customerCalls)
	w.after(w.pace.First+w.cast.between(0, w.pace.AgentMin), w.colleagueWorks)
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		var do func() error
		select {
		case m := <-w.sent:
			do = func() error { return w.delivered(m) }
		case p := <-w.spoke:
			do = func() error { return w.answered(p) }
		case m := <-w.texted:
			do = func() error { return w.carried(m) }
		case <-w.ring:
			do = func() error { w.someCalls(dial); return nil }
		case <-timer.C:
			do = func() error { return w.tick(ctx) }
		case <-w.closing:
			return
		case <-ctx.Done():
			return
		}
		if err := act(do); err != nil {
			w.complain(ctx, err)
		}
		wait := time.Hour
		for _, t := range w.agenda {
			wait = min(wait, time.Until(t.at))
		}
		timer.Reset(wait)
	}
}

// tick does what is due.
func (w *World) tick(ctx context.Context) error {
	now := time.Now()
	var due []task
	w.agenda = slices.DeleteFunc(w.agenda, func(t task) bool {
		if t.at.After(now) {
			return false
		}
		due = append(due, t)
		return true
	})
	var errs []error
	for _, t := range due {
		errs = append(errs, t.do(ctx))
	}
	return errors.Join(errs...)
}

// complain logs what went wrong, unless the demo is ending.
func (w *World) complain(ctx context.Context, err error) {
	select {
	case <-w.closing:
	default:
		if ctx.Err() == nil && !errors.Is(err, context.Canceled) {
			w.log.Error("demo", "error", err)
		}
	}
}

// deliver puts a customer's mail into the mailbox it is written to.
func (w *World) deliver(t *thread, l *letter) error {
	w.mails++
	_, err := w.imap[t.box].Append(folderInbox, l.wire(), l.date)
	return err
}

// customerWrites lets somebody begin a new matter, ask again or come back to an
// answer, and puts the next time on the agenda.
func (w *World) customerWrites(context.Context) error {
	if w.mails >= maxLive {
		return nil
	}
	w.after(w.cast.between(w.pace.MailMin, w.pace.MailMax), w.customerWrites)
	c := w.cast
	list, err := w.open(2 * deskFull)
	if err != nil {
		return err
	}
	// Every third mail is about something that is open already, if possible.
	if w.mails%3 == 2 || len(list) >= deskFull {
		var known []*thread
		for _, conv := range list {
			if t := conv.thread; t != nil && len(t.lang.nudges) > 0 && t.last.from == t.who && t.last.auth == "pass" && t.thanked < 3 {
				known = append(known, t)
			}
		}
		if len(known) > 0 {
			t := pick(c, known)
			t.thanked++
			return w.deliver(t, c.fromCustomer(t, pick(c, t.lang.nudges), time.Now()))
		}
		if len(list) >= deskFull {
			return nil
		}
	}
	// The languages take turns quicker than in the past: a visitor of a minute
	// should see all.
	lang := c.langs[(w.mails+1)%len(c.langs)]
	t := c.open(lang, c.customer(lang), c.concern(lang))
	return w.deliver(t, c.fromCustomer(t, pick(c, t.matter.asks), time.Now()))
}

// colleagueWorks lets a colleague answer, take or note something.
func (w *World) colleagueWorks(ctx context.Context) error {
	if w.mails >= maxLive {
		return nil
	}
	w.after(w.cast.between(w.pace.AgentMin, w.pace.AgentMax), w.colleagueWorks)
	list, err := w.open(2 * deskFull)
	if err != nil {
		return err
	}
	c := w.cast
	var waiting, free []placed
	for _, conv := range list {
		switch {
		case conv.thread == nil || conv.Assignee == w.Visitor || conv.Waiting.IsZero() || conv.thread.last.auth == "fail":
		case conv.Assignee != 0:
			waiting = append(waiting, conv)
		default:
			free = append(free, conv)
		}
	}
	switch n := c.rng.IntN(10); {
	case n < 2 && len(free) > 4:
		conv := pick(c, free)
		who := w.agents[c.agentFor(conv.thread.lang)]
		return w.hub.Change(ctx, who, []uint64{conv.ID}, inbox.Change{Assignee: &who})
	case n < 4 && len(list) > 0:
		conv := pick(c, list)
		if conv.thread == nil || len(conv.thread.lang.notes) == 0 {
			return nil
		}
		_, err := w.hub.AddNote(ctx, w.agents[c.agentFor(conv.thread.lang)], conv.ID, conv.thread.fill.Replace(pick(c, conv.thread.lang.notes)))
		return err
	case len(waiting) > 0:
		return w.colleagueAnswers(ctx, waiting[len(waiting)-1], len(list) > deskFull/2)
	case len(free) > 7:
		return w.colleagueAnswers(ctx, free[len(free)-1], len(list) > deskFull/2)
	}
	return nil
}

// drafting is how long a colleague's draft can be seen before it is sent.
const drafting = 4 * time.Second

// colleagueAnswers lets a colleague write: first a draft, which the others see,
// then the answer.
func (w *World) colleagueAnswers(ctx context.Context, conv placed, closing bool) error {
	t := conv.thread
	who := w.cast.agentFor(t.lang)
	for i, id := range w.agents {
		if id == conv.Assignee {
			who = i
		}
	}
	words, script := t.lang.ours[0], false // that we are at it
	switch {
	case t.turn < len(t.matter.turns) && t.turn%2 == 0:
		words, script = t.matter.turns[t.turn], true
	case t.turn >= 2:
		words = pick(w.cast, t.lang.ours)
	}
	body := safehtml.FromText(w.cast.ours(t, words, colleagues[who].name))
	agent := w.agents[who]
	if _, err := w.hub.SaveDraft(ctx, agent, conv.ID, &inbox.Draft{Mode: inbox.ModeReply, HTML: body}); err != nil {
		return err
	}
	w.after(min(drafting, w.pace.AgentMin), func(ctx context.Context) error {
		then := ""
		if closing {
			then = "resolve"
		}
		err := w.reply(ctx, agent, conv.ID, conv.LastSeq, body, then)
		if newer := (*inbox.NewerError)(nil); errors.As(err, &newer) {
			// Somebody was quicker: that answer stands.
			return w.hub.DeleteDraft(ctx, agent, conv.ID)
		}
		t.script = t.script || script && err == nil
		return err
	})
	return nil
}

// trouble shows what becomes of mail that a server does not take: customers whose
// addresses are refused or put off write, and a colleague answers them.
func (w *World) trouble(context.Context) error {
	c := w.cast
	en := c.langs[0]
	for i, who := range [...]person{{"Harriet Cole", "harriet.cole" + bounceDomain, ""}, {"Stefan Krol", "stefan.krol" + slowDomain, ""}} {
		t := c.open(en, who, &en.matters[11+i])
		if err := w.deliver(t, c.fromCustomer(t, t.matter.asks[0], time.Now().Add(-time.Duration(40+i)*time.Minute))); err != nil {
			return err
		}
		w.awaitAndAnswer(t, 1+i, 50)
	}
	return nil
}

// awaitAndAnswer lets a colleague answer a thread as soon as its mail has come in.
func (w *World) awaitAndAnswer(t *thread, colleague, tries int) {
	w.after(w.pace.First/8, func(ctx context.Context) error {
		list, err := w.open(2 * deskFull)
		if err != nil {
			return err
		}
		for _, conv := range list {
			if conv.thread == t {
				body := safehtml.FromText(w.cast.ours(t, t.matter.turns[0], colleagues[colleague].name))
				return w.reply(ctx, w.agents[colleague], conv.ID, conv.LastSeq, body, "")
			}
		}
		if tries > 0 {
			w.awaitAndAnswer(t, colleague, tries-1)
		}
		return nil
	})
}

// took is called by the SMTP server for each mail it has taken.
func (w *World) took(m mailtest.Mail) {
	select {
	case w.sent <- m:
	default: // nobody lives here yet, or somebody sends faster than people read
	}
}

// refusals is how the SMTP server treats the addresses that show trouble.
func (w *World) refusals() func(to string) error {
	var mu sync.Mutex // two accounts may send at once
	seen := map[string]bool{}
	return func(to string) error {
		to = strings.ToLower(to)
		switch {
		case strings.HasSuffix(to, bounceDomain):
			return mailtest.Permanent("<" + to + ">: Recipient address rejected: User unknown")
		case strings.HasSuffix(to, slowDomain):
			mu.Lock()
			defer mu.Unlock()
			if !seen[to] {
				seen[to] = true
				return mailtest.Temporary("<" + to + ">: Mailbox busy, try again later")
			}
		}
		return nil
	}
}
