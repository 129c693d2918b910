package e2e

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"throughline/api"
	"throughline/connectors/twilio/twiliotest"
)

// The size of the crash test of texts. CRASH_KILLS makes it longer, and then it
// also waits until the provider was asked often enough about every unclear attempt.
const (
	textCrashIn      = 1000
	textCrashReplies = 200
	textCrashKills   = 20
	textCrashPeople  = 80
	textCrashAgents  = 3
)

// TestCrashTexts kills the program again and again while texts come in and answers
// go out, with a difficult provider, and then counts: nothing lost, nothing
// doubled, and no text sent twice by us.
func TestCrashTexts(t *testing.T) {
	t.Parallel()
	kills := textCrashKills
	long := os.Getenv("CRASH_KILLS") != ""
	if long {
		kills = max(kills, number(t, "CRASH_KILLS", kills))
	}
	size := max(1, kills/textCrashKills)
	seed := uint64(number(t, "CRASH_SEED", int(time.Now().UnixNano()&0xffffff)))
	t.Logf("CRASH_SEED=%d CRASH_KILLS=%d", seed, kills)
	c := &textCrash{t: t, rnd: rand.New(rand.NewPCG(seed, 3)), in: textCrashIn * size, out: textCrashReplies * size, media: map[string]bool{}, stop: make(chan struct{})}
	c.hub = newHub(t, hubOptions{public: true})
	c.twilio = startTwilio(t, c.hub, twiliotest.Options{})
	// Twilio's own way of being more patient than it is by default.
	c.twilio.PutNumber(twiliotest.Number{PhoneNumber: ourNumber, SMS: true, MMS: true, SMSURL: c.hub.url() + "/hooks/sms/message#rc=2&rp=all"})
	c.hub.start()
	c.admin = c.hub.setup()
	for i := range textCrashAgents {
		c.agents = append(c.agents, c.admin.invite(t, fmt.Sprintf("Agent %d", i), fmt.Sprintf("agent%d@example.com", i), "agent"))
	}
	c.admin.addPhone(t, c.twilio, "sms", ourNumber, nil)
	c.admin.untilPhase(t, "sms", "live")

	posts, replies := make(chan int, c.in), make(chan int, c.out)
	var work sync.WaitGroup
	defer func() {
		close(c.stop)
		work.Wait()
	}()
	for range 4 {
		work.Go(func() { c.post(posts) })
	}
	for i, a := range c.agents {
		work.Go(func() { c.answer(a, rand.New(rand.NewPCG(seed, uint64(20+i))), replies) })
	}
	began := time.Now()
	for n := range kills {
		c.trouble()
		first, last := c.in*n/kills, c.in*(n+1)/kills
		for i := first; i < first+(last-first)/5; i++ { // while nobody is there
			posts <- i
		}
		for i := c.out * n / kills; i < c.out*(n+1)/kills; i++ {
			replies <- i
		}
		if n > 0 {
			c.hub.launch()
		}
		if c.rnd.IntN(5) > 0 {
			if n > 0 && !c.hub.serving() {
				t.Fatalf("after kill %d the hub ended at once: %v", n, c.hub.exit)
			}
			time.Sleep(time.Duration(c.rnd.IntN(300)) * time.Millisecond)
			for i := first + (last-first)/5; i < last; i++ {
				posts <- i
			}
			time.Sleep(time.Duration(c.rnd.IntN(900)) * time.Millisecond)
		} else { // in the middle of the start
			for i := first + (last-first)/5; i < last; i++ {
				posts <- i
			}
			time.Sleep(time.Duration(c.rnd.IntN(300)) * time.Millisecond)
		}
		c.hub.kill()
		if n%5 == 4 {
			c.hub.check()
		}
	}
	c.mu.Lock()
	t.Logf("%d kills in %v, with %d texts posted, %d of them answered at once, and %d replies taken", kills, time.Since(began).Round(time.Second), c.posted, c.answered, len(c.taken))
	c.mu.Unlock()
	c.twilio.ClearFaults()
	c.hub.start()
	c.settle(long)
	if took, err := c.hub.terminate(); err != nil {
		t.Errorf("the end after %v: %v", took, err)
	}
	c.hub.check()
	c.hub.start()
	c.judge(long)
}

// textCrash is a run of the crash test of texts.
type textCrash struct {
	t       *testing.T
	rnd     *rand.Rand
	hub     *hub
	twilio  *twiliotest.Server
	admin   *client
	agents  []*client
	in, out int
	stop    chan struct{}

	mu       sync.Mutex
	posted   int
	answered int             // of posted: the hub said yes to the webhook
	media    map[string]bool // texts with a picture
	taken    map[string]bool // replies that the hub has
	faults   int
}

