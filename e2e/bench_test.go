package e2e

import (
	"bytes"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"
	"github.com/emersion/go-smtp"
	"go.etcd.io/bbolt"

	"throughline/api"
	"throughline/connectors/email"
	"throughline/connectors/email/mailtest"
	"throughline/message"
)

// The benchmarks measure the real program from outside, each beside the limit of
// the same run: what a bare client of the same protocol does. Sizes can be set:
// BENCH_MAILS (20,000) and BENCH_CONVERSATIONS (10,000 and 100,000).

func benchSize(b *testing.B, name string, n int) int {
	if v := os.Getenv(name); v != "" {
		n, err := strconv.Atoi(v)
		if err != nil {
			b.Fatalf("%s: %v", name, err)
		}
		return n
	}
	return n
}

// benchWords are what the text of benchmark mails is made of: text that repeats
// itself would flatter the figures of the disk.
var benchWords = strings.Fields(`parcel order number invoice please delivery address customer yesterday tomorrow morning
waiting answer colleague reference payment account morning machine colour weather tracking courier station window
received broken replacement warranty certificate catalogue quantity measure thanks regards question urgent friendly`)

// benchMail is a mail of about 2.5 KB, the third of a thread being like those of
// real mailboxes: a few received lines, two thirds text.
func benchMail(i int) []byte {
	thread := i / 3 * 3
	var b bytes.Buffer
	for hop := range 4 {
		fmt.Fprintf(&b, "Received: from mx%d.example.org (mx%d.example.org [192.0.2.%d])\r\n\tby mail.example.com with ESMTPS id %08x%d;\r\n\tMon, 02 Nov 2026 10:%02d:%02d +0000\r\n", hop, hop, i%250+1, i*2654435761, hop, i/60%60, i%60)
	}
	fmt.Fprintf(&b, "Message-ID: <bench-%d@example.org>\r\n", i)
	if i > thread {
		fmt.Fprintf(&b, "In-Reply-To: <bench-%d@example.org>\r\nReferences: <bench-%d@example.org>\r\n", i-1, thread)
	}
	fmt.Fprintf(&b, "From: Customer %d <customer%d@example.org>\r\nTo: Support <support@example.com>\r\nSubject: Parcel %d\r\nDate: Mon, 02 Nov 2026 10:%02d:%02d +0000\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n",
		thread%12000, thread%12000, thread, i/60%60, i%60)
	x := uint32(i)*2654435761 + 1
	for line := 0; b.Len() < 2500; line++ {
		x ^= x << 13
		x ^= x >> 17
		x ^= x << 5
		b.WriteString(benchWords[x%uint32(len(benchWords))])
		if line%11 == 10 {
			fmt.Fprintf(&b, " %d\r\n", x%9973)
		} else {
			b.WriteByte(' ')
		}
	}
	b.WriteString("\r\n")
	return b.Bytes()
}

// fill writes n benchmark mails into a mailbox.
func fill(b *testing.B, d *mailtest.Dovecot, user string, from, n int) {
	b.Helper()
	mails := make([][]byte, 0, n)
	for i := range n {
		mails = append(mails, benchMail(from+i))
	}
	if err := d.WriteMaildir(user, "", mails...); err != nil {
		b.Fatal(err)
	}
}

func dialIMAP(b *testing.B, d *mailtest.Dovecot, user string, o *imapclient.Options) *imapclient.Client {
	b.Helper()
	c, err := imapclient.DialInsecure(d.Addr(), o)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { c.Close() })
	if err := c.Login(user, d.Password).Wait(); err != nil {
		b.Fatal(err)
	}
	if _, err := c.Select("INBOX", nil).Wait(); err != nil {
		b.Fatal(err)
	}
	return c
}

