// Package config reads the configuration file.
//
// Load reports everything that is wrong with a file at once, each problem with
// its line and what to write instead. Any text in the file may take its value
// from the environment or from another file, so that the file itself holds no
// secret:
//
//	password: ${SUPPORT_PASSWORD}              the environment; also inside a text
//	password: file:secrets/support.password    the content of a file, without its last line end
//	greeting: costs $${5}                      $${ is a plain ${
//
// Relative paths, also the one of the data folder, are relative to the folder
// of the configuration file. Channels are not known by name: the settings of an
// account are checked against the Fields of its connectors.Kind and by its New.
//
// The package keeps nothing on disk, changes no file and starts nothing.
package config

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"net/url"
	"path/filepath"
	"strings"
	"time"

	"throughline/connectors"
)

// Config is a checked configuration. Printing it shows no secret.
type Config struct {
	File string // the file it was read from, "" for Default

	Listen         string         // host:port; the host may be empty (all interfaces)
	Data           string         // the data folder
	PublicURL      string         // scheme://host[:port] as browsers see the hub, "" if not set; see URL
	TrustedProxies []netip.Prefix // peers whose X-Forwarded-For and -Proto are believed
	TLS            TLS
	Log            Log
	Undo           time.Duration // how long a sent message can be taken back, 0 = not at all
	Country        string        // of telephone numbers without a country code, ISO 3166; "" if none is set
	// TimeZone is that of the board's days and hours, nil for the machine's.
	TimeZone       *time.Location
	ChatPause      time.Duration // how long after its last message a resolved chat is taken up again
	AuditKeep      time.Duration // of the log of security events, 0 = for ever
	DefaultCharset string        // of texts that name none and are not UTF-8; a WHATWG encoding name in lower case
	Limits         Limits
	// Clamd is where a ClamAV daemon listens that looks at files, "" if there is none;
	// OpenUnscanned lets files be opened while it cannot be reached.
	Clamd         string
	OpenUnscanned bool
	Metrics       Metrics
	SecretKey     string // path of the key file, "" for the default; see KeyFile

	Accounts []Account // in the order of the file
	Warnings []Problem // in the order of the lines
}

// TLS names the files for serving HTTPS without a proxy; both or none are set.
type TLS struct {
	Cert string // PEM, with the intermediate certificates
	Key  string // PEM
}

// Log says what is logged and how.
type Log struct {
	Level  slog.Level
	Format string // "text" or "json"
}

// Limits bound what the hub takes in, in bytes.
type Limits struct {
	UploadBytes   int64 // one file that an agent attaches
	DocumentBytes int64 // one file of the documents
}

// Metrics says who may read /metrics. With neither set it answers nobody.
type Metrics struct {
	Public bool   // everybody who can reach the hub
	Token  Secret // whoever sends "Authorization: Bearer TOKEN"
}

// Account is one account of the file: its settings are in the form that a
// connector takes them in, secrets in the clear.
type Account struct {
	connectors.Account
	Disabled bool

	shown map[string]any // the settings as they may be shown; the embedded Format prints neither
}

// The defaults that have no better place.
const (
	DefaultListen      = "127.0.0.1:8080"
	DefaultUndo        = 10 * time.Second
	DefaultChatPause   = 24 * time.Hour
	DefaultUploadBytes = 25 << 20
	DefaultDocBytes    = 100 << 20
	DefaultAuditDays   = 400 // a year, and time to look back at it
	MaxAuditDays       = 36500
	// MaxUndo is the longest undo window: a customer should not wait an hour
	// for an answer that is written.
	MaxUndo = 10 * time.Minute
	// MaxChatHours is the longest pause of a chat that can be set, a year.
	MaxChatHours = 366 * 24
	// KeyFileName is the name of the key file in the data folder.
	KeyFileName = "secret.key"
)

const day = 24 * time.Hour

// Default is the configuration without a file: 127.0.0.1:8080, ./data, no
// account.
func Default() *Config {
	return &Config{
		Listen:         DefaultListen,
		Data:           "data",
		Log:            Log{Level: slog.LevelInfo, Format: "text"},
		Undo:           DefaultUndo,
		ChatPause:      DefaultChatPause,
		AuditKeep:      DefaultAuditDays * day,
		DefaultCharset: "windows-1252",
		Limits:         Limits{UploadBytes: DefaultUploadBytes, DocumentBytes: DefaultDocBytes},
	}
}

// KeyFile is the path of the key that seals stored secrets: secret_key, else
// secret.key in the data folder as it is now.
func (c *Config) KeyFile() string {
	if c.SecretKey != "" {
		return c.SecretKey
	}
	return filepath.Join(c.Data, KeyFileName)
}

