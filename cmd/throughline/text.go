package main

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"strconv"

	"throughline/config"
	"throughline/documents"
	"throughline/documents/clamd"
	doctext "throughline/documents/extract"
	"throughline/identity"
	"throughline/inbox"
	"throughline/store"
)

// textCommand is the subcommand that the hub starts for each file whose text it
// keeps. It is for no one else, and in no list.
const textCommand = "document-text"

// documentText is the child: it reads its standard input and writes what it found.
func documentText(ctx context.Context, args []string) int {
	if err := doctext.Main(ctx, args, os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// textExtractor starts this program as its child, where the system says which one
// it is.
func textExtractor() doctext.Func {
	program, err := os.Executable()
	if err != nil {
		return doctext.FromFile
	}
	return doctext.Child(program, textCommand)
}

// virusScanner is the configured one, nil if there is none.
func virusScanner(c *config.Config) (documents.Scanner, error) {
	if c.Clamd == "" {
		return nil, nil
	}
	return clamd.New(c.Clamd)
}

// remindByTask makes a task of each reminder: for whoever owns the customer, else
// for whoever put the document there.
func remindByTask(hub *inbox.Hub) func(*store.Tx, *documents.Document) error {
	return func(tx *store.Tx, d *documents.Document) error {
		var customer, owner uint64 // nobody, for a company's
		if d.Owner != 0 {
			root, err := hub.Identity.Root(tx, d.Owner)
			if err != nil {
				return err
			}
			of, err := hub.Identity.ShownField(tx, root.ID, identity.FieldOwner)
			if err != nil {
				return err
			}
			customer = root.ID
			owner, _ = strconv.ParseUint(of, 10, 64) // nobody
		}
		_, err := hub.AddTaskTx(tx, inbox.Task{
			Document: d.ID, Expires: d.Expires,
			Due: tx.Now(), Customer: customer, Assignee: cmp.Or(owner, d.CreatedBy),
		})
		return err
	}
}