// BenchmarkIngest takes a full mailbox in: bare is fetch + parse + one bbolt
// bucket in one process, hub the real program with identity, threads, timeline and
// indexes. One operation is one mail.
func BenchmarkIngest(b *testing.B) {
	n := benchSize(b, "BENCH_MAILS", 20000)
	d := mailtest.Peer(b)
	fill(b, d, "support", 0, n)
	// Dovecot makes its index when it first looks; both pay for a warm one.
	warm := dialIMAP(b, d, "support", nil)
	if _, err := warm.Fetch(imap.SeqSet{{Start: 1, Stop: 0}}, &imap.FetchOptions{UID: true, RFC822Size: true}).Collect(); err != nil {
		b.Fatal(err)
	}
	b.Run("bare", func(b *testing.B) {
		for b.Loop() {
			bareIngest(b, d, n)
		}
		b.ReportMetric(float64(n*b.N)/b.Elapsed().Seconds(), "mails/s")
		b.ReportMetric(0, "ns/op")
	})
	b.Run("hub", func(b *testing.B) {
		var cpu time.Duration
		var peak, disk int64
		for b.Loop() {
			b.StopTimer()
			h := newHub(b, hubOptions{})
			h.start()
			admin := h.setup()
			smtp := startSMTP(b, mailtest.SMTPOptions{Discard: true})
			b.StartTimer()
			admin.addAccount(b, "support", settings(d, "support", smtp.Port))
			for {
				a, err := admin.account("support")
				if err != nil {
					b.Fatal(err)
				}
				if a.Health.Stored+a.Health.Duplicate+a.Health.Held >= n {
					if a.Health.Stored != n {
						b.Fatalf("%+v", a.Health)
					}
					break
				}
				time.Sleep(20 * time.Millisecond)
			}
			b.StopTimer()
			peak = max(peak, h.memory("VmHWM"))
			if _, err := h.terminate(); err != nil {
				b.Fatal(err)
			}
			cpu += h.cmd.ProcessState.UserTime() + h.cmd.ProcessState.SystemTime()
			info, err := os.Stat(filepath.Join(h.dir, "throughline.db"))
			if err != nil {
				b.Fatal(err)
			}
			disk = info.Size()
			b.StartTimer()
		}
		b.ReportMetric(float64(n*b.N)/b.Elapsed().Seconds(), "mails/s")
		b.ReportMetric(cpu.Seconds()/float64(n*b.N)*1000, "cpu-s/1000")
		b.ReportMetric(float64(peak)/(1<<20), "peak-MB")
		b.ReportMetric(float64(disk)/float64(n), "disk-B/mail")
		b.ReportMetric(0, "ns/op")
	})
}

// bareIngest is the least that taking in can be.
func bareIngest(b *testing.B, d *mailtest.Dovecot, n int) {
	b.Helper()
	c := dialIMAP(b, d, "support", nil)
	db, err := bbolt.Open(filepath.Join(b.TempDir(), "bare.db"), 0o600, &bbolt.Options{InitialMmapSize: 1 << 33, FreelistType: bbolt.FreelistMapType})
	if err != nil {
		b.Fatal(err)
	}
	defer db.Close()
	const batch = 200
	raws := make([][]byte, 0, batch)
	seq := uint64(0)
	flush := func() {
		if err := db.Update(func(tx *bbolt.Tx) error {
			bk, err := tx.CreateBucketIfNotExists([]byte("raw"))
			if err != nil {
				return err
			}
			bk.FillPercent = 0.95
			for _, raw := range raws {
				seq++
				if err := bk.Put(fmt.Appendf(nil, "%016x", seq), raw); err != nil {
					return err
				}
			}
			return nil
		}); err != nil {
			b.Fatal(err)
		}
		raws = raws[:0]
	}
	cmd := c.Fetch(imap.UIDSet{{Start: 1, Stop: 0}}, &imap.FetchOptions{UID: true, BodySection: []*imap.FetchItemBodySection{{Peek: true}}})
	got := 0
	for m := cmd.Next(); m != nil; m = cmd.Next() {
		buf, err := m.Collect()
		if err != nil {
			b.Fatal(err)
		}
		raw := buf.BodySection[0].Bytes
		if _, err := email.Parse(message.Bytes(raw), email.Options{}); err != nil {
			b.Fatal(err)
		}
		got++
		if raws = append(raws, raw); len(raws) == batch {
			flush()
		}
	}
	if err := cmd.Close(); err != nil {
		b.Fatal(err)
	}
	flush()
	if got != n {
		b.Fatalf("fetched %d of %d", got, n)
	}
}

