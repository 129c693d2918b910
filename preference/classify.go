package preference

import (
	"cmp"
	"encoding/json"
	"errors"
	"maps"
	"math"
	"slices"
	"strings"

	"throughline/store"
)

// The classifier is multinomial naive Bayes over the distinct words of a
// conversation's first message. It learns from conversations whose purpose an agent
// set, by the first message of the customer's; until there are any, a few words of each usual purpose stand for them.

// lesson is what was learned from one conversation; its ID is that of the
// conversation, so that it can be unlearned.
type lesson struct {
	Purpose string   `json:"p"`
	Message uint64   `json:"m"`
	Words   []string `json:"w,omitempty"`
}

// wordBucket counts in how many lessons of each purpose a word stands. The key ""
// cannot be, so the lessons themselves are counted under lessonCount.
const (
	wordBucket  = "preference.words"
	lessonCount = "\x00"
)

type tally map[string]int

func (p *Preferences) tally(tx *store.Tx, word string) (tally, error) {
	data := tx.GetValue(wordBucket, word)
	t := tally{}
	if data == nil {
		return t, nil
	}
	return t, json.Unmarshal(data, &t)
}

func (p *Preferences) addWord(tx *store.Tx, word, purpose string, n int) error {
	t, err := p.tally(tx, word)
	if err != nil {
		return err
	}
	if t[purpose] += n; t[purpose] <= 0 {
		delete(t, purpose)
	}
	if len(t) == 0 {
		return tx.PutValue(wordBucket, word, nil)
	}
	data, err := json.Marshal(t)
	if err != nil {
		return err
	}
	return tx.PutValue(wordBucket, word, data)
}

// learn brings the lesson of a conversation in line with what an agent says it is
// about and with its first message of the customer's; again tells that the words of
// that may have changed.
func (b *batch) learn(conversation uint64, again bool) error {
	p, tx := b.p, b.tx
	old, err := p.lessons.Get(tx, conversation)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return err
	}
	m, err := b.matter(conversation)
	if err != nil {
		return err
	}
	want := lesson{}
	if m.Purpose != "" && strings.HasPrefix(m.By, "agent:") && m.ID == conversation {
		if want.Message, err = b.firstHeard(conversation); err != nil {
			return err
		}
	}
	if want.Message != 0 {
		want.Purpose = m.Purpose
	}
	if old == nil && want.Message == 0 || old != nil && !again && old.Purpose == want.Purpose && old.Message == want.Message {
		return nil
	}
	if old != nil {
		if err := p.count(tx, old, -1); err != nil {
			return err
		}
		if err := p.lessons.Delete(tx, conversation); err != nil {
			return err
		}
	}
	if want.Message == 0 {
		return nil
	}
	text, err := p.source.Words(tx, want.Message)
	if err != nil {
		return err
	}
	want.Words = features(text)
	if err := p.count(tx, &want, 1); err != nil {
		return err
	}
	return p.lessons.Insert(tx, conversation, &want)
}

// firstHeard is the customer's first message in a conversation, 0 if there is none.
func (b *batch) firstHeard(conversation uint64) (uint64, error) {
	const far = 20
	n := 0
	for e := range b.p.contacts.Scan(b.tx, store.Range{Index: "conversation", Prefix: store.K().Uint(conversation)}) {
		if n++; n > far {
			break
		}
		c, err := b.get(e.ID)
		if err != nil {
			return 0, err
		}
		if !c.Out {
			return c.ID, nil
		}
	}
	return 0, nil
}

func (p *Preferences) count(tx *store.Tx, l *lesson, n int) error {
	for _, w := range append([]string{lessonCount}, l.Words...) {
		if err := p.addWord(tx, w, l.Purpose, n); err != nil {
			return err
		}
	}
	return nil
}

// Guess is a purpose that the classifier proposes.
type Guess struct {
	Purpose    string
	Confidence float64 // 0 to 1
	Words      []Word  // that spoke for it, strongest first
}

// Word is a word that spoke for a guess, and how loud: the logarithm of how much
// more often it stands in matters of this purpose than in others.
type Word struct {
	Word   string
	Weight float64
}

const (
	maxWords = 6
	minGuess = 0.5 // below, nothing is proposed
)

// Guess proposes what a text is about, nil if it does not know.
func (p *Preferences) Guess(tx *store.Tx, text string) (*Guess, error) {
	policy, err := p.Policy(tx)
	if err != nil {
		return nil, err
	}
	return p.GuessUnder(tx, &policy, text)
}

// GuessUnder is Guess with the purposes of a policy that need not be the one that holds.
func (p *Preferences) GuessUnder(tx *store.Tx, policy *Policy, text string) (*Guess, error) {
	var open []string
	for _, o := range policy.Purposes {
		if !o.Archived {
			open = append(open, o.Key)
		}
	}
	lessons, err := p.tally(tx, lessonCount)
	if err != nil {
		return nil, err
	}
	counts := map[string]tally{}
	words := features(text)
	for _, w := range words {
		if counts[w], err = p.tally(tx, w); err != nil {
			return nil, err
		}
	}
	return guess(open, lessons, words, func(w string) tally { return counts[w] }), nil
}

// seedWeight is how many lessons the first words of a purpose are worth.
const seedWeight = 2

