package email

import (
	"cmp"
	"slices"

	"github.com/emersion/go-imap/v2"

	"throughline/connectors"
	"throughline/message"
)

// The hub shows messages in the order in which they come to it. A mailbox with
// much to take in, as at its first import, therefore is not read folder by folder:
// our answers in the sent folder would all follow the mails that they answer. The
// folders are listed, and their mails taken in by the time at which the server got
// them.
const (
	// mergeWindow is how many mails of a folder are put in order at once. Their
	// UIDs need not follow their times: mails that people file away keep their
	// time and get a new UID.
	mergeWindow = 10_000
	// runMails and runBytes bound what is fetched in one go from folder to folder:
	// large, since each change of folder is a command and work for the server.
	runMails = 1000
	runBytes = 2 * batchBytes
)

// stream is one folder's share of a merge. No mail is forgotten, whatever comes
// between: at is stored in one transaction with the mails that it counts as taken.
type stream struct {
	folder string
	at     place // what lies before window
	t      *trouble
	list   lister
	window []entry // as listed, ascending by UID
	done   []bool  // of window: taken in, or gone
	queue  []int   // what is left of window, by time
	lag    int
	todo   imap.UIDSet // accepted and to be tidied
}

// place is how far the folder is taken in.
func (st *stream) place() place {
	p := st.at
	i := slices.Index(st.done, false)
	if i < 0 {
		i = len(st.done)
	}
	if i > 0 {
		p = p.reach(st.window[i-1].uid)
	}
	ahead, _ := parseUIDs(p.Ahead)
	for i < len(st.done) {
		from := i
		for i < len(st.done) && st.done[i] {
			i++
		}
		if i > from {
			ahead.AddRange(st.window[from].uid, st.window[i-1].uid)
		} else {
			i++
		}
	}
	p.Ahead, p.Todo = ahead.String(), st.todo.String()
	return p
}

// fill takes over the next window.
func (st *stream) fill(entries []entry) {
	st.at = st.place()
	st.window, st.done, st.queue = entries, make([]bool, len(entries)), nil
	taken := st.at.taken()
	for i := range entries {
		if entries[i].received.IsZero() && i > 0 {
			entries[i].received = entries[i-1].received // a careful listing has no times
		}
		if st.done[i] = taken(entries[i].uid); !st.done[i] {
			st.queue = append(st.queue, i)
		}
	}
	slices.SortStableFunc(st.queue, func(a, b int) int { return entries[a].received.Compare(entries[b].received) })
}

// item is one mail of a run.
type item struct {
	st *stream
	i  int // in st.window
}

func (it item) entry() entry { return it.st.window[it.i] }

// merge takes in what waits in several folders, the oldest first. If only one has
// anything new, or none, it leaves that to visit.
func (r *receiver) merge() error {
	if len(r.c.set.folders) < 2 {
		return nil
	}
	var streams []*stream
	for _, f := range r.c.set.folders {
		ok, err := r.enter(f)
		if err != nil {
			return err
		}
		if !ok {
			continue
		}
		p, t, err := r.begin(f)
		if err != nil {
			return err
		}
		if lag := r.lag(p); lag > 0 {
			list := lister{lo: p.Last + 1, next: r.s.next, mails: mergeWindow}
			streams = append(streams, &stream{folder: f, at: p, t: t, list: list, lag: lag})
		}
	}
	if len(streams) < 2 {
		return nil
	}
	err := r.mergeAll(streams)
	ferr := r.g.flush()
	for _, st := range streams {
		switch now, _ := r.g.place(st.folder); {
		case ferr != nil:
			st.t.groups = nil
		case err != nil:
			st.t.from = now.Last
		default:
			delete(r.c.trouble, st.folder)
			if p := st.place(); p != now { // the last ones were gone
				if err := r.g.setPlace(st.folder, p); err != nil {
					return err
				}
			}
		}
	}
	return cmp.Or(err, ferr)
}

func (r *receiver) mergeAll(streams []*stream) error {
	for {
		for _, st := range streams {
			if err := r.refill(st); err != nil {
				return err
			}
		}
		run := nextRun(streams)
		if len(run) == 0 {
			return nil
		}
		if err := r.takeRun(streams, run); err != nil {
			return err
		}
	}
}

// refill lists until there is something to take from st, or nothing more comes.
func (r *receiver) refill(st *stream) error {
	for len(st.queue) == 0 && !st.list.end {
		if err := r.turnTo(st); err != nil {
			return err
		}
		entries, err := r.list(&st.list, st.at, st.t)
		if err != nil {
			return err
		}
		st.fill(entries)
	}
	return nil
}

// turnTo opens the folder of st, unless it is open.
func (r *receiver) turnTo(st *stream) error {
	if r.s.folder == st.folder {
		return nil
	}
	if err := r.s.open(st.folder, r.c.set.after == afterLeave); err != nil {
		return r.lost(err)
	}
	if r.s.validity != st.at.Validity {
		return &connectors.SendError{Class: connectors.Retry, Reason: "the server has renumbered a folder while it was read"}
	}
	return nil
}

