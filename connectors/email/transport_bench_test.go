package email

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"

	"throughline/connectors"
	"throughline/connectors/email/mailtest"
)

const benchMails = 20_000

// benchMail is a mail of 2.5 KB.
func benchMail(n int) []byte {
	return fmt.Appendf(nil, "Return-Path: <ann%d@example.org>\r\nReceived: from mx.example.org by mail.example.com; Mon, 02 Nov 2026 10:00:00 +0000\r\n"+
		"From: Ann Example <ann%d@example.org>\r\nTo: Support <support@example.com>\r\nSubject: order %d\r\nDate: Mon, 02 Nov 2026 10:00:00 +0000\r\n"+
		"Message-ID: <bench.%d@example.org>\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n%s", n, n%5000, n, n,
		strings.Repeat("The parcel has not come yet, could you have a look where it is?\r\n", 32))
}

func seeded(b *testing.B) *mailtest.Dovecot {
	b.Helper()
	d := mailtest.Peer(b)
	for i := 0; i < benchMails; i += 1000 {
		var mails [][]byte
		for j := range 1000 {
			mails = append(mails, benchMail(i+j))
		}
		if err := d.WriteMaildir("support", "", mails...); err != nil {
			b.Fatal(err)
		}
	}
	// The first look indexes the folder.
	c, err := newConnector(b, plain(d.IMAP, 1, nil)).openSession(b.Context(), noStep)
	if err != nil {
		b.Fatal(err)
	}
	defer c.close()
	if err := c.open("INBOX", true); err != nil {
		b.Fatal(err)
	}
	if _, err := c.list(1, 0, false); err != nil {
		b.Fatal(err)
	}
	return d
}

// BenchmarkFetchBare is the limit: the client library alone.
func BenchmarkFetchBare(b *testing.B) {
	d := seeded(b)
	for b.Loop() {
		c, err := imapclient.DialInsecure(d.Addr(), nil)
		if err != nil {
			b.Fatal(err)
		}
		if err := c.Login("support", d.Password).Wait(); err != nil {
			b.Fatal(err)
		}
		if _, err := c.Select("INBOX", &imap.SelectOptions{ReadOnly: true}).Wait(); err != nil {
			b.Fatal(err)
		}
		n := 0
		cmd := c.Fetch(imap.UIDSet{{Start: 1}}, &imap.FetchOptions{UID: true, BodySection: []*imap.FetchItemBodySection{{Peek: true}}})
		for m := cmd.Next(); m != nil; m = cmd.Next() {
			for it := m.Next(); it != nil; it = m.Next() {
				if s, ok := it.(imapclient.FetchItemDataBodySection); ok {
					if _, err := io.Copy(io.Discard, s.Literal); err != nil {
						b.Fatal(err)
					}
					n++
				}
			}
		}
		if err := cmd.Close(); err != nil || n != benchMails {
			b.Fatal(n, err)
		}
		c.Close()
	}
	b.ReportMetric(float64(benchMails)*float64(b.N)/b.Elapsed().Seconds(), "mails/s")
}

// nullSink forgets everything; it tells when all of a box has come.
type nullSink struct {
	left atomic.Int64
	done chan struct{}
}

func (n *nullSink) Cursor(context.Context) ([]byte, error) { return nil, nil }
func (n *nullSink) State(connectors.State)                 {}
func (n *nullSink) Accept(_ context.Context, b connectors.Batch) error {
	if len(b.Messages) > 0 && n.left.Add(-int64(len(b.Messages))) <= 0 {
		close(n.done)
	}
	return nil
}

// BenchmarkFetchConnector is the whole way with parsing, without a store.
func BenchmarkFetchConnector(b *testing.B) {
	d := seeded(b)
	takeIn(b, newConnector(b, plain(d.IMAP, 1, nil)))
}

// BenchmarkFetchFolders is the same with the mails in two folders by turns.
func BenchmarkFetchFolders(b *testing.B) {
	d := mailtest.Peer(b)
	at := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for _, folder := range []string{"", "Sent"} {
		var mails [][]byte
		for i := range benchMails / 2 {
			mails = append(mails, benchMail(i))
		}
		if err := d.WriteMaildir("support", folder, mails...); err != nil {
			b.Fatal(err)
		}
		dir := filepath.Join(d.Dir, "mail", "support", "Maildir")
		if folder != "" {
			dir = filepath.Join(dir, "."+folder)
		}
		files, err := filepath.Glob(filepath.Join(dir, "new", "*"))
		if err != nil || len(files) != benchMails/2 {
			b.Fatal(len(files), err)
		}
		for i, f := range files {
			if err := os.Chtimes(f, at, at.Add(time.Duration(i)*time.Minute)); err != nil {
				b.Fatal(err)
			}
		}
	}
	takeIn(b, newConnector(b, plain(d.IMAP, 1, map[string]any{"folders": []string{"INBOX", "Sent"}})))
}

func takeIn(b *testing.B, c *Connector) {
	b.Helper()
	for b.Loop() {
		sink := &nullSink{done: make(chan struct{})}
		sink.left.Store(benchMails)
		ctx, cancel := context.WithCancel(b.Context())
		ended := make(chan error, 1)
		go func() { ended <- c.Run(ctx, sink) }()
		select {
		case <-sink.done:
		case err := <-ended:
			b.Fatal(err)
		}
		cancel()
		<-ended
	}
	b.ReportMetric(float64(benchMails)*float64(b.N)/b.Elapsed().Seconds(), "mails/s")
}

// BenchmarkSend sends over one open connection on loopback.
func BenchmarkSend(b *testing.B) {
	c, _ := rig(b, mailtest.SMTPOptions{Discard: true}, nil)
	for b.Loop() {
		if _, err := c.Send(b.Context(), outMail(1)); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkWake is the time from an APPEND to Accept, in an empty and in a full
// box.
func BenchmarkWake(b *testing.B) {
	for _, full := range []int{0, 20_000} {
		b.Run(fmt.Sprintf("box=%d", full), func(b *testing.B) {
			srv := fill(b, full)
			c, h := newConnector(b, plain(srv.Port, 1, map[string]any{"start": "now"})), newHub()
			start(b, c, h)
			h.waitLive(b)
			n := 0
			for b.Loop() {
				if _, err := srv.Append("INBOX", letter(n), time.Time{}); err != nil {
					b.Fatal(err)
				}
				n++
				h.waitMails(b, n)
			}
		})
	}
}
