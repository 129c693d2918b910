package inbox

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"throughline/accounts"
	"throughline/blob"
	"throughline/config"
	"throughline/connectors"
	"throughline/connectors/connectortest"
	"throughline/message"
	"throughline/store"
)

// benchHub is a hub on a real file with real syncs, without its connector.
func benchHub(b *testing.B) (*Hub, string) {
	dir := b.TempDir()
	s, err := store.Open(filepath.Join(dir, "hub.db"), store.Options{})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { s.Close() })
	blobs, err := blob.Open(filepath.Join(dir, "blobs"))
	if err != nil {
		b.Fatal(err)
	}
	kind := connectors.Kind{Channel: "test", New: func(connectors.Account, connectors.Host) (connectors.Connector, error) {
		return &channel{Idle: connectortest.NewIdle(connectors.Info{Account: "support", Writing: letters, Own: message.Person{Handle: "mailto:support@example.com"}})}, nil
	}}
	acc := accounts.New(s, accounts.NewKey(), []connectors.Kind{kind})
	file := config.Account{Account: connectors.Account{ID: "support", Channel: "test", Name: "Support", Settings: json.RawMessage(`{}`)}}
	if err := acc.Start(b.Context(), accounts.Options{File: []config.Account{file}}); err != nil {
		b.Fatal(err)
	}
	h, err := New(Options{Store: s, Blobs: blobs, Accounts: acc, Kinds: []connectors.Kind{kind}})
	if err != nil {
		b.Fatal(err)
	}
	return h, dir
}

var benchText = strings.Repeat("Dear support, the parcel with the number 1234 has not come yet. ", 24) // about 1.5 KB

func benchMail(i int) message.Message {
	thread := i / 3 * 3
	m := message.Message{
		Channel: "test", Source: fmt.Sprintf("INBOX;1700000000;%d", i+1), Key: fmt.Sprintf("%032x", i),
		From: message.Person{Name: fmt.Sprintf("Customer %d", thread%5000), Handle: message.Handle(fmt.Sprintf("mailto:customer%d@example.org", thread%5000))},
		To:   []message.Person{{Handle: "mailto:support@example.com"}},
		Ref:  fmt.Sprintf("mail-%d@example.org", i), Subject: fmt.Sprintf("Parcel %d", thread), Kind: message.Human,
		Text: benchText, Reply: benchText, Time: time.Unix(1700000000+int64(i), 0), Received: time.Unix(1700000000+int64(i), 0),
		Raw: message.Bytes(fmt.Sprintf("Message-ID: <mail-%d@example.org>\r\n%s\r\n\r\n%s", i, strings.Repeat("Received: from a.example.org by b.example.org\r\n", 14), benchText)),
	}
	if i > thread {
		m.Refs = []string{fmt.Sprintf("mail-%d@example.org", thread)}
	}
	return m
}

// BenchmarkIngest takes mails in, in batches of 200, and reports what one costs on
// disk.
func BenchmarkIngest(b *testing.B) {
	h, dir := benchHub(b)
	in := &sink{hub: h, account: "support"}
	batch := make([]message.Message, 0, 200)
	i := 0
	b.ResetTimer()
	for b.Loop() {
		batch = append(batch, benchMail(i))
		if i++; len(batch) == cap(batch) {
			if err := in.Accept(context.Background(), connectors.Batch{Messages: batch, Cursor: []byte("x")}); err != nil {
				b.Fatal(err)
			}
			batch = batch[:0]
		}
	}
	b.StopTimer()
	if info, err := os.Stat(filepath.Join(dir, "hub.db")); err == nil && i > 5000 {
		b.ReportMetric(float64(info.Size())/float64(i), "disk-B/op")
	}
	b.ReportMetric(float64(i)/b.Elapsed().Seconds(), "mails/s")
}
