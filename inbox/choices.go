package inbox

import (
	"context"
	"crypto/hmac"
	"encoding/base64"
	"encoding/binary"
	"html"
	"net/url"
	"slices"

	"throughline/identity"
	"throughline/message"
	"throughline/preference"
	"throughline/store"
)

// The page on which a person chooses how to be reached needs no sign-in: its address
// holds a token that only we can make, of the handle it was made for. It holds as
// long as the handle: a link to unsubscribe has to work in old mails too.

// ChoicesPath is where that page is, with the token behind it.
const ChoicesPath = "/choices/"

// choicesName separates these tokens from those of shared files.
const choicesName = "choices of a handle"

// formChoices is the proof of what was chosen on the page.
const formChoices = "preference page"

// ChoicesPage is the path of the page of a handle.
func (h *Hub) ChoicesPage(tx *store.Tx, handle uint64) (string, error) {
	payload := binary.BigEndian.AppendUint64(nil, handle)
	sum, err := h.shareSumTx(tx, choicesName, payload)
	if err != nil {
		return "", err
	}
	return ChoicesPath + base64.RawURLEncoding.EncodeToString(append(sum, payload...)), nil
}

// unsubscribeURL is the address that a mail about a purpose names (RFC 8058): a POST
// there unsubscribes, a GET shows the page. "" without a public address.
func (h *Hub) unsubscribeURL(tx *store.Tx, handle uint64, purpose string) (string, error) {
	if h.public == "" {
		return "", nil
	}
	page, err := h.ChoicesPage(tx, handle)
	return h.public + page + "?purpose=" + url.QueryEscape(purpose), err
}

// choosing finds the handle of a token; ErrNotFound for one we did not make, and for
// that of somebody who was erased.
func (h *Hub) choosing(tx *store.Tx, token string) (*identity.Handle, error) {
	b, err := base64.RawURLEncoding.Strict().DecodeString(token)
	if err != nil || len(b) != shareMAC+8 {
		return nil, ErrNotFound
	}
	want, err := h.shareSumTx(tx, choicesName, b[shareMAC:])
	if err != nil {
		return nil, err
	}
	if !hmac.Equal(want, b[:shareMAC]) {
		return nil, ErrNotFound
	}
	hd, err := h.Identity.Handle(tx, binary.BigEndian.Uint64(b[shareMAC:]))
	if err == nil && hd.Handle.Scheme() == identity.Gone {
		return nil, ErrNotFound // nothing could be recorded: whose it was is erased
	}
	return hd, err
}

// Choice is what a person chose of one purpose.
type Choice struct {
	Purpose string
	Channel string // preferred, "" for no wish
	Stop    bool   // nothing about it to this address
}

// Choices are what a person chose.
type Choices struct {
	Handle   message.Handle
	Language string // of the customer
	Channels []string
	Purposes []preference.Purpose
	Choices  []Choice // one for each of Purposes
	StopAll  bool     // nothing at all to this address
	Never    []string // channels not to be used
	From, To int      // quiet hours in minutes after midnight; equal for none
	// Shared handles belong to several people: only what concerns the address can
	// be chosen.
	Shared bool
}

// Choices shows what a person has chosen so far.
func (h *Hub) Choices(tx *store.Tx, token string) (*Choices, error) {
	hd, err := h.choosing(tx, token)
	if err != nil {
		return nil, err
	}
	root, err := h.Identity.Root(tx, hd.Customer)
	if err != nil {
		return nil, err
	}
	policy, err := h.Preference.Policy(tx)
	if err != nil {
		return nil, err
	}
	said, err := h.Preference.Statements(tx, root.ID)
	if err != nil {
		return nil, err
	}
	language, err := h.Identity.ShownField(tx, root.ID, identity.FieldLanguage)
	if err != nil {
		return nil, err
	}
	c := &Choices{Handle: hd.Handle, Language: language, Shared: hd.UsedByMany(), Channels: h.offered()}
	channels := h.channelsOf(hd.Handle)
	for _, ch := range channels {
		no, err := h.refuses(tx, hd.ID, ch, "")
		if err != nil {
			return nil, err
		}
		c.StopAll = c.StopAll || no != nil
	}
	for _, p := range policy.Purposes {
		if p.Archived {
			continue
		}
		choice := Choice{Purpose: p.Key}
		for _, ch := range channels {
			said, err := h.consent(tx, hd.ID, ch, p.Key)
			if err != nil {
				return nil, err
			}
			choice.Stop = choice.Stop || said != nil && said.State == message.OptOut
		}
		for _, s := range said {
			if s.Source == preference.Stated && s.Wish == preference.Prefer && s.Purpose == p.Key {
				choice.Channel = s.Channel
			}
		}
		c.Purposes, c.Choices = append(c.Purposes, p), append(c.Choices, choice)
	}
	for _, s := range said {
		if s.Source == preference.Stated && s.Channel != "" && !slices.Contains(c.Channels, s.Channel) {
			c.Channels = append(c.Channels, s.Channel) // what was chosen once can be kept while its account is off
		}
		switch {
		case s.Source != preference.Stated:
		case s.Wish == preference.Quiet:
			c.From, c.To = s.From, s.To
		case s.Wish == preference.Never && s.Purpose == "":
			c.Never = append(c.Never, s.Channel)
		}
	}
	return c, nil
}

