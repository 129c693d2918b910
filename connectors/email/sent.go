package email

import (
	"context"
	"errors"
	"time"

	"github.com/emersion/go-imap/v2"
)

// fileSent puts a copy of a mail into the sent folder, over a connection of its
// own. The mail is out already, so nothing here is worth failing for.
func (c *Connector) fileSent(ctx context.Context, mail *composed, size int64, at time.Time) error {
	s, err := c.openSession(ctx, noStep)
	if err != nil {
		return err
	}
	defer s.close()
	return c.lost(ctx, s.conn, s.do(func() error {
		cmd := s.c.Append(c.set.sent, size, &imap.AppendOptions{Flags: []imap.Flag{imap.FlagSeen}, Time: at})
		werr := mail.write(cmd)
		if werr != nil {
			s.conn.Conn.Close() // too few bytes were written; the server must not wait for more
		}
		cerr := cmd.Close()
		_, err := cmd.Wait()
		var no *imap.Error
		if errors.As(err, &no) {
			return err // the server's words say more than the broken write
		}
		return errors.Join(werr, cerr, err)
	}))
}
