package email

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"throughline/message"
)

// Threads groups mails into conversations. The rule:
//
//   - A mail is linked to another if it names it: In-Reply-To or References
//     hold the other's Message-ID. Two mails that name the same third one are
//     linked through it, whether it is there or not. Subjects never link.
//   - A link counts only if the writer of the mail that refers (From, Reply-To)
//     belongs to the conversation it leads to: wrote in it or was addressed in
//     it (From, Reply-To, To, Cc of any of its mails), or if both came over the
//     same mailing list. Knowing a Message-ID is not enough.
//   - Of several mails that claim one Message-ID, a link leads to the one whose
//     people the referring mail knows. The claim itself links nothing.
//
// People only ever come to belong to a conversation, so the links that count
// are the same whatever order they are looked at: the result does not depend on
// the order of Add. It takes n log n time for n people and references.
type Threads struct {
	mails []threadMail
	names []string // made by solve
}

// threadMail is what Threads keeps of a mail.
type threadMail struct {
	key     string
	ref     string
	refs    []string
	time    time.Time
	writers []string
	people  []string
}

// Add takes a mail and returns its number, for Name.
func (t *Threads) Add(m message.Message) int {
	e := threadMail{key: m.Key, ref: m.Ref, refs: m.Refs, time: m.Time}
	e.writers = handles(nil, []message.Person{m.From})
	e.writers = handles(e.writers, m.ReplyTo)
	e.people = handles(slices.Clone(e.writers), m.To)
	e.people = handles(e.people, m.Cc)
	if m.List != "" { // to have come over a list is to belong to it
		e.writers = append(e.writers, "list:"+m.List)
		e.people = append(e.people, "list:"+m.List)
	}
	t.mails = append(t.mails, e)
	t.names = nil
	return len(t.mails) - 1
}

func handles(to []string, people []message.Person) []string {
	for _, who := range people {
		if who.Handle != "" {
			to = append(to, strings.ToLower(string(who.Handle)))
		}
	}
	return to
}

// Name is the name of the conversation of mail i: equal for mails of one
// conversation, and the same at every run over the same mails.
func (t *Threads) Name(i int) string {
	if t.names == nil {
		t.solve()
	}
	return t.names[i]
}

// joiner is the state of solve: a forest of mails and of names of missing
// mails, with the people of each tree and the links that wait for somebody to
// belong to it.
type joiner struct {
	parent  []int
	people  []map[string]bool
	waiting []map[string][]int // writer -> nodes that wait to be let in
	ready   [][2]int           // links that count: node, tree
}

func (t *Threads) solve() {
	n := len(t.mails)
	order := make([]int, n)
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int {
		x, y := &t.mails[a], &t.mails[b]
		return cmp.Or(x.time.Compare(y.time), cmp.Compare(x.key, y.key), cmp.Compare(a, b))
	})
	var j joiner
	for i := range t.mails {
		j.node(t.mails[i].people)
	}
	// The same mail twice is one mail.
	same := map[string]int{}
	holders := map[string][]int{} // Message-ID -> the mails that claim it
	for _, i := range order {
		m := &t.mails[i]
		if first, ok := same[m.key]; ok && m.key != "" {
			j.ready = append(j.ready, [2]int{i, first})
			continue
		}
		same[m.key] = i
		if m.ref != "" {
			holders[m.ref] = append(holders[m.ref], i)
		}
	}
	known := map[string]int{} // Message-ID and person -> the first holder who knows them
	for ref, hs := range holders {
		if len(hs) > 1 {
			for _, h := range hs {
				for _, who := range t.mails[h].people {
					if _, ok := known[ref+"\x00"+who]; !ok {
						known[ref+"\x00"+who] = h
					}
				}
			}
		}
	}
	missing := map[string]int{}
	for _, i := range order {
		m := &t.mails[i]
		for _, ref := range m.refs {
			hs := holders[ref]
			switch {
			case len(hs) == 0:
				x, ok := missing[ref]
				if !ok { // the first to name it speaks for it
					x = j.node(nil)
					missing[ref] = x
					j.ready = append(j.ready, [2]int{i, x})
					continue
				}
				j.link(i, x, m.writers)
			case len(hs) > 1:
				j.link(i, t.pick(known, ref, m, hs[0]), m.writers)
			default:
				j.link(i, hs[0], m.writers)
			}
		}
	}
	j.settle()
	t.nameAll(&j, order)
}

// pick chooses among the mails that claim ref the first that knows a recipient
// of m and its writer, else the first that knows its writer, else the first.
func (t *Threads) pick(known map[string]int, ref string, m *threadMail, first int) int {
	for _, who := range m.people {
		h, ok := known[ref+"\x00"+who]
		if !ok || slices.Contains(m.writers, who) {
			continue
		}
		for _, w := range m.writers {
			if slices.Contains(t.mails[h].people, w) {
				return h
			}
		}
	}
	for _, w := range m.writers {
		if h, ok := known[ref+"\x00"+w]; ok {
			return h
		}
	}
	return first
}

// nameAll names each conversation after the key of its first mail.
func (t *Threads) nameAll(j *joiner, order []int) {
	t.names = make([]string, len(t.mails))
	name := map[int]string{}
	for _, i := range order {
		root := j.find(i)
		if _, ok := name[root]; !ok {
			name[root] = t.mails[i].key
		}
		t.names[i] = name[root]
	}
}

func (j *joiner) node(people []string) int {
	set := make(map[string]bool, len(people))
	for _, who := range people {
		set[who] = true
	}
	j.parent = append(j.parent, len(j.parent))
	j.people = append(j.people, set)
	j.waiting = append(j.waiting, nil)
	return len(j.parent) - 1
}

func (j *joiner) find(x int) int {
	for j.parent[x] != x {
		j.parent[x] = j.parent[j.parent[x]]
		x = j.parent[x]
	}
	return x
}

// link lets node i into the tree of node x as soon as one of writers belongs.
func (j *joiner) link(i, x int, writers []string) {
	root := j.find(x)
	for _, w := range writers {
		if j.people[root][w] {
			j.ready = append(j.ready, [2]int{i, x})
			return
		}
	}
	if j.waiting[root] == nil {
		j.waiting[root] = map[string][]int{}
	}
	for _, w := range writers {
		j.waiting[root][w] = append(j.waiting[root][w], i)
	}
}

// settle makes the links that count until no more do.
func (j *joiner) settle() {
	for len(j.ready) > 0 {
		l := j.ready[len(j.ready)-1]
		j.ready = j.ready[:len(j.ready)-1]
		a, b := j.find(l[0]), j.find(l[1])
		if a == b {
			continue
		}
		if len(j.people[a])+len(j.waiting[a]) > len(j.people[b])+len(j.waiting[b]) {
			a, b = b, a
		}
		j.merge(a, b)
	}
}

// merge puts the smaller tree a under b, and wakes the links that waited for
// people of the other.
func (j *joiner) merge(a, b int) {
	j.parent[a] = b
	for who := range j.people[a] {
		for _, i := range j.waiting[b][who] {
			j.ready = append(j.ready, [2]int{i, b})
		}
		delete(j.waiting[b], who)
		j.people[b][who] = true
	}
	for who, nodes := range j.waiting[a] {
		if j.people[b][who] {
			for _, i := range nodes {
				j.ready = append(j.ready, [2]int{i, b})
			}
			continue
		}
		if j.waiting[b] == nil {
			j.waiting[b] = map[string][]int{}
		}
		j.waiting[b][who] = append(j.waiting[b][who], nodes...)
	}
	j.people[a], j.waiting[a] = nil, nil
}
