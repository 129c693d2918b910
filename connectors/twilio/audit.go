package twilio

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"throughline/connectors"
	"throughline/message"
)

// auditBack is how far an inventory reaches back when it is not known where
// reading began.
const auditBack = 30 * 24 * time.Hour

// Inventory lists the messages to this account that Twilio holds, from where
// reading began.
func (c *Connector) Inventory(ctx context.Context, yield func(connectors.Item) error) error {
	c.mu.Lock()
	from := c.first
	c.mu.Unlock()
	if from.IsZero() {
		from = now().Add(-max(auditBack, c.set.history))
	}
	var stop error
	err := c.pages(ctx, c.inbound(from.Truncate(day), time.Time{}), func(raws []json.RawMessage) (bool, error) {
		for _, raw := range raws {
			e, ok := c.incoming(raw)
			if !ok || !e.at.IsZero() && e.at.Before(from) {
				continue
			}
			item := connectors.Item{Source: keyPrefix + e.sid, Size: int64(len(raw)), Time: e.at}
			if !messageForm.MatchString(e.sid) {
				item.Source = held(raw, e.sid, "").Source
			}
			var l struct {
				From string `json:"from"`
			}
			if json.Unmarshal(raw, &l) == nil {
				item.Label = "from " + strings.TrimPrefix(oneLine(l.From), c.prefix)
			}
			if stop = yield(item); stop != nil {
				return false, stop
			}
		}
		return true, nil
	})
	if stop != nil || err == nil {
		return stop
	}
	return c.fault(err)
}

// Refetch fetches messages again with their files and offers them; those that
// are gone are skipped.
func (c *Connector) Refetch(ctx context.Context, in connectors.Sink, sources []string) error {
	for _, source := range sources {
		sid, ok := strings.CutPrefix(source, keyPrefix)
		if !ok || !messageForm.MatchString(sid) {
			return fmt.Errorf("%q does not name a message at Twilio", oneLine(source))
		}
		if err := c.refetch(ctx, in, sid); err != nil {
			return err
		}
	}
	return nil
}

func (c *Connector) refetch(ctx context.Context, in connectors.Sink, sid string) error {
	var raw json.RawMessage
	err := c.get(ctx, c.path("/Messages/"+sid+".json"), &raw)
	var gone *apiError
	if errors.As(err, &gone) && gone.status == 404 {
		return nil
	}
	if err != nil {
		return c.fault(err)
	}
	m, late, err := c.whole(ctx, raw)
	defer func() { connectors.Drop(m.Parts) }()
	var b connectors.Batch
	var unread *errNotMessage
	switch {
	case errors.As(err, &unread):
		b.Held = []message.Held{held(raw, sid, unread.text)}
	case err != nil:
		return err
	default:
		bring(&b, m, len(late) > 0)
	}
	if err := in.Accept(ctx, b); err != nil {
		return errors.Join(errors.New("the hub did not take a message"), err)
	}
	if len(late) > 0 {
		c.comesLate(sid)
	}
	return nil
}