// trouble makes the provider difficult for a while.
func (c *textCrash) trouble() {
	send := twiliotest.Fault{Method: http.MethodPost, Path: "/Messages.json"}
	list := twiliotest.Fault{Method: http.MethodGet, Path: "/Messages.json", Status: http.StatusServiceUnavailable}
	for range 3 {
		f := send
		switch c.rnd.IntN(8) {
		case 0, 1, 2:
			f.Cut = twiliotest.CutAfter
		case 3, 4:
			f.Status, f.RetryAfter = http.StatusTooManyRequests, time.Second
		case 5:
			f.Status = http.StatusInternalServerError
		case 6:
			f.Cut = twiliotest.CutBefore
		case 7:
			f = list
		}
		c.twilio.Inject(f)
		c.faults++
	}
	drop := c.rnd.IntN(3) == 0
	c.twilio.SetCallbackFaults(twiliotest.CallbackFaults{Repeat: c.rnd.IntN(2), Reverse: c.rnd.IntN(2) == 0, Drop: func(string) bool { return drop }})
}

// post lets customers text; whether the hub hears of it is left to Twilio.
func (c *textCrash) post(posts <-chan int) {
	for {
		var i int
		select {
		case <-c.stop:
			return
		case i = <-posts:
		}
		time.Sleep(time.Duration(i%20) * time.Millisecond)
		token := fmt.Sprintf("text-%05d", i)
		in := twiliotest.Inbound{From: fmt.Sprintf("+120255501%02d", 10+i%textCrashPeople), To: ourNumber, Body: token + fmt.Sprintf(" by %02d", 10+i%textCrashPeople)}
		if i%40 == 7 {
			in.Media = []twiliotest.Media{{ContentType: "image/png", Data: append(slices.Clone(picture), token...)}}
		}
		a, err := c.twilio.ReceiveMessage(in)
		if err != nil {
			c.t.Error(err)
			return
		}
		c.mu.Lock()
		c.posted++
		c.media[token] = len(in.Media) > 0
		if a.Answered {
			c.answered++
		}
		c.mu.Unlock()
	}
}

// answer writes replies as an agent's browser does: into a conversation whose
// customer waits, and again under the same key while there is no answer.
func (c *textCrash) answer(a *client, rnd *rand.Rand, replies <-chan int) {
	for {
		var i int
		select {
		case <-c.stop:
			return
		case i = <-replies:
		}
		token := fmt.Sprintf("reply-%05d", i)
		for try := 0; ; try++ {
			err := c.tryReply(a, rnd, token, fmt.Sprintf("%s.%d", token, try))
			if err == nil {
				c.mu.Lock()
				if c.taken == nil {
					c.taken = map[string]bool{}
				}
				c.taken[token] = true
				c.mu.Unlock()
				break
			}
			if code := status(err); code != 0 && code != http.StatusConflict && !errors.Is(err, errNobodyWaits) {
				c.t.Errorf("%s: %v", token, err)
				return
			}
			if !c.pause() {
				return
			}
		}
	}
}

// pause waits a little, false at the end of the test.
func (c *textCrash) pause() bool {
	select {
	case <-c.stop:
		return false
	case <-time.After(20 * time.Millisecond):
		return true
	}
}

func (c *textCrash) tryReply(a *client, rnd *rand.Rand, token, key string) error {
	page, err := get[api.Rows](a, "/api/conversations?view=all&limit=100&sort=waiting")
	if err != nil {
		return err
	}
	rows := slices.DeleteFunc(page.Rows, func(r api.Row) bool { return r.Waiting.IsZero() })
	if len(rows) == 0 {
		return errNobodyWaits
	}
	row := rows[rnd.IntN(len(rows))]
	r, err := get[api.Recipients](a, fmt.Sprintf("/api/conversations/%d/recipients?mode=reply", row.ID))
	if err != nil {
		return err
	}
	in, err := json.Marshal(api.ReplyRequest{Mode: "reply", Account: r.Account, To: r.To, InReplyTo: r.InReplyTo, SeenSeq: row.LastSeq, Anyway: true, HTML: "<p>" + token + "</p>"})
	if err != nil {
		return err
	}
	for {
		err := a.once(fmt.Sprintf("/api/conversations/%d/replies", row.ID), key, in)
		if err == nil || status(err) != 0 || !c.pause() {
			return err
		}
	}
}

