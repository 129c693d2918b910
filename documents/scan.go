package documents

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"throughline/blob"
	"throughline/store"
)

// Scanner looks for viruses. found is what it calls what it found, "" for a clean
// file; an error means that it cannot tell now.
type Scanner interface {
	Scan(ctx context.Context, r io.Reader) (found string, err error)
}

// The states of a file before the scanner.
const (
	ScanNone        = ""            // no scanner looked at it
	ScanWaiting     = "waiting"     // one will
	ScanUnreachable = "unreachable" // it cannot be asked now; that is tried again
	ScanClean       = "clean"
	ScanInfected    = "infected"
)

// Scan is what the virus scanner said of a file.
type Scan struct {
	State  string    `json:"state,omitempty"`
	Found  string    `json:"found,omitempty"`  // the name of the virus
	Reason string    `json:"reason,omitempty"` // why the scanner could not tell
	Time   time.Time `json:"t,omitzero"`
	Tries  int       `json:"tries,omitempty"` // that failed
}

func (s *Scan) unsettled() bool { return s.State != ScanClean && s.State != ScanInfected }

// Pauses between two tries to reach the scanner.
const (
	scanPause    = 15 * time.Second
	maxScanPause = 15 * time.Minute
	scanTime     = 5 * time.Minute // for one file
)

func (s *Scan) pause() time.Duration {
	if s.Tries == 0 {
		return 0
	}
	return min(scanPause<<min(s.Tries-1, 10), maxScanPause)
}

// InfectedError refuses a file in which the scanner found a virus.
type InfectedError struct{ Found string }

func (e *InfectedError) Error() string {
	return "the virus scanner found " + e.Found + " in this file: it cannot be opened, attached or shared; delete it and ask its sender for a clean one"
}

// ErrUnscanned refuses a file that the scanner has not looked at yet.
var ErrUnscanned = errors.New("the virus scanner has not looked at this file yet: try again in a moment, and if this stays tell whoever runs the hub")

// Safe refuses a file with a virus, and one that a scanner has still to look at.
func (l *Library) Safe(tx *store.Tx, sha string) error {
	f, err := l.file(tx, sha)
	switch {
	case err != nil:
		return err
	case f == nil: // no document's: not looked at
	case f.Scan.State == ScanInfected:
		return &InfectedError{f.Scan.Found}
	case l.scanner == nil || f.Scan.State == ScanClean || l.lenient && f.Scan.State == ScanUnreachable:
	case f.Scan.Reason != "":
		return fmt.Errorf("%w (%s)", ErrUnscanned, f.Scan.Reason)
	default:
		return ErrUnscanned
	}
	return nil
}

// scan has the scanner look at a file.
func (l *Library) scan(ctx context.Context, f *File) error {
	found, err := l.ask(ctx, f)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if errors.Is(err, blob.ErrNotFound) {
		return l.lost(ctx, f.ID)
	}
	return l.changeFile(ctx, f.ID, true, func(tx *store.Tx, f *File) error {
		s := Scan{State: ScanClean, Time: tx.Now(), Found: cutRunes(found, 200)}
		switch {
		case err != nil:
			s.State, s.Reason, s.Tries = ScanUnreachable, cutRunes(err.Error(), 300), f.Scan.Tries+1
		case found != "":
			s.State = ScanInfected
		}
		f.Scan = s
		f.plan(tx.Now(), true)
		return nil
	})
}

// lost forgets a file whose content is gone: an upload that was never sent, a message
// that was erased. A document's stays, and check says so.
func (l *Library) lost(ctx context.Context, id uint64) error {
	return l.store.Update(ctx, func(tx *store.Tx) error {
		f, err := l.files.Get(tx, id)
		if err != nil {
			return err
		}
		if f.Text.State == "" {
			return l.files.Delete(tx, id)
		}
		f.Scan = Scan{State: ScanUnreachable, Reason: "the file is missing", Tries: f.Scan.Tries + 1}
		f.plan(tx.Now(), true)
		return l.files.Put(tx, id, f)
	})
}

func (l *Library) ask(ctx context.Context, f *File) (found string, err error) {
	r, _, err := l.blobs.Open(f.Blob)
	if err != nil {
		return "", err
	}
	defer r.Close()
	ctx, cancel := context.WithTimeout(ctx, scanTime)
	defer cancel()
	return l.scanner.Scan(ctx, r)
}
