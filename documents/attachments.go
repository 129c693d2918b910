package documents

import (
	"context"

	"throughline/blob"
	"throughline/message"
	"throughline/store"
)

// Arrived has the files of a message looked at by the virus scanner, if there is one.
// It belongs into the transaction that files the message: from then on they are shut
// until the scanner has said something. What came before there was a scanner is not
// looked at.
func (l *Library) Arrived(tx *store.Tx, id uint64, parts []message.Part) error {
	if l.scanner == nil {
		return nil
	}
	for _, p := range parts {
		if p.Blob == "" {
			continue
		}
		f, err := l.file(tx, p.Blob)
		if err != nil {
			return err
		}
		if f == nil {
			f = l.newFile(tx, p.Blob, p.Size)
		} else if !f.Scan.unsettled() {
			continue // known
		}
		f.Message = id
		f.plan(tx.Now(), true)
		if err := l.files.Put(tx, f.ID, f); err != nil {
			return err
		}
	}
	return nil
}

// Vet has the scanner look at an agent's upload at once, and refuses what Safe does:
// its writer is told before anything is sent. If it is a document's too, the agent is
// remembered as somebody who has it anyway: see OpenContent.
func (l *Library) Vet(ctx context.Context, agent uint64, ref blob.Ref) error {
	if err := l.brought(ctx, agent, ref.SHA256); err != nil {
		return err
	}
	if l.scanner == nil {
		return nil
	}
	var f *File
	if err := l.store.Update(ctx, func(tx *store.Tx) (err error) {
		if f, err = l.file(tx, ref.SHA256); err != nil || f != nil {
			return err
		}
		f = l.newFile(tx, ref.SHA256, ref.Size)
		return l.files.Insert(tx, f.ID, f)
	}); err != nil {
		return err
	}
	if f.Scan.unsettled() {
		if err := l.scan(ctx, f); err != nil {
			return err
		}
	}
	return l.store.View(func(tx *store.Tx) error { return l.Safe(tx, ref.SHA256) })
}

// Verdict is what the scanner said of a content, and whether it is shut therefore.
func (l *Library) Verdict(tx *store.Tx, sha string) (s Scan, shut bool, err error) {
	f, err := l.file(tx, sha)
	if f == nil || err != nil {
		return Scan{}, false, err
	}
	return f.Scan, l.Safe(tx, sha) != nil, nil
}
