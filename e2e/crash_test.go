package e2e

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"sync"
	"testing"
	"time"
)

// The size of the crash test. CRASH_KILLS makes it longer, CRASH_SEED repeats
// the choices of an earlier run (not its timing).
const (
	crashMails   = 5000
	crashReplies = 500
	crashKills   = 50
	crashAgents  = 4
	crashThreads = 1200
	crashPeople  = 300 // so that most have several threads with the same subject
)

// TestCrash kills the program again and again while mail comes in and answers
// go out, and then counts: nothing lost, nothing doubled, nothing in a wrong
// conversation.
func TestCrash(t *testing.T) {
	t.Parallel()
	kills := number(t, "CRASH_KILLS", crashKills)
	seed := uint64(number(t, "CRASH_SEED", int(time.Now().UnixNano()&0xffffff)))
	t.Logf("CRASH_SEED=%d CRASH_KILLS=%d", seed, kills)
	c := newCrash(t, seed, max(1, kills/crashKills))
	c.open()
	replies := make(chan int, crashReplies)
	offered := 0
	offer := func(n int) {
		for ; offered < n; offered++ {
			replies <- offered
		}
	}
	var work sync.WaitGroup
	stop := make(chan struct{})
	watched := make(chan struct{})
	defer func() {
		close(stop)
		if offered < crashReplies {
			close(replies) // the test has failed
		}
		work.Wait()
		<-watched
	}()
	for i, a := range c.agents {
		work.Go(func() { c.answer(a, rand.New(rand.NewPCG(seed, uint64(10+i))), replies, stop) })
	}
	go func() { defer close(watched); c.watch(stop) }()

	// A part of the mail and of the replies comes with each kill: some while the
	// hub is down, some while it works.
	began := time.Now()
	for n := range kills {
		offer(crashReplies * (n + 1) / kills)
		c.post(len(c.planned) * (2*n + 1) / kills / 2)
		if n > 0 {
			c.hub.launch()
		}
		if c.rnd.IntN(5) > 0 {
			if n > 0 && !c.hub.serving() {
				t.Fatalf("after kill %d the hub ended at once: %v", n, c.hub.exit)
			}
			time.Sleep(time.Duration(c.rnd.IntN(600)) * time.Millisecond)
			c.post(len(c.planned) * (2*n + 2) / kills / 2)
			time.Sleep(time.Duration(c.rnd.IntN(1200)) * time.Millisecond)
		} else { // in the middle of the start
			time.Sleep(time.Duration(c.rnd.IntN(300)) * time.Millisecond)
		}
		c.hub.kill()
		if n%5 == 4 {
			c.hub.check()
		}
	}
	t.Logf("%d kills in %v, with %d mails in and %d replies taken", kills, time.Since(began).Round(time.Second), c.posted, c.takenReplies())

	close(replies)
	c.post(len(c.planned))
	c.hub.start()
	done := make(chan struct{})
	go func() { work.Wait(); close(done) }()
	// A slow machine takes them slowly: it is for standing still that nobody waits.
	for taken, all := -1, false; !all; {
		select {
		case <-done:
			all = true
		case <-time.After(patience):
			now := c.takenReplies()
			if now == taken {
				t.Fatalf("only %d of %d replies were taken, none in the last %v", now, crashReplies, patience)
			}
			taken = now
		}
	}
	c.settle()
	if took, err := c.hub.terminate(); err != nil {
		t.Errorf("the end after %v: %v", took, err)
	}
	c.hub.check()
	c.hub.start()
	if err := eventually("the live stream at the end", func() error {
		c.mu.Lock()
		defer c.mu.Unlock()
		if want := c.tokens(); c.resets == 0 && len(c.streamed) < want {
			return fmt.Errorf("it has told of %d messages of %d", len(c.streamed), want)
		}
		return nil
	}); err != nil {
		t.Error(err)
	}
	c.judge()
}

// number reads a whole number from the environment.
func number(t *testing.T, name string, other int) int {
	v := os.Getenv(name)
	if v == "" {
		return other
	}
	n, err := strconv.Atoi(v)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return n
}
