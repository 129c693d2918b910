package api

import (
	"context"
	"errors"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"throughline/accounts"
	"throughline/auth"
	"throughline/connectors"
	"throughline/message"
	"throughline/store"
	"throughline/wording"
)

func (s *Server) listChannels(ctx context.Context, _ *none) (*out[Channels], error) {
	o := &out[Channels]{Channels{Channels: []Channel{}}}
	for _, k := range s.o.Kinds {
		c := Channel{Channel: k.Channel, Fields: k.Fields, Presets: k.Presets}
		if c.Fields == nil {
			c.Fields = []connectors.Field{}
		}
		if c.Presets == nil {
			c.Presets = []connectors.Preset{}
		}
		o.Body.Channels = append(o.Body.Channels, c)
	}
	return o, nil
}

// account describes an account to a caller; only admins see its settings.
func (v *view) account(a accounts.Account, c *caller) Account {
	out := Account{ID: a.ID, Channel: a.Channel, Name: a.Name, Address: v.s.ownAddress(a.ID), FromFile: a.FromFile, Disabled: a.Disabled, Health: v.health(a.ID)}
	if info, ok := v.s.hub.Info(a.ID); ok {
		out.Writing = writing(info.Writing)
	}
	if c.Agent.Role.AtLeast(auth.RoleAdmin) {
		out.Settings, out.Webhook = a.Settings, v.s.hub.WebhookURL(a.ID)
		for _, k := range v.s.hub.WebhookURLs(a.ID) {
			out.Hooks = append(out.Hooks, Hook{Use: k.Use, Label: k.Label, URL: k.Path})
		}
	}
	return out
}

func (v *view) health(account string) Health {
	h := v.s.hub.Health(v.tx, account)
	return Health{State: h.State, Since: h.Since, Last: h.Last, Stored: h.Stored, Duplicate: h.Duplicate, Held: h.Held, Today: h.Today, Queued: h.Queued,
		SendPaused: h.SendPaused, StateWords: wording.Of(h.State.Detail), PausedWords: wording.Of(h.SendPaused)}
}

// trouble counts the accounts that are switched on and do not do their work.
func (v *view) trouble() (int, error) {
	if v.troubled < 0 {
		list, err := v.s.hub.Accounts.ListTx(v.tx)
		if err != nil {
			return 0, err
		}
		v.troubled = 0
		for _, a := range list {
			h := v.health(a.ID)
			if !a.Disabled && (h.State.Phase == connectors.Retrying || h.State.Phase == connectors.Blocked || h.SendPaused != "") {
				v.troubled++
			}
		}
	}
	return v.troubled, nil
}

func (s *Server) listAccounts(ctx context.Context, _ *none) (*out[Accounts], error) {
	o := &out[Accounts]{Accounts{Accounts: []Account{}}}
	return o, s.view(func(v *view) error {
		list, err := s.hub.Accounts.ListTx(v.tx)
		for _, a := range list {
			o.Body.Accounts = append(o.Body.Accounts, v.account(a, who(ctx)))
		}
		return err
	})
}

// showAccount answers a change of an account.
func (s *Server) showAccount(ctx context.Context, a accounts.Account) (*out[Account], error) {
	o := new(out[Account])
	return o, s.view(func(v *view) error {
		o.Body = v.account(a, who(ctx))
		return nil
	})
}

// note writes an entry of the security log beside a change that another package
// has made.
func (s *Server) note(ctx context.Context, kind, detail string) error {
	return s.hub.Store.Update(context.WithoutCancel(ctx), func(tx *store.Tx) error {
		return s.auth.Record(tx, kind, who(ctx).actor(), detail)
	})
}

func (s *Server) createAccount(ctx context.Context, i *in[AccountRequest]) (*out[Account], error) {
	b := i.Body
	a, err := s.hub.Accounts.Create(ctx, accounts.NewAccount{ID: b.ID, Channel: b.Channel, Name: oneLine(b.Name), Settings: b.Settings})
	if err != nil {
		return nil, err
	}
	if err := s.note(ctx, "account.created", a.ID); err != nil {
		return nil, err
	}
	return s.showAccount(ctx, a)
}

func (s *Server) changeAccount(ctx context.Context, i *nameBody[AccountChange]) (*out[Account], error) {
	b := i.Body
	// What changed, never to what; a form sends all of its fields.
	tell := func(tx *store.Tx, d accounts.Difference) error {
		what := []string{i.ID}
		for _, k := range d.Settings {
			what = append(what, cut(oneLine(k), 40))
		}
		if d.Name {
			what = append(what, "(renamed)")
		}
		if d.Disabled && *b.Disabled {
			what = append(what, "(switched off)")
		} else if d.Disabled {
			what = append(what, "(switched on)")
		}
		return s.auth.Record(tx, "account.changed", who(ctx).actor(), strings.Join(what, " "))
	}
	a, err := s.hub.Accounts.Update(ctx, i.ID, accounts.Change{Name: b.Name, Disabled: b.Disabled, Settings: b.Settings, Tell: tell})
	if err != nil {
		return nil, err
	}
	return s.showAccount(ctx, a)
}

