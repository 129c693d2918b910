package slack

import (
	"context"
	"errors"
	"time"
)

// Histories that are too long for one look: Slack may begin with the newest message, so
// that without the last page the oldest ones would be missing.

// errCut tells that a history has more pages than are read at once.
var errCut = errors.New("there are more messages than one look reads")

// minPiece is the shortest time that is read on its own.
const minPiece = time.Second

// length is the time between two stamps; high "" is now.
func length(low, high string) time.Duration {
	from, ok := stamp(low)
	if !ok {
		return 0
	}
	to := time.Now()
	if t, ok := stamp(high); ok {
		to = t
	}
	return to.Sub(from)
}

// entire is history in as many pieces as it takes. What lies where two meet may be in
// both.
func (c *Connector) entire(ctx context.Context, channel, root, low, high string) ([]entry, error) {
	list, _, err := c.history(ctx, channel, root, low, high)
	half := length(low, high) / 2
	if !errors.Is(err, errCut) || half < minPiece {
		return list, err
	}
	from, _ := stamp(low)
	middle := stampOf(from.Add(half))
	if list, err = c.entire(ctx, channel, root, low, middle); err != nil {
		return nil, err
	}
	rest, err := c.entire(ctx, channel, root, middle, high)
	return append(list, rest...), err
}
