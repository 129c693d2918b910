package email

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"runtime"
	"runtime/debug"
	"sync"
	"time"

	"github.com/emersion/go-imap/v2"

	"throughline/connectors"
	"throughline/message"
)

// arrival is one mail on its way from the server to the hub.
type arrival struct {
	in       origin
	uid      imap.UID
	raw      message.Content // nil for a mail that the server could not hand over
	received time.Time
	reason   string // why it is held, "" to parse it
}

// origin is the folder that a mail comes from.
type origin struct {
	folder   string
	validity uint32
}

// load is a group of arrivals that is accepted as one batch.
type load struct {
	arrivals []arrival
	last     imap.UID         // up to which a fetch got
	places   map[string]place // where the cursor stands afterwards, by folder
	lag      int
	batch    connectors.Batch
	done     chan struct{} // closed when the load got through; for flush
}

func (l *load) drop() {
	for i := range l.batch.Messages {
		Cleanup(&l.batch.Messages[i])
	}
	for _, a := range l.arrivals {
		if f, ok := a.raw.(*File); ok {
			_ = f.Remove() // the folder is emptied at start-up
		}
	}
}

// ingest parses and delivers loads while the next ones are fetched: one stage
// parses, one waits for the hub, so that network, processor and disk work at
// the same time. At most four loads exist at once.
type ingest struct {
	c      *Connector
	in     connectors.Sink
	cur    cursor
	ctx    context.Context
	cancel context.CancelCauseFunc
	parse  chan *load
	accept chan *load
	wg     sync.WaitGroup
	sinkMu sync.Mutex // the Sink is for one goroutine at a time
	shown  connectors.State
}

func newIngest(ctx context.Context, c *Connector, in connectors.Sink, cur cursor) *ingest {
	g := &ingest{c: c, in: in, cur: cur, parse: make(chan *load, 1), accept: make(chan *load, 1)}
	g.ctx, g.cancel = context.WithCancelCause(ctx)
	g.wg.Go(g.parseAll)
	g.wg.Go(g.acceptAll)
	return g
}

// submit hands over a load and takes responsibility for its files.
func (g *ingest) submit(l *load) error {
	select {
	case g.parse <- l:
		return nil
	case <-g.ctx.Done():
		l.drop()
		return context.Cause(g.ctx)
	}
}

// flush waits until all that was submitted is accepted.
func (g *ingest) flush() error {
	done := make(chan struct{})
	if err := g.submit(&load{done: done}); err != nil {
		return err
	}
	select {
	case <-done:
		return nil
	case <-g.ctx.Done():
		return context.Cause(g.ctx)
	}
}

// stop ends both stages and drops what is still in them.
func (g *ingest) stop() {
	g.cancel(context.Canceled)
	g.wg.Wait()
	for _, ch := range []chan *load{g.parse, g.accept} {
		for len(ch) > 0 {
			(<-ch).drop()
		}
	}
}

func (g *ingest) parseAll() {
	for {
		select {
		case <-g.ctx.Done():
			return
		case l := <-g.parse:
			if err := g.readLoad(l); err != nil {
				l.drop()
				g.cancel(err)
				return
			}
			select {
			case g.accept <- l:
			case <-g.ctx.Done():
				l.drop()
				return
			}
		}
	}
}

func (g *ingest) acceptAll() {
	for {
		select {
		case <-g.ctx.Done():
			return
		case l := <-g.accept:
			if l.done != nil {
				close(l.done)
				continue
			}
			err := g.deliver(l)
			l.drop()
			if err != nil {
				g.cancel(err)
				return
			}
		}
	}
}

// deliver accepts one load together with the cursor behind it.
func (g *ingest) deliver(l *load) error {
	g.sinkMu.Lock()
	defer g.sinkMu.Unlock()
	maps.Copy(g.cur.Folders, l.places)
	l.batch.Cursor = g.cur.bytes()
	if err := g.in.Accept(g.ctx, l.batch); err != nil {
		return fmt.Errorf("the hub did not take a batch: %w", err)
	}
	if l.lag > 0 {
		g.showLocked(connectors.State{Phase: connectors.CatchingUp, Lag: l.lag})
	}
	return nil
}

