package inbox

import (
	"context"

	"throughline/message"
	"throughline/store"
)

// Who watches over the telephones steers calls on which others speak. Whether somebody
// may is decided where the request comes in.

// Trace writes down that an agent steers a call on which another speaks (0: somebody at
// a number), in the transaction of the wish.
type Trace func(tx *store.Tx, call *message.Call, speaker uint64) error

func (t Trace) may(tx *store.Tx, c *message.Call, agent uint64, speaker *message.CallLeg) error {
	if speaker.Agent == agent {
		return nil
	}
	return t(tx, c, speaker.Agent)
}

// EndCall ends a call for everybody, whoever speaks.
func (h *Hub) EndCall(ctx context.Context, agent, id uint64, trace Trace) error {
	return h.hangUp(ctx, agent, id, trace.may)
}

// PassCall hands a call over at once, whoever speaks: to somebody else, also to the one
// who steers. The customer waits for them as in the queue.
func (h *Hub) PassCall(ctx context.Context, agent, id uint64, to Transfer, trace Trace) error {
	to.Warm = false
	return h.transfer(ctx, agent, id, to, trace.may)
}
