package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"

	"golang.org/x/term"

	"throughline/auth"
)

const userUsage = `say what to do:
  user list
  user add EMAIL NAME ROLE     asks for a password; roles: agent, manager, admin
  user password EMAIL          asks for a new password and ends all sessions
  user role EMAIL ROLE
  user disable EMAIL
  user enable EMAIL`

// readSecret asks for the password that a user command needs. It is never an
// argument: arguments can be seen by everybody on the machine.
func readSecret(command string, args []string) (string, error) {
	if command != "user" || len(args) == 0 || args[0] != "add" && args[0] != "password" {
		return "", nil
	}
	fd := int(os.Stdin.Fd())
	if !term.IsTerminal(fd) {
		line, err := bufio.NewReader(os.Stdin).ReadString('\n')
		if err != nil && !errors.Is(err, io.EOF) {
			return "", err
		}
		return strings.TrimRight(line, "\r\n"), nil
	}
	fmt.Fprint(os.Stderr, "Password: ")
	b, err := term.ReadPassword(fd)
	fmt.Fprintln(os.Stderr)
	return string(b), err
}

// userCmd is throughline user.
func userCmd(ctx context.Context, f *folder, args []string, password string, out io.Writer) error {
	if len(args) == 0 {
		return errors.New(userUsage)
	}
	by := auth.Actor{Address: "command line"}
	need := map[string]int{"list": 1, "add": 4, "password": 2, "role": 3, "disable": 2, "enable": 2}
	if n, ok := need[args[0]]; !ok || len(args) != n {
		return errors.New(userUsage)
	}
	if args[0] == "list" {
		return listUsers(f, out)
	}
	if args[0] == "add" {
		a, err := f.auth.CreateAgent(ctx, by, auth.NewAgent{Email: args[1], Name: args[2], Role: auth.Role(args[3]), Password: password})
		if err != nil {
			return err
		}
		fmt.Fprintf(out, "%s can sign in as %s\n", a.Email, a.Role)
		return nil
	}
	a, err := f.auth.AgentByEmail(args[1])
	if err != nil {
		return fmt.Errorf("%s: %w", args[1], err)
	}
	var c auth.Change
	switch args[0] {
	case "password":
		if err := f.auth.SetPassword(ctx, by, a.ID, password); err != nil {
			return err
		}
		fmt.Fprintln(out, "the password is changed and all sessions are ended")
		return nil
	case "role":
		role := auth.Role(args[2])
		c.Role = &role
	case "disable", "enable":
		off := args[0] == "disable"
		c.Disabled = &off
	}
	if _, err := f.auth.UpdateAgent(ctx, by, a.ID, c); err != nil {
		return err
	}
	return listUsers(f, out)
}

func listUsers(f *folder, out io.Writer) error {
	list, err := f.auth.Agents()
	if err != nil {
		return err
	}
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "EMAIL\tNAME\tROLE\tSTATE")
	for _, a := range list {
		state := "active"
		switch {
		case a.Disabled:
			state = "disabled"
		case a.Invited:
			state = "invited"
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", a.Email, a.Name, a.Role, state)
	}
	return w.Flush()
}