// place returns how far folder was taken in. Only between flush and the next
// submit is it the truth.
func (g *ingest) place(folder string) (place, bool) {
	g.sinkMu.Lock()
	defer g.sinkMu.Unlock()
	p, ok := g.cur.Folders[folder]
	return p, ok
}

// setPlace stores a place at once, without any mail.
func (g *ingest) setPlace(folder string, p place) error {
	g.sinkMu.Lock()
	defer g.sinkMu.Unlock()
	g.cur.Folders[folder] = p
	if err := g.in.Accept(g.ctx, connectors.Batch{Cursor: g.cur.bytes()}); err != nil {
		return fmt.Errorf("the hub did not take the cursor: %w", err)
	}
	return nil
}

// show reports a state to people, unless they see it already.
func (g *ingest) show(s connectors.State) {
	g.sinkMu.Lock()
	defer g.sinkMu.Unlock()
	g.showLocked(s)
}

func (g *ingest) showLocked(s connectors.State) {
	if s != g.shown {
		g.shown = s
		g.in.State(s)
	}
}

// readLoad turns the arrivals of l into its batch, on all processors.
func (g *ingest) readLoad(l *load) error {
	return g.c.readAll(l, g.ctx)
}

func (c *Connector) readAll(l *load, ctx context.Context) error {
	type result struct {
		m    message.Message
		held *message.Held
		err  error
	}
	results := make([]result, len(l.arrivals))
	read := func(i int) {
		a := &l.arrivals[i]
		r := &results[i]
		r.m, r.held, r.err = c.readArrival(a, formatSource(c.box, a.in.folder, a.in.validity, a.uid))
	}
	if workers := min(runtime.GOMAXPROCS(0), len(l.arrivals)/4); workers > 1 {
		var wg sync.WaitGroup
		for w := range workers {
			wg.Go(func() {
				for i := w; i < len(results); i += workers {
					read(i)
				}
			})
		}
		wg.Wait()
	} else {
		for i := range results {
			read(i)
		}
	}
	var errs []error
	for i := range results {
		switch r := &results[i]; {
		case r.err != nil:
			errs = append(errs, r.err)
		case r.held != nil:
			l.batch.Held = append(l.batch.Held, *r.held)
		default:
			l.batch.Messages = append(l.batch.Messages, r.m)
		}
	}
	return errors.Join(errs...)
}

// readArrival parses one mail. The error is about this machine (a full disk),
// never about the mail.
func (c *Connector) readArrival(a *arrival, source string) (m message.Message, held *message.Held, err error) {
	if a.reason != "" {
		return m, &message.Held{Source: source, Reason: a.reason, Raw: a.raw}, nil
	}
	m, err = c.read(a.raw, source, a.received)
	if err == nil {
		return m, nil, nil
	}
	var path *fs.PathError
	if errors.As(err, &path) {
		return m, nil, fmt.Errorf("a mail cannot be unpacked: %w", err)
	}
	reason := err.Error()
	var h *HeldError
	if errors.As(err, &h) {
		reason = h.Reason
	}
	return m, &message.Held{Source: source, Reason: reason, Raw: a.raw}, nil
}

// read is Parse behind a guard: no mail may end the program.
func (c *Connector) read(raw message.Content, source string, received time.Time) (m message.Message, err error) {
	defer func() {
		if v := recover(); v != nil {
			c.log.Error("the mail parser failed", "source", source, "panic", fmt.Sprint(v), "stack", string(debug.Stack()))
			Cleanup(&m)
			m, err = message.Message{}, &HeldError{Reason: "the mail parser failed on this mail; it is kept for a newer version"}
		}
	}()
	return Parse(raw, Options{
		Source: source, Account: c.account, Own: message.NewHandle(Scheme, c.set.address),
		DefaultCharset: c.set.charset, AuthServID: c.set.authServID,
		Received: received, TempDir: c.host.TempDir,
	})
}

// Read understands a raw mail again.
func (c *Connector) Read(raw message.Content, source string) (message.Message, error) {
	return c.read(raw, source, time.Time{})
}
