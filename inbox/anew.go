package inbox

import (
	"context"
	"encoding/binary"

	"throughline/accounts"
	"throughline/store"
)

// An account that is made anew under the ID of one that was deleted is another one,
// perhaps of another mailbox in which the same places hold other items: it starts
// without the cursor and the ledger of that. What was stored stays, and finds what
// comes again by its key.

// ageBucket holds when each account was created that is or was last under an ID.
const ageBucket = "ages"

// forgetBatch is how many entries of the ledger go in one transaction.
const forgetBatch = 2000

// begin forgets what an earlier account of the same ID left. Accounts of the
// configuration file bear no date: one that is taken out and put back goes on.
func (h *Hub) begin(ctx context.Context, a accounts.Account) error {
	if a.Created.IsZero() {
		return nil
	}
	age := binary.BigEndian.AppendUint64(nil, uint64(a.Created.UnixNano()))
	known, anew := false, false
	if err := h.Store.View(func(tx *store.Tx) error {
		was := tx.GetValue(ageBucket, a.ID)
		known, anew = string(was) == string(age), was != nil
		return nil
	}); err != nil || known {
		return err
	}
	for after := ""; anew; {
		if err := h.Store.Update(ctx, func(tx *store.Tx) (err error) {
			after, anew, err = h.forget(tx, a.ID, after)
			return err
		}); err != nil {
			return err
		}
	}
	return h.Store.Update(ctx, func(tx *store.Tx) error { return tx.PutValue(ageBucket, a.ID, age) })
}

// forget takes a batch of an account's entries out of the ledger, and with the last
// ones its cursor and its counts. What is held stays: it can be tried again.
func (h *Hub) forget(tx *store.Tx, account, after string) (next string, more bool, err error) {
	prefix := ledgerKey(account, "")
	if after == "" {
		after = prefix
	}
	var gone []string
	for key := range tx.ValuesAfter(ledgerBucket, after) {
		if len(key) < len(prefix) || key[:len(prefix)] != prefix {
			break
		}
		if more = len(gone) == forgetBatch; more {
			break
		}
		after = key
		gone = append(gone, key)
	}
	for _, key := range gone {
		if what, _, _ := h.outcome(tx, account, key[len(prefix):]); what == HeldBack {
			continue
		}
		if err := tx.PutValue(ledgerBucket, key, nil); err != nil {
			return "", false, err
		}
	}
	if more {
		return after, true, nil
	}
	if err := tx.PutValue(cursorBucket, account, nil); err != nil {
		return "", false, err
	}
	return "", false, tx.PutValue(tallyBucket, account, nil)
}
