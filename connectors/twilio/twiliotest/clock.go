package twiliotest

import (
	"container/heap"
	"sync"
	"time"
)

// clock measures lengths of time: scaled from the wall clock, or moved by hand.
type clock struct {
	speed  float64
	frozen bool

	mu      sync.Mutex
	start   time.Time
	skipped time.Duration
	timers  timerHeap
	kick    chan struct{}
	done    chan struct{}
	ended   chan struct{}
	once    sync.Once
}

type timer struct {
	at    time.Duration
	c     chan struct{} // closed when due
	index int
}

func newClock(speed float64, frozen bool) *clock {
	c := &clock{speed: speed, frozen: frozen, start: time.Now(),
		kick: make(chan struct{}, 1), done: make(chan struct{}), ended: make(chan struct{})}
	go c.run()
	return c
}

// now is the time since the start of the double, on this clock.
func (c *clock) now() time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.nowLocked()
}

func (c *clock) nowLocked() time.Duration {
	if c.frozen {
		return c.skipped
	}
	return c.skipped + time.Duration(float64(time.Since(c.start))*c.speed)
}

// at returns a channel that is closed when the clock shows moment, and a function that gives the timer up. It takes a
// moment and no length, so that a clock moved between the reckoning and the waiting is not waited for in vain.
func (c *clock) at(moment time.Duration) (<-chan struct{}, func()) {
	t := &timer{at: moment, c: make(chan struct{}), index: -1}
	c.mu.Lock()
	if moment <= c.nowLocked() {
		c.mu.Unlock()
		close(t.c)
		return t.c, func() {}
	}
	heap.Push(&c.timers, t)
	c.mu.Unlock()
	c.poke()
	return t.c, func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		if t.index >= 0 {
			heap.Remove(&c.timers, t.index)
		}
	}
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	c.skipped += d
	c.mu.Unlock()
	c.poke()
}

func (c *clock) poke() {
	select {
	case c.kick <- struct{}{}:
	default:
	}
}

func (c *clock) close() {
	c.once.Do(func() { close(c.done) })
	<-c.ended
}

// run closes the channels of timers that are due, the earliest first.
func (c *clock) run() {
	defer close(c.ended)
	for {
		wait := time.Hour
		c.mu.Lock()
		now := c.nowLocked()
		for len(c.timers) > 0 && c.timers[0].at <= now {
			close(heap.Pop(&c.timers).(*timer).c)
		}
		if len(c.timers) > 0 && !c.frozen {
			wait = time.Duration(float64(c.timers[0].at-now)/c.speed) + time.Microsecond
		}
		c.mu.Unlock()
		real := time.NewTimer(wait)
		select {
		case <-real.C:
		case <-c.kick:
		case <-c.done:
			real.Stop()
			return
		}
		real.Stop()
	}
}

type timerHeap []*timer

func (h timerHeap) Len() int           { return len(h) }
func (h timerHeap) Less(i, j int) bool { return h[i].at < h[j].at }
func (h timerHeap) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].index, h[j].index = i, j
}
func (h *timerHeap) Push(x any) {
	t := x.(*timer)
	t.index = len(*h)
	*h = append(*h, t)
}
func (h *timerHeap) Pop() any {
	old := *h
	t := old[len(old)-1]
	t.index = -1
	*h = old[:len(old)-1]
	return t
}