// nextRun takes the oldest mails off the streams, as many as are fetched in one
// go. A large mail goes alone.
func nextRun(streams []*stream) (run []item) {
	var bytes int64
	for len(run) < runMails {
		var first *stream
		for _, st := range streams {
			switch {
			case len(st.queue) == 0 && !st.list.end:
				return run // the next of this folder may be older than all others
			case len(st.queue) == 0:
			case first == nil, st.window[st.queue[0]].received.Before(first.window[first.queue[0]].received):
				first = st
			}
		}
		if first == nil {
			return run
		}
		size := first.window[first.queue[0]].size
		if len(run) > 0 && (bytes+size > runBytes || size > spoolBytes) {
			return run
		}
		run = append(run, item{first, first.queue[0]})
		first.queue = first.queue[1:]
		if bytes += size; size > spoolBytes {
			return run
		}
	}
	return run
}

// takeRun fetches a run folder by folder, beginning with the open one, and
// delivers it in its order. If the connection breaks, what has come is delivered.
func (r *receiver) takeRun(streams []*stream, run []item) error {
	order := slices.Clone(streams)
	slices.SortStableFunc(order, func(a, b *stream) int {
		return cmp.Compare(bit(a.folder != r.s.folder), bit(b.folder != r.s.folder))
	})
	came := map[item]arrival{}
	var ferr error
	for _, st := range order {
		if ferr = r.fetchShare(st, run, came); ferr != nil {
			break
		}
	}
	if ferr == nil {
		for _, it := range run {
			if _, ok := came[it]; !ok {
				it.st.done[it.i] = true // it is gone
			}
		}
	}
	if err := r.deliverRun(streams, run, came); err != nil {
		return err
	}
	if ferr != nil {
		return ferr
	}
	return r.tidyRun(order)
}

func bit(b bool) int {
	if b {
		return 1
	}
	return 0
}

// fetchShare fetches the mails of one folder.
func (r *receiver) fetchShare(st *stream, run []item, came map[item]arrival) error {
	index := map[imap.UID]int{}
	var share []entry
	for _, it := range run {
		if it.st == st {
			share = append(share, it.entry())
			index[it.entry().uid] = it.i
		}
	}
	if len(share) == 0 {
		return nil
	}
	slices.SortFunc(share, func(a, b entry) int { return cmp.Compare(a.uid, b.uid) })
	if err := r.turnTo(st); err != nil {
		return err
	}
	st.t.groups = regroup(share, st.t.groups)
	return r.fetchAll(st.t, func(l *load) error {
		for _, a := range l.arrivals {
			came[item{st, index[a.uid]}] = a
		}
		return nil
	})
}

// regroup splits entries for fetching. What was in different groups when the
// connection broke stays apart.
func regroup(entries []entry, broken [][]entry) (groups [][]entry) {
	piece := map[imap.UID]int{}
	for i, g := range broken {
		for _, e := range g {
			piece[e.uid] = i + 1
		}
	}
	for len(entries) > 0 {
		n := 1
		for n < len(entries) && piece[entries[n].uid] == piece[entries[0].uid] {
			n++
		}
		groups = append(groups, split(entries[:n])...)
		entries = entries[n:]
	}
	return groups
}

// deliverRun hands what came to the hub.
func (r *receiver) deliverRun(streams []*stream, run []item, came map[item]arrival) error {
	defer func() {
		for _, a := range came {
			dropContents(map[imap.UID]message.Content{a.uid: a.raw})
		}
	}()
	run = slices.DeleteFunc(run, func(it item) bool { _, ok := came[it]; return !ok })
	for part := range slices.Chunk(run, batchMails) {
		l := &load{places: map[string]place{}}
		for _, it := range part {
			a := came[it]
			delete(came, it)
			l.arrivals = append(l.arrivals, a)
			it.st.done[it.i] = true
			it.st.lag = max(0, it.st.lag-1)
			if a.reason == "" && r.c.set.after != afterLeave {
				it.st.todo.AddNum(a.uid)
			}
		}
		for _, st := range streams {
			l.places[st.folder] = st.place()
			l.lag += st.lag
		}
		if err := r.g.submit(l); err != nil {
			return err
		}
	}
	return nil
}

// tidyRun marks or moves what the hub has, where the account is configured so.
func (r *receiver) tidyRun(streams []*stream) error {
	if r.c.set.after == afterLeave {
		return nil
	}
	if err := r.g.flush(); err != nil {
		return err
	}
	for _, st := range streams {
		if len(st.todo) == 0 {
			continue
		}
		if err := r.turnTo(st); err != nil {
			return err
		}
		if err := r.tidy(st.todo); err != nil {
			return r.lost(err)
		}
		st.todo = nil
	}
	return nil
}
