package api

import (
	"context"
)

// MentionIn asks who can be named in an answer.
type MentionIn struct {
	ID      uint64 `path:"id"`
	Account string `query:"account" required:"true" maxLength:"200" doc:"Over which the answer goes."`
}

// Mention is somebody who can be named in an answer.
type Mention struct {
	Handle string `json:"handle"`
	Name   string `json:"name"`
}

// Mentions are those who can be named, by name.
type Mentions struct {
	People []Mention `json:"people"`
}

func (s *Server) listMentions(ctx context.Context, i *MentionIn) (*out[Mentions], error) {
	list, err := s.hub.Mentionable(ctx, i.ID, i.Account)
	if err != nil {
		return nil, err
	}
	o := &out[Mentions]{Mentions{People: make([]Mention, 0, len(list))}}
	for _, p := range list {
		o.Body.People = append(o.Body.People, Mention{Handle: string(p.Handle), Name: p.Name})
	}
	return o, nil
}
