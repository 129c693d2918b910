package email

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"net/url"
	"strconv"
	"strings"

	"github.com/emersion/go-imap/v2"
)

// cursor is what Run remembers between runs: how far each folder was taken in.
type cursor struct {
	// Box is the mailbox that Folders are of. When an account is pointed at
	// another server, its numbers mean other mails.
	Box     string           `json:"box,omitempty"`
	Folders map[string]place `json:"folders"`
}

// place is how far one folder was taken in. UIDs up to Last have all been
// accepted, or did not exist any more when it was their turn.
type place struct {
	Validity uint32   `json:"uidvalidity"`
	Last     imap.UID `json:"last"`
	// Since is the Unix time before which mail is passed over, when the account
	// was to start with the next mail: a renumbered folder must not bring the
	// past in after all.
	Since int64 `json:"since,omitempty"`
	// Todo are UIDs that were accepted in the batch that stored this cursor and
	// that may still have to be marked or moved.
	Todo string `json:"todo,omitempty"`
	// Ahead are UIDs beyond Last that were accepted before their turn, because
	// those mails are older than others with lower UIDs (see merge).
	Ahead string `json:"ahead,omitempty"`
}

// reach returns p with everything up to last taken in.
func (p place) reach(last imap.UID) place {
	p.Last, p.Todo = last, ""
	ahead, ok := parseUIDs(p.Ahead)
	if !ok {
		p.Ahead = ""
		return p
	}
	var left imap.UIDSet
	for _, r := range ahead {
		if r.Stop > last {
			left.AddRange(max(r.Start, last+1), r.Stop)
		}
	}
	p.Ahead = left.String()
	return p
}

// taken tells which UIDs beyond Last are taken in.
func (p place) taken() func(imap.UID) bool {
	ahead, ok := parseUIDs(p.Ahead)
	if !ok {
		return func(imap.UID) bool { return false }
	}
	return ahead.Contains
}

// readCursor understands what an earlier run stored. A cursor that cannot be
// read counts as none: then everything is offered again and the hub recognises
// what it has.
func readCursor(b []byte) (cursor, error) {
	var c cursor
	err := json.Unmarshal(b, &c)
	if len(b) == 0 {
		err = nil
	}
	if err != nil || c.Folders == nil {
		c = cursor{Folders: map[string]place{}}
	}
	return c, err
}

// of returns the cursor for a mailbox: if it was another's, all folders are
// read anew, from the time on at which the account was to start.
func (c cursor) of(box string) cursor {
	if c.Box != box {
		for folder, p := range c.Folders {
			c.Folders[folder] = place{Since: p.Since}
		}
	}
	c.Box = box
	return c
}

// mailboxKey names a user's mailbox on a server, shortly.
func mailboxKey(host, user string) string {
	sum := sha256.Sum256([]byte(strings.ToLower(host) + "\x00" + user))
	return hex.EncodeToString(sum[:4])
}

func (c cursor) bytes() []byte {
	b, err := json.Marshal(c)
	if err != nil {
		panic(err) // cannot happen: maps of strings and numbers
	}
	return b
}

// formatSource names a mail: "FOLDER;UIDVALIDITY;UID;MAILBOX", with the folder
// percent-encoded.
func formatSource(box, folder string, validity uint32, uid imap.UID) string {
	return url.PathEscape(folder) + ";" + strconv.FormatUint(uint64(validity), 10) + ";" + strconv.FormatUint(uint64(uid), 10) + ";" + box
}

var errSource = errors.New("not a source of this email account; it reads FOLDER;UIDVALIDITY;UID;MAILBOX")

// parseSource undoes formatSource. A source of another mailbox is none of ours.
func parseSource(box, s string) (folder string, validity uint32, uid imap.UID, err error) {
	s, of, ok := cutLast(s)
	s, num, ok2 := cutLast(s)
	name, val, ok3 := cutLast(s)
	if !ok || !ok2 || !ok3 || of != box {
		return "", 0, 0, errSource
	}
	folder, err1 := url.PathUnescape(name)
	v, err2 := strconv.ParseUint(val, 10, 32)
	u, err3 := strconv.ParseUint(num, 10, 32)
	if err1 != nil || err2 != nil || err3 != nil || folder == "" || u == 0 {
		return "", 0, 0, errSource
	}
	return folder, uint32(v), imap.UID(u), nil
}

// cutLast cuts s at its last semicolon.
func cutLast(s string) (before, after string, ok bool) {
	i := strings.LastIndexByte(s, ';')
	if i < 0 {
		return s, "", false
	}
	return s[:i], s[i+1:], true
}

// parseUIDs reads a set such as "3:5,9".
func parseUIDs(s string) (imap.UIDSet, bool) {
	var set imap.UIDSet
	for r := range strings.SplitSeq(s, ",") {
		from, to, ok := strings.Cut(r, ":")
		if !ok {
			to = from
		}
		a, err1 := strconv.ParseUint(from, 10, 32)
		b, err2 := strconv.ParseUint(to, 10, 32)
		if err1 != nil || err2 != nil || a == 0 || b == 0 {
			return nil, false
		}
		set.AddRange(imap.UID(a), imap.UID(b))
	}
	return set, len(set) > 0
}
