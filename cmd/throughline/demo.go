package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"

	"golang.org/x/term"

	"throughline/auth"
	"throughline/config"
	"throughline/demo"
)

// runDemo runs the hub on throw-away data with invented customers.
func runDemo(ctx context.Context, c *command, args []string) error {
	fs := c.flags()
	listen := fs.String("listen", config.DefaultListen, "`address` to listen on")
	data := fs.String("data", "", "data `folder` to use and keep; without it a temporary one that is removed at the end")
	verbose := fs.Bool("v", false, "log what the hub does")
	if err := c.parse(fs, args); err != nil {
		return err
	}
	if fs.NArg() > 0 {
		return &usageError{fmt.Sprintf("there is no argument %q", fs.Arg(0))}
	}
	cfg := config.Default()
	cfg.Listen, cfg.Data = *listen, *data
	cfg.Metrics.Public = true
	if *data == "" {
		dir, err := os.MkdirTemp("", "throughline-demo-")
		if err != nil {
			return err
		}
		defer os.RemoveAll(dir)
		cfg.Data = dir
	} else if _, err := os.Stat(filepath.Join(*data, dbFile)); err == nil {
		return fmt.Errorf("%s already holds a hub; the demo needs an empty folder", *data)
	}
	ln, err := net.Listen("tcp", cfg.Listen)
	if err != nil {
		return fmt.Errorf("listen: %w; choose another address with -listen, for example -listen 127.0.0.1:0", err)
	}
	cfg.Listen = ln.Addr().String()
	logTo := cfg.Log
	if !*verbose {
		logTo.Level = 12 // above errors: the demo's own mistakes come back as errors
	}
	log := newLog(os.Stderr, logTo)
	f, err := openFolder(ctx, folderOptions{config: cfg, kinds: kinds(), log: log, public: cfg.URL(), throw: *data == ""})
	if err != nil {
		return errors.Join(err, ln.Close())
	}
	s, err := newServer(f, cfg, log, true)
	if err != nil {
		return errors.Join(err, ln.Close(), f.close())
	}
	world, err := demo.Start(ctx, demo.Options{Hub: f.hub, Auth: f.auth, Accounts: f.accounts, Documents: f.docs, Notify: f.notify, PublicURL: cfg.URL(), Log: log})
	if err != nil {
		return errors.Join(err, ln.Close(), f.close())
	}
	defer world.Close()
	token, err := f.auth.EnterToken(ctx, auth.Actor{Address: "demo"}, world.Visitor, auth.EnterOptions{Reusable: true})
	if err != nil {
		return errors.Join(err, ln.Close(), f.close())
	}
	fmt.Fprintf(os.Stderr, "Throughline demo: invented customers, live mail, texts, calls and Slack, nothing leaves this machine.\n\n    %s/#/enter/%s\n\nOpen this link: it signs you in. Ctrl-C ends the demo.\nWhat colleagues are told in Slack: %s\n", cfg.URL(), token, world.DeskURL())
	if term.IsTerminal(int(os.Stdin.Fd())) {
		fmt.Fprintln(os.Stderr, "Enter lets a customer call at once; they also call by themselves now and then. Say in the app that you are ready for calls.")
		go ringOnEnter(os.Stdin, world)
	}
	go world.Live(ctx)
	return s.run(ctx, ln)
}

// ringOnEnter lets a customer call for each line that is typed.
func ringOnEnter(in io.Reader, world *demo.World) {
	for lines := bufio.NewScanner(in); lines.Scan(); {
		world.Ring()
	}
}