func (s *Server) deleteAccount(ctx context.Context, i *nameIn) (*none, error) {
	if err := s.hub.Accounts.Delete(ctx, i.ID); err != nil {
		return nil, err
	}
	return &none{}, s.note(ctx, "account.deleted", i.ID)
}

func (s *Server) testAccount(ctx context.Context, i *in[AccountTest]) (*out[TestSteps], error) {
	steps, err := s.hub.TestAccount(ctx, i.Body.ID, i.Body.NewID, i.Body.Channel, i.Body.Settings)
	o := &out[TestSteps]{TestSteps{Steps: make([]Step, 0, len(steps))}}
	for _, st := range steps {
		o.Body.Steps = append(o.Body.Steps, Step{Step: st, Words: wording.Of(st.Error)})
	}
	return o, err
}

// exists refuses IDs that no account has.
func (s *Server) exists(account string) error {
	_, err := s.hub.Accounts.Show(account)
	if errors.Is(err, accounts.ErrNotFound) {
		return &problemError{status: 404, detail: "there is no such account: reload the list"}
	}
	return err
}

func (s *Server) kickAccount(ctx context.Context, i *nameIn) (*none, error) {
	if err := s.exists(i.ID); err != nil {
		return nil, err
	}
	return &none{}, s.hub.Kick(ctx, i.ID)
}

type heldIn struct {
	Account string `query:"account" maxLength:"40"`
	Paging
}

func (s *Server) listHeld(ctx context.Context, i *heldIn) (*out[HeldItems], error) {
	after, err := i.key()
	if err != nil {
		return nil, err
	}
	o := &out[HeldItems]{HeldItems{Items: []HeldItem{}}}
	return o, s.view(func(v *view) error {
		list, next, err := s.hub.HeldItems(v.tx, i.Account, after, i.Limit)
		if err != nil {
			return err
		}
		o.Body.Next = cursor(next)
		for _, it := range list {
			o.Body.Items = append(o.Body.Items, HeldItem{ID: it.ID, Account: it.Account, Source: it.Source, Reason: it.Reason, Words: wording.Of(it.Reason), Time: it.Time, Size: it.Size, HasRaw: it.RawBlob != "", Tries: it.Tries})
		}
		return nil
	})
}

func (s *Server) getHeldRaw(ctx context.Context, i *idIn) (*huma.StreamResponse, error) {
	var raw message.Content
	if err := s.view(func(v *view) (err error) {
		raw, err = s.hub.HeldRaw(v.tx, i.ID)
		return err
	}); err != nil {
		return nil, err
	}
	return rawResponse(raw, "held-"+utoa(i.ID)+".txt"), nil
}

func (s *Server) retryHeld(ctx context.Context, i *idIn) (*out[HeldOutcome], error) {
	got, err := s.hub.RetryHeld(ctx, i.ID)
	return &out[HeldOutcome]{HeldOutcome{Outcome: got.Outcome, Reason: got.Reason, Words: wording.Of(got.Reason), Conversation: got.Conversation}}, err
}

func (s *Server) dropHeld(ctx context.Context, i *idIn) (*none, error) {
	if err := s.hub.DropHeld(ctx, i.ID); err != nil {
		return nil, err
	}
	return &none{}, s.note(ctx, "held.deleted", "item "+utoa(i.ID))
}

func (s *Server) startAudit(ctx context.Context, i *nameIn) (*out[Audit], error) {
	if err := s.exists(i.ID); err != nil {
		return nil, err
	}
	// It goes on after this request, until the server stops.
	if err := s.hub.StartAudit(i.ID); err != nil {
		return nil, err
	}
	return s.getAudit(ctx, i)
}

func (s *Server) getAudit(ctx context.Context, i *nameIn) (*out[Audit], error) {
	if err := s.exists(i.ID); err != nil {
		return nil, err
	}
	a := s.hub.Audit(i.ID)
	if a == nil {
		return &out[Audit]{Audit{Account: i.ID, Missing: []AuditItem{}}}, nil
	}
	o := &out[Audit]{Audit{
		Account: a.Account, Running: a.Running, Started: a.Started, Finished: a.Finished, Error: a.Error, Server: a.Server, Stored: a.Stored,
		Duplicate: a.Duplicate, Held: a.Held, Missing: make([]AuditItem, 0, len(a.Missing)), MissingN: a.MissingTotal, Imported: a.Imported,
	}}
	for _, it := range a.Missing {
		o.Body.Missing = append(o.Body.Missing, AuditItem(it))
	}
	return o, nil
}

func (s *Server) importMissing(ctx context.Context, i *nameBody[ImportRequest]) (*out[Audit], error) {
	if err := s.exists(i.ID); err != nil {
		return nil, err
	}
	// It goes on after this request, until the server stops.
	if err := s.hub.StartImport(i.ID, i.Body.Sources); err != nil {
		return nil, err
	}
	return s.getAudit(ctx, &nameIn{ID: i.ID})
}

// ownAddress is the address an account writes from, "" while it is not known.
func (s *Server) ownAddress(account string) string {
	info, ok := s.hub.Info(account)
	if !ok {
		return ""
	}
	return info.Own.Handle.Address()
}
