package preference

import (
	"context"
	"errors"

	"throughline/store"
)

// ErrCounting tells that all is being counted anew, or that the counts are far behind.
var ErrCounting = errors.New("preference: the counts are behind")

// What Settle and KeepTx count themselves before they give up, in batches: more would
// keep their caller waiting, or others from writing.
const (
	settleBatches = 50
	keepBatches   = 5
)

// Settle counts what there is to count, ahead of an erasure; ErrCounting if that is too
// much, or all is counted anew at the moment.
func (p *Preferences) Settle(ctx context.Context) error {
	more := true
	for i := 0; more && i < settleBatches; i++ {
		if err := p.store.Update(ctx, func(tx *store.Tx) (err error) {
			if p.reshaping(tx) {
				return ErrCounting
			}
			more, err = p.countSome(tx)
			return err
		}); err != nil {
			return err
		}
	}
	if more {
		return ErrCounting
	}
	return nil
}

// settled counts what came since in this transaction.
func (p *Preferences) settled(tx *store.Tx) error {
	if p.reshaping(tx) {
		return ErrCounting
	}
	for range keepBatches {
		if more, err := p.countSome(tx); err != nil || !more {
			return err
		}
	}
	return ErrCounting
}

// reshaping tells that all is counted anew, or will be as soon as Follow runs.
func (p *Preferences) reshaping(tx *store.Tx) bool {
	is := string(tx.GetValue(followBucket, shapeKey))
	return is != "" && is != p.shape()
}

// KeepTx fixes the contact of a message, as it counts now, before the message is
// emptied because whose it is is erased: people go, statistics stay. What was learned
// from its words goes. All that came before has to be counted, since it counts by what
// is around it: KeepTx does so, and returns ErrCounting if that is too much; Settle
// helps before.
func (p *Preferences) KeepTx(tx *store.Tx, message uint64) error {
	if err := p.settled(tx); err != nil {
		return err
	}
	b := p.batch(tx)
	if err := b.message(message); err != nil {
		return err
	}
	c, err := b.get(message)
	if err != nil {
		return err
	}
	if c != nil {
		kept := *c
		kept.Erased = true
		if err := b.put(c, &kept); err != nil {
			return err
		}
	}
	if err := b.flush(); err != nil || c == nil {
		return err
	}
	l, err := p.lessons.Get(tx, c.Conversation)
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	if err != nil || l.Message != message {
		return err
	}
	return p.unlearn(tx, c.Conversation, l)
}

// EraseTx takes away what these customer records said about being reached, with its
// proof. Contacts stay: they are counts and say nothing.
func (p *Preferences) EraseTx(tx *store.Tx, records []uint64) error {
	for _, id := range records {
		var said []uint64
		for e := range p.statements.Scan(tx, store.Range{Index: "customer", Prefix: store.K().Uint(id)}) {
			said = append(said, e.ID)
		}
		for _, s := range said {
			if err := p.statements.Delete(tx, s); err != nil {
				return err
			}
		}
	}
	return nil
}

// UnlearnTx takes away the words that were learned from a conversation.
func (p *Preferences) UnlearnTx(tx *store.Tx, conversation uint64) error {
	l, err := p.lessons.Get(tx, conversation)
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	return p.unlearn(tx, conversation, l)
}

// unlearn takes the words out of a lesson, as it is when rebuilt from the log: the
// message has none any more.
func (p *Preferences) unlearn(tx *store.Tx, conversation uint64, l *lesson) error {
	for _, w := range l.Words {
		if err := p.addWord(tx, w, l.Purpose, -1); err != nil {
			return err
		}
	}
	l.Words = nil
	return p.lessons.Put(tx, conversation, l)
}
