package email

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/emersion/go-imap/v2"

	"throughline/connectors"
	"throughline/message"
)

// Inventory lists every mail of the folders that Run reads, over a connection
// of its own.
func (c *Connector) Inventory(ctx context.Context, yield func(connectors.Item) error) error {
	s, err := c.openSession(ctx, noStep)
	if err != nil {
		return err
	}
	defer s.close()
	for _, folder := range c.set.folders {
		if err := s.open(folder, true); err != nil {
			return c.inFolder(folder, c.lost(ctx, s.conn, err))
		}
		if s.count == 0 {
			continue
		}
		const width = 10 * windowMails
		for lo := imap.UID(1); ; lo += width {
			hi := imap.UID(0)
			if s.next > 0 && uint64(lo)+width < uint64(s.next) {
				hi = lo + width - 1
			}
			entries, err := s.list(lo, hi, false)
			if err != nil {
				return c.inFolder(folder, c.lost(ctx, s.conn, err))
			}
			for _, e := range entries {
				item := connectors.Item{Source: formatSource(c.box, folder, s.validity, e.uid), Label: folder, Size: e.size, Time: e.received}
				if err := yield(item); err != nil {
					return err
				}
			}
			if hi == 0 {
				break
			}
		}
	}
	return nil
}

// inFolder says which folder an error is about.
func (c *Connector) inFolder(folder string, err error) error {
	return fmt.Errorf("folder %q: %w", oneLine(folder), err)
}

// Refetch fetches mails again by their sources. The cursor stays where it is;
// mails that are gone, and folders that are gone or renumbered, are skipped.
func (c *Connector) Refetch(ctx context.Context, in connectors.Sink, sources []string) error {
	type place struct {
		folder   string
		validity uint32
	}
	wanted := map[place][]entry{}
	var order []place
	for _, src := range sources {
		folder, validity, uid, err := parseSource(c.box, src)
		if err != nil {
			return fmt.Errorf("%q: %w", oneLine(src), err)
		}
		p := place{folder, validity}
		if wanted[p] == nil {
			order = append(order, p)
		}
		wanted[p] = append(wanted[p], entry{uid: uid})
	}
	s, err := c.openSession(ctx, noStep)
	if err != nil {
		return err
	}
	defer s.close()
	for _, p := range order {
		if err := s.open(p.folder, true); err != nil {
			if missing(err) {
				continue
			}
			return c.inFolder(p.folder, c.lost(ctx, s.conn, err))
		}
		if s.validity != p.validity {
			continue
		}
		if err := c.refetchFolder(ctx, in, s, wanted[p]); err != nil {
			return c.inFolder(p.folder, err)
		}
	}
	return nil
}

func (c *Connector) refetchFolder(ctx context.Context, in connectors.Sink, s *session, wanted []entry) error {
	for chunk := range slices.Chunk(wanted, windowMails) {
		var set imap.UIDSet
		for _, e := range chunk {
			set.AddNum(e.uid)
		}
		entries, _, err := s.listFull(set, 1)
		if err != nil {
			return c.lost(ctx, s.conn, err)
		}
		for _, group := range split(entries) {
			if err := c.refetchGroup(ctx, in, s, group); err != nil {
				return err
			}
		}
	}
	return nil
}

func (c *Connector) refetchGroup(ctx context.Context, in connectors.Sink, s *session, group []entry) error {
	l, from := &load{}, origin{s.folder, s.validity}
	defer func() { l.drop() }()
	want := slices.DeleteFunc(slices.Clone(group), func(e entry) bool { return e.size > MaxSize })
	var got map[imap.UID]message.Content
	if len(want) > 0 {
		var err error
		if got, err = s.bodies(want, c.host.TempDir); err != nil {
			dropContents(got)
			return c.lost(ctx, s.conn, err)
		}
	}
	for _, e := range group {
		raw := got[e.uid]
		if e.size > MaxSize {
			l.arrivals = append(l.arrivals, arrival{in: from, uid: e.uid, reason: tooLarge(e.size)})
		} else if raw != nil {
			l.arrivals = append(l.arrivals, arrival{in: from, uid: e.uid, raw: raw, received: e.received})
		}
	}
	if len(l.arrivals) == 0 {
		return nil
	}
	if err := c.readAll(l, ctx); err != nil {
		return err
	}
	if err := in.Accept(ctx, l.batch); err != nil {
		return errors.Join(errors.New("the hub did not take a batch"), err)
	}
	return nil
}
