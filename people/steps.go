package people

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"throughline/identity"
	"throughline/store"
	"throughline/timeline"
)

// Change says how a file is to be read; nil fields stay. It ends an earlier check.
type Change struct {
	Format    *Format
	Mapping   *[]string
	Country   *string
	Overwrite *bool
}

// Change changes how a file is to be read. What two people change at once, or one
// quickly one after the other, is kept.
func (p *People) Change(ctx context.Context, id uint64, ch Change) (*Import, error) {
	i, err := p.Import(id)
	if err != nil {
		return nil, err
	}
	if err := i.open(); err != nil {
		return nil, err
	}
	anew := ch.Format != nil && i.Kind == Table && *ch.Format != i.Format
	if anew { // the file is not read within the transaction
		if err := ch.Format.check(); err != nil {
			return nil, err
		}
		i.Format = *ch.Format
		if err := p.look(i); err != nil {
			return nil, err
		}
	}
	country := ""
	if ch.Country != nil {
		country = strings.ToUpper(strings.TrimSpace(*ch.Country))
		if country != "" && !slices.Contains(identity.Regions(), country) {
			return nil, &InvalidError{"country", "give a country by its two letters, like TH, or none"}
		}
	}
	var out *Import
	err = p.update(ctx, id, func(tx *store.Tx, now *Import) error {
		if err := now.open(); err != nil {
			return err
		}
		if anew {
			now.Format, now.Header, now.Mapping = i.Format, i.Header, i.Mapping
		}
		if ch.Country != nil {
			now.Country = country
		}
		if ch.Overwrite != nil {
			now.Overwrite = *ch.Overwrite
		}
		if ch.Mapping != nil && now.Kind == Table {
			if err := p.mapColumns(tx, now, *ch.Mapping); err != nil {
				return err
			}
		}
		now.State, now.Error, now.Row, now.Total, now.Counts = Mapping, "", 0, 0, ImportCounts{}
		out = now
		return nil
	})
	return out, err
}

// mapColumns says of each column what it is, and remembers it for the same header.
func (p *People) mapColumns(tx *store.Tx, i *Import, mapping []string) error {
	if len(mapping) != len(i.Header) {
		return &InvalidError{"mapping", fmt.Sprintf("say for each of the %d columns what it is", len(i.Header))}
	}
	fields, err := p.hub.Identity.FieldDefs(tx)
	if err != nil {
		return err
	}
	if err := checkMapping(mapping, fields); err != nil {
		return err
	}
	i.Mapping = slices.Clone(mapping)
	own := bareHeader(i.Header)
	b, err := json.Marshal(i.Mapping[len(i.Header)-len(own):])
	if err != nil {
		return err
	}
	return tx.PutValue(mappingBucket, headerKey(own), b)
}

// open refuses changes of an import that has begun or is over.
func (i *Import) open() error {
	switch i.State {
	case Mapping, Checking, Checked, Failed:
		if i.Blob != "" && !i.Begun {
			return nil
		}
	}
	return &ConflictError{"this import has begun: begin another one with the file"}
}

// update changes an import in a transaction and tells of it.
func (p *People) update(ctx context.Context, id uint64, fn func(tx *store.Tx, i *Import) error) error {
	return p.store.Update(ctx, func(tx *store.Tx) error {
		i, err := p.imports.Get(tx, id)
		if err != nil {
			return err
		}
		i.ID = id
		if err := fn(tx, i); err != nil {
			return err
		}
		return p.put(tx, i)
	})
}

func (p *People) put(tx *store.Tx, i *Import) error {
	if err := p.imports.Put(tx, i.ID, i); err != nil {
		return err
	}
	return p.tell(tx, i.ID)
}

// tell writes the event that lets screens look at an import again.
func (p *People) tell(tx *store.Tx, id uint64) error {
	data, err := json.Marshal(map[string]uint64{"import": id})
	if err != nil {
		return err
	}
	_, err = p.hub.Timeline.Append(tx, timeline.Event{Kind: timeline.ImportChanged, Quiet: true, Data: data})
	return err
}

// Check reads the file through and notes for each row what would become of it.
func (p *People) Check(ctx context.Context, id uint64) error {
	return p.begin(ctx, id, Checking, func(i *Import) error { return i.open() })
}

// Start writes the people. It can be asked of an import that was checked, or goes on
// with one that was stopped or failed half way, after the last row that was written.
func (p *People) Start(ctx context.Context, id, agent uint64) error {
	return p.begin(ctx, id, Running, func(i *Import) error {
		if i.State != Checked && !i.halfway() || i.Blob == "" {
			return &ConflictError{"check the file first, then import it"}
		}
		i.Agent = agent
		return nil
	})
}

func (p *People) begin(ctx context.Context, id uint64, state string, may func(*Import) error) error {
	err := p.update(ctx, id, func(tx *store.Tx, i *Import) error {
		if err := may(i); err != nil {
			return err
		}
		if i.Kind == Table {
			fields, err := p.hub.Identity.FieldDefs(tx)
			if err != nil {
				return err
			}
			if err := checkMapping(i.Mapping, fields); err != nil {
				return err
			}
		}
		if !i.halfway() {
			i.Row, i.Counts = 0, ImportCounts{}
		}
		i.State, i.Error, i.Finished, i.Begun = state, "", time.Time{}, state == Running
		return nil
	})
	if err == nil {
		p.rouse()
	}
	return err
}

// halfway tells whether people have been written and there may be more to write.
func (i *Import) halfway() bool { return i.State == Stopped || i.State == Failed && i.Begun }

// Stop ends an import half way; what has been written stays.
func (p *People) Stop(ctx context.Context, id uint64) error {
	return p.update(ctx, id, func(_ *store.Tx, i *Import) error {
		switch i.State {
		case Checking:
			i.State = Mapping
		case Running:
			i.State = Stopped
		}
		return nil
	})
}

// fail notes why an import cannot go on.
func (p *People) fail(ctx context.Context, id uint64, why error) error {
	return p.update(ctx, id, func(tx *store.Tx, i *Import) error {
		i.State, i.Error, i.Finished = Failed, why.Error(), tx.Now()
		return nil
	})
}

// Remove forgets an import with its file and its rows. The people stay.
func (p *People) Remove(ctx context.Context, id uint64) error {
	i, err := p.Import(id)
	if err != nil {
		return err
	}
	if i.working() {
		return &ConflictError{"this import is working: stop it first"}
	}
	if err := p.dropRows(ctx, id); err != nil {
		return err
	}
	return p.store.Update(ctx, func(tx *store.Tx) error {
		now, err := p.imports.Get(tx, id)
		if err != nil {
			return err
		}
		if now.working() { // begun since
			return &ConflictError{"this import is working: stop it first"}
		}
		if err := p.imports.Delete(tx, id); err != nil {
			return err
		}
		return p.tell(tx, id)
	})
}

// dropRows removes what was noted of the rows, in short transactions.
func (p *People) dropRows(ctx context.Context, id uint64) error {
	const page = 1000
	for more := true; more; {
		if err := p.store.Update(ctx, func(tx *store.Tx) error {
			var ids []uint64
			for e := range p.rows.Scan(tx, store.Range{Index: "outcome", Prefix: store.K().Uint(id).Str("")}) {
				if ids = append(ids, e.ID); len(ids) == page {
					break
				}
			}
			more = len(ids) == page
			for _, r := range ids {
				if err := p.rows.Delete(tx, r); err != nil {
					return err
				}
			}
			return nil
		}); err != nil {
			return err
		}
	}
	return nil
}
