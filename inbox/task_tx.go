package inbox

import "throughline/store"

// AddTaskTx adds a task of the hub's own within a transaction of its caller: what
// asks for it and the task are written together, or not at all. One that reminds of
// a document needs no text.
func (h *Hub) AddTaskTx(tx *store.Tx, t Task) (id uint64, err error) {
	if t.Document == 0 {
		if t.Text, err = checkTask(t.Text); err != nil {
			return 0, err
		}
	}
	t.Due, t.Creator = t.Due.UTC(), 0
	return h.addTask(tx, t)
}