// BenchmarkWake measures from the delivery of a mail to its frame at an agent's
// websocket, and in turns with it to the news at a bare client that only idles:
// Dovecot itself waits half a second before it tells anybody. The two watch
// mailboxes of one size each: on one mailbox the second of any two clients is
// told later, since Dovecot reads the whole folder for each. One operation is one
// mail to both.
func BenchmarkWake(b *testing.B) {
	for _, size := range []int{0, benchSize(b, "BENCH_MAILS", 20000)} {
		b.Run(fmt.Sprintf("box=%d", size), func(b *testing.B) {
			d := mailtest.Peer(b)
			fill(b, d, "support", 0, max(size, 1))
			fill(b, d, "bare", 0, max(size, 1))
			h := newHub(b, hubOptions{})
			h.start()
			admin := h.setup()
			admin.addAccount(b, "support", settings(d, "support", startSMTP(b, mailtest.SMTPOptions{Discard: true}).Port))
			until(b, "everything taken in", func() error {
				a, err := admin.account("support")
				if err == nil && (a.Health.Stored < max(size, 1) || a.Health.State.Phase != "live") {
					err = fmt.Errorf("%+v", a.Health)
				}
				return err
			})
			screen := admin.live(b, 0)
			screen.await(b, "the stream's start", func(f api.LiveFrame) bool { return f.Type == "live" })
			told := make(chan time.Time, 1)
			bare := dialIMAP(b, d, "bare", &imapclient.Options{UnilateralDataHandler: &imapclient.UnilateralDataHandler{
				Mailbox: func(u *imapclient.UnilateralDataMailbox) {
					if u.NumMessages != nil {
						select {
						case told <- time.Now():
						default:
						}
					}
				},
			}})
			// Read-only like the hub: Dovecot looks through the folder at other
			// moments for one who may write.
			if _, err := bare.Select("INBOX", &imap.SelectOptions{ReadOnly: true}).Wait(); err != nil {
				b.Fatal(err)
			}
			for len(told) > 0 {
				<-told // of opening the folder
			}
			var alone, whole []time.Duration
			for i := 0; b.Loop(); i++ {
				idle, err := bare.Idle()
				if err != nil {
					b.Fatal(err)
				}
				began := time.Now()
				if err := d.Deliver("bare", benchMail(1_000_000+3*i)); err != nil {
					b.Fatal(err)
				}
				alone = append(alone, (<-told).Sub(began))
				if err := idle.Close(); err != nil {
					b.Fatal(err)
				}
				began = time.Now()
				if err := d.Deliver("support", benchMail(1_000_000+3*i)); err != nil {
					b.Fatal(err)
				}
				screen.entry(b, "message.received", nil)
				whole = append(whole, time.Since(began))
			}
			b.ReportMetric(ms(alone, 50), "ms-bare-p50")
			b.ReportMetric(ms(alone, 90), "ms-bare-p90")
			b.ReportMetric(ms(whole, 50), "ms-hub-p50")
			b.ReportMetric(ms(whole, 90), "ms-hub-p90")
			b.ReportMetric(0, "ns/op")
		})
	}
}

// BenchmarkReply measures from posting an answer to its arrival at the SMTP server,
// with the undo window at 0, beside a bare client that sends as many bytes over
// one connection. One operation is one answer.
func BenchmarkReply(b *testing.B) {
	arrived := make(chan time.Time, 1)
	sink := startSMTP(b, mailtest.SMTPOptions{Discard: true, OnMessage: func(mailtest.Mail) { arrived <- time.Now() }})
	b.Run("bare", func(b *testing.B) {
		c, err := smtp.Dial(fmt.Sprintf("127.0.0.1:%d", sink.Port))
		if err != nil {
			b.Fatal(err)
		}
		defer c.Close()
		var took []time.Duration
		for i := 0; b.Loop(); i++ {
			began := time.Now()
			if err := c.SendMail("support@example.com", []string{"ann@example.org"}, bytes.NewReader(benchMail(i))); err != nil {
				b.Fatal(err)
			}
			took = append(took, (<-arrived).Sub(began))
		}
		b.ReportMetric(ms(took, 50), "ms-p50")
		b.ReportMetric(ms(took, 99), "ms-p99")
		b.ReportMetric(0, "ns/op")
	})
	b.Run("hub", func(b *testing.B) {
		d := mailtest.Peer(b)
		fill(b, d, "support", 0, 300) // a hundred conversations, answered in turn
		h := newHub(b, hubOptions{})
		h.start()
		admin := h.setup()
		admin.addAccount(b, "support", settings(d, "support", sink.Port))
		var rows []api.Row
		until(b, "a hundred conversations", func() (err error) {
			if rows, err = admin.rows("all"); err == nil && len(rows) < 100 {
				err = fmt.Errorf("%d yet", len(rows))
			}
			return err
		})
		in := api.ReplyRequest{Mode: "reply", To: []api.Person{{Handle: "mailto:customer0@example.org"}},
			HTML: "<p>" + strings.Repeat("It is on its way. ", 60) + "</p>", SeenSeq: 1 << 50}
		var took []time.Duration
		for i := 0; b.Loop(); i++ {
			path := fmt.Sprintf("/api/conversations/%d/replies", rows[i%len(rows)].ID)
			began := time.Now()
			if err := admin.call(http.MethodPost, path, in, nil); err != nil {
				b.Fatal(err)
			}
			took = append(took, (<-arrived).Sub(began))
		}
		b.ReportMetric(ms(took, 50), "ms-p50")
		b.ReportMetric(ms(took, 99), "ms-p99")
		b.ReportMetric(0, "ns/op")
	})
}

// ms is a percentile in milliseconds.
func ms(d []time.Duration, p int) float64 {
	slices.Sort(d)
	return float64(d[min(len(d)*p/100, len(d)-1)].Microseconds()) / 1000
}
