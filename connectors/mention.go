package connectors

import (
	"context"

	"throughline/message"
)

// Mentioner is implemented by connectors of channels in which people can be named so
// that the provider tells them. The HTML of a message names somebody by
//
//	<span data-mention="HANDLE">@Name</span>
//
// where Info.Writing.Mentions says so; elsewhere only the words are left.
type Mentioner interface {
	// Mentionable lists who can be named in an answer to thread, which is as
	// message.Message.Thread: those who are there, with their names, at most MaxMentions.
	// None is no error.
	Mentionable(ctx context.Context, thread []string) ([]message.Person, error)
}

// MaxMentions is how many people a Mentioner offers at most.
const MaxMentions = 100