// URL is where browsers find the hub, without a slash at the end: PublicURL,
// else made from Listen as it is now. It is the base of links and the origin
// that a websocket must come from; cookies are Secure if it is https.
func (c *Config) URL() string {
	if c.PublicURL != "" {
		return c.PublicURL
	}
	scheme := "http"
	if c.TLS.Cert != "" {
		scheme = "https"
	}
	host, port, err := net.SplitHostPort(c.Listen)
	if err != nil {
		return scheme + "://" + c.Listen
	}
	if addr, err := netip.ParseAddr(host); host == "" || err == nil && addr.IsUnspecified() {
		host = "localhost"
	}
	return (&url.URL{Scheme: scheme, Host: net.JoinHostPort(host, port)}).String()
}

// Secure reports whether browsers reach the hub by https.
func (c *Config) Secure() bool { return strings.HasPrefix(c.URL(), "https://") }

// SettingsErrors takes an error of Kind.New apart: every
// *connectors.SettingsError in it, and any other error as one without a Key.
func SettingsErrors(err error) []*connectors.SettingsError {
	switch e := err.(type) {
	case nil:
		return nil
	case *connectors.SettingsError:
		return []*connectors.SettingsError{e}
	case interface{ Unwrap() []error }:
		var out []*connectors.SettingsError
		for _, sub := range e.Unwrap() {
			out = append(out, SettingsErrors(sub)...)
		}
		return out
	}
	if se, ok := errors.AsType[*connectors.SettingsError](err); ok {
		return []*connectors.SettingsError{se}
	}
	return []*connectors.SettingsError{{Text: err.Error()}}
}

// Redacted is the configuration that is in effect, as indented JSON, without
// secrets. Values that came from the environment or from a file are shown as
// they are written in the configuration file.
func (c *Config) Redacted() string {
	type account struct {
		ID       string         `json:"id"`
		Channel  string         `json:"channel"`
		Name     string         `json:"name"`
		Disabled bool           `json:"disabled,omitempty"`
		Settings map[string]any `json:"settings"`
	}
	accounts := make([]account, len(c.Accounts))
	for i, a := range c.Accounts {
		accounts[i] = account{a.ID, a.Channel, a.Name, a.Disabled, a.shown}
	}
	b, err := json.MarshalIndent(struct {
		Listen         string            `json:"listen"`
		Data           string            `json:"data"`
		PublicURL      string            `json:"public_url"`
		TrustedProxies []netip.Prefix    `json:"trusted_proxies"`
		TLS            map[string]string `json:"tls"`
		Log            map[string]string `json:"log"`
		Undo           string            `json:"undo"`
		TimeZone       string            `json:"time_zone"`
		ChatHours      int               `json:"chat_hours"`
		Country        string            `json:"country"`
		AuditDays      int               `json:"audit_days"`
		DefaultCharset string            `json:"default_charset"`
		Limits         map[string]int64  `json:"limits"`
		Metrics        map[string]any    `json:"metrics"`
		Clamd          string            `json:"clamd"`
		ClamdAway      string            `json:"clamd_away"`
		SecretKey      string            `json:"secret_key"`
		Accounts       []account         `json:"accounts"`
	}{
		c.Listen, c.Data, c.URL(), c.TrustedProxies,
		map[string]string{"cert": c.TLS.Cert, "key": c.TLS.Key},
		map[string]string{"level": strings.ToLower(c.Log.Level.String()), "format": c.Log.Format},
		c.Undo.String(), zoneName(c.TimeZone), int(c.ChatPause / time.Hour), c.Country, int(c.AuditKeep / day), c.DefaultCharset,
		map[string]int64{"upload_bytes": c.Limits.UploadBytes, "document_bytes": c.Limits.DocumentBytes},
		map[string]any{"public": c.Metrics.Public, "token": c.Metrics.Token},
		c.Clamd, map[bool]string{false: "hold", true: "warn"}[c.OpenUnscanned],
		"file:" + c.KeyFile(), accounts,
	}, "", "  ")
	if err != nil {
		return "config: " + err.Error() // a value that JSON has no form for; none is
	}
	return string(b)
}

// String is Redacted.
func (c *Config) String() string { return c.Redacted() }

// Format prints Redacted for every verb.
func (c Config) Format(f fmt.State, _ rune) { io.WriteString(f, c.Redacted()) }

func zoneName(z *time.Location) string {
	if z == nil {
		return ""
	}
	return z.String()
}
