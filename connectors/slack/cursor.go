package slack

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"
)

// cursorVersion is that of the cursor's form; another one is not understood.
const cursorVersion = 1

const (
	// maxSeen is how many messages the cursor may name before the histories are
	// looked through, so that they need not be named any more.
	maxSeen = 500
	// maxThreads is how many old threads are remembered for another look.
	maxThreads = 500
	// maxLate is how many messages may wait for another look.
	maxLate = 1000
)

// cursor is how far the histories were read.
type cursor struct {
	Version int                  `json:"v"`
	Team    string               `json:"team"`
	Begin   string               `json:"begin"`            // ts from which this account was read
	Listed  string               `json:"listed,omitempty"` // ts of the last time that all channels were listed and read
	Rooms   map[string]*progress `json:"rooms,omitempty"`
	Threads map[string]string    `json:"threads,omitempty"` // "CHANNEL/ROOT" of threads that are older than what is looked through, to their last known answer
	Late    []lateItem           `json:"late,omitempty"`
}

// progress is how far one channel was read. Everything up to Checked is with the
// hub, and of what is newer, and a little of what is older, Seen.
type progress struct {
	Checked string   `json:"checked"`
	Threads string   `json:"threads,omitempty"` // up to here, also the answers in old threads
	Seen    []string `json:"seen,omitempty"`
}

// lateItem is a message that wants another look: its files were missing.
type lateItem struct {
	Room  string    `json:"room"`
	TS    string    `json:"ts"`
	Root  string    `json:"root,omitempty"`
	Tries int       `json:"tries,omitempty"`
	Next  time.Time `json:"next,omitzero"`
}

// readCursor reads what the hub kept; nil is the very first run.
func readCursor(b []byte) (*cursor, error) {
	if len(b) == 0 {
		return nil, nil
	}
	var c cursor
	if err := json.Unmarshal(b, &c); err != nil {
		return nil, fmt.Errorf("the stored cursor cannot be read: %w", err)
	}
	if c.Version != cursorVersion {
		return nil, fmt.Errorf("the stored cursor has the form %d, and this version knows %d: it was written by a newer program", c.Version, cursorVersion)
	}
	if c.Rooms == nil {
		c.Rooms = map[string]*progress{}
	}
	if c.Threads == nil {
		c.Threads = map[string]string{}
	}
	return &c, nil
}

func (c *cursor) room(id, from string) *progress {
	p := c.Rooms[id]
	if p == nil {
		p = &progress{Checked: from, Threads: from}
		c.Rooms[id] = p
	}
	return p
}

func (p *progress) saw(ts string) bool {
	_, ok := slices.BinarySearch(p.Seen, ts)
	return ok
}

func (p *progress) see(ts string) {
	if i, ok := slices.BinarySearch(p.Seen, ts); !ok {
		p.Seen = slices.Insert(p.Seen, i, ts)
	}
}

// advance moves Checked on, and forgets what was seen so far before it that no
// look comes back to.
func (p *progress) advance(to string, overlap time.Duration) {
	if to > p.Checked {
		p.Checked = to
	}
	from := before(p.Checked, overlap)
	i, _ := slices.BinarySearch(p.Seen, from)
	p.Seen = slices.Delete(p.Seen, 0, i)
}

// before is the ts that lies a time before another.
func before(ts string, d time.Duration) string {
	t, ok := stamp(ts)
	if !ok {
		return ts
	}
	return stampOf(t.Add(-d))
}

// seen is how many messages the cursor names.
func (c *cursor) seen() (n int) {
	for _, p := range c.Rooms {
		n += len(p.Seen)
	}
	return n
}

// note remembers that the hub has a message. since is where a channel begins that
// was not read before.
func (c *cursor) note(m mark, since string, window time.Duration) {
	c.room(m.room, since).see(m.ts)
	root, ok := stamp(m.root)
	if !ok {
		return
	}
	key := m.room + "/" + m.root
	if time.Since(root) < window {
		return // the look through the channel finds it
	}
	if m.ts > c.Threads[key] {
		c.Threads[key] = m.ts
	}
	if len(c.Threads) <= maxThreads {
		return
	}
	oldest := ""
	for k, ts := range c.Threads {
		if oldest == "" || ts < c.Threads[oldest] {
			oldest = k
		}
	}
	delete(c.Threads, oldest)
}

// roots are the remembered threads of a channel.
func (c *cursor) roots(room string) (list []string) {
	for k := range c.Threads {
		if root, ok := strings.CutPrefix(k, room+"/"); ok {
			list = append(list, root)
		}
	}
	slices.Sort(list)
	return list
}

// addLate asks for another look.
func (c *cursor) addLate(l lateItem) {
	if i := slices.IndexFunc(c.Late, func(o lateItem) bool { return o.Room == l.Room && o.TS == l.TS }); i >= 0 {
		c.Late[i].Next, c.Late[i].Tries = l.Next, 0
		return
	}
	if len(c.Late) >= maxLate {
		c.Late = c.Late[1:]
	}
	c.Late = append(c.Late, l)
}

// tried notes that a message was looked at, and with done that it is for the last time.
func (c *cursor) tried(l lateItem, done bool, again []time.Duration) {
	i := slices.Index(c.Late, l)
	switch {
	case i < 0: // an edit has asked for a look of its own meanwhile
	case done:
		c.Late = slices.Delete(c.Late, i, i+1)
	default:
		late := &c.Late[i]
		late.Tries++
		late.Next = time.Now().UTC().Add(again[late.Tries])
	}
}
