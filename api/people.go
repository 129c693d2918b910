package api

import (
	"context"
	"strconv"

	"throughline/auth"
)

func toAgent(a auth.Agent) Agent {
	return Agent{ID: a.ID, Name: a.Name, Email: a.Email, Role: string(a.Role), Disabled: a.Disabled, Invited: a.Invited, Created: a.Created, LastSeen: a.LastSeen}
}

func (s *Server) listAgents(ctx context.Context, _ *none) (*out[Agents], error) {
	list, err := s.auth.Agents()
	o := &out[Agents]{Agents{Agents: make([]Agent, 0, len(list))}}
	for _, a := range list {
		o.Body.Agents = append(o.Body.Agents, toAgent(a))
	}
	return o, err
}

func (s *Server) inviteAgent(ctx context.Context, i *in[AgentRequest]) (*out[InvitedAgent], error) {
	a, token, err := s.auth.Invite(ctx, who(ctx).actor(), i.Body.Name, i.Body.Email, auth.Role(i.Body.Role))
	return &out[InvitedAgent]{InvitedAgent{Agent: toAgent(a), Invitation: invitation(token)}}, err
}

// invitation is the page of the web app that takes an invitation up.
func invitation(token string) string { return "/#/invite/" + token }

func (s *Server) changeAgent(ctx context.Context, i *idBody[AgentChange]) (*out[Agent], error) {
	c := auth.Change{Name: i.Body.Name, Disabled: i.Body.Disabled}
	if i.Body.Role != nil {
		r := auth.Role(*i.Body.Role)
		c.Role = &r
	}
	a, err := s.auth.UpdateAgent(ctx, who(ctx).actor(), i.ID, c)
	if err != nil {
		return nil, err
	}
	s.lives.recheck(i.ID)
	return &out[Agent]{toAgent(a)}, nil
}

func (s *Server) renewInvitation(ctx context.Context, i *idIn) (*out[Invitation], error) {
	token, err := s.auth.NewInvitation(ctx, who(ctx).actor(), i.ID)
	return &out[Invitation]{Invitation{Invitation: invitation(token)}}, err
}

func toKey(k auth.Key) APIKey {
	return APIKey{ID: k.ID, Name: k.Name, Prefix: k.Prefix, Created: k.Created, LastUsed: k.LastUsed}
}

func (s *Server) listKeys(ctx context.Context, _ *none) (*out[APIKeys], error) {
	list, err := s.auth.Keys(who(ctx).id())
	o := &out[APIKeys]{APIKeys{Keys: make([]APIKey, 0, len(list))}}
	for _, k := range list {
		o.Body.Keys = append(o.Body.Keys, toKey(k))
	}
	return o, err
}

func (s *Server) createKey(ctx context.Context, i *in[APIKeyRequest]) (*out[NewAPIKey], error) {
	k, secret, err := s.auth.CreateKey(ctx, who(ctx).actor(), i.Body.Name)
	return &out[NewAPIKey]{NewAPIKey{Key: toKey(k), Secret: secret}}, err
}

func (s *Server) deleteKey(ctx context.Context, i *idIn) (*none, error) {
	c := who(ctx)
	if err := s.auth.DeleteKey(ctx, c.actor(), i.ID); err != nil {
		return nil, err
	}
	s.lives.recheck(c.id())
	return &none{}, nil
}

func (s *Server) listAudit(ctx context.Context, i *Paging) (*out[AuditLog], error) {
	var before uint64
	if i.Cursor != "" {
		var err error
		if before, err = strconv.ParseUint(i.Cursor, 36, 64); err != nil {
			return nil, errCursor
		}
	}
	page, next, err := s.auth.AuditLog(before, i.Limit)
	if err != nil {
		return nil, err
	}
	agents, err := s.auth.Agents()
	if err != nil {
		return nil, err
	}
	names := make(map[uint64]string, len(agents))
	for _, a := range agents {
		names[a.ID] = a.Name
	}
	o := &out[AuditLog]{AuditLog{Entries: make([]AuditEntry, 0, len(page))}}
	for _, e := range page {
		o.Body.Entries = append(o.Body.Entries, AuditEntry{Seq: e.Seq, Time: e.Time, Kind: e.Kind, Agent: e.Agent, Name: names[e.Agent], Address: e.Address, Detail: e.Detail})
	}
	if next != 0 {
		o.Body.Next = strconv.FormatUint(next, 36)
	}
	return o, nil
}
