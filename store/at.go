package store

import (
	"context"
	"time"
)

// pastKey is the key of the time that At puts into a context.
type pastKey struct{}

// At lets the updates that are given the returned context happen at a time of the
// past: it is what Tx.Now tells them. For who writes down what has happened already,
// such as the demo; a time to come is now.
func At(ctx context.Context, t time.Time) context.Context {
	return context.WithValue(ctx, pastKey{}, t)
}

// inPast gives fn the time that At put into ctx.
func (s *Store) inPast(ctx context.Context, fn func(tx *Tx) error) func(tx *Tx) error {
	at, ok := ctx.Value(pastKey{}).(time.Time)
	if !ok || at.After(s.now()) {
		return fn
	}
	return func(tx *Tx) error {
		tx.now = at.UTC().Round(0)
		return fn(tx)
	}
}
