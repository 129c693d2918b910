package demo

import (
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Larkspur Cycles is the invented company: it builds bicycles and sells them by
// post. Its two mailboxes are the accounts of the hub.
const (
	support = iota
	sales
	boxes
)

var (
	accountIDs = [boxes]string{"support", "sales"}
	addresses  = [boxes]string{"support@larkspur.example.com", "sales@larkspur.example.com"}
	teams      = [boxes]string{"Larkspur Support", "Larkspur Sales"}
)

// The addresses that show what can go wrong when sending.
const (
	bounceDomain = "@bounce.example.org" // refused for good (550)
	slowDomain   = "@slow.example.org"   // put off once (451), then taken
)

// person is somebody who writes mail.
type person struct{ name, address, company string }

func (p person) first() string {
	f, _, _ := strings.Cut(p.name, " ")
	return f
}

func (p person) domain() string { return p.address[strings.LastIndexByte(p.address, '@')+1:] }

// enclosure is what a customer's first mail of a matter comes with.
type enclosure int

const (
	nothing enclosure = iota
	photos            // pictures as attachments
	inline            // a picture within the text
)

// matter is one thing that customers write about, and how it usually goes on.
// The texts have placeholders in braces: see language.words and thread.say.
type matter struct {
	tag       string
	box       int
	subjects  []string
	asks      []string // the first mail, in different words
	turns     []string // what follows: we, the customer, we, …
	then      string   // the customer's answer to whatever the visitor writes
	note      string   // a colleague's private remark
	attach    enclosure
	answerPDF string // the name of the file that our first answer brings
	html      bool
	cc        bool // somebody else is in copy
	priority  string
}

// letterText is a subject and a body.
type letterText struct{ subject, text string }

// language is everything said in one language.
type language struct {
	code    string
	rtl     bool
	zones   []*time.Location
	people  []person
	partner []person // who is put in copy
	women   []string // names, where the grammar asks
	voice   func(text string, woman bool) string

	words         map[string][]string // placeholder → what it may stand for
	greet, close  []string
	phone         []string // what telephones write below a mail
	our, ourClose string
	matters       []matter
	thanks        []string // fits most answers of ours
	nudges        []string // when nobody answers
	ours          []string // colleagues' answers that fit most mails
	notes         []string // colleagues' remarks
	auto          letterText
	texting       texting

	wrote   func(style int, at time.Time, p person) string
	outlook [4]string // the header above a quoted mail: from, sent, to, subject
}

// zone is a time zone by its distance from UTC in minutes.
func zone(name string, minutes int) *time.Location { return time.FixedZone(name, minutes*60) }

// The mail programs whose ways of quoting are imitated.
const (
	gmail = iota
	outlook
	apple
	plain
	styles
)

// thread is one conversation as its customer sees it.
type thread struct {
	lang    *language
	matter  *matter
	who     person
	cc      []person
	box     int
	zone    *time.Location
	style   int
	subject string
	fill    *strings.Replacer
	refs    []string // Message-IDs so far, oldest first
	last    *letter  // what an answer quotes
	turn    int      // index of the next of matter.turns
	thanked int      // answers given from language.thanks
	asked   bool     // matter.then was said
	script  bool     // a colleague's answer from matter.turns is on its way

	plan plan
}

// plan is what the agents have done about a conversation of the past.
type plan struct {
	status   string
	agent    int // index of World.agents, nobody if < 0
	priority string
	note     string
	snooze   time.Duration
}

// cast makes everything up: all that is random comes from its source, so that
// equal seeds tell equal stories.
type cast struct {
	rng     *rand.Rand
	langs   []*language
	next    map[*language]int   // whose turn it is
	deck    map[*language][]int // matters in the order they come up
	threads map[string]*thread
	serial  int
	photos  [][]byte

	lastMail map[string]time.Time // of the past, by address
	nextText map[*language]int    // whose turn it is to text
	chats    map[string]*chat     // by number: the newest
	texts    map[string]*chat     // by the provider's name of a text
}

func newCast(seed uint64) *cast {
	c := &cast{
		rng:   rand.New(rand.NewPCG(seed, 0x6c61726b73707572)),
		langs: []*language{english(), persian(), thai()},
		next:  map[*language]int{}, deck: map[*language][]int{}, threads: map[string]*thread{},
		lastMail: map[string]time.Time{}, nextText: map[*language]int{}, chats: map[string]*chat{}, texts: map[string]*chat{},
	}
	for i := range photoCount {
		c.photos = append(c.photos, photo(i))
	}
	return c
}

func pick[T any](c *cast, list []T) T { return list[c.rng.IntN(len(list))] }

// between is a random duration.
func (c *cast) between(lo, hi time.Duration) time.Duration {
	if hi <= lo {
		return lo
	}
	return lo + time.Duration(c.rng.Int64N(int64(hi-lo)))
}

// speaker chooses a language: three in five English, one Persian, one Thai.
func (c *cast) speaker(i int) *language {
	return c.langs[[...]int{0, 1, 0, 2, 0}[i%5]]
}

// customer returns the people of a language in turn.
func (c *cast) customer(l *language) person {
	c.next[l]++
	return l.people[(c.next[l]*7)%len(l.people)]
}

// concern returns the matters of a language, shuffled, each as often as any other.
func (c *cast) concern(l *language) *matter {
	if len(c.deck[l]) == 0 {
		c.deck[l] = c.rng.Perm(len(l.matters))
	}
	i := c.deck[l][0]
	c.deck[l] = c.deck[l][1:]
	return &l.matters[i]
}

// open begins a matter; nothing is written yet.
func (c *cast) open(l *language, who person, m *matter) *thread {
	t := &thread{lang: l, matter: m, who: who, box: m.box, zone: pick(c, l.zones)}
	for i, p := range l.people {
		if p == who { // the same person uses the same program at the same place
			t.zone, t.style = l.zones[i%len(l.zones)], i%styles
		}
	}
	t.fill = c.filler(l, who)
	t.subject = t.fill.Replace(pick(c, m.subjects))
	if m.cc {
		t.cc = []person{pick(c, l.partner)}
	}
	return t
}

// filler puts words into the placeholders of what is said in one matter.
func (c *cast) filler(l *language, who person) *strings.Replacer {
	order := strconv.Itoa(40000 + c.rng.IntN(9999))
	pairs := []string{"{order}", order, "{first}", who.first(), "{name}", who.name}
	for _, key := range []string{"model", "size", "part", "city", "day", "color"} {
		pairs = append(pairs, "{"+key+"}", pick(c, l.words[key]))
	}
	return strings.NewReplacer(pairs...)
}

// say fills in a text of the customer.
func (t *thread) say(text string) string {
	text = t.fill.Replace(strings.NewReplacer("{first}", t.who.first(), "{name}", t.who.name).Replace(text))
	if t.lang.voice != nil {
		text = t.lang.voice(text, slices.Contains(t.lang.women, t.who.name))
	}
	return text
}

// id makes a Message-ID for a mail from an address.
func (c *cast) id(from person) string {
	c.serial++
	return strconv.FormatUint(c.rng.Uint64(), 36) + "." + strconv.Itoa(c.serial) + "@" + from.domain()
}
