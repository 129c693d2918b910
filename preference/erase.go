package preference

import (
	"errors"

	"throughline/store"
)

// EraseTx takes away what these customer records said about being reached, with its
// proof, and the words that were learned from these conversations of theirs.
// Contacts stay: they are counts and say nothing.
func (p *Preferences) EraseTx(tx *store.Tx, records, conversations []uint64) error {
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
	for _, id := range conversations {
		l, err := p.lessons.Get(tx, id)
		if errors.Is(err, store.ErrNotFound) {
			continue
		}
		if err != nil {
			return err
		}
		// As rebuilt from the log, where the message has no words any more.
		for _, w := range l.Words {
			if err := p.addWord(tx, w, l.Purpose, -1); err != nil {
				return err
			}
		}
		l.Words = nil
		if err := p.lessons.Put(tx, id, l); err != nil {
			return err
		}
	}
	return nil
}
