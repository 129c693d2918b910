package preference

import (
	"cmp"
	"encoding/binary"
	"errors"
	"maps"
	"math"
	"slices"
	"time"
)

// The board's counters. A day has cells, one for each purpose, channel, agent, team
// and language that occurs; a cell has counters, of which most are zero and not there.
// One value holds a day, one more a day and tag.

// cell is what a counter is about. Over is the channel before, of switches only.
type cell struct {
	Purpose, Channel, Over, Language string
	Agent, Team                      uint64
}

// metric numbers a counter of a cell. The numbers are on disk: only add.
type metric uint16

const (
	mIn        metric = 1  // messages of customers
	mOut       metric = 2  // messages of ours
	mAsked     metric = 3  // turns of customers that want an answer
	mAnswered  metric = 4  // … that we answered
	mReached   metric = 5  // turns of ours that want an answer
	mReplied   metric = 6  // … that the customer answered
	mOpened    metric = 7  // conversations that began
	mResolved  metric = 8  // … that are resolved
	mFailed    metric = 9  // messages of ours that did not arrive
	mSwitchIn  metric = 10 // the customer went over to another channel
	mSwitchOut metric = 11 // we did

	// Messages of ours for which a channel was proposed, by whence that came, and
	// those among them that wanted an answer and got one.
	mFollowed        metric = 20 // + order of the source: stated, set, learned
	mFollowedReplied metric = 24
	mDeviated        metric = 28
	mDeviatedReplied metric = 32
	mFollowedReached metric = 36
	mDeviatedReached metric = 40

	// Times until an answer, by bucket.
	hOurs     metric = 100 // until we answered
	hTheirs   metric = 200 // until the customer answered
	hResolved metric = 300
	hFollowed metric = 400 // until the customer answered where the proposal was followed
	hDeviated metric = 500

	mHourIn  metric = 600 // + hour of the day: messages of customers
	mHourOut metric = 640
)

// sourceOrder of what was proposed.
func sourceOrder(source string) metric {
	switch source {
	case Stated:
		return 0
	case Set:
		return 1
	}
	return 2
}

// buckets of times: four for each doubling, from a second to half a year.
const buckets = 97

func bucket(seconds int64) metric {
	if seconds < 1 {
		return 0
	}
	return metric(min(buckets-1, 1+int(4*math.Log2(float64(seconds)))))
}

// bucketEnd is the upper end of a bucket in seconds.
func bucketEnd(b int) float64 {
	if b == 0 {
		return 1
	}
	return math.Exp2(float64(b) / 4)
}

// counts calls yield for every counter that c stands in.
func (c *Contact) counts(zone *time.Location, yield func(k cell, m metric)) {
	k := cell{Purpose: c.Purpose, Channel: c.Channel, Language: c.Language, Agent: c.Agent, Team: c.Team}
	hour := metric(c.Time.In(zone).Hour())
	if c.Out {
		yield(k, mOut)
		yield(k, mHourOut+hour)
	} else {
		yield(k, mIn)
		yield(k, mHourIn+hour)
	}
	if c.Failed {
		yield(k, mFailed)
	}
	if c.First {
		yield(k, mOpened)
		if c.Resolved > 0 {
			yield(k, mResolved)
			yield(k, hResolved+bucket(c.Resolved-1))
		}
	}
	if c.Over != "" {
		o, m := k, mSwitchIn
		if o.Over = c.Over; c.Out {
			m = mSwitchOut
		}
		yield(o, m)
	}
	// Each message goes over a channel, also one that wants no answer.
	turn, reached, replied, hist := mDeviated, mDeviatedReached, mDeviatedReplied, hDeviated
	if c.Advised == c.Channel {
		turn, reached, replied, hist = mFollowed, mFollowedReached, mFollowedReplied, hFollowed
	}
	advised := c.Out && c.Advised != ""
	if advised {
		yield(k, turn+sourceOrder(c.By))
	}
	if !c.Waits {
		return
	}
	if !c.Out {
		yield(k, mAsked)
		if c.Answer != 0 {
			yield(k, mAnswered)
			yield(k, hOurs+bucket(c.After))
		}
		return
	}
	yield(k, mReached)
	if c.Answer != 0 {
		yield(k, mReplied)
		yield(k, hTheirs+bucket(c.After))
	}
	if !advised {
		return
	}
	yield(k, reached+sourceOrder(c.By))
	if c.Answer != 0 {
		yield(k, replied+sourceOrder(c.By))
		yield(k, hist+bucket(c.After))
	}
}

// day are the counters of a day.
type day map[cell]map[metric]int64

