package api

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"throughline/documents"
	"throughline/message"
	"throughline/store"
)

// scan is what the virus scanner said of a content.
func (v *view) scan(sha string) (DocumentScan, error) {
	said, shut, err := v.s.docs.Verdict(v.tx, sha)
	return DocumentScan{State: cmp.Or(said.State, "none"), Found: said.Found, Reason: said.Reason, Shut: shut}, err
}

// scanned says of files what the virus scanner did.
func (v *view) scanned(list []Attachment) []Attachment {
	for i := range list {
		scan, err := v.scan(list[i].Blob)
		if err != nil {
			v.s.log.Error("what the virus scanner said", "error", err)
		} else if scan.State != "none" {
			list[i].Scan = &scan
		}
	}
	return list
}

// checkFiles refuses to send what the virus scanner keeps shut, and the content of a
// document that the writer does not see (any more).
func (s *Server) checkFiles(ctx context.Context, parts []message.Part) error {
	if len(parts) == 0 {
		return nil
	}
	for _, p := range parts {
		_, err := s.reach(ctx, p.Blob, "")
		if errors.Is(err, documents.ErrRole) || errors.Is(err, documents.ErrNotFound) {
			err = &problemError{status: 403, detail: cmp.Or(p.Name, "a file") + " was not sent: it is of a document that you do not see: take it off, or ask an admin"}
		}
		if err != nil {
			return err
		}
	}
	return s.hub.Store.View(func(tx *store.Tx) error {
		for _, p := range parts {
			if err := s.docs.Safe(tx, p.Blob); err != nil {
				return &problemError{status: 409, detail: fmt.Sprintf("%s was not sent: %s", cmp.Or(p.Name, "a file"), err)}
			}
		}
		return nil
	})
}

// opens refuses a file that the virus scanner keeps shut. Pictures that a browser only
// draws are shown until it has said something: mails are made of them.
func (s *Server) opens(sha string, picture bool) error {
	err := s.hub.Store.View(func(tx *store.Tx) error { return s.docs.Safe(tx, sha) })
	if picture && errors.Is(err, documents.ErrUnscanned) {
		return nil
	}
	return err
}
