package inbox

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"throughline/connectors"
	"throughline/message"
	"throughline/store"
)

// BenchmarkErase erases one person in a base of 100,000 addresses, each of whom a
// directory knows a second one, and reports how long another writer has to wait
// meanwhile at worst. BENCH_ERASE is how many messages he has.
func BenchmarkErase(b *testing.B) {
	const addresses = 100_000
	messages := 8000
	if n, err := strconv.Atoi(os.Getenv("BENCH_ERASE")); err == nil {
		messages = n
	}
	h, _ := benchHub(b)
	in := &sink{hub: h, account: "support"}
	var most time.Duration
	n := 0
	for b.Loop() {
		b.StopTimer()
		if n == 0 {
			for at := 0; at < addresses; at += 1000 {
				if err := h.Store.Update(b.Context(), func(tx *store.Tx) error {
					for i := at; i < at+1000; i++ {
						p := message.Person{Name: fmt.Sprintf("Somebody %d", i), Handle: message.Handle(fmt.Sprintf("mailto:somebody%d@example.net", i)),
							Hints: []message.Handle{message.Handle(fmt.Sprintf("mailto:second%d@example.net", i))}}
						if _, _, err := h.Identity.Resolve(tx, p, false); err != nil {
							return err
						}
					}
					return nil
				}); err != nil {
					b.Fatal(err)
				}
			}
		}
		// Half of them in one conversation, the others in threads of three.
		who := message.Person{Name: "Ann Leaving", Handle: message.Handle(fmt.Sprintf("mailto:leaving%d@example.org", n))}
		var batch []message.Message
		for i := range messages {
			m := benchMail(n*messages + i)
			m.From, m.Parts = who, nil
			if i < messages/2 && i > 0 {
				m.Refs = []string{fmt.Sprintf("mail-%d@example.org", n*messages)}
			} else if i < messages/2+3 {
				m.Refs = nil
			}
			if batch = append(batch, m); len(batch) == 200 || i == messages-1 {
				if err := in.Accept(b.Context(), connectors.Batch{Messages: batch, Cursor: []byte("x")}); err != nil {
					b.Fatal(err)
				}
				batch = batch[:0]
			}
		}
		var whose uint64
		if err := h.Store.View(func(tx *store.Tx) error {
			hd, ok := h.Identity.Find(tx, who.Handle)
			if !ok {
				return errors.New("there is no such address")
			}
			whose = hd.Customer
			return nil
		}); err != nil {
			b.Fatal(err)
		}
		var longest atomic.Int64
		ctx, stop := context.WithCancel(b.Context())
		over := make(chan struct{})
		go func() {
			defer close(over)
			for i := 0; ctx.Err() == nil; i++ {
				began := time.Now()
				_ = h.Store.Update(ctx, func(tx *store.Tx) error { return tx.PutValue("bench", "x", []byte(strings.Repeat("y", i%9+1))) })
				longest.Store(max(longest.Load(), int64(time.Since(began))))
			}
		}()
		b.StartTimer()
		gone, err := h.Erase(b.Context(), 1, whose, func(*store.Tx, uint64) bool { return false })
		b.StopTimer()
		stop()
		<-over
		if err != nil || gone.Messages < messages {
			b.Fatalf("%+v %v", gone, err)
		}
		most = max(most, time.Duration(longest.Load()))
		n++
		b.StartTimer()
	}
	b.ReportMetric(float64(most.Milliseconds()), "longest-wait-ms")
}
