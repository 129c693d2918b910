package slack

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"strings"
	"sync"

	"github.com/slack-go/slack/slackevents"

	"throughline/message"
)

// Events that nobody understands, and those that say nothing to us.

// oddities bounds how much of what nobody understands is kept.
type oddities struct {
	mu    sync.Mutex
	count map[string]int
}

// maxOdd is how many events of one unknown type are kept; the others are only
// acknowledged.
const maxOdd = 10

func (o *oddities) keep(kind string) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.count) > 1000 {
		clear(o.count)
	}
	o.count[kind]++
	return o.count[kind] <= maxOdd
}

// known are the types of event that say nothing to us.
func known(kind string) bool {
	_, ok := slackevents.EventsAPIInnerEventMapping[slackevents.EventsAPIType(kind)]
	return ok || strings.HasPrefix(kind, "file_comment_")
}

// oddEvent is an event that is kept for people because nobody understands it.
func (c *Connector) oddEvent(payload []byte, id, reason string) message.Held {
	if id == "" {
		sum := sha256.Sum256(payload)
		id = hex.EncodeToString(sum[:12])
	}
	if outer, ok := readBag(payload); ok && outer["token"] != nil {
		delete(outer, "token") // of an older way to prove where events come from
		if b, err := json.Marshal(outer); err == nil {
			payload = b
		}
	}
	return heldItem("slack-event:"+oneLine(id), "", reason, payload)
}
