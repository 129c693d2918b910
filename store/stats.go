package store

import (
	"math/bits"
	"os"
	"sync/atomic"
	"time"
)

// GroupBuckets is the number of counters in Stats.Groups.
const GroupBuckets = 10

// Stats are figures of a store since it was opened, for metrics.
type Stats struct {
	FileSize  int64 // bytes the file spans, including room it has reserved
	UsedSize  int64 // bytes up to the last page in use or free
	FreePages int   // pages that can be reused
	PageSize  int   // bytes

	Updates      uint64 // Update calls answered
	UpdateErrors uint64 // those answered with an error
	Rollbacks    uint64 // times a failing update sent its group round again
	Commits      uint64 // successful commits
	CommitErrors uint64
	CommitTime   time.Duration // spent committing, fsync included

	// Groups[i] counts the groups of at most 1<<i updates (and more than half of
	// that).
	Groups   [GroupBuckets]uint64
	MaxGroup int // largest group
}

// counts is what Stats sums up.
type counts struct {
	updates, updateErrors, rollbacks atomic.Uint64
	commits, commitErrors            atomic.Uint64
	commitTime                       atomic.Int64
	groups                           [GroupBuckets]atomic.Uint64
	maxGroup                         atomic.Int64 // set by the writer only
}

func (c *counts) group(n int) {
	if n == 0 {
		return
	}
	c.groups[min(bits.Len(uint(n-1)), GroupBuckets-1)].Add(1)
	if int64(n) > c.maxGroup.Load() {
		c.maxGroup.Store(int64(n))
	}
}

func (c *counts) answered(err error) {
	c.updates.Add(1)
	if err != nil {
		c.updateErrors.Add(1)
	}
}

func (c *counts) committed(took time.Duration, err error) {
	c.commitTime.Add(int64(took))
	if err != nil {
		c.commitErrors.Add(1)
	} else {
		c.commits.Add(1)
	}
}

// Stats returns the current figures. After Close the sizes are 0.
func (s *Store) Stats() Stats {
	c := &s.counts
	st := Stats{
		Updates:      c.updates.Load(),
		UpdateErrors: c.updateErrors.Load(),
		Rollbacks:    c.rollbacks.Load(),
		Commits:      c.commits.Load(),
		CommitErrors: c.commitErrors.Load(),
		CommitTime:   time.Duration(c.commitTime.Load()),
		MaxGroup:     int(c.maxGroup.Load()),
	}
	for i := range c.groups {
		st.Groups[i] = c.groups[i].Load()
	}
	btx, err := s.db.Begin(false)
	if err != nil {
		return st
	}
	defer btx.Rollback()
	st.UsedSize = btx.Size()
	st.PageSize = s.db.Info().PageSize
	st.FreePages = s.db.Stats().FreePageN
	if fi, err := os.Stat(s.db.Path()); err == nil {
		st.FileSize = fi.Size()
	}
	return st
}
