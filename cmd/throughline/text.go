package main

import (
	"context"
	"fmt"
	"os"

	doctext "throughline/documents/extract"
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
