package inbox

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"net/http"
	"net/url"
	"time"

	"throughline/accounts"
	"throughline/connectors"
	"throughline/message"
	"throughline/store"
)

// What the outside reaches without a session: the webhooks of accounts, and files
// that a provider fetches by address.

// Paths below Options.PublicURL.
const (
	HookPath  = "/hooks/" // + account
	SharePath = "/share/" // + token + "/" + file name
)

// ErrStopped tells that an account is there and takes nothing at the moment.
var ErrStopped = errors.New("this account is switched off or just being started")

// Webhook returns what answers the requests of an account's provider. The error is
// ErrNotFound if there is no such account or its channel has no webhooks, and
// ErrStopped if it does not run now.
func (h *Hub) Webhook(account string) (http.Handler, error) {
	r := h.runner(account)
	if r == nil {
		switch _, err := h.Accounts.Show(account); {
		case errors.Is(err, accounts.ErrNotFound):
			return nil, ErrNotFound
		case err != nil:
			return nil, err
		}
		return nil, ErrStopped
	}
	switch {
	case r.conn == nil:
		return nil, ErrStopped
	case r.hook == nil:
		return nil, ErrNotFound
	}
	return r.hook, nil
}

// WebhookURL is where the provider of an account reaches its webhook, "" if there is
// none or the hub has no public address.
func (h *Hub) WebhookURL(account string) string {
	if r := h.runner(account); r == nil || r.hook == nil || h.public == "" {
		return ""
	}
	return h.public + HookPath + url.PathEscape(account)
}

// WebhookURLs are the addresses to enter at the provider of an account, for each of
// its connectors.Hooks.
func (h *Hub) WebhookURLs(account string) (hooks []connectors.Hook) {
	base := h.WebhookURL(account)
	if base == "" {
		return nil
	}
	info, _ := h.accountInfo(account)
	for _, k := range info.Hooks {
		k.Path = base + k.Path
		hooks = append(hooks, k)
	}
	return hooks
}

// host is what the hub lends the connector of an account.
func (h *Hub) host(account, channel string, save func(ctx context.Context, key, value string) error) connectors.Host {
	host := connectors.Host{
		Log: h.log.With("account", account, "channel", channel), TempDir: h.tempDir, Save: save,
		Share: func(p message.Part, ttl time.Duration) string { return h.share(p, ttl) },
	}
	if h.public != "" && account != "" { // settings may be tried before there is an account
		host.PublicURL = h.public + HookPath + url.PathEscape(account)
	}
	if account != "" {
		host.Desk = &desk{h, account}
	}
	return host
}

// Shared is a file that an address was made for.
type Shared struct {
	Blob        string
	ContentType string
	Name        string
}

// ErrExpired tells that an address has held for its time.
var ErrExpired = errors.New("this address has expired")

const (
	shareBucket = "share"
	shareKey    = "key"
	// LongestShare bounds how long an address holds.
	LongestShare = 7 * 24 * time.Hour
	shareMAC     = 16 // bytes of HMAC-SHA-256, RFC 2104 section 5
)

// makeShareKey makes the key that addresses are signed with, once for a data folder.
func (h *Hub) makeShareKey(ctx context.Context) error {
	key := make([]byte, sha256.Size)
	rand.Read(key) // never fails since Go 1.24
	return h.Store.Update(ctx, func(tx *store.Tx) error {
		if tx.GetValue(shareBucket, shareKey) != nil {
			return nil
		}
		return tx.PutValue(shareBucket, shareKey, key)
	})
}

func (h *Hub) shareSum(name string, payload []byte) (sum []byte, err error) {
	err = h.Store.View(func(tx *store.Tx) error {
		sum, err = h.shareSumTx(tx, name, payload)
		return err
	})
	return sum, err
}

func (h *Hub) shareSumTx(tx *store.Tx, name string, payload []byte) ([]byte, error) {
	key := tx.GetValue(shareBucket, shareKey)
	if key == nil {
		return nil, ErrNotFound
	}
	m := hmac.New(sha256.New, key)
	m.Write(binary.BigEndian.AppendUint64(nil, uint64(len(payload))))
	m.Write(payload)
	m.Write([]byte(name))
	return m.Sum(nil)[:shareMAC], nil
}

// share makes an address at which anybody may fetch a stored part for a while: the
// content, the time and the type are in its token, signed together with the name.
// "" without a public address.
func (h *Hub) share(p message.Part, ttl time.Duration) string {
	sha, err := hex.DecodeString(p.Blob)
	if err != nil || len(sha) != sha256.Size || h.public == "" {
		return ""
	}
	name := p.Name
	if name == "" {
		name = "file"
	}
	expires := time.Now().Add(max(0, min(ttl, LongestShare))).Unix()
	payload := binary.BigEndian.AppendUint64(sha, uint64(expires))
	payload = append(payload, p.ContentType...)
	sum, err := h.shareSum(name, payload)
	if err != nil {
		return ""
	}
	token := base64.RawURLEncoding.EncodeToString(append(sum, payload...))
	return h.public + SharePath + token + "/" + url.PathEscape(name)
}

// Shared reads an address that share made. The error is ErrNotFound for one that it
// did not make, ErrExpired for one whose time is over.
func (h *Hub) Shared(token, name string, now time.Time) (Shared, error) {
	b, err := base64.RawURLEncoding.Strict().DecodeString(token)
	if err != nil || len(b) < shareMAC+sha256.Size+8 {
		return Shared{}, ErrNotFound
	}
	sum, payload := b[:shareMAC], b[shareMAC:]
	want, err := h.shareSum(name, payload)
	if err != nil {
		return Shared{}, err
	}
	if !hmac.Equal(sum, want) {
		return Shared{}, ErrNotFound
	}
	sha, rest := payload[:sha256.Size], payload[sha256.Size:]
	if now.Unix() >= int64(binary.BigEndian.Uint64(rest)) {
		return Shared{}, ErrExpired
	}
	return Shared{Blob: hex.EncodeToString(sha), ContentType: string(rest[8:]), Name: name}, nil
}
