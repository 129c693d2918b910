package email

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"

	"throughline/message"
)

const (
	// batchMails and batchBytes bound what is accepted in one transaction.
	batchMails = 200
	batchBytes = 4 << 20
	// spoolBytes is the size from which a mail goes to a temporary file on its
	// way; such a mail travels alone.
	spoolBytes = 1 << 20
	// windowMails is how many mails are listed at once before they are fetched.
	windowMails = 2000
	// poisonTries is how often a single mail may break the connection before
	// it is given up and held.
	poisonTries = 3
	// maxLiteral is the longest literal that is read to its end; of one above
	// MaxSize the rest is thrown away.
	maxLiteral = 1 << 30
	// maxHoles is how many mails in a row may be given up; more of them tell
	// of a sick server, not of sick mails.
	maxHoles = 5
)

// entry is one line of a folder's listing.
type entry struct {
	uid      imap.UID
	size     int64 // as the server claims, 0 unknown
	received time.Time
}

// list asks for UID, size and arrival time of the UIDs from lo to hi (0: the
// last), ascending. A careful listing asks for the UIDs only, since servers are
// known that send dates nobody can read. A listing that is cut short is no harm:
// the cursor only ever moves to a mail that was listed. One with a hole is, so
// holes are looked for: the sequence numbers of a range have no gaps.
func (s *session) list(lo, hi imap.UID, careful bool) ([]entry, error) {
	var set imap.UIDSet
	set.AddRange(lo, hi)
	if careful {
		uids, err := s.search(set)
		var out []entry
		for _, u := range uids {
			if u >= lo { // "n:*" always matches the last mail
				out = append(out, entry{uid: u})
			}
		}
		return out, err
	}
	out, hole, err := s.listFull(set, lo)
	if err != nil || !hole {
		return out, err
	}
	uids, err := s.search(set)
	if err != nil {
		return nil, err
	}
	for _, u := range uids {
		if i, found := slices.BinarySearchFunc(out, u, func(e entry, u imap.UID) int { return cmp.Compare(e.uid, u) }); !found && u >= lo {
			out = slices.Insert(out, i, entry{uid: u})
		}
	}
	return out, nil
}

func (s *session) listFull(set imap.UIDSet, lo imap.UID) (out []entry, hole bool, err error) {
	var first, last uint32 // sequence numbers
	seen := uint32(0)
	err = s.do(func() error {
		cmd := s.c.Fetch(set, &imap.FetchOptions{UID: true, RFC822Size: true, InternalDate: true})
		for m := cmd.Next(); m != nil; m = cmd.Next() {
			var e entry
			for it := m.Next(); it != nil; it = m.Next() {
				switch it := it.(type) {
				case imapclient.FetchItemDataUID:
					e.uid = it.UID
				case imapclient.FetchItemDataRFC822Size:
					e.size = it.Size
				case imapclient.FetchItemDataInternalDate:
					e.received = it.Time
				}
			}
			if e.uid >= lo {
				out = append(out, e)
				if seen == 0 || m.SeqNum < first {
					first = m.SeqNum
				}
				last = max(last, m.SeqNum)
				seen++
			}
		}
		return cmd.Close()
	})
	slices.SortFunc(out, func(a, b entry) int { return cmp.Compare(a.uid, b.uid) })
	out = slices.CompactFunc(out, func(a, b entry) bool { return a.uid == b.uid })
	return out, seen > 0 && last-first+1 > seen, err
}

// split cuts a listing into groups that are fetched with one command each.
func split(entries []entry) [][]entry {
	var out [][]entry
	var bytes int64
	start := 0
	for i, e := range entries {
		if i > start && (i-start == batchMails || bytes+e.size > batchBytes || e.size > spoolBytes || entries[i-1].size > spoolBytes) {
			out = append(out, entries[start:i])
			start, bytes = i, 0
		}
		bytes += e.size
	}
	if start < len(entries) {
		out = append(out, entries[start:])
	}
	return out
}

var errEndless = errors.New("the server announces a mail of absurd size")

// localError is a failure of this machine, not of the server or the mail.
type localError struct{ err error }

func (e *localError) Error() string {
	return "a large mail cannot be stored on the way: " + e.err.Error()
}
func (e *localError) Unwrap() error { return e.err }

// bodies fetches the mails of a group. What arrived whole is returned even with
// an error. Neither an answer without error nor one that looks complete is
// believed: a server that says BYE in the middle ends the command without any.
//
// The client library drops answers to UID FETCH in which the body comes before
// the UID. A server that answers so is asked by sequence number; the UID in the
// answer still tells which mail it is.
func (s *session) bodies(group []entry, dir string) (map[imap.UID]message.Content, error) {
	var set imap.UIDSet
	for _, e := range group {
		set.AddNum(e.uid)
	}
	if !s.bodyFirst {
		got, err := s.fetchBodies(set, group, dir)
		if err != nil || len(got) > 0 || !s.alive() {
			return got, err
		}
	}
	var nums []uint32
	err := s.do(func() error {
		d, err := s.c.Search(&imap.SearchCriteria{UID: []imap.UIDSet{set}}, nil).Wait()
		if err == nil {
			nums = d.AllSeqNums()
		}
		return err
	})
	if err != nil || len(nums) == 0 {
		return nil, err
	}
	got, err := s.fetchBodies(imap.SeqSetNum(nums...), group, dir)
	s.bodyFirst = len(got) > 0
	return got, err
}

