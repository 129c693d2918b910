package inbox

import (
	"errors"
	"math"

	"throughline/store"
)

// A task about a conversation follows it: into the one it is merged into, and to the
// customer whose matter it becomes. It stands at the record, merged or not, whose the
// conversation is, so that a merge and its undoing take it along too.

// moveTasks takes the tasks of a conversation to another, and to its customer.
func (h *Hub) moveTasks(tx *store.Tx, from, into *Conversation) error {
	former, err := h.ownerRoot(tx, from)
	if ignoreNotFound(err) != nil {
		return err
	}
	return h.passTasks(tx, from.ID, into, former)
}

// giveTasks gives the tasks of a conversation to its customer.
func (h *Hub) giveTasks(tx *store.Tx, c *Conversation, former uint64) error {
	return h.passTasks(tx, c.ID, c, former)
}

// passTasks makes the tasks of a conversation those of another, or of the same, and of
// its customer. Those about somebody other than the former customer stay with him.
func (h *Hub) passTasks(tx *store.Tx, from uint64, to *Conversation, former uint64) error {
	list, err := h.tasksOf(tx, TaskQuery{Conversation: from, Limit: math.MaxInt})
	if err != nil || len(list) == 0 {
		return err
	}
	owner, err := h.Owner(tx, to)
	if err != nil {
		return err
	}
	for _, t := range list {
		his, err := h.isRoot(tx, t.Customer, former)
		if err != nil {
			return err
		}
		if t.Conversation = to.ID; his {
			t.Customer = owner
		}
		if err := h.tasks.Put(tx, t.ID, t); err != nil {
			return err
		}
	}
	return nil
}

// giveTasksOf gives the tasks of all conversations of a handle to its customer, who
// was another before.
func (h *Hub) giveTasksOf(tx *store.Tx, handle, before uint64) error {
	root, err := h.Identity.Root(tx, before)
	if err != nil {
		return ignoreNotFound(err)
	}
	for e := range h.conversations.Scan(tx, store.Range{Index: "whose", Prefix: store.K().Uint(handle)}) {
		c, err := h.Conversation(tx, e.ID)
		if err != nil {
			return err
		}
		if err := h.giveTasks(tx, c, root.ID); err != nil {
			return err
		}
	}
	return nil
}

// isRoot tells that root stands for a record now.
func (h *Hub) isRoot(tx *store.Tx, record, root uint64) (bool, error) {
	r, err := h.Identity.Root(tx, record)
	if errors.Is(err, ErrNotFound) {
		return false, nil
	}
	return err == nil && r.ID == root, err
}
