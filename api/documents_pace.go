package api

import (
	"sync"
	"time"

	"throughline/documents"
)

// How often links to documents can be opened in a minute.
const (
	linkWindow     = time.Minute
	linkPerAddress = 20     // one link from one network
	addressLinks   = 60     // all links from one network
	linkPaceKeys   = 20_000 // remembered; who comes when it is full shares one count
)

// tooOften is why a link does not open just now.
const tooOften = "too often"

// linkPace counts the openings of links. It is in memory and lossy on purpose: a
// restart forgets.
type linkPace struct {
	now func() time.Time

	mu    sync.Mutex
	since time.Time
	count map[string]int
}

// take tells whether a link may be opened from an address now.
func (p *linkPace) take(token, address string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if now := p.now(); p.count == nil || now.Sub(p.since) >= linkWindow || now.Before(p.since) {
		p.since, p.count = now, map[string]int{}
	}
	network := documents.Network(address)
	token = token[:min(len(token), 64)] // what is longer is none of ours
	// Who is refused for all his links leaves no further trace: nobody fills what is
	// remembered by himself, and shuts out the others.
	return p.one(network) <= addressLinks && p.one(network+" "+token) <= linkPerAddress
}

func (p *linkPace) one(key string) int {
	if _, known := p.count[key]; !known && len(p.count) >= linkPaceKeys {
		key = ""
	}
	p.count[key]++
	return p.count[key]
}