func (s *session) fetchBodies(set imap.NumSet, group []entry, dir string) (map[imap.UID]message.Content, error) {
	wanted := make(map[imap.UID]bool, len(group))
	for _, e := range group {
		wanted[e.uid] = true
	}
	got := make(map[imap.UID]message.Content, len(group))
	err := s.do(func() error {
		cmd := s.c.Fetch(set, &imap.FetchOptions{UID: true, BodySection: []*imap.FetchItemBodySection{{Peek: true}}})
		var readErr error
		for m := cmd.Next(); m != nil && readErr == nil; m = cmd.Next() {
			var uid imap.UID
			var raw message.Content
			for it := m.Next(); it != nil && readErr == nil; it = m.Next() {
				switch it := it.(type) {
				case imapclient.FetchItemDataUID:
					uid = it.UID
				case imapclient.FetchItemDataBodySection:
					if it.Literal == nil { // BODY[] NIL: gone in between
						continue
					}
					dropContents(map[imap.UID]message.Content{0: raw})
					if raw, readErr = readLiteral(it.Literal, dir); readErr != nil {
						s.abandon(it.Literal, readErr)
					}
				}
			}
			if raw != nil && wanted[uid] {
				wanted[uid] = false // the first one counts
				got[uid] = raw
			} else {
				dropContents(map[imap.UID]message.Content{uid: raw})
			}
		}
		return errors.Join(readErr, cmd.Close())
	})
	return got, err
}

// abandon ends the connection in the middle of a literal. The client library
// goes on decoding as soon as a literal fails, while its consumer would still
// drain it: so the decoder has to come to its end first.
func (s *session) abandon(literal io.Reader, readErr error) {
	s.conn.Conn.Close()
	var local *localError
	if errors.As(readErr, &local) || errors.Is(readErr, errEndless) {
		_, _ = io.Copy(io.Discard, literal) // the literal itself has not failed yet; now it does
	}
	<-s.c.Closed()
}

// readLiteral takes in one mail: small ones to memory, large ones to a file, and
// of those above MaxSize only the beginning.
func readLiteral(r imap.LiteralReader, dir string) (message.Content, error) {
	size := r.Size()
	if size > maxLiteral {
		return nil, errEndless
	}
	if size <= spoolBytes {
		b := make([]byte, size)
		if _, err := io.ReadFull(r, b); err != nil {
			return nil, err
		}
		return message.Bytes(b), nil
	}
	f, err := os.CreateTemp(dir, "mail-*")
	if err != nil {
		return nil, &localError{err}
	}
	w := &localWriter{f: f}
	n, err := io.Copy(w, io.LimitReader(r, MaxSize+1))
	if err == nil && n < min(size, MaxSize+1) {
		err = io.ErrUnexpectedEOF
	}
	if cerr := f.Close(); err == nil && cerr != nil {
		err = &localError{cerr}
	}
	if err != nil {
		os.Remove(f.Name())
		return nil, err
	}
	return &File{path: f.Name(), size: n}, nil
}

// localWriter marks its errors as ours.
type localWriter struct{ f *os.File }

func (w *localWriter) Write(b []byte) (int, error) {
	n, err := w.f.Write(b)
	if err != nil {
		err = &localError{err}
	}
	return n, err
}

// trouble is what is left of fetches that failed in one folder: groups that are
// to be tried in smaller pieces, in the order of their UIDs, and how often a
// mail has failed all by itself.
type trouble struct {
	validity uint32
	from     imap.UID // where the cursor stood; else the groups are void
	groups   [][]entry
	fails    map[imap.UID]int
	careful  bool // the listing broke the connection
}

// failed takes note that rest could not be fetched. Where a part of the group
// arrived before, the first that is missing is the suspect and is tried alone;
// otherwise the group is halved.
func (t *trouble) failed(rest []entry, progress bool) {
	if len(rest) == 1 {
		t.fails[rest[0].uid]++
		t.groups = slices.Insert(t.groups, 0, rest)
		return
	}
	cut := len(rest) / 2
	if progress {
		cut = 1
	}
	t.groups = slices.Insert(t.groups, 0, rest[:cut], rest[cut:])
}

// tooLarge is the reason to hold a mail that is not taken in.
func tooLarge(size int64) string {
	return fmt.Sprintf("the mail has %d MiB; at most %d MiB are taken in", (size+1<<20-1)>>20, MaxSize>>20)
}

// dropContents removes the temporary files of mails that are not delivered.
func dropContents(got map[imap.UID]message.Content) {
	for _, raw := range got {
		if f, ok := raw.(*File); ok {
			_ = f.Remove() // the folder is emptied at start-up
		}
	}
}
