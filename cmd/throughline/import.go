package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"throughline/people"
)

// importCommand is throughline import people FILE.
func importCommand(ctx context.Context, c *command, args []string) error {
	if len(args) == 0 || args[0] != "people" {
		return &usageError{"say what to import: import people FILE"}
	}
	fs := c.flags()
	data := dataFlag(fs)
	country := fs.String("country", "", "`country` of numbers without a country code, two letters like TH")
	overwrite := fs.Bool("overwrite", false, "values of the file go before those there are")
	dry := fs.Bool("dry-run", false, "only say what would happen")
	errorsTo := fs.String("errors", "", "write the rows with errors to this `file`, to be mended and imported again")
	if err := c.parse(fs, args[1:]); err != nil {
		return err
	}
	if fs.NArg() != 1 {
		return &usageError{"give one file, a table (CSV) or vCards"}
	}
	paths := []*string{errorsTo}
	file := fs.Arg(0)
	for _, p := range append(paths, &file) {
		if *p == "" {
			continue
		}
		abs, err := filepath.Abs(*p) // a running hub may work in another folder
		if err != nil {
			return err
		}
		*p = abs
	}
	return runAdmin(ctx, *data, "import", []string{fmt.Sprintf("-country=%s", *country), fmt.Sprintf("-overwrite=%t", *overwrite),
		fmt.Sprintf("-dry-run=%t", *dry), "-errors=" + *errorsTo, file}, "", os.Stdout)
}

// importPeople is the work of it, in the running hub or here.
func importPeople(ctx context.Context, f *folder, args []string, _ string, out io.Writer) (err error) {
	fs := flag.NewFlagSet("import", flag.ContinueOnError)
	fs.SetOutput(io.Discard)
	country, overwrite := fs.String("country", "", ""), fs.Bool("overwrite", false, "")
	dry, errorsTo := fs.Bool("dry-run", false, ""), fs.String("errors", "", "")
	if err := fs.Parse(args); err != nil {
		return err
	}
	file, err := os.Open(fs.Arg(0))
	if err != nil {
		return err
	}
	defer file.Close()
	i, err := f.people.Add(ctx, 0, filepath.Base(fs.Arg(0)), file)
	if err != nil {
		return err
	}
	if *dry {
		defer func() { err = errors.Join(err, f.people.Remove(ctx, i.ID)) }()
	}
	if i, err = f.people.Change(ctx, i.ID, people.Change{Country: country, Overwrite: overwrite}); err != nil {
		return err
	}
	if i.Kind == people.Table {
		fmt.Fprintf(out, "%s, columns parted by %q\n", i.Format.Encoding, i.Format.Delimiter)
		for c, h := range i.Header {
			target := i.Mapping[c]
			if target == people.ToNothing {
				target = "(left out)"
			}
			fmt.Fprintf(out, "  %-30s %s\n", h, target)
		}
	}
	if err := f.people.Check(ctx, i.ID); err != nil {
		return err
	}
	if i, err = f.finish(ctx, i.ID); err != nil {
		return err
	}
	if !*dry {
		if err := f.people.Start(ctx, i.ID, 0); err != nil {
			return err
		}
		if i, err = f.finish(ctx, i.ID); err != nil {
			return err
		}
	}
	would := ""
	if *dry {
		would = "would be "
	}
	fmt.Fprintf(out, "%d rows: %s%d new, %d updated, %d the same as before, %d with errors\n", i.Row, would, i.Counts.New, i.Counts.Updated, i.Counts.Same, i.Counts.Bad)
	if i.Counts.Bad == 0 {
		return nil
	}
	bad, _, err := f.people.Rows(i.ID, people.Bad, nil, 10)
	if err != nil {
		return err
	}
	for _, r := range bad {
		fmt.Fprintf(out, "  line %d: %s\n", r.Line, strings.ReplaceAll(r.Reason, "\n", " "))
	}
	if *errorsTo != "" {
		w, err := os.OpenFile(*errorsTo, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
		if err != nil {
			return err
		}
		if err := errors.Join(f.people.WriteErrors(ctx, i.ID, w), w.Close()); err != nil {
			return err
		}
		fmt.Fprintf(out, "the rows with errors are in %s\n", *errorsTo)
	}
	return fmt.Errorf("%d rows have errors", i.Counts.Bad)
}

// finish waits until an import works no more; without a running hub it does the
// work itself.
func (f *folder) finish(ctx context.Context, id uint64) (*people.Import, error) {
	if f.idle {
		if err := f.people.Work(ctx, id); err != nil {
			return nil, err
		}
	}
	wake, stop := f.store.Watch()
	defer stop()
	for {
		i, err := f.people.Import(id)
		if err != nil {
			return nil, err
		}
		switch i.State {
		case people.Failed:
			return nil, errors.New(i.Error)
		case people.Checking, people.Running:
		default:
			return i, nil
		}
		select {
		case <-wake:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}
