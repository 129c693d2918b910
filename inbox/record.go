package inbox

import (
	"bytes"
	"encoding/binary"
	"hash/fnv"
	"io"
	"slices"
	"strconv"
	"time"

	"github.com/klauspost/compress/zstd"

	"throughline/connectors"
	"throughline/message"
	"throughline/store"
)

// Record is a stored message.
type Record struct {
	message.Message
	Conversation uint64   `json:"conversation"`
	Sender       uint64   `json:"sender,omitempty"` // handle ID; 0 for what agents wrote
	Agent        uint64   `json:"agent,omitempty"`  // who wrote it
	Seq          uint64   `json:"seq"`              // of the event that brought it
	Also         []string `json:"also,omitempty"`   // other accounts of ours that received it
	RawBlob      string   `json:"raw_blob,omitempty"`
	Cancelled    bool     `json:"cancelled,omitempty"` // taken back before it went out
	Refiled      *Refiled `json:"refiled,omitempty"`   // if it is not from the owner of its address
	Erased       bool     `json:"erased,omitempty"`    // with the customer: what it said is gone
	Task         uint64   `json:"task,omitempty"`      // that was made of it, a missed call, or that it was added to

	Advised *Advised  `json:"advised,omitempty"` // the channel that was proposed when it was written
	SendAt  time.Time `json:"send_at,omitzero"`  // when it was to go out, if not at once
	Purpose string    `json:"purpose,omitempty"` // that it was written for, "" for none
	// Whom is the handle of its first recipient that was known when it was written, 0
	// if none was: who becomes known later was not written to by it, and who is erased
	// was. nil of what came in, and of what was written before this was kept.
	Whom *uint64 `json:"whom,omitempty"`
}

// maxIndexedRefs bounds the index entries of one message: the nearest references
// and the root of the thread are the ones that other messages share.
const maxIndexedRefs = 12

// indexedRefs are the references by which the message can be found.
func indexedRefs(refs []string) []string {
	if len(refs) <= maxIndexedRefs {
		return refs
	}
	return append(slices.Clone(refs[:maxIndexedRefs-1]), refs[len(refs)-1])
}

// threadKeys index a message under its own name and under those it refers to, so
// that a thread is found whichever end arrives first. References are long and
// the index only has to suggest candidates: it holds 8-byte hashes.
func (r *Record) threadKeys() []store.Key {
	if r.Cancelled {
		return nil
	}
	keys := make([]store.Key, 0, 4)
	add := func(ref string) {
		if ref == "" {
			return
		}
		k := refKey(ref)
		if !slices.ContainsFunc(keys, func(o store.Key) bool { return bytes.Equal(o, k) }) {
			keys = append(keys, k)
		}
	}
	add(r.Ref)
	for _, ref := range indexedRefs(r.Refs) {
		add(ref)
	}
	return keys
}

func refKey(ref string) store.Key {
	f := fnv.New64a()
	io.WriteString(f, ref)
	return store.K().Uint(f.Sum64())
}

// whom is the handle that r counts as written to, 0 for none.
func (h *Hub) whom(tx *store.Tx, r *Record) uint64 {
	if r.Whom != nil {
		return *r.Whom
	}
	for _, to := range recipients(r) {
		if hd, known := h.Identity.Find(tx, to); known {
			return hd.ID
		}
	}
	return 0
}

// Message returns a stored message; ErrNotFound if there is none.
func (h *Hub) Message(tx *store.Tx, id uint64) (*Record, error) {
	r, err := h.messages.Get(tx, id)
	if err != nil {
		return nil, err
	}
	r.ID = id
	return r, nil
}

// Raw returns a message exactly as it was delivered; ErrNotFound for messages
// that were written here.
func (h *Hub) Raw(tx *store.Tx, id uint64) (message.Content, error) {
	r, err := h.Message(tx, id)
	if err != nil {
		return nil, err
	}
	if r.RawBlob != "" {
		return h.blobContent(r.RawBlob), nil
	}
	packed := tx.GetValue(rawBucket, rawKey(id))
	if packed == nil {
		return nil, ErrNotFound
	}
	raw, err := unzstd.DecodeAll(packed, nil)
	return message.Bytes(raw), err
}

// Raw items lie beside the records up to maxInlineRaw bytes; larger ones, which
// would be rewritten with the pages around them, are blobs.
const (
	rawBucket    = "raw"
	maxInlineRaw = 64 << 10
)

// rawKey sorts as the IDs do, so that raw items are appended.
func rawKey(id uint64) string { return string(binary.BigEndian.AppendUint64(nil, id)) }

// Coders are safe for concurrent EncodeAll and DecodeAll.
var (
	tozstd, _ = zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1), zstd.WithWindowSize(128<<10), zstd.WithLowerEncoderMem(true))
	unzstd, _ = zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(4*maxInlineRaw))
)

// blobContent is message.Content that lies in the blob store.
func (h *Hub) blobContent(sha string) message.Content {
	return blobContent{h, sha}
}

type blobContent struct {
	hub *Hub
	sha string
}

func (b blobContent) Open() (io.ReadCloser, error) {
	r, _, err := b.hub.Blobs.Open(b.sha)
	return r, err
}

func (b blobContent) Size() int64 {
	ref, err := b.hub.Blobs.Stat(b.sha)
	if err != nil {
		return 0
	}
	return ref.Size
}

// The ledger: what became of each item a provider delivered, by account and
// source. It is what the audit of a mailbox compares with.
const ledgerBucket = "ledger"

// The outcomes.
const (
	Stored    = "stored"
	Duplicate = "duplicate"
	HeldBack  = "held"
)

func ledgerKey(account, source string) string { return account + "\x00" + source }

// outcome reads the ledger. id is the message, or the held item.
func (h *Hub) outcome(tx *store.Tx, account, source string) (outcome string, id uint64, ok bool) {
	v := tx.GetValue(ledgerBucket, ledgerKey(account, source))
	if len(v) != 9 {
		return "", 0, false
	}
	id = binary.BigEndian.Uint64(v[1:])
	switch v[0] {
	case 's':
		return Stored, id, true
	case 'd':
		return Duplicate, id, true
	}
	return HeldBack, id, true
}

func (h *Hub) enter(tx *store.Tx, account, source, outcome string, id uint64) error {
	if source == "" {
		return nil
	}
	return tx.PutValue(ledgerBucket, ledgerKey(account, source), binary.BigEndian.AppendUint64([]byte{outcome[0]}, id))
}

// sendable fills a record with what a connector needs to send it.
func (h *Hub) sendable(r *Record) message.Message {
	m := r.Message
	m.Parts = slices.Clone(m.Parts)
	for i, p := range m.Parts {
		if p.Blob != "" {
			m.Parts[i].Content = h.blobContent(p.Blob)
		}
	}
	return m
}

// account counters, one JSON value an account: see Health.
func customerActor(id uint64) string { return "customer:" + strconv.FormatUint(id, 10) }

var _ connectors.Sink = (*sink)(nil)
