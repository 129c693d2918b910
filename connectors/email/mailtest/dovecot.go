package mailtest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"throughline/peertest"

	"github.com/emersion/go-smtp"
)

// ErrNoDovecot means that Dovecot cannot be started here, and why.
var ErrNoDovecot = errors.New("no Dovecot")

// Dovecot is a real Dovecot (2.3) that knows every user with one password.
type Dovecot struct {
	IMAP, IMAPS, LMTP int // ports of 127.0.0.1
	Password          string
	CAFile            string // certificate of the IMAPS and STARTTLS ports
	Dir               string // its folder; mail of USER is in mail/USER/Maildir

	cmd      *exec.Cmd
	exited   chan struct{}
	uid, gid int
	http     *http.Server
	seq      atomic.Int64

	mu     sync.Mutex
	tokens map[string]string // bearer token -> user
}

// TB is the part of testing.TB that Peer needs.
type TB interface {
	peertest.TB
	Cleanup(func())
}

// Peer starts a Dovecot for a test and ends it with the test. Where there is
// none it skips the test, or fails it if the environment says REQUIRE_PEERS=1.
func Peer(t TB) *Dovecot {
	t.Helper()
	d, err := StartDovecot()
	switch {
	case errors.Is(err, ErrNoDovecot):
		peertest.Missing(t, err.Error())
	case err != nil:
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.Close(); err != nil {
			t.Fatal(err)
		}
	})
	return d
}

// StartDovecot starts a Dovecot on free ports and waits until it answers. It
// needs root, since Dovecot changes its user.
func StartDovecot() (*Dovecot, error) {
	bin, err := exec.LookPath("dovecot")
	if err != nil {
		if bin, err = exec.LookPath("/usr/sbin/dovecot"); err != nil {
			return nil, fmt.Errorf("%w: it is not installed (Debian: apt install dovecot-imapd dovecot-lmtpd)", ErrNoDovecot)
		}
	}
	if os.Getuid() != 0 {
		return nil, fmt.Errorf("%w: it has to be started by root", ErrNoDovecot)
	}
	nobody, err := user.Lookup("nobody")
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNoDovecot, err)
	}
	d := &Dovecot{Password: "correct-horse", tokens: map[string]string{}, exited: make(chan struct{})}
	d.uid, _ = strconv.Atoi(nobody.Uid)
	d.gid, _ = strconv.Atoi(nobody.Gid)
	if d.Dir, err = os.MkdirTemp("", "dc"); err != nil { // short: unix socket paths have 107 bytes
		return nil, err
	}
	if err := d.start(bin); err != nil {
		d.Close()
		return nil, err
	}
	return d, nil
}

func (d *Dovecot) start(bin string) error {
	introspection, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	d.http = &http.Server{Handler: http.HandlerFunc(d.introspect), ReadHeaderTimeout: Patience}
	go func() { _ = d.http.Serve(introspection) }() // ends with Close
	for _, port := range []*int{&d.IMAP, &d.IMAPS, &d.LMTP} {
		if *port, err = FreePort(); err != nil {
			return err
		}
	}
	if err := d.configure(introspection.Addr().String()); err != nil {
		return err
	}
	d.cmd = exec.Command(bin, "-F", "-c", filepath.Join(d.Dir, "dovecot.conf"))
	if err := d.cmd.Start(); err != nil {
		return err
	}
	go func() {
		defer close(d.exited)
		_ = d.cmd.Wait() // how it ended is in its log
	}()
	for deadline := time.Now().Add(Patience); ; time.Sleep(10 * time.Millisecond) {
		if c, err := net.Dial("tcp", d.Addr()); err == nil {
			greeting := make([]byte, 4)
			_ = c.SetReadDeadline(time.Now().Add(Patience))
			_, err = c.Read(greeting)
			c.Close()
			if err == nil && string(greeting) == "* OK" {
				return nil
			}
		}
		select {
		case <-d.exited:
			return fmt.Errorf("dovecot ended at once: %s", d.Log())
		default:
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("dovecot does not answer: %s", d.Log())
		}
	}
}

func (d *Dovecot) configure(introspection string) error {
	_, cert, key, err := Certificate()
	if err != nil {
		return err
	}
	d.CAFile = filepath.Join(d.Dir, "cert.pem")
	conf := strings.NewReplacer("$DIR", d.Dir, "$PASSWORD", d.Password, "$UID", strconv.Itoa(d.uid), "$GID", strconv.Itoa(d.gid),
		"$IMAPS", strconv.Itoa(d.IMAPS), "$IMAP", strconv.Itoa(d.IMAP), "$LMTP", strconv.Itoa(d.LMTP)).Replace(dovecotConf)
	oauth := "introspection_mode = post\nintrospection_url = http://" + introspection + "/\n" +
		"username_attribute = username\nactive_attribute = active\nactive_value = true\n"
	for name, content := range map[string][]byte{"cert.pem": cert, "key.pem": key, "dovecot.conf": []byte(conf), "oauth2.conf": []byte(oauth)} {
		if err := os.WriteFile(filepath.Join(d.Dir, name), content, 0o644); err != nil {
			return err
		}
	}
	mail := filepath.Join(d.Dir, "mail")
	if err := os.Mkdir(mail, 0o755); err != nil {
		return err
	}
	return errors.Join(os.Chown(mail, d.uid, d.gid), os.Chmod(d.Dir, 0o755))
}

