package e2e

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"throughline/api"
	"throughline/connectors/email/mailtest"
	"throughline/connectors/twilio/twiliotest"
)

// TestTexts is the main job with texts: one is on the screen, is answered once, and
// its states arrive, whatever their order.
func TestTexts(t *testing.T) {
	t.Parallel()
	p := openPhones(t, hubOptions{}, twiliotest.Options{})
	p.twilio.SetCallbackFaults(twiliotest.CallbackFaults{Reverse: true, Repeat: 2})
	screen := p.admin.live(t, 0)
	screen.await(t, "the stream's start", func(f api.LiveFrame) bool { return f.Type == "live" })

	first := p.text(annNumber, "Is my Heron ready? سلام")
	frame := screen.entry(t, "message.received", nil)
	if m := frame.Entry.Message; frame.Row == nil || frame.Row.Channel != "sms" || frame.Row.Account != "sms" || m.Reply != "Is my Heron ready? سلام" ||
		m.From.Handle != "tel:"+annNumber || m.Address != ourNumber {
		t.Fatalf("the frame is %+v with %+v", frame.Row, frame.Entry.Message)
	}
	conversation := frame.Entry.Conversation

	answer := must[api.Entry](t)(p.admin.reply(conversation, "reply", "<p>It is, until <b>six</b>.</p>", nil))
	out := p.carried(1, "delivered")
	if m := out[0]; len(out) != 1 || m.From != ourNumber || m.To != annNumber || m.Body != "It is, until six." || len(m.Media) > 0 {
		t.Fatalf("Twilio got %+v", out)
	}
	p.state(answer, "delivered")
	for _, e := range must[[]api.Entry](t)(p.admin.entries(conversation)) {
		if e.Kind == "message.delivery" && e.Message.Delivery.Status != "sent" && e.Message.Delivery.Status != "delivered" {
			t.Errorf("a state %s was shown", e.Message.Delivery.Status)
		}
	}

	// A picture, which is copied, and one back, which Twilio fetches from us.
	p.text(annNumber, "", twiliotest.Media{ContentType: "image/png", Data: picture})
	frame = screen.entry(t, "message.received", nil)
	if frame.Entry.Conversation != conversation || len(frame.Entry.Message.Attachments) != 1 {
		t.Fatalf("the picture is %+v", frame.Entry.Message)
	}
	a := frame.Entry.Message.Attachments[0]
	if _, b, err := p.admin.send(http.MethodGet, a.URL, "", nil); err != nil || string(b) != string(picture) || a.ContentType != "image/png" {
		t.Errorf("the picture reads %q as %s: %v", b, a.ContentType, err)
	}
	must[api.Entry](t)(p.admin.reply(conversation, "reply", "<p>And back.</p>", func(r *api.ReplyRequest) { r.Attachments = []api.Attachment{a} }))
	back := p.carried(2, "delivered")[1]
	if len(back.Media) != 1 || string(back.Media[0].Data) != string(picture) {
		t.Errorf("Twilio fetched %+v", back.Media)
	}

	// What Twilio says again adds nothing, and what others say is not believed.
	hook := p.url() + "/hooks/sms/message"
	form := url.Values{"MessageSid": {first.SID}, "SmsSid": {first.SID}, "AccountSid": {p.twilio.AccountSID()}, "From": {annNumber}, "To": {ourNumber},
		"Body": {first.Body}, "NumMedia": {"0"}, "SmsStatus": {"received"}, "ApiVersion": {"2010-04-01"}}
	for range 3 {
		if err := p.twilio.SendForm(hook, form); err != nil {
			t.Error(err)
		}
	}
	form.Set("MessageSid", "SM"+strings.Repeat("e", 32))
	for name, signature := range map[string]string{"none": "", "of another account": twiliotest.Sign("another", hook, form)} {
		req, err := http.NewRequest(http.MethodPost, hook, strings.NewReader(form.Encode()))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		req.Header.Set("X-Twilio-Signature", signature)
		resp, err := httpClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != http.StatusForbidden {
			t.Errorf("a signature %s is answered %s", name, resp.Status)
		}
	}
	// A number that cannot be reached.
	p.twilio.FailTo(benNumber, 30003)
	p.text(benNumber, "Me too?")
	other := screen.entry(t, "message.received", nil)
	lost := p.state(must[api.Entry](t)(p.admin.reply(other.Entry.Conversation, "reply", "<p>You too.</p>", nil)), "failed")
	if other.Entry.Conversation == conversation || lost.Delivery.Code != "30003" || len(lost.Delivery.Reason) < 20 {
		t.Errorf("what could not be delivered says %+v", lost.Delivery)
	}
	p.admin.untilMessages(t, 6)
	if notes := p.twilio.Notes(); len(notes) > 0 {
		t.Errorf("Twilio would shrug at %q", notes)
	}
	p.check()
}

