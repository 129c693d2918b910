package connectors

import (
	"context"
	"time"
)

// Notifier is implemented by connectors of channels that have places where
// colleagues read, apart from what is taken in from customers: a notice of the hub
// can be posted there and changed later.
type Notifier interface {
	// NoticePlaces lists where notices can be posted. Nothing that is written there is
	// taken in.
	NoticePlaces(ctx context.Context) ([]Place, error)
	// PostNotice posts a notice and returns the name by which it can be changed. An
	// error is as that of Connector.Send. If an attempt of unclear outcome was made at
	// tried, the notice is first looked for by its Key, and posted only if it is not
	// there; tried is zero if there was none.
	PostNotice(ctx context.Context, place string, n Notice, tried time.Time) (ref string, err error)
	// UpdateNotice makes a notice read as n. Repeats do no harm.
	UpdateNotice(ctx context.Context, ref string, n Notice) error
}

// Place is where notices can be posted.
type Place struct {
	ID   string `json:"id"`
	Name string `json:"name"` // for people
}

// Notice tells colleagues of a conversation. All texts are plain.
type Notice struct {
	Key    string // its identity: equal keys are the same notice
	Title  string // one line
	Text   string // may be empty
	State  string // what was done about it meanwhile; may be empty
	Link   string // an address of the hub, "" if it has none that people could open
	Button string // the words on the link
}