// guess is the model: purposes, how many lessons each has, and the counts of words.
func guess(purposes []string, lessons tally, words []string, of func(string) tally) *Guess {
	if len(purposes) < 2 || len(words) == 0 {
		return nil
	}
	total := 0.0
	docs := map[string]float64{}
	for _, k := range purposes {
		docs[k] = float64(lessons[k]) + seedWeight
		total += docs[k]
	}
	// The share of a purpose's lessons that have a word, with a fraction of a
	// lesson added on each side.
	share := func(k, w string) float64 {
		n := float64(of(w)[k])
		if slices.Contains(seeds(k), w) {
			n += seedWeight
		}
		return (n + 0.2) / (docs[k] + 1)
	}
	scores := map[string]float64{}
	known := 0
	for _, k := range purposes {
		scores[k] = math.Log(docs[k] / total)
	}
	for _, w := range words {
		heard := false
		for _, k := range purposes {
			heard = heard || of(w)[k] > 0 || slices.Contains(seeds(k), w)
		}
		if !heard {
			continue
		}
		known++
		for _, k := range purposes {
			scores[k] += math.Log(share(k, w))
		}
	}
	if known == 0 {
		return nil
	}
	// Words of one text repeat what others of it say: taken as independent they
	// would make it far too sure.
	damp := 1 / math.Sqrt(float64(known))
	best := slices.MaxFunc(purposes, func(a, b string) int { return cmp.Or(cmp.Compare(scores[a], scores[b]), cmp.Compare(b, a)) })
	sum := 0.0
	for _, k := range purposes {
		sum += math.Exp((scores[k] - scores[best]) * damp)
	}
	g := &Guess{Purpose: best, Confidence: 1 / sum}
	if g.Confidence < minGuess {
		return nil
	}
	var parts []Word // of words that are not known whole
	for _, w := range words {
		if filler(w) {
			continue
		}
		other := 0.0
		for _, k := range purposes {
			if k != best {
				other += share(k, w) / float64(len(purposes)-1)
			}
		}
		if weight := math.Log(share(best, w) / other); weight > 0.3 && (of(w)[best] > 0 || slices.Contains(seeds(best), w)) {
			if readable(w) {
				g.Words = append(g.Words, Word{w, weight})
			} else {
				parts = append(parts, Word{w, weight})
			}
		}
	}
	if len(g.Words) == 0 {
		g.Words = parts
	}
	slices.SortStableFunc(g.Words, func(a, b Word) int { return cmp.Compare(b.Weight, a.Weight) })
	g.Words = g.Words[:min(len(g.Words), maxWords)]
	if len(g.Words) == 0 {
		return nil
	}
	return g
}

// seeds are the features by which a usual purpose is known before anything was
// learned.
func seeds(purpose string) []string {
	return seedFeatures[purpose]
}

// seedFeatures is an immutable table.
var seedFeatures = func() map[string][]string {
	out := map[string][]string{}
	for k, text := range map[string]string{
		"support":     "broken help problem error fault defect repair working noise stopped crash warranty خراب مشکل تعمیر کمک ایراد เสีย ปัญหา ซ่อม ช่วย ชำรุด",
		"invoice":     "invoice bill billing payment paid charged refund receipt vat account فاکتور صورتحساب پرداخت بازپرداخت رسید ใบแจ้งหนี้ ชำระเงิน ใบเสร็จ คืนเงิน",
		"appointment": "appointment book booking slot reschedule tomorrow visit calendar نوبت قرار وقت رزرو فردا นัด นัดหมาย จองคิว เลื่อนนัด พรุ่งนี้",
		"delivery":    "delivery deliver parcel package shipped shipping tracking courier arrive arrived ارسال بسته تحویل پست رسید พัสดุ จัดส่ง ส่งของ ขนส่ง ติดตาม",
		"offer":       "offer discount price quote sale promotion voucher catalogue newsletter تخفیف پیشنهاد قیمت حراج ส่วนลด โปรโมชั่น ราคา ใบเสนอราคา",
	} {
		out[k] = features(text)
	}
	return out
}()

// Learned counts the lessons of each purpose.
func (p *Preferences) Learned(tx *store.Tx) (map[string]int, error) {
	t, err := p.tally(tx, lessonCount)
	return maps.Clone(t), err
}

// Limits of what Characteristic tells.
const (
	maxCharacteristic = 12     // words of a purpose
	maxVocabulary     = 200000 // words that are looked at
)

// Characteristic are the words by which the classifier tells each purpose from the
// others, strongest first: those of its lessons, weighed by how many of these have
// the word. Fillers are left out, and what is not readable.
func (p *Preferences) Characteristic(tx *store.Tx) (map[string][]Word, error) {
	lessons, err := p.tally(tx, lessonCount)
	if err != nil {
		return nil, err
	}
	total := 0
	for _, n := range lessons {
		total += n
	}
	out := map[string][]Word{}
	looked := 0
	for word, data := range tx.Values(wordBucket) {
		if looked++; looked > maxVocabulary {
			break
		}
		if word == lessonCount || filler(word) {
			continue
		}
		t := tally{}
		if err := json.Unmarshal(data, &t); err != nil {
			return nil, err
		}
		all := 0
		for _, n := range t {
			all += n
		}
		for k, n := range t {
			if n < 1 || lessons[k] == 0 {
				continue
			}
			mine := (float64(n) + 0.2) / float64(lessons[k]+1)
			other := (float64(all-n) + 0.2) / float64(total-lessons[k]+1)
			if weight := math.Log(mine/other) * math.Log1p(float64(n)); weight > 0.3 && readable(word) {
				out[k] = append(out[k], Word{word, weight})
			}
		}
	}
	for k, words := range out {
		slices.SortFunc(words, func(a, b Word) int { return cmp.Or(cmp.Compare(b.Weight, a.Weight), cmp.Compare(a.Word, b.Word)) })
		out[k] = words[:min(len(words), maxCharacteristic)]
	}
	return out, nil
}