// offered are the channels that a person can choose: those we can write to somebody
// over, and those that can be called.
func (h *Hub) offered() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	var list []string
	for _, r := range h.running {
		if r.conn != nil && !slices.Contains(list, r.info.Channel) {
			list = append(list, r.info.Channel)
		}
	}
	slices.Sort(list)
	return list
}

// channelsOf are the channels that lead to a handle.
func (h *Hub) channelsOf(handle message.Handle) []string {
	return slices.DeleteFunc(h.Channels(), func(c string) bool { return h.kinds[c].Scheme != handle.Scheme() })
}

// SaveChoices records what a person chose on the page: what changed, with the page as
// its proof.
func (h *Hub) SaveChoices(ctx context.Context, token string, next Choices) error {
	return h.Store.Update(ctx, func(tx *store.Tx) error {
		was, err := h.Choices(tx, token)
		if err != nil {
			return err
		}
		hd, err := h.choosing(tx, token)
		if err != nil {
			return err
		}
		if err := h.chooseConsent(tx, hd, was, &next); err != nil || hd.UsedByMany() {
			return err
		}
		return h.chooseChannels(tx, hd, was, &next)
	})
}

func (h *Hub) chooseConsent(tx *store.Tx, hd *identity.Handle, was, next *Choices) error {
	say := func(purpose string, stop bool) error {
		state := message.OptIn
		if stop {
			state = message.OptOut
		}
		for _, ch := range h.channelsOf(hd.Handle) {
			if err := h.recordConsent(tx, hd, Consent{Channel: ch, Purpose: purpose, State: state, Since: tx.Now(), By: byCustomer, Reason: formChoices}, 0); err != nil {
				return err
			}
		}
		return nil
	}
	if was.StopAll != next.StopAll || next.StopAll { // said again: newer than any single welcome
		if err := say("", next.StopAll); err != nil {
			return err
		}
	}
	for i, p := range was.Purposes {
		at := slices.IndexFunc(next.Choices, func(c Choice) bool { return c.Purpose == p.Key })
		if at < 0 || next.Choices[at].Stop == was.Choices[i].Stop {
			continue
		}
		if err := say(p.Key, next.Choices[at].Stop); err != nil {
			return err
		}
	}
	return nil
}

func (h *Hub) chooseChannels(tx *store.Tx, hd *identity.Handle, was, next *Choices) error {
	by := customerActor(hd.Customer)
	state := func(s preference.Statement) error {
		s.Customer, s.Source, s.By, s.Proof = hd.Customer, preference.Stated, by, preference.Proof{Form: formChoices}
		_, err := h.Preference.StateTx(tx, s)
		return err
	}
	end := func(match func(*preference.Statement) bool) error {
		return h.Preference.EndTx(tx, by, hd.Customer, func(s *preference.Statement) bool { return s.Source == preference.Stated && match(s) })
	}
	for i, p := range was.Purposes {
		at := slices.IndexFunc(next.Choices, func(c Choice) bool { return c.Purpose == p.Key })
		if at < 0 || next.Choices[at].Channel == was.Choices[i].Channel {
			continue
		}
		channel := next.Choices[at].Channel
		var err error
		switch {
		case channel == "":
			err = end(func(s *preference.Statement) bool { return s.Wish == preference.Prefer && s.Purpose == p.Key })
		case slices.Contains(was.Channels, channel):
			err = state(preference.Statement{Purpose: p.Key, Channel: channel, Wish: preference.Prefer})
		default:
			err = &InvalidError{"channel", "this channel is not offered any more: load the page again"}
		}
		if err != nil {
			return err
		}
	}
	for _, ch := range was.Channels {
		var err error
		switch is, will := slices.Contains(was.Never, ch), slices.Contains(next.Never, ch); {
		case will && !is:
			err = state(preference.Statement{Channel: ch, Wish: preference.Never})
		case is && !will:
			err = end(func(s *preference.Statement) bool {
				return s.Wish == preference.Never && s.Purpose == "" && s.Channel == ch
			})
		}
		if err != nil {
			return err
		}
	}
	if was.From == next.From && was.To == next.To {
		return nil
	}
	if next.From == next.To {
		return end(func(s *preference.Statement) bool { return s.Wish == preference.Quiet })
	}
	return state(preference.Statement{Wish: preference.Quiet, From: next.From, To: next.To})
}

