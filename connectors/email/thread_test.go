package email

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"throughline/message"
)

// threadCase is a mail in a few words.
type threadCase struct {
	key, from, to, ref, refs, list string
}

func (c threadCase) message(i int) message.Message {
	m := message.Message{Key: c.key, Ref: c.ref, List: c.list, Time: time.Unix(int64(1000+i), 0)}
	if c.from != "" {
		m.From.Handle = message.NewHandle(scheme, c.from)
	}
	for _, a := range strings.Fields(c.to) {
		m.To = append(m.To, message.Person{Handle: message.NewHandle(scheme, a)})
	}
	m.Refs = strings.Fields(c.refs)
	return m
}

func TestThreads(t *testing.T) {
	for _, tt := range []struct {
		name  string
		mails []threadCase
		want  string // keys of each conversation, in order
	}{
		{"an answer and its answer", []threadCase{
			{key: "1", from: "ann", to: "help", ref: "a"}, {key: "2", from: "help", to: "ann", ref: "b", refs: "a"}, {key: "3", from: "ann", to: "help", ref: "c", refs: "b a"},
		}, "1 2 3"},
		{"the address is written otherwise", []threadCase{
			{key: "1", from: "Ann", to: "help", ref: "a"}, {key: "2", from: "ann", to: "help", ref: "b", refs: "a"},
		}, "1 2"},
		{"a stranger who knows the name", []threadCase{
			{key: "1", from: "ann", to: "help", ref: "a"}, {key: "2", from: "eve", to: "help", ref: "b", refs: "a"},
		}, "1|2"},
		{"somebody who was copied in", []threadCase{
			{key: "1", from: "ann", to: "help", ref: "a"}, {key: "2", from: "help", to: "ann carl", ref: "b", refs: "a"}, {key: "3", from: "carl", to: "help", ref: "c", refs: "b"},
		}, "1 2 3"},
		{"copied in later, answers the first mail", []threadCase{
			{key: "1", from: "ann", to: "help", ref: "a"}, {key: "2", from: "carl", to: "help", ref: "c", refs: "a"}, {key: "3", from: "help", to: "ann carl", ref: "b", refs: "a"},
		}, "1 2 3"},
		{"a missing parent", []threadCase{
			{key: "1", from: "ann", to: "help", ref: "b", refs: "lost"}, {key: "2", from: "help", to: "ann", ref: "c", refs: "lost"},
		}, "1 2"},
		{"a missing parent and a stranger", []threadCase{
			{key: "1", from: "ann", to: "help", ref: "b", refs: "lost"}, {key: "2", from: "eve", to: "help", ref: "c", refs: "lost"},
		}, "1|2"},
		{"a reused Message-ID", []threadCase{
			{key: "1", from: "ann", to: "help", ref: "a"}, {key: "2", from: "eve", to: "help", ref: "a"},
		}, "1|2"},
		{"answers to a reused Message-ID", []threadCase{
			{key: "1", from: "shop", to: "ann", ref: "a"}, {key: "2", from: "shop", to: "bob", ref: "a"},
			{key: "3", from: "bob", to: "shop", ref: "c", refs: "a"}, {key: "4", from: "ann", to: "shop", ref: "d", refs: "a"},
			{key: "5", from: "shop", to: "bob", ref: "e", refs: "a"},
		}, "1 4|2 3 5"},
		{"the same mail twice", []threadCase{
			{key: "1", from: "ann", to: "help", ref: "a"}, {key: "1", from: "ann", to: "sales", ref: "a"},
		}, "1 1"},
		{"a mailing list", []threadCase{
			{key: "1", from: "ann", to: "list", ref: "a", list: "garden"}, {key: "2", from: "bob", to: "list", ref: "b", refs: "a", list: "garden"}, {key: "3", from: "eve", to: "list", ref: "c", refs: "a", list: "other"},
		}, "1 2|3"},
		{"nothing but equal people", []threadCase{
			{key: "1", from: "ann", to: "help", ref: "a"}, {key: "2", from: "ann", to: "help", ref: "b"},
		}, "1|2"},
		{"no sender", []threadCase{
			{key: "1", to: "help", ref: "a"}, {key: "2", to: "help", ref: "b", refs: "a"},
		}, "1|2"},
		{"a circle", []threadCase{
			{key: "1", from: "ann", to: "help", ref: "a", refs: "b"}, {key: "2", from: "help", to: "ann", ref: "b", refs: "a"}, {key: "3", from: "ann", to: "help", ref: "c", refs: "c"},
		}, "1 2|3"},
	} {
		order := make([]int, len(tt.mails))
		for i := range order {
			order[i] = i
		}
		names := map[string]string{} // of the first try
		for try := range 20 {        // the order of arrival does not matter
			var th Threads
			numbers := make([]int, len(tt.mails))
			for _, i := range order {
				numbers[i] = th.Add(tt.mails[i].message(i))
			}
			var groups []string
			index := map[string]int{}
			for i, c := range tt.mails {
				name := th.Name(numbers[i])
				if g, ok := index[name]; ok {
					groups[g] += " " + c.key
				} else {
					index[name] = len(groups)
					groups = append(groups, c.key)
				}
				if try == 0 {
					names[fmt.Sprint(i)] = name
				} else if names[fmt.Sprint(i)] != name {
					t.Errorf("%s: mail %d is called %q and %q", tt.name, i, name, names[fmt.Sprint(i)])
				}
			}
			if got := strings.Join(groups, "|"); got != tt.want {
				t.Errorf("%s, order %v: %s, want %s", tt.name, order, got, tt.want)
				break
			}
			r := rand.New(rand.NewPCG(1, uint64(try)))
			r.Shuffle(len(order), func(i, j int) { order[i], order[j] = order[j], order[i] })
		}
	}
}

// TestThreadsLarge: worst cases that would not end in time if the work grew
// with the square of the mails.
func TestThreadsLarge(t *testing.T) {
	n := 50000
	if raceDetector {
		n /= 20
	}
	for name, mail := range map[string]func(i int) threadCase{
		"a long conversation": func(i int) threadCase {
			return threadCase{from: "ann", to: "help", ref: fmt.Sprint(i), refs: fmt.Sprint(i - 1)}
		},
		"strangers to one name": func(i int) threadCase {
			return threadCase{from: fmt.Sprint("s", i), to: "help", ref: fmt.Sprint(i), refs: "lost"}
		},
		"one name for all": func(i int) threadCase {
			return threadCase{from: fmt.Sprint("s", i), to: "help", ref: "same", refs: "same"}
		},
		"everybody lets one in": func(i int) threadCase {
			return threadCase{from: fmt.Sprint("s", i), to: fmt.Sprint("s", i+1), ref: fmt.Sprint(i), refs: "lost"}
		},
		"everybody, from the end": func(i int) threadCase {
			return threadCase{from: fmt.Sprint("s", n-i), to: fmt.Sprint("s", n-i+1), ref: fmt.Sprint(i), refs: "lost"}
		},
	} {
		var th Threads
		for i := range n {
			c := mail(i)
			c.key = fmt.Sprint("k", i)
			th.Add(c.message(i))
		}
		names := make([]string, n)
		for i := range names {
			names[i] = th.Name(i)
		}
		slices.Sort(names)
		t.Logf("%s: %d conversations", name, len(slices.Compact(names)))
	}
}
