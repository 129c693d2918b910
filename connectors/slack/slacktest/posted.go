package slacktest

import (
	"context"
	"slices"
	"time"
)

// Post is a message of the app.
type Post struct {
	Channel, TS string
	ThreadTS    string // "" outside threads
	Text        string // as Slack keeps it
	Blocks      []any  // decoded JSON; Slack's own rich text when the app gave none
	Files       []*File
	Edited      bool
	Deleted     bool
	To          string // the only one who sees it (chat.postEphemeral)
	At          time.Time
}

// Posted are the messages of the app in the order in which it posted them, as
// they are now; deleted ones are among them.
func (s *Server) Posted() []Post {
	s.mu.Lock()
	defer s.mu.Unlock()
	var list []Post
	for _, m := range s.posts {
		us, _ := micros(m.ts)
		list = append(list, Post{
			Channel: m.channel.ID, TS: m.ts, ThreadTS: m.threadTS, Text: m.text, Blocks: m.blocks, Files: m.files,
			Edited: m.edited != nil, Deleted: m.deleted, At: time.UnixMicro(us),
		})
	}
	return list
}

// Ephemeral are the messages of chat.postEphemeral.
func (s *Server) Ephemeral() []Post {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.ephem)
}

// WaitPosted waits until the app has posted at least n messages, and returns all
// of them.
func (s *Server) WaitPosted(ctx context.Context, n int) (list []Post, err error) {
	err = s.WaitFor(ctx, func() bool {
		list = s.Posted()
		return len(list) >= n
	})
	return list, err
}

// Reactions of a message: the IDs of those who gave each, by name.
func (s *Server) Reactions(c *Channel, ts string) map[string][]string {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := map[string][]string{}
	if m := c.find(ts); m != nil {
		for _, r := range m.reacts {
			for _, u := range r.users {
				all[r.name] = append(all[r.name], u.ID)
			}
		}
	}
	return all
}
