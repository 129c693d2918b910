package inbox

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"time"

	"throughline/identity"
	"throughline/message"
	"throughline/store"
)

// Who said STOP and is erased has not said yes thereby. What is kept of it is a keyed
// digest of the address, from which the address cannot be read, and what was said no
// to: if the address ever comes back, the no stands again.

const (
	optedOutBucket = "erased.optedout"
	optedOutName   = "no of an erased handle" // separates these digests from those of tokens
)

// erasedNo is one thing that an erased person said no to.
type erasedNo struct {
	Channel string    `json:"channel"`
	Purpose string    `json:"purpose,omitempty"`
	Since   time.Time `json:"since"`
}

// optedOutKey is where the no of an address is kept.
func (h *Hub) optedOutKey(tx *store.Tx, of message.Handle) (string, error) {
	sum, err := h.shareSumTx(tx, optedOutName, []byte(of))
	return hex.EncodeToString(sum), err
}

// keepOptOuts keeps what a handle said no to, before it is erased.
func (e *eraser) keepOptOuts(hd *identity.Handle, said []*Consent) error {
	var no []erasedNo
	for _, c := range said {
		if c.State == message.OptOut {
			no = append(no, erasedNo{c.Channel, c.Purpose, c.Since})
		}
	}
	if no == nil {
		return nil
	}
	key, err := e.optedOutKey(e.tx, hd.Handle)
	if err != nil {
		return err
	}
	b, err := json.Marshal(no)
	if err != nil {
		return err
	}
	return e.tx.PutValue(optedOutBucket, key, b)
}

// handleMade is called with every new handle: whoever was erased and had said no says
// it still.
func (h *Hub) handleMade(tx *store.Tx, hd *identity.Handle) error {
	key, err := h.optedOutKey(tx, hd.Handle)
	if errors.Is(err, ErrNotFound) {
		return nil // the hub has not started yet: nobody was erased
	}
	if err != nil {
		return err
	}
	b := tx.GetValue(optedOutBucket, key)
	if b == nil {
		return nil
	}
	var said []erasedNo
	if err := json.Unmarshal(b, &said); err != nil {
		return err
	}
	for _, no := range said {
		if err := h.recordConsent(tx, hd, Consent{Channel: no.Channel, Purpose: no.Purpose, State: message.OptOut, Since: no.Since, By: byCustomer, Reason: "said before an erasure"}, 0); err != nil {
			return err
		}
	}
	return tx.PutValue(optedOutBucket, key, nil)
}
