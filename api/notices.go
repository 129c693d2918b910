package api

import (
	"context"
	"time"

	"throughline/connectors"
	"throughline/notify"
	"throughline/wording"
)

// NoticeRule says of what colleagues are told, and where.
type NoticeRule struct {
	ID       uint64   `json:"id"`
	Name     string   `json:"name"`
	Disabled bool     `json:"disabled"`
	Account  string   `json:"account" doc:"Over which notices go."`
	Place    string   `json:"place"`
	Events   []string `json:"events"`
	Minutes  int      `json:"minutes" doc:"For the event waiting: how long."`
	Channels []string `json:"channels"`
	Accounts []string `json:"accounts"`
	Tags     []string `json:"tags"`
	Preview  bool     `json:"preview"`
	Language string   `json:"language"`
	Trouble  string   `json:"trouble,omitempty" doc:"Why the newest notice is not where it should be."`
	Words    *Words   `json:"words,omitempty" doc:"Of the trouble."`
}

// NoticeRuleRequest makes or replaces a rule.
type NoticeRuleRequest struct {
	Name     string   `json:"name" minLength:"1" maxLength:"200"`
	Disabled bool     `json:"disabled,omitempty"`
	Account  string   `json:"account" maxLength:"200"`
	Place    string   `json:"place" maxLength:"200" doc:"One of the account's places."`
	Events   []string `json:"events" maxItems:"20" doc:"new, waiting, mention, missed_call, failed"`
	Minutes  int      `json:"minutes,omitempty" minimum:"0" maximum:"10080"`
	Channels []string `json:"channels,omitempty" maxItems:"50" doc:"Only conversations of these channels; none means all."`
	Accounts []string `json:"accounts,omitempty" maxItems:"50" doc:"Only conversations over these accounts."`
	Tags     []string `json:"tags,omitempty" maxItems:"50" doc:"Only conversations with one of these tags."`
	Preview  bool     `json:"preview,omitempty" doc:"Show the beginning of the message."`
	Language string   `json:"language,omitempty" maxLength:"10" doc:"en, fa or th"`
}

// NoticeAccount is an account over which notices can go.
type NoticeAccount struct {
	Account string             `json:"account"`
	Places  []connectors.Place `json:"places"`
	Error   string             `json:"error,omitempty" doc:"Why its places are not known."`
	Words   *Words             `json:"words,omitempty" doc:"Of the error."`
}

// Notices are the rules, and what new ones can be made of.
type Notices struct {
	Rules    []NoticeRule    `json:"rules"`
	Accounts []NoticeAccount `json:"accounts"`
}

func (s *Server) noticeRoutes() {
	const g = "Notices to colleagues"
	add(s, route{id: "listNotices", method: "GET", path: "/api/notices", role: admin, group: g, summary: "The rules, and where notices can be posted"}, s.listNotices)
	add(s, route{id: "createNotice", method: "POST", path: "/api/notices", role: admin, group: g, summary: "Make a rule", status: 201}, s.createNotice)
	add(s, route{id: "changeNotice", method: "PUT", path: "/api/notices/{id}", role: admin, group: g, summary: "Replace a rule"}, s.changeNotice)
	add(s, route{id: "deleteNotice", method: "DELETE", path: "/api/notices/{id}", role: admin, group: g, summary: "Remove a rule; what it has posted stays", status: 204}, s.deleteNotice)
	add(s, route{id: "testNotice", method: "POST", path: "/api/notices/{id}/test", role: admin, group: g, summary: "Post a notice that tells of nothing", status: 204}, s.testNotice)
}

// placesWithin is how long an account may take to tell its places.
const placesWithin = 8 * time.Second

func (s *Server) listNotices(ctx context.Context, _ *none) (*out[Notices], error) {
	o := &out[Notices]{Notices{Rules: []NoticeRule{}, Accounts: []NoticeAccount{}}}
	err := s.view(func(v *view) error {
		list, err := s.notify.Rules(v.tx)
		if err != nil {
			return err
		}
		for _, r := range list {
			rule := toRule(&r)
			if rule.Trouble, err = s.notify.Trouble(v.tx, r.ID); err != nil {
				return err
			}
			rule.Words = wording.Of(rule.Trouble)
			o.Body.Rules = append(o.Body.Rules, rule)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, placesWithin)
	defer cancel()
	for _, id := range s.hub.Notifiers() {
		a := NoticeAccount{Account: id, Places: []connectors.Place{}}
		places, err := s.notify.Places(ctx, id)
		if err != nil {
			a.Error, a.Words = err.Error(), wording.Of(err.Error())
		}
		a.Places = append(a.Places, places...)
		o.Body.Accounts = append(o.Body.Accounts, a)
	}
	return o, nil
}

func toRule(r *notify.Rule) NoticeRule {
	list := func(l []string) []string { return append([]string{}, l...) }
	return NoticeRule{ID: r.ID, Name: r.Name, Disabled: r.Disabled, Account: r.Account, Place: r.Place, Events: list(r.Events),
		Minutes: int(r.After / time.Minute), Channels: list(r.Channels), Accounts: list(r.Accounts), Tags: list(r.Tags), Preview: r.Preview, Language: r.Language}
}

func (b *NoticeRuleRequest) rule(id uint64) notify.Rule {
	return notify.Rule{ID: id, Name: b.Name, Disabled: b.Disabled, Account: b.Account, Place: b.Place, Events: b.Events,
		After: time.Duration(b.Minutes) * time.Minute, Channels: b.Channels, Accounts: b.Accounts, Tags: b.Tags, Preview: b.Preview, Language: b.Language}
}

func (s *Server) saveNotice(ctx context.Context, kind string, r notify.Rule) (*out[NoticeRule], error) {
	saved, err := s.notify.Save(ctx, r)
	if err != nil {
		return nil, err
	}
	return &out[NoticeRule]{toRule(saved)}, s.note(ctx, kind, saved.Name)
}

func (s *Server) createNotice(ctx context.Context, i *in[NoticeRuleRequest]) (*out[NoticeRule], error) {
	return s.saveNotice(ctx, "notice.created", i.Body.rule(0))
}

func (s *Server) changeNotice(ctx context.Context, i *idBody[NoticeRuleRequest]) (*out[NoticeRule], error) {
	return s.saveNotice(ctx, "notice.changed", i.Body.rule(i.ID))
}

func (s *Server) deleteNotice(ctx context.Context, i *idIn) (*none, error) {
	if err := s.notify.Remove(ctx, i.ID); err != nil {
		return nil, err
	}
	return &none{}, s.note(ctx, "notice.removed", itoa(int(i.ID)))
}

func (s *Server) testNotice(ctx context.Context, i *idIn) (*none, error) {
	return &none{}, s.notify.Test(ctx, i.ID)
}
