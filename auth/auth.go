// Package auth knows the agents who work in the hub and decides who is asking:
// passwords, sessions, API keys, invitation, setup and sign-in links, roles, the
// last-admin rule, the limit on guessing, and the audit log of all of it.
//
// In the store it keeps the tables agents, auth.sessions, auth.keys, auth.links
// and auth.audit, and one random secret. Passwords are kept as argon2id hashes
// (PHC strings); session tokens, API keys and link tokens, which are random, as
// their SHA-256. Every change and its audit entry are one transaction.
//
// Run removes what has expired, and entries of the audit log that are older than
// Options.AuditKeep.
//
// In memory are only things that may be lost: failed attempts to sign in, and up
// to a minute of "last seen" times, which Run writes.
//
// It never sets a cookie, never sends mail, never logs or returns a stored hash,
// and does not check who may call what: that is done in one place, in package
// api, with Role.AtLeast.
package auth

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"throughline/store"
)

// Options for New. The zero value is right.
type Options struct {
	// Now is the clock of the sign-in limit; all stored times are those of the
	// store's transactions. nil means time.Now.
	Now func() time.Time
	// AuditKeep is how long entries of the audit log are kept; 0 is for ever.
	AuditKeep time.Duration
	// Log gets what goes wrong in the background; nil means slog.Default.
	Log *slog.Logger

	cost cost // of a password hash; tests make it cheap
}

// Auth is safe for concurrent use.
type Auth struct {
	s   *store.Store
	log *slog.Logger
	now func() time.Time

	agents   *store.Table[record]
	sessions *store.Table[session]
	keys     *store.Table[key]
	links    *store.Table[link]
	audit    *store.Table[Entry]

	hasher  *hasher
	limiter *limiter
	gate    *gate
	keep    time.Duration // of the audit log

	mu   sync.Mutex
	seen map[seenID]time.Time // to be written by Run
}

// New declares the tables of the package on the store. Run must be started too.
func New(s *store.Store, o Options) *Auth {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.Default()
	}
	if o.cost == (cost{}) {
		o.cost = defaultCost
	}
	return &Auth{
		s:   s,
		log: o.Log,
		now: o.Now,
		agents: store.NewTable(s, "agents", store.TableOptions[record]{Indexes: []store.Index[record]{
			{Name: "email", Unique: true, Keys: func(r *record) []store.Key { return []store.Key{emailIndex(r.Email)} }},
		}}),
		sessions: store.NewTable(s, "auth.sessions", store.TableOptions[session]{Indexes: []store.Index[session]{
			{Name: "token", Unique: true, Keys: func(s *session) []store.Key { return []store.Key{s.Hash} }},
			{Name: "agent", Keys: func(s *session) []store.Key { return []store.Key{store.K().Uint(s.Agent)} }},
		}}),
		keys: store.NewTable(s, "auth.keys", store.TableOptions[key]{Indexes: []store.Index[key]{
			{Name: "token", Unique: true, Keys: func(k *key) []store.Key { return []store.Key{k.Hash} }},
			{Name: "agent", Keys: func(k *key) []store.Key { return []store.Key{store.K().Uint(k.Agent)} }},
		}}),
		links: store.NewTable(s, "auth.links", store.TableOptions[link]{Indexes: []store.Index[link]{
			{Name: "token", Unique: true, Keys: func(l *link) []store.Key { return []store.Key{l.Hash} }},
			{Name: "agent", Keys: func(l *link) []store.Key { return []store.Key{store.K().Uint(l.Agent)} }},
		}}),
		audit:   store.NewTable(s, "auth.audit", store.TableOptions[Entry]{Append: true}),
		hasher:  newHasher(o.cost),
		limiter: newLimiter(o.Now),
		gate:    newGate(o.Now),
		keep:    o.AuditKeep,
		seen:    map[seenID]time.Time{},
	}
}

// Identity is who is asking. Either Session.ID or Key.ID is set.
type Identity struct {
	Agent   Agent
	Session Session // of a browser
	Key     Key     // of a program
	// CSRF must come with every request of a session that changes something: a
	// value that only a page of the hub can know. Empty for an API key, which no
	// browser sends by itself.
	CSRF string
}

// CheckCSRF compares what a request sent with CSRF. It is always true for an
// API key.
func (i Identity) CheckCSRF(sent string) bool {
	return i.Session.ID == 0 && i.Key.ID != 0 || i.CSRF != "" && hmac.Equal([]byte(sent), []byte(i.CSRF))
}

// Actor returns who acts under this identity, from the given client address.
func (i Identity) Actor(address string) Actor { return Actor{Agent: i.Agent.ID, Address: address} }

// Client is where a request comes from, as the session list shows it.
type Client struct {
	Address   string // IP address; when behind a proxy that of the proxy's client
	UserAgent string
}

// SignedIn is a new session: Token goes into the cookie and is not kept.
type SignedIn struct {
	Token    string
	Identity Identity
}

// tokenSize is the length of a session or link token in characters: 256 bits in
// unpadded base64url.
const tokenSize = 43

func newToken() string {
	var b [32]byte
	rand.Read(b[:])
	return base64.RawURLEncoding.EncodeToString(b[:])
}

// tokenHash is the index key a token is found by; ok is false for what cannot
// be a token.
func tokenHash(token string) (h store.Key, ok bool) {
	if len(token) != tokenSize {
		return nil, false
	}
	sum := sha256.Sum256([]byte(token))
	return sum[:], true
}

// csrf derives the CSRF token; it says nothing about the session token.
func csrf(token string) string {
	m := hmac.New(sha256.New, []byte(token))
	m.Write([]byte("throughline csrf"))
	return base64.RawURLEncoding.EncodeToString(m.Sum(nil))
}

const valueBucket, secretName = "auth", "secret"

// Secret returns 32 bytes that are random per store and constant for a purpose,
// to sign things that go out and come back, such as the address of an image.
func (a *Auth) Secret(ctx context.Context, purpose string) ([]byte, error) {
	var root []byte
	err := a.s.View(func(tx *store.Tx) error {
		root = tx.GetValue(valueBucket, secretName)
		return nil
	})
	if err == nil && root == nil {
		fresh := make([]byte, 32)
		rand.Read(fresh)
		err = a.s.Update(ctx, func(tx *store.Tx) error {
			if root = tx.GetValue(valueBucket, secretName); root != nil {
				return nil
			}
			root = fresh
			return tx.PutValue(valueBucket, secretName, fresh)
		})
	}
	if err != nil {
		return nil, fmt.Errorf("auth: secret: %w", err)
	}
	m := hmac.New(sha256.New, root)
	m.Write([]byte(purpose))
	return m.Sum(nil), nil
}