// Unsubscribe records that a handle wants nothing more about a purpose, with one
// click in a mail program (RFC 8058); "" is everything.
func (h *Hub) Unsubscribe(ctx context.Context, token, purpose string) error {
	return h.Store.Update(ctx, func(tx *store.Tx) error {
		hd, err := h.choosing(tx, token)
		if err != nil {
			return err
		}
		if err := h.knownPurpose(tx, purpose); err != nil {
			return err
		}
		for _, ch := range h.channelsOf(hd.Handle) {
			if err := h.recordConsent(tx, hd, Consent{Channel: ch, Purpose: purpose, State: message.OptOut, Since: tx.Now(), By: byCustomer, Reason: "unsubscribed"}, 0); err != nil {
				return err
			}
		}
		return nil
	})
}

// listed is the purpose of which a letter says how to get no more: a marketing one,
// of a letter to exactly one address. The link names one person (RFC 8058, section
// 3.1), and whoever has it can unsubscribe that one: in a letter to several each
// could do so for the others, and most could not for themselves. "" is none.
func (h *Hub) listed(tx *store.Tx, r *Record) (string, error) {
	to := recipients(r)
	if len(to) != 1 || r.Automatic {
		return "", nil
	}
	if _, ok := h.Identity.Find(tx, to[0]); !ok {
		return "", nil
	}
	for _, p := range h.purposes(tx, r) {
		if purpose, err := h.advertises(tx, p, r.Account); err != nil || purpose != "" {
			return purpose, err
		}
	}
	return "", nil
}

// advertises gives a purpose back if it is marketing that letters of an account can
// carry a link about, else "".
func (h *Hub) advertises(tx *store.Tx, purpose, account string) (string, error) {
	p, ok, err := h.Preference.Purpose(tx, purpose)
	if err != nil || !ok || !p.Marketing || h.public == "" {
		return "", err
	}
	if info, ok := h.accountInfo(account); !ok || !info.Writing.Letter {
		return "", nil
	}
	return purpose, nil
}

// noLink is the notice on a letter about a marketing purpose to several people.
const noLink = "it goes to several people and carries no link to unsubscribe: write about this to one person at a time"

// unsubscribable adds to a letter how to get no more about a purpose, if that is not "".
func (h *Hub) unsubscribable(tx *store.Tx, m *message.Message, r *Record, purpose string) error {
	to := recipients(r)
	if purpose == "" || len(to) != 1 {
		return nil
	}
	hd, ok := h.Identity.Find(tx, to[0])
	if !ok {
		return nil
	}
	at, err := h.unsubscribeURL(tx, hd.ID, purpose)
	if err != nil || at == "" {
		return err
	}
	root, err := h.Identity.Root(tx, hd.Customer)
	if err != nil {
		return err
	}
	language, err := h.Identity.ShownField(tx, root.ID, identity.FieldLanguage)
	if err != nil {
		return err
	}
	words := unsubscribeWords[language]
	if words == "" {
		words = unsubscribeWords["en"]
	}
	m.Unsubscribe = at
	m.Text += "\n\n" + words + " " + at + "\n"
	if m.HTML != "" {
		m.HTML += `<p><a href="` + html.EscapeString(at) + `">` + html.EscapeString(words) + "</a></p>"
	}
	return nil
}

// unsubscribeWords stand below a letter, by language.
var unsubscribeWords = map[string]string{
	"en": "Choose what we write to you, or unsubscribe:",
	"fa": "گزینش آنچه برایتان می‌فرستیم، یا لغو اشتراک:",
	"th": "เลือกสิ่งที่เราส่งถึงคุณ หรือยกเลิกการรับ:",
}