const dovecotConf = `
base_dir = $DIR/run
log_path = $DIR/log
protocols = imap lmtp
listen = 127.0.0.1
ssl = yes
ssl_cert = <$DIR/cert.pem
ssl_key = <$DIR/key.pem
disable_plaintext_auth = no
auth_mechanisms = plain login xoauth2 oauthbearer
auth_failure_delay = 0
passdb {
  driver = static
  mechanisms = plain login
  args = password=$PASSWORD
}
passdb {
  driver = oauth2
  mechanisms = xoauth2 oauthbearer
  args = $DIR/oauth2.conf
}
userdb {
  driver = static
  args = uid=$UID gid=$GID home=$DIR/mail/%u allow_all_users=yes
}
first_valid_uid = 1
mail_location = maildir:~/Maildir
mail_max_userip_connections = 100
namespace inbox {
  inbox = yes
  mailbox Sent {
    special_use = \Sent
    auto = create
  }
  mailbox Archive {
    auto = create
  }
}
service imap-login {
  inet_listener imap {
    port = $IMAP
  }
  inet_listener imaps {
    port = $IMAPS
    ssl = yes
  }
}
service anvil {
  unix_listener anvil-auth-penalty {
    mode = 0
  }
}
service lmtp {
  inet_listener lmtp {
    address = 127.0.0.1
    port = $LMTP
  }
}
`

// introspect answers Dovecot's question about a bearer token (RFC 7662).
func (d *Dovecot) introspect(w http.ResponseWriter, r *http.Request) {
	token := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
	if v := r.FormValue("token"); v != "" {
		token = v
	}
	d.mu.Lock()
	name, ok := d.tokens[token]
	d.mu.Unlock()
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(map[string]any{"active": ok, "username": name})
}

// AcceptToken makes a bearer token good for a user, "" for nobody any more.
func (d *Dovecot) AcceptToken(token, user string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if user == "" {
		delete(d.tokens, token)
		return
	}
	d.tokens[token] = user
}

// Addr is where IMAP listens.
func (d *Dovecot) Addr() string { return fmt.Sprintf("127.0.0.1:%d", d.IMAP) }

// Log returns what Dovecot has logged.
func (d *Dovecot) Log() string {
	b, err := os.ReadFile(filepath.Join(d.Dir, "log"))
	if err != nil {
		return err.Error()
	}
	return string(b)
}

// Deliver hands a mail over by LMTP, as a mail server would.
func (d *Dovecot) Deliver(user string, raw []byte) error {
	conn, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", d.LMTP))
	if err != nil {
		return err
	}
	c := smtp.NewClientLMTP(conn)
	defer c.Close()
	if err := c.Mail("sender@example.net", nil); err != nil {
		return err
	}
	if err := c.Rcpt(user, nil); err != nil {
		return err
	}
	w, err := c.Data()
	if err != nil {
		return err
	}
	if _, err := w.Write(raw); err != nil {
		return err
	}
	_, err = w.CloseWithLMTPResponse()
	return err
}

// WriteMaildir puts mails straight into a user's folder ("" is INBOX), which is
// many times faster than delivering them. Dovecot sees them when it looks next.
func (d *Dovecot) WriteMaildir(user, folder string, mails ...[]byte) error {
	home := filepath.Join(d.Dir, "mail", user)
	dir := filepath.Join(home, "Maildir")
	dirs := []string{home, dir}
	if folder != "" {
		dir = filepath.Join(dir, "."+folder)
		dirs = append(dirs, dir)
	}
	for _, sub := range []string{"tmp", "cur", "new"} {
		dirs = append(dirs, filepath.Join(dir, sub))
	}
	for _, p := range dirs {
		if err := os.Mkdir(p, 0o755); err != nil && !errors.Is(err, os.ErrExist) {
			return err
		}
		if err := os.Chown(p, d.uid, d.gid); err != nil {
			return err
		}
	}
	for _, raw := range mails {
		name := fmt.Sprintf("%d.M%09dP1.localhost,S=%d", time.Now().Unix(), d.seq.Add(1), len(raw))
		tmp := filepath.Join(dir, "tmp", name)
		if err := os.WriteFile(tmp, raw, 0o644); err != nil {
			return err
		}
		if err := errors.Join(os.Chown(tmp, d.uid, d.gid), os.Rename(tmp, filepath.Join(dir, "new", name))); err != nil {
			return err
		}
	}
	return nil
}

// Kick breaks all connections of a user.
func (d *Dovecot) Kick(user string) error {
	ctx, cancel := context.WithTimeout(context.Background(), Patience)
	defer cancel()
	out, err := exec.CommandContext(ctx, "doveadm", "-c", filepath.Join(d.Dir, "dovecot.conf"), "kick", user).CombinedOutput()
	if err != nil {
		return fmt.Errorf("doveadm kick: %w: %s", err, out)
	}
	return nil
}

// Close ends Dovecot and deletes its folder.
func (d *Dovecot) Close() error {
	if d.cmd != nil && d.cmd.Process != nil {
		_ = d.cmd.Process.Signal(syscall.SIGTERM) // it may have ended by itself
		select {
		case <-d.exited:
		case <-time.After(Patience):
			_ = d.cmd.Process.Kill()
			<-d.exited
		}
	}
	if d.http != nil {
		_ = d.http.Close()
	}
	return os.RemoveAll(d.Dir)
}