// picture stands for one: the hub does not look inside.
var picture = []byte("\x89PNG\r\n\x1a\n the rest of a picture")

// TestMailAndTexts is one customer with an address and a number.
func TestMailAndTexts(t *testing.T) {
	t.Parallel()
	p := openPhones(t, hubOptions{}, twiliotest.Options{})
	imap, err := mailtest.StartIMAP(mailtest.IMAPOptions{User: "support", Password: "secret"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { imap.Close() })
	smtp := startSMTP(t, mailtest.SMTPOptions{})
	p.admin.addAccount(t, "support", map[string]any{
		"address": "support@example.com", "imap_host": "127.0.0.1", "imap_port": imap.Port, "imap_security": "none", "imap_user": "support", "imap_password": "secret",
		"smtp_host": "127.0.0.1", "smtp_port": smtp.Port, "smtp_security": "none", "smtp_auth": "none", "poll_interval": "2s",
	})
	p.admin.untilPhase(t, "support", "live")
	mail := letter{id: "first@example.org", subject: "My order", text: "Where is it?"}
	if _, err := imap.Append("INBOX", mail.raw(), time.Now()); err != nil {
		t.Fatal(err)
	}
	row := p.admin.untilRow(t, "My order")
	customer := fmt.Sprintf("/api/customers/%d", row.Customer.ID)
	if err := p.admin.call(http.MethodPost, customer+"/handles", api.LinkRequest{Handle: "tel:" + annNumber, Reason: "told us on the phone"}, nil); err != nil {
		t.Fatal(err)
	}

	// The composer offers the text, and the answer by text stays in the conversation.
	ways := must[api.Ways](t)(get[api.Ways](p.admin, fmt.Sprintf("/api/conversations/%d/ways", row.ID)))
	if i := slices.IndexFunc(ways.Ways, func(w api.Way) bool { return w.Account == "sms" }); i < 0 || len(ways.Ways[i].Handles) != 1 || ways.Ways[i].Handles[0].Handle != "tel:"+annNumber {
		t.Fatalf("the ways are %+v", ways.Ways)
	}
	answer := must[api.Entry](t)(p.admin.reply(row.ID, "reply", "<p>It comes today.</p>", by("sms", "tel:"+annNumber)))
	if out := p.carried(1, "delivered"); answer.Conversation != row.ID || out[0].To != annNumber || out[0].Body != "It comes today." {
		t.Errorf("the answer lies in %d and reads %+v", answer.Conversation, out)
	}
	p.state(answer, "delivered")
	p.text(annNumber, "Great, after five please")
	// And back to mail.
	var all []api.Message
	until(t, "the text in the conversation of the mail", func() error {
		entries, err := p.admin.entries(row.ID)
		if all = messages(entries); err == nil && len(all) < 3 {
			err = fmt.Errorf("%d messages", len(all))
		}
		return err
	})
	must[api.Entry](t)(p.admin.reply(row.ID, "reply", "<p>After five.</p>", func(r *api.ReplyRequest) {
		r.Account, r.To, r.InReplyTo = "support", []api.Person{{Handle: "mailto:ann@example.org"}}, all[0].ID
	}))
	if m := readMail(t, awaitMails(t, smtp, 1)[0].Data); m.Get("In-Reply-To") != "<first@example.org>" {
		t.Errorf("the mail answers %q", m.Get("In-Reply-To"))
	}
	var channels []string
	for _, m := range messages(must[[]api.Entry](t)(p.admin.entries(row.ID))) {
		channels = append(channels, m.Channel+" "+m.Direction)
	}
	if got := strings.Join(channels, ", "); got != "email in, sms out, sms in, email out" {
		t.Errorf("the conversation is %s", got)
	}

	page := must[api.Page](t)(get[api.Page](p.admin, customer+"/timeline?limit=200"))
	if n := len(messages(page.Entries)); n != 4 {
		t.Errorf("the customer's timeline has %d messages", n)
	}
	p.check()
}

// TestTextsStop is who wants nothing more.
func TestTextsStop(t *testing.T) {
	t.Parallel()
	p := openPhones(t, hubOptions{undo: "4s"}, twiliotest.Options{})
	p.text(annNumber, "Do you have the Wren in red?")
	p.admin.untilMessages(t, 1)
	conversation := must[[]api.Row](t)(p.admin.rows("all"))[0].ID
	waiting := must[api.Entry](t)(p.admin.reply(conversation, "reply", "<p>We do.</p>", nil))
	p.text(annNumber, " stop ")
	if d := p.state(waiting, "failed").Delivery; d.Code != "opt_out" || !strings.Contains(d.Reason, "own words") {
		t.Errorf("the answer in its undo window says %+v", d)
	}
	if _, err := p.admin.reply(conversation, "reply", "<p>Really?</p>", nil); status(err) != http.StatusConflict {
		t.Errorf("a text after STOP: %v", err)
	}
	ways := must[api.Ways](t)(get[api.Ways](p.admin, fmt.Sprintf("/api/conversations/%d/ways", conversation)))
	for _, w := range ways.Ways {
		for _, h := range w.Handles {
			if want := map[string]string{"sms": "opted_out", "whatsapp": "window"}[w.Account]; h.Blocked != want {
				t.Errorf("%s to %s is blocked by %q", w.Account, h.Handle, h.Blocked)
			}
		}
	}
	p.text(annNumber, "START")
	answer := must[api.Entry](t)(p.admin.reply(conversation, "reply", "<p>Welcome back.</p>", nil))
	p.state(answer, "delivered")
	if out := p.twilio.Outbox(); len(out) != 1 || out[0].Body != "Welcome back." {
		t.Errorf("Twilio got %+v", out)
	}
	p.check()
}

// TestWhatsAppWindow is that own words go out for a day, and then a template.
func TestWhatsAppWindow(t *testing.T) {
	t.Parallel()
	h := newHub(t, hubOptions{public: true})
	p := &phones{hub: h, twilio: startTwilio(t, h, twiliotest.Options{Templates: []twiliotest.Template{{SID: template, Name: "ready", Body: "Your bicycle {{1}} is ready, {{name}}."}}})}
	p.start()
	p.admin = p.setup()
	ann, ben := "whatsapp:"+annNumber, "whatsapp:"+benNumber
	if _, err := p.twilio.ReceiveMessage(twiliotest.Inbound{From: ben, To: "whatsapp:" + ourWhatsApp, Body: "Is it ready?", At: time.Now().Add(-30 * time.Hour), NoHook: true}); err != nil {
		t.Fatal(err)
	}
	p.admin.addPhone(t, p.twilio, "whatsapp", ourWhatsApp, map[string]any{"history_days": 3})
	p.admin.untilPhase(t, "whatsapp", "live")
	p.text(ann, "Hello")
	p.admin.untilMessages(t, 2)
	place := map[string]uint64{}
	for _, r := range must[[]api.Row](t)(p.admin.rows("all")) {
		place[r.Customer.Handles[0]] = r.ID
	}
	own := must[api.Entry](t)(p.admin.reply(place["tel:"+annNumber], "reply", "<p>Hello Ann</p>", nil))
	p.state(own, "delivered")
	if err := p.twilio.ReadMessage(p.twilio.Outbox()[0].SID); err != nil {
		t.Fatal(err)
	}
	p.state(own, "read")

	late := place["tel:"+benNumber]
	if _, err := p.admin.reply(late, "reply", "<p>It is.</p>", nil); status(err) != http.StatusUnprocessableEntity || !strings.Contains(err.Error(), "template") {
		t.Errorf("own words after the window: %v", err)
	}
	list := must[api.Templates](t)(get[api.Templates](p.admin, "/api/accounts/whatsapp/templates"))
	if len(list.Templates) != 1 || list.Templates[0].Name != "ready" || strings.Join(list.Templates[0].Gaps, " ") != "1 name" {
		t.Fatalf("the templates are %+v", list.Templates)
	}
	filled := must[api.Entry](t)(p.admin.reply(late, "reply", "", func(r *api.ReplyRequest) {
		r.Account, r.Template = "whatsapp", &api.TemplateUse{ID: template, Values: map[string]string{"1": "Heron 8", "name": "Ben"}}
	}))
	p.state(filled, "delivered")
	if m := p.twilio.Outbox()[1]; m.ContentSID != template || m.Body != "Your bicycle Heron 8 is ready, Ben." || m.Body != filled.Message.Reply {
		t.Errorf("Twilio got %+v, the timeline %q", m, filled.Message.Reply)
	}
	p.check()
}

// TestTextsBlackOut is what happens while nobody is there, and an answer of which
// only Twilio knows.
func TestTextsBlackOut(t *testing.T) {
	t.Parallel()
	p := openPhones(t, hubOptions{}, twiliotest.Options{HoldDelivery: true})
	p.text(annNumber, "one")
	p.admin.untilMessages(t, 1)
	conversation := must[[]api.Row](t)(p.admin.rows("all"))[0].ID
	answer := must[api.Entry](t)(p.admin.reply(conversation, "reply", "<p>I look.</p>", nil))
	sid := p.carried(1, "sent")[0].SID
	p.state(answer, "sent")

	p.kill()
	for _, body := range []string{"two", "three", "four"} {
		media := []twiliotest.Media{{ContentType: "image/png", Data: picture}}
		a, err := p.twilio.ReceiveMessage(twiliotest.Inbound{From: annNumber, To: ourNumber, Body: body, Media: media})
		if err != nil || a.Answered {
			t.Fatalf("a hub that is down answers %+v, %v", a, err)
		}
	}
	if err := p.twilio.Deliver(sid); err != nil {
		t.Fatal(err)
	}
	p.carried(1, "delivered")
	p.start()
	var in []string
	for _, m := range p.admin.untilMessages(t, 5) {
		if m.Direction == "in" {
			in = append(in, fmt.Sprintf("%s %d", m.Reply, len(m.Attachments)))
		}
	}
	if slices.Sort(in); strings.Join(in, ", ") != "four 1, one 0, three 1, two 1" {
		t.Errorf("after the black-out there are %q", in)
	}
	p.state(answer, "delivered")

	// The answer to a send is lost, and so is what would tell of it.
	p.twilio.SetCallbackFaults(twiliotest.CallbackFaults{Drop: func(string) bool { return true }})
	p.twilio.Inject(twiliotest.Fault{Method: "POST", Path: "/Messages.json", Cut: twiliotest.CutAfter})
	unclear := must[api.Entry](t)(p.admin.reply(conversation, "reply", "<p>Found it.</p>", nil))
	m := p.state(unclear, "sent")
	if last := m.Delivery.Attempts; len(last) != 1 || !strings.Contains(last[0].Detail, "found at") {
		t.Errorf("the attempts are %+v", last)
	}
	posts := 0
	for _, r := range p.twilio.Requests() {
		if r.Method == http.MethodPost {
			posts++
		}
	}
	if out := p.twilio.Outbox(); len(out) != 2 || posts != 2 {
		t.Errorf("%d messages in %d requests: %+v", len(out), posts, out)
	}
	// The audit finds nothing that is not here.
	if err := p.admin.call(http.MethodPost, "/api/accounts/sms/audit", nil, nil); err != nil {
		t.Fatal(err)
	}
	until(t, "the audit", func() error {
		a, err := get[api.Audit](p.admin, "/api/accounts/sms/audit")
		switch {
		case err != nil:
			return err
		case a.Running || a.Finished.IsZero():
			return fmt.Errorf("it runs")
		case a.Error != "" || a.Server != 4 || a.MissingN != 0:
			t.Errorf("%+v", a)
		}
		return nil
	})
	p.check()
}