// once posts under an idempotency key.
func (c *client) once(path, key string, body []byte) error {
	req, err := http.NewRequest(http.MethodPost, c.base()+path, bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Authorization", "Bearer "+c.key)
	req.Header.Set("Idempotency-Key", key)
	resp, err := httpClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode >= 400 {
		err = &problem{Status: resp.StatusCode, body: string(b)}
	}
	return err
}

var textToken = regexp.MustCompile(`(?:text|reply)-\d{5}`)

// wire counts what Twilio carried for us, by token.
func (c *textCrash) wire() map[string]int {
	times := map[string]int{}
	for _, m := range c.twilio.Outbox() {
		times[textToken.FindString(m.Body)]++
	}
	return times
}

// all reads every message of the hub.
func (c *textCrash) all() (list []api.Message, err error) {
	rows, err := c.admin.rows("all")
	for _, r := range rows {
		entries, err := c.admin.entries(r.ID)
		if err != nil {
			return nil, err
		}
		list = append(list, messages(entries)...)
	}
	return list, err
}

// settled tells what is still under way: "" if a reply is as it should be at the
// end. What Twilio carried is delivered; what it did not carry is being asked for,
// or waits for an agent, and is never said to be sent.
func settled(m *api.Message, carried, long bool) string {
	d := m.Delivery
	switch {
	case carried && d.Status == "delivered", !carried && d.Status == "unsure", !carried && !long && d.Checking:
		return ""
	}
	return fmt.Sprintf("%s is %s, carried: %v", m.Reply, d.Status, carried)
}

// settle waits until all texts are there and all replies have come to an end.
func (c *textCrash) settle(long bool) {
	c.t.Helper()
	rounds := 1
	if long {
		rounds = 3 // the provider is asked for two minutes
	}
	var err error
	for range rounds {
		if err = eventually("everything taken in and sent", func() error { return c.unsettled(long) }); err == nil {
			return
		}
	}
	c.t.Error(err)
}

func (c *textCrash) unsettled(long bool) error {
	c.mu.Lock()
	posted, taken := c.posted, len(c.taken)
	c.mu.Unlock()
	if posted < c.in || taken < c.out {
		return fmt.Errorf("%d of %d texts are posted, %d of %d replies taken", posted, c.in, taken, c.out)
	}
	a, err := c.admin.account("sms")
	if err != nil {
		return err
	}
	if a.Health.Queued > 0 { // what was put off need not wait
		if err := c.admin.call(http.MethodPost, "/api/accounts/sms/kick", nil, nil); err != nil {
			return err
		}
	}
	if a.Health.Stored < c.in {
		return fmt.Errorf("%d of %d texts are in; %s %s", a.Health.Stored, c.in, a.Health.State.Phase, a.Health.State.Detail)
	}
	time.Sleep(300 * time.Millisecond) // reading everything is no small work
	all, err := c.all()
	if err != nil {
		return err
	}
	wire := c.wire()
	for _, m := range all {
		if m.Direction == "out" {
			if what := settled(&m, wire[textToken.FindString(m.Reply)] > 0, long); what != "" {
				return errors.New(what)
			}
		}
	}
	return nil
}

// judge counts.
func (c *textCrash) judge(long bool) {
	t := c.t
	t.Helper()
	all := must[[]api.Message](t)(c.all())
	times, wire, place := map[string]int{}, c.wire(), map[string]string{}
	unclear := map[string]int{} // why Twilio never got it
	for _, m := range all {
		token := textToken.FindString(m.Reply)
		times[token]++
		if m.Direction == "out" {
			place[token] = m.To[0].Address
			if what := settled(&m, wire[token] > 0, long); what != "" {
				t.Error(what)
			}
			if wire[token] == 0 {
				unclear[m.Delivery.Reason]++
			}
			continue
		}
		if _, who, _ := strings.Cut(m.Reply, " by "); m.From.Address != "+120255501"+who {
			t.Errorf("%q is by %s", m.Reply, m.From.Address)
		}
		if want := c.media[token]; want != (len(m.Attachments) == 1) {
			t.Errorf("%s has %d files", token, len(m.Attachments))
		}
	}
	lost, doubled, twice := 0, 0, 0
	count := func(kind string, n int) {
		for i := range n {
			token := fmt.Sprintf("%s-%05d", kind, i)
			switch k := times[token]; {
			case k == 0:
				lost++
				t.Errorf("%s is lost", token)
			case k > 1:
				doubled++
				t.Errorf("%s is there %d times", token, k)
			}
			if wire[token] > 1 {
				twice++
				t.Errorf("%s was sent %d times", token, wire[token])
			}
		}
	}
	count("text", c.in)
	count("reply", c.out)
	for _, m := range c.twilio.Outbox() {
		if token := textToken.FindString(m.Body); m.To != place[token] {
			t.Errorf("%s went to %s instead of %s", token, m.To, place[token])
		}
	}
	if a := must[api.Account](t)(c.admin.account("sms")); a.Health.Stored != c.in || a.Health.Held != 0 {
		t.Errorf("the account counts %+v", a.Health)
	}
	t.Logf("%d texts in, %d replies out, %d faults: %d lost, %d doubled, %d sent twice, never reached Twilio and shown so: %v", c.in, c.out, c.faults, lost, doubled, twice, unclear)
}
