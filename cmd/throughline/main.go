// Command throughline is the whole hub in one program: it serves the inbox
// (serve), shows itself with invented data (demo), and has the tools an
// administrator needs beside it.
//
// It only reads flags and configuration and wires the packages together; every
// file it keeps lies in the data folder (see docs/operations.md).
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"strings"
	"syscall"

	"throughline/connectors"
	"throughline/connectors/email"
	"throughline/connectors/slack"
	"throughline/connectors/twilio"
)

// kinds is the table of channels: a new one is one line here.
func kinds() []connectors.Kind {
	return []connectors.Kind{
		email.Kind(),
		twilio.SMS(),
		twilio.WhatsApp(),
		twilio.Voice(),
		slack.Kind(),
	}
}

// command is one subcommand.
type command struct {
	name, usage, help string
	run               func(ctx context.Context, c *command, args []string) error
	// untilStopped commands run until a signal, which is then no failure. Any
	// other command that a signal ends has not done its work.
	untilStopped bool
}

func commands() []*command {
	return []*command{
		{"serve", "[-config FILE] [-listen ADDR] [-data DIR] [-forget-secrets]", "run the hub", serve, true},
		{"demo", "[-listen ADDR] [-data DIR] [-v]", "run the hub with invented customers and live mail, on throw-away data", runDemo, true},
		{"check", "[-data DIR]", "recompute every index and counter and follow every pointer", adminCommand, false},
		{"backup", "[-data DIR] FILE", "write a consistent copy of the data folder, also while the hub runs", backup, false},
		{"restore", "[-data DIR] FILE", "make a new data folder of a backup", restore, false},
		{"compact", "[-data DIR]", "give unused space of the database file back (the hub must be stopped)", compact, false},
		{"user", "[-data DIR] list | add | password | role | disable | enable …", "manage the people who work in the hub", adminCommand, false},
		{"inspect", "mail [-json] FILE|DIR|-", "show how the program understands a mail", inspect, false},
		{"identity", "match [-json] [-country CC] [-confidence N] [-truth FILE] FILE|-", "find the entries of a list (CSV or JSON lines) that are the same person", identityMatch, false},
		{"import", "people [-data DIR] [-country XX] [-overwrite] [-dry-run] [-errors FILE] FILE", "import people from a table (CSV) or vCards", importCommand, false},
		{"version", "", "print the version", func(context.Context, *command, []string) error {
			fmt.Println("throughline", version())
			return nil
		}, false},
	}
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	// A second signal ends the program at once.
	context.AfterFunc(ctx, stop)
	os.Exit(run(ctx, os.Args[1:], os.Stderr))
}

// run picks the subcommand; the result is the exit code: 0, 1 for a failure, 2
// for wrong usage.
func run(ctx context.Context, args []string, stderr io.Writer) int {
	if len(args) == 0 {
		usage(stderr)
		return 2
	}
	if args[0] == "help" || args[0] == "-h" || args[0] == "--help" {
		usage(stderr)
		return 0
	}
	if args[0] == textCommand {
		return documentText(ctx, args[1:])
	}
	for _, c := range commands() {
		if c.name != args[0] {
			continue
		}
		err := c.run(ctx, c, args[1:])
		var use *usageError
		switch {
		case err == nil, errors.Is(err, flag.ErrHelp):
			return 0
		case errors.Is(err, context.Canceled) && ctx.Err() != nil:
			if c.untilStopped {
				return 0
			}
			fmt.Fprintf(stderr, "throughline %s: interrupted before the end\n", c.name)
			return 1
		case errors.As(err, &use):
			fmt.Fprintf(stderr, "throughline %s: %s\nusage: throughline %s %s\n", c.name, use.text, c.name, c.usage)
			return 2
		default:
			fmt.Fprintf(stderr, "throughline %s: %s\n", c.name, err)
			return 1
		}
	}
	fmt.Fprintf(stderr, "throughline: there is no command %q\n\n", args[0])
	usage(stderr)
	return 2
}

func usage(w io.Writer) {
	fmt.Fprintln(w, "throughline keeps a company's contact with its customers on one timeline.")
	fmt.Fprintln(w)
	for _, c := range commands() {
		fmt.Fprintf(w, "  throughline %-8s %s\n      %s\n", c.name, c.usage, c.help)
	}
}

// usageError is a wrong call.
type usageError struct{ text string }

func (e *usageError) Error() string { return e.text }

// flags makes the flag set of a subcommand; parse uses it.
func (c *command) flags() *flag.FlagSet {
	fs := flag.NewFlagSet(c.name, flag.ContinueOnError)
	fs.SetOutput(io.Discard) // run tells what was wrong, once
	return fs
}

// parse reads the flags. Wrong ones are a *usageError; a request for help is
// answered, and returned as flag.ErrHelp.
func (c *command) parse(fs *flag.FlagSet, args []string) error {
	err := fs.Parse(args)
	if errors.Is(err, flag.ErrHelp) {
		fmt.Fprintf(os.Stderr, "usage: throughline %s %s\n%s\n", c.name, c.usage, c.help)
		fs.SetOutput(os.Stderr)
		fs.PrintDefaults()
		return err
	}
	if err != nil {
		return &usageError{err.Error()}
	}
	return nil
}

// version is the module's version, or the commit it was built from.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	if v := info.Main.Version; v != "" && v != "(devel)" {
		return v
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" {
			return "devel-" + s.Value[:min(12, len(s.Value))]
		}
	}
	return "devel"
}

func inspect(_ context.Context, c *command, args []string) error {
	if len(args) == 0 || args[0] != "mail" {
		return &usageError{"say what to inspect: mail"}
	}
	fs := c.flags()
	asJSON := fs.Bool("json", false, "print one JSON object a line")
	if err := c.parse(fs, args[1:]); err != nil {
		return err
	}
	if fs.NArg() == 0 {
		return &usageError{"name a file, a folder, or - for standard input"}
	}
	return email.Inspect(os.Stdout, fs.Args(), os.Stdin, *asJSON)
}

func oneArg(what string, args []string) (string, error) {
	if len(args) != 1 || strings.TrimSpace(args[0]) == "" {
		return "", &usageError{"name " + what}
	}
	return args[0], nil
}
