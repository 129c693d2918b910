package inbox

import (
	"slices"

	"throughline/message"
)

// Channels where every attempt is another message to the provider, with a name and a
// fate of its own: a text that an agent sends again.

// attemptOf is the wire name of what a report is about, "" if it does not say.
func attemptOf(rep *message.Report) string {
	if _, _, own := message.ParseOwnRef(rep.Ref); rep.Wire == "" && !own {
		return rep.Ref
	}
	return rep.Wire
}

// outdated tells that an attempt is not the newest one: that it failed is known, and
// says nothing of what was sent again since.
func (d *Delivery) outdated(attempt string) bool {
	return slices.Contains(d.Past, attempt) || d.Ref != "" && d.Ref != attempt ||
		d.Status == message.Queued && len(d.Attempts) > 0 && len(d.Again) == 0
}

// bears tells whether the provider took the message, at any attempt, under a name.
func (d *Delivery) bears(ref string) bool { return d.Ref == ref || slices.Contains(d.Past, ref) }
