package accounts

// Watch returns a channel that receives after every change that List shows. It
// holds one signal, which means "look again": compare Revision and Disabled of
// each account. What connectors Save is no such change. stop ends the watch;
// the channel is never closed.
func (a *Accounts) Watch() (wake <-chan struct{}, stop func()) {
	ch := make(chan struct{}, 1)
	a.mu.Lock()
	a.watchers[ch] = struct{}{}
	a.mu.Unlock()
	return ch, func() {
		a.mu.Lock()
		delete(a.watchers, ch)
		a.mu.Unlock()
	}
}

func (a *Accounts) wake() {
	a.mu.Lock()
	defer a.mu.Unlock()
	for ch := range a.watchers {
		select {
		case ch <- struct{}{}:
		default: // it has yet to look
		}
	}
}
