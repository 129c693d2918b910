package connectortest

import (
	"context"

	"throughline/connectors"
)

// Idle is the receiving half of a connector whose provider is the test: it is
// live, and whoever receives from Sinks gets the sink of its Run, as often as
// asked. Embed it.
type Idle struct {
	About connectors.Info
	Sinks chan connectors.Sink
}

// NewIdle makes one that tells this of itself.
func NewIdle(about connectors.Info) Idle {
	return Idle{About: about, Sinks: make(chan connectors.Sink)}
}

// Info implements connectors.Connector.
func (c *Idle) Info() connectors.Info { return c.About }

// Run implements connectors.Connector.
func (c *Idle) Run(ctx context.Context, in connectors.Sink) error {
	in.State(connectors.State{Phase: connectors.Live})
	for {
		select {
		case c.Sinks <- in:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
