package inbox

import (
	"context"
	"time"

	"throughline/connectors"
	"throughline/message"
	"throughline/store"
)

// mentionWait bounds the question who can be named.
const mentionWait = 8 * time.Second

// Mentionable lists who can be named in an answer to a conversation over an account,
// none where that is no matter of the channel.
func (h *Hub) Mentionable(ctx context.Context, conversation uint64, account string) (list []message.Person, err error) {
	run := h.runner(account)
	if run == nil {
		return nil, &ConflictError{"this account is not running: check its settings and switch it on"}
	}
	of, ok := run.conn.(connectors.Mentioner)
	if !ok {
		return nil, nil
	}
	r := &Record{}
	r.Account, r.Channel = account, run.info.Channel
	if err := h.Store.View(func(tx *store.Tx) error {
		c, err := h.Conversation(tx, conversation)
		if err != nil {
			return err
		}
		base, err := h.answered(tx, c, 0)
		if err != nil {
			return err
		}
		if base, err = h.antecedent(tx, c, r, base); err != nil || base == nil {
			return err
		}
		refer(r, base)
		r.Thread, err = h.wireNames(tx, r.Thread)
		return err
	}); err != nil || len(r.Thread) == 0 {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, mentionWait)
	defer cancel()
	return of.Mentionable(ctx, r.Thread)
}
