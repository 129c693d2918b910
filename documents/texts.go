package documents

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"throughline/documents/extract"
	"throughline/store"
)

// The states of a file's text.
const (
	TextWaiting = "waiting"
	TextDone    = "done"
	TextNone    = "none"   // there is no text in files of its kind
	TextFailed  = "failed" // Reason says why
)

// textVersion is raised when extraction gets better: what an older one has read is
// read again.
const textVersion = 1

// Reading is how far the text of a file is kept for search.
type Reading struct {
	State   string `json:"state"`
	Reason  string `json:"reason,omitempty"`
	Pieces  int    `json:"pieces,omitempty"`
	Cut     bool   `json:"cut,omitempty"` // there is more text than is kept
	Version int    `json:"v,omitempty"`
}

// Piece is a stretch of a file's text. Its ID is made of the file's and its place.
type Piece struct {
	Text string `json:"text"`
}

// A text is kept in pieces, each written in a transaction of its own, so that no
// commit waits long for the words of a book.
const (
	pieceBytes = 32 << 10
	pieceBits  = 12
)

func pieceID(file uint64, n int) uint64 { return file<<pieceBits | uint64(n) }
func fileOf(piece uint64) uint64        { return piece >> pieceBits }

func newTexts(s *store.Store) *store.Table[Piece] {
	return store.NewTable(s, "document_texts", store.TableOptions[Piece]{
		Compress: true,
		Indexes:  []store.Index[Piece]{{Name: "words", Keys: func(p *Piece) []store.Key { return wordKeys(p.Text) }}},
	})
}

// pieces cuts a text, where it can between words.
func pieces(text string) (list []string) {
	for len(text) > pieceBytes {
		n := strings.LastIndexAny(text[:pieceBytes], " \n")
		if n < pieceBytes/2 {
			n = wordStart(text, pieceBytes)
		}
		list = append(list, text[:n])
		text = text[n:]
	}
	if text != "" {
		list = append(list, text)
	}
	return list
}

// dropTexts forgets the text of a file.
func (l *Library) dropTexts(tx *store.Tx, f *File) error {
	for n := range f.Text.Pieces {
		if err := l.texts.Delete(tx, pieceID(f.ID, n)); err != nil && !errors.Is(err, store.ErrNotFound) {
			return err
		}
	}
	return nil
}

// readTime is how long the text of one file may take.
const readTime = 2 * time.Minute

// read takes the text out of a file and keeps it.
func (l *Library) read(ctx context.Context, f *File) error {
	text, err := l.extract(ctx, f)
	if ctx.Err() != nil {
		return ctx.Err() // it waits for the next start
	}
	r := Reading{State: TextDone, Version: textVersion, Cut: text.Cut}
	switch {
	case errors.Is(err, extract.ErrNoText):
		r.State = TextNone
	case err != nil:
		r.State, r.Reason = TextFailed, cutRunes(err.Error(), 300)
	}
	parts := pieces(text.Text)
	// What another reading left behind goes first; then the pieces, in transactions of
	// their own. Until the last one the file counts as waiting, and a crash begins
	// anew.
	if err := l.changeFile(ctx, f.ID, false, func(tx *store.Tx, f *File) error {
		if err := l.dropTexts(tx, f); err != nil {
			return err
		}
		f.Text.Pieces = len(parts)
		return nil
	}); err != nil {
		return err
	}
	for n, part := range parts {
		if err := l.changeFile(ctx, f.ID, false, func(tx *store.Tx, f *File) error {
			return l.texts.Put(tx, pieceID(f.ID, n), &Piece{Text: part})
		}); err != nil {
			return err
		}
	}
	return l.changeFile(ctx, f.ID, true, func(tx *store.Tx, f *File) error {
		r.Pieces = len(parts)
		f.Text = r
		f.plan(tx.Now(), l.scanner != nil)
		return nil
	})
}

// extract runs the extraction on a file's content.
func (l *Library) extract(ctx context.Context, f *File) (extract.Text, error) {
	r, size, err := l.blobs.Open(f.Blob)
	if err != nil {
		return extract.Text{}, err
	}
	defer r.Close()
	file, ok := r.(*os.File)
	if !ok {
		return extract.Text{}, fmt.Errorf("documents: a blob is no file but %T", r)
	}
	ctx, cancel := context.WithTimeout(ctx, readTime)
	defer cancel()
	t, err := l.extractor(ctx, extract.File{Name: f.Name, ContentType: f.ContentType, Size: size, ReaderAt: file})
	if err != nil && ctx.Err() == context.DeadlineExceeded {
		err = fmt.Errorf("reading it takes longer than %s", readTime)
	}
	return t, err
}

// Reread has all texts read anew in the background, and returns how many files
// that are.
func (l *Library) Reread(ctx context.Context) (n int, err error) {
	return l.eachFile(ctx, func(tx *store.Tx, f *File) bool {
		if f.Text.State == "" {
			return false // no document's
		}
		f.Text.State, f.Text.Reason = TextWaiting, ""
		return true
	})
}