func (d day) add(k cell, m metric, n int64) {
	c := d[k]
	if c == nil {
		c = map[metric]int64{}
		d[k] = c
	}
	c[m] += n
}

// dayKey names a day's value, of a tag if that is not "".
func dayKey(date, tag string) string {
	if tag == "" {
		return date
	}
	return date + "\x00" + tag
}

// count adds n to the counters of c.
func (b *batch) count(c *Contact, n int64) {
	date := c.Time.In(b.p.zone).Format(time.DateOnly)
	for _, tag := range append([]string{""}, c.Tags...) {
		key := dayKey(date, tag)
		d := b.deltas[key]
		if d == nil {
			d = day{}
			b.deltas[key] = d
		}
		c.counts(b.p.zone, func(k cell, m metric) { d.add(k, m, n) })
	}
}

// boardBucket holds the counters.
const boardBucket = "board"

// flush writes the counters that changed.
func (b *batch) flush() error {
	for _, key := range slices.Sorted(maps.Keys(b.deltas)) {
		delta := b.deltas[key]
		d := day{}
		if err := readDay(b.tx.GetValue(boardBucket, key), func(k cell, m metric, n int64) { d.add(k, m, n) }); err != nil {
			return err
		}
		changed := false
		for k, list := range delta {
			for m, n := range list {
				if n != 0 {
					d.add(k, m, n)
					changed = true
				}
			}
		}
		if !changed {
			continue
		}
		if err := b.tx.PutValue(boardBucket, key, d.encode()); err != nil {
			return err
		}
	}
	b.deltas = map[string]day{}
	return nil
}

// encode is compact: a table of the texts, then the cells in order with their
// counters that are not zero. nil is an empty day.
func (d day) encode() []byte {
	texts := map[string]uint64{}
	var table []string
	text := func(s string) uint64 {
		i, ok := texts[s]
		if !ok {
			i = uint64(len(table))
			texts[s], table = i, append(table, s)
		}
		return i
	}
	cells := slices.SortedFunc(maps.Keys(d), func(a, b cell) int {
		return cmp.Or(cmp.Compare(a.Purpose, b.Purpose), cmp.Compare(a.Channel, b.Channel), cmp.Compare(a.Over, b.Over),
			cmp.Compare(a.Language, b.Language), cmp.Compare(a.Agent, b.Agent), cmp.Compare(a.Team, b.Team))
	})
	var body []byte
	put := func(n uint64) { body = binary.AppendUvarint(body, n) }
	for _, k := range cells {
		counters := d[k]
		maps.DeleteFunc(counters, func(_ metric, n int64) bool { return n == 0 })
		if len(counters) == 0 {
			continue
		}
		for _, s := range []string{k.Purpose, k.Channel, k.Over, k.Language} {
			put(text(s))
		}
		put(k.Agent)
		put(k.Team)
		put(uint64(len(counters)))
		last := metric(0)
		for _, m := range slices.Sorted(maps.Keys(counters)) {
			put(uint64(m - last))
			body = binary.AppendVarint(body, counters[m])
			last = m
		}
	}
	if len(body) == 0 {
		return nil
	}
	out := binary.AppendUvarint(nil, uint64(len(table)))
	for _, s := range table {
		out = append(binary.AppendUvarint(out, uint64(len(s))), s...)
	}
	return append(out, body...)
}

var errDay = errors.New("preference: a day of the board cannot be read: rebuild it")

// readDay calls yield for every counter of an encoded day.
func readDay(b []byte, yield func(k cell, m metric, n int64)) error {
	if len(b) == 0 {
		return nil
	}
	ok := true
	next := func() uint64 {
		v, n := binary.Uvarint(b)
		if n <= 0 {
			ok, b = false, nil
			return 0
		}
		b = b[n:]
		return v
	}
	n := next()
	if n > uint64(len(b)) {
		return errDay
	}
	table := make([]string, n)
	for i := range table {
		size := next()
		if size > uint64(len(b)) {
			return errDay
		}
		table[i], b = string(b[:size]), b[size:]
	}
	text := func() string {
		i := next()
		if i >= uint64(len(table)) {
			ok = false
			return ""
		}
		return table[i]
	}
	for ok && len(b) > 0 {
		k := cell{Purpose: text(), Channel: text(), Over: text(), Language: text(), Agent: next(), Team: next()}
		last := metric(0)
		for range next() {
			last += metric(next())
			v, size := binary.Varint(b)
			if !ok || size <= 0 {
				return errDay
			}
			b = b[size:]
			yield(k, last, v)
		}
	}
	if !ok {
		return errDay
	}
	return nil
}
