package api

import "sync"

// The ring holds the newest frames of the log, encoded once for all sockets.
const (
	ringFrames = 4096
	ringBytes  = 16 << 20
)

// ring holds the frames first..last without gaps, by their sequence.
type ring struct {
	mu          sync.RWMutex
	on          bool
	first, last uint64 // empty if first == last+1
	frames      [ringFrames]*frame
	bytes       int
}

// begin empties the ring; what follows seq will be in it.
func (r *ring) begin(seq uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.bytes > 0 {
		clear(r.frames[:])
	}
	r.on, r.first, r.last, r.bytes = true, seq+1, seq, 0
}

// add puts frames behind the others; theirs are the next sequence numbers.
func (r *ring) add(frames []*frame) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, f := range frames {
		r.last++
		for r.last-r.first >= ringFrames {
			r.drop()
		}
		r.frames[r.last%ringFrames] = f
		r.bytes += f.size
	}
	for r.bytes > ringBytes && r.first < r.last {
		r.drop()
	}
}

func (r *ring) drop() {
	at := r.first % ringFrames
	if f := r.frames[at]; f != nil {
		r.bytes -= f.size
		r.frames[at] = nil
	}
	r.first++
}

// after appends to buf the frames that follow seq, as many as fit its capacity.
// ok is false if the ring does not hold the first of them any more.
func (r *ring) after(seq uint64, buf []*frame) (frames []*frame, ok bool) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	if !r.on || seq+1 < r.first {
		return buf, false
	}
	for n := seq + 1; n <= r.last && len(buf) < cap(buf); n++ {
		buf = append(buf, r.frames[n%ringFrames])
	}
	return buf, true
}
