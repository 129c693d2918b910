package auth

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"fmt"
	"slices"
	"strings"
	"time"

	"throughline/store"
)

// MaxKeys is how many API keys one agent can have.
const MaxKeys = 50

// An API key is "tl_", 8 characters to tell keys apart by, and 52 characters of
// secret; both in lower-case base32, so that a double click takes all of it and
// secret scanners can know it.
const (
	keyMark   = "tl_"
	keyPrefix = len(keyMark) + 8
	keySize   = keyPrefix + 52
)

// Key is an API key, without its secret. It lets a program act with its agent's
// role, and ends with him.
type Key struct {
	ID       uint64    `json:"id"`
	Agent    uint64    `json:"agent"`
	Name     string    `json:"name"`
	Prefix   string    `json:"prefix"` // "tl_" and 8 characters
	Created  time.Time `json:"created"`
	LastUsed time.Time `json:"last_used,omitzero"` // up to two minutes late
}

type key struct {
	Key
	Hash []byte `json:"hash"` // SHA-256 of the whole key: it is random, so no slow hash is needed
}

func newKey() string {
	var b [5 + 32]byte
	rand.Read(b[:])
	e := base32.StdEncoding.WithPadding(base32.NoPadding)
	return keyMark + strings.ToLower(e.EncodeToString(b[:5])+e.EncodeToString(b[5:]))
}

// keyHash is the index key an API key is found by.
func keyHash(secret string) (h store.Key, ok bool) {
	if len(secret) != keySize || !strings.HasPrefix(secret, keyMark) {
		return nil, false
	}
	sum := sha256.Sum256([]byte(secret))
	return sum[:], true
}

// AuthenticateKey finds who an API key belongs to, or returns ErrBadKey. bearer
// is what follows "Bearer " in the Authorization header.
func (a *Auth) AuthenticateKey(_ context.Context, bearer string) (Identity, error) {
	hash, ok := keyHash(bearer)
	if !ok {
		return Identity{}, ErrBadKey
	}
	var id Identity
	err := a.s.View(func(tx *store.Tx) error {
		kid, ok := a.keys.Lookup(tx, "token", hash)
		if !ok {
			return ErrBadKey
		}
		k, err := a.keys.Get(tx, kid)
		if err != nil {
			return err
		}
		r, err := a.agents.Get(tx, k.Agent)
		if err != nil {
			return err
		}
		if r.Disabled {
			return ErrBadKey
		}
		id = Identity{Agent: r.Agent, Key: k.Key}
		a.saw(seenID{key: kid}, k.LastUsed, tx.Now())
		return nil
	})
	if err != nil {
		return Identity{}, err
	}
	return id, nil
}

// CreateKey makes an API key for the acting agent and returns its secret, which
// is shown once and not kept. Errors: *FieldError, ErrTooManyKeys, ErrDisabled.
func (a *Auth) CreateKey(ctx context.Context, by Actor, name string) (Key, string, error) {
	name, err := cleanName(name)
	if err != nil {
		return Key{}, "", err
	}
	secret := newKey()
	hash, _ := keyHash(secret)
	var k key
	err = a.s.Update(ctx, func(tx *store.Tx) error {
		r, err := a.agents.Get(tx, by.Agent)
		if err != nil {
			return found(err)
		}
		if r.Disabled {
			return ErrDisabled
		}
		have, err := a.keysTx(tx, by.Agent)
		if err != nil {
			return err
		}
		if len(have) >= MaxKeys {
			return ErrTooManyKeys
		}
		k = key{Hash: hash, Key: Key{ID: tx.NextID(), Agent: by.Agent, Name: name, Prefix: secret[:keyPrefix], Created: tx.Now()}}
		if err := a.keys.Insert(tx, k.ID, &k); err != nil {
			return err
		}
		return a.Record(tx, "key.created", by, k.describe())
	})
	if err != nil {
		return Key{}, "", err
	}
	return k.Key, secret, nil
}

func (k *Key) describe() string { return fmt.Sprintf("%s (%s…)", k.Name, k.Prefix) }

// Keys lists an agent's API keys, the oldest first.
func (a *Auth) Keys(agent uint64) (list []Key, err error) {
	err = a.s.View(func(tx *store.Tx) error {
		list, err = a.keysTx(tx, agent)
		return err
	})
	return list, err
}

func (a *Auth) keysTx(tx *store.Tx, agent uint64) ([]Key, error) {
	var list []Key
	for k, err := range a.keys.All(tx, store.Range{Index: "agent", Prefix: store.K().Uint(agent)}) {
		if err != nil {
			return nil, err
		}
		list = append(list, k.Key)
	}
	slices.SortFunc(list, func(x, y Key) int { return cmp.Compare(x.ID, y.ID) })
	return list, nil
}

// DeleteKey ends one of the agent's own API keys. ErrNotFound also stands for
// somebody else's.
func (a *Auth) DeleteKey(ctx context.Context, by Actor, id uint64) error {
	return a.s.Update(ctx, func(tx *store.Tx) error {
		k, err := a.keys.Get(tx, id)
		if err != nil {
			return found(err)
		}
		if k.Agent != by.Agent {
			return ErrNotFound
		}
		if err := a.keys.Delete(tx, id); err != nil {
			return err
		}
		return a.Record(tx, "key.deleted", by, k.describe())
	})
}
