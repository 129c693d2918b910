package config

import (
	"crypto/tls"
	"log/slog"
	"net"
	"net/netip"
	"net/url"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"golang.org/x/text/encoding/htmlindex"
)

// setting is one key of the file, outside of accounts.
type setting struct {
	key    string // dotted: section.key
	secret bool
	// set puts the value into c and returns what is wrong with it, "" if
	// nothing. nil for lists and for the accounts, which are read elsewhere.
	set func(r *reader, c *Config, v value) string
}

const (
	keyProxies  = "trusted_proxies"
	keyAccounts = "accounts"
	keySecret   = "secret_key"
)

// schema is every setting in the order of config.example.yaml.
func schema() []setting {
	return []setting{
		{key: "listen", set: func(_ *reader, c *Config, v value) string {
			c.Listen = v.text
			return checkListen(v.text)
		}},
		{key: "data", set: func(r *reader, c *Config, v value) string {
			c.Data = v.text
			return ""
		}},
		{key: "public_url", set: setPublicURL},
		{key: keyProxies},
		{key: "tls.cert", set: func(r *reader, c *Config, v value) string { c.TLS.Cert = r.path(v.text); return "" }},
		{key: "tls.key", set: func(r *reader, c *Config, v value) string { c.TLS.Key = r.path(v.text); return "" }},
		{key: "log.level", set: func(_ *reader, c *Config, v value) string {
			levels := []string{"debug", "info", "warn", "error"}
			if !slices.Contains(levels, v.text) {
				return "is not a level;" + hint(v.text, levels)
			}
			if err := c.Log.Level.UnmarshalText([]byte(v.text)); err != nil {
				c.Log.Level = slog.LevelInfo
			}
			return ""
		}},
		{key: "log.format", set: func(_ *reader, c *Config, v value) string {
			formats := []string{"text", "json"}
			if !slices.Contains(formats, v.text) {
				return "is not a format;" + hint(v.text, formats)
			}
			c.Log.Format = v.text
			return ""
		}},
		{key: "time_zone", set: setTimeZone},
		{key: "undo", set: func(_ *reader, c *Config, v value) string {
			d, err := time.ParseDuration(v.text)
			if err != nil || d < 0 || d > MaxUndo {
				return "has to be a duration from 0s to " + shortDuration(MaxUndo) + ", with its unit; write for example 10s"
			}
			c.Undo = d
			return ""
		}},
		{key: "chat_hours", set: func(_ *reader, c *Config, v value) string {
			n, err := strconv.Atoi(v.text)
			if err != nil || n < 0 || n > MaxChatHours {
				return "has to be a number of hours from 0 to " + strconv.Itoa(MaxChatHours)
			}
			c.ChatPause = time.Duration(n) * time.Hour
			return ""
		}},
		{key: "country", set: func(_ *reader, c *Config, v value) string {
			c.Country = strings.ToUpper(v.text)
			if len(c.Country) != 2 || strings.Trim(c.Country, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") != "" {
				return "is not a country; write its two letters of ISO 3166, for example GB"
			}
			return ""
		}},
		{key: "audit_days", set: func(_ *reader, c *Config, v value) string {
			n, err := strconv.Atoi(v.text)
			if err != nil || n < 0 || n > MaxAuditDays {
				return "has to be a number of days from 0 (for ever) to " + strconv.Itoa(MaxAuditDays) + "; write for example 400"
			}
			c.AuditKeep = time.Duration(n) * day
			return ""
		}},
		{key: "default_charset", set: func(_ *reader, c *Config, v value) string {
			enc, err := htmlindex.Get(v.text)
			if err != nil {
				return "is not a charset of the WHATWG Encoding Standard; write for example windows-1252 or windows-874"
			}
			if c.DefaultCharset, err = htmlindex.Name(enc); err != nil {
				c.DefaultCharset = strings.ToLower(v.text)
			}
			return ""
		}},
		{key: "limits.upload_bytes", set: func(_ *reader, c *Config, v value) string {
			return setSize(&c.Limits.UploadBytes, v.text)
		}},
		{key: "limits.document_bytes", set: func(_ *reader, c *Config, v value) string {
			return setSize(&c.Limits.DocumentBytes, v.text)
		}},
		{key: "clamd", set: func(_ *reader, c *Config, v value) string {
			c.Clamd = v.text
			host, tcp := strings.CutPrefix(v.text, "tcp://")
			_, port, err := net.SplitHostPort(host)
			if strings.HasPrefix(v.text, "unix:///") || tcp && err == nil && port != "" {
				return ""
			}
			return "has to say where clamd listens; write for example tcp://127.0.0.1:3310 or unix:///run/clamav/clamd.ctl"
		}},
		{key: "clamd_away", set: func(_ *reader, c *Config, v value) string {
			c.OpenUnscanned = v.text == "warn"
			if v.text != "hold" && v.text != "warn" {
				return "is neither hold nor warn; write one of them"
			}
			return ""
		}},
		{key: "metrics.public", set: func(_ *reader, c *Config, v value) string {
			b, ok := parseBool(v.text)
			c.Metrics.Public = b
			if !ok {
				return "is neither true nor false; write one of them"
			}
			return ""
		}},
		{key: "metrics.token", secret: true, set: func(_ *reader, c *Config, v value) string {
			c.Metrics.Token = NewSecret(v.text)
			if len(v.text) < minToken {
				return "is too short; use at least " + strconv.Itoa(minToken) + " characters, for example from: openssl rand -hex 16"
			}
			return ""
		}},
		{key: keySecret},
		{key: keyAccounts},
	}
}

// The bounds of settings.
const (
	minToken = 16       // characters of metrics.token
	MinLimit = 64 << 10 // bytes, of each of Limits
	MaxLimit = 1 << 30
)

// Keys are all settings of the file, dotted ("tls.cert"), and the keys of an
// account that every channel has ("accounts.id").
func Keys() []string {
	var out []string
	for _, s := range schema() {
		out = append(out, s.key)
	}
	for _, k := range accountKeys {
		out = append(out, join(keyAccounts, k))
	}
	return out
}

// config reads the whole file into c.
func (r *reader) config(root *yaml.Node, c *Config) {
	all := schema()
	sections := map[string][]string{} // "" and each section → its keys
	for _, s := range all {
		section, key, ok := strings.Cut(s.key, ".")
		if !ok {
			section, key = "", s.key
		} else if !slices.Contains(sections[""], section) {
			sections[""] = append(sections[""], section)
		}
		sections[section] = append(sections[section], key)
	}
	found := map[string]entry{}
	for key, e := range r.mapping(root, "", sections[""]) {
		if sections[key] == nil {
			found[key] = e
			continue
		}
		for sub, se := range r.mapping(e.node, key, sections[key]) {
			found[join(key, sub)] = se
		}
	}
	lines := map[string]int{}
	for _, s := range all {
		e, ok := found[s.key]
		if !ok {
			continue
		}
		lines[s.key] = e.line
		switch s.key {
		case keyProxies:
			r.proxies(e, c)
		case keySecret:
			r.secretKey(e, c)
		case keyAccounts:
			r.accountList(e, c)
		default:
			v, ok := r.scalar(e, s.secret)
			if !ok {
				continue
			}
			if !s.secret {
				v.text = strings.TrimSpace(v.text)
			}
			if v.text == "" {
				r.problem(e.node.Line, e.path, "is empty; give it a value or remove the line")
			} else if wrong := s.set(r, c, v); wrong != "" {
				r.problem(e.node.Line, e.path, "%s%s", quoteRaw(s, v), wrong)
			}
		}
	}
	r.together(c, lines)
}

// quoteRaw repeats a short value as it stands in the file, never an expanded
// one.
func quoteRaw(s setting, v value) string {
	if s.secret || len(v.raw()) > 60 {
		return ""
	}
	return strconv.Quote(v.raw()) + " "
}

// together checks what two settings say of each other.
func (r *reader) together(c *Config, lines map[string]int) {
	cert, key := lines["tls.cert"], lines["tls.key"]
	switch {
	case cert != 0 && key == 0:
		r.problem(cert, "tls.key", "is missing; tls needs cert and key")
	case key != 0 && cert == 0:
		r.problem(key, "tls.cert", "is missing; tls needs cert and key")
	case cert != 0 && c.TLS.Cert != "" && c.TLS.Key != "":
		if _, err := tls.LoadX509KeyPair(c.TLS.Cert, c.TLS.Key); err != nil {
			r.problem(cert, "tls", "the certificate and its key cannot be used: %v", err)
		}
	}
	if c.Metrics.Public && c.Metrics.Token.IsSet() {
		r.problem(lines["metrics.token"], "metrics.token", "has no effect with public: true; remove one of the two")
	}
	if host, _, err := net.SplitHostPort(c.Listen); err == nil && !isLoopback(host) {
		if c.PublicURL == "" {
			r.warn(lines["listen"], "listen", "is open to other machines, but public_url is not set: links lead to %s, and other addresses are refused", c.URL())
		} else if !c.Secure() {
			r.warn(lines["public_url"], "public_url", "is not https: passwords and mail cross the network readable; use tls or a proxy that has it")
		}
	}
}

func isLoopback(host string) bool {
	addr, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && addr.IsLoopback()
}

func checkListen(s string) string {
	const help = "has to be host:port; write for example 127.0.0.1:8080, or :8080 for all interfaces"
	host, port, err := net.SplitHostPort(s)
	if err != nil || strings.ContainsAny(host, " /@") {
		return help
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 && port != "0" {
		return help
	}
	return ""
}

// setTimeZone refuses "Local": each machine takes that for something else.
func setTimeZone(_ *reader, c *Config, v value) string {
	if v.text == "" {
		return ""
	}
	zone, err := time.LoadLocation(v.text)
	if err != nil || v.text == "Local" {
		return "is not a time zone; write its name, for example Europe/London or Asia/Tehran"
	}
	c.TimeZone = zone
	return ""
}

func setPublicURL(_ *reader, c *Config, v value) string {
	u, err := url.Parse(v.text)
	switch {
	case err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "":
		return "is not a web address; write for example https://hub.example.com"
	case u.User != nil || u.RawQuery != "" || u.Fragment != "" || u.Path != "" && u.Path != "/":
		return "has to end after the host: the hub needs a name of its own; write for example https://hub.example.com"
	}
	// As browsers write an Origin: lower case, without the usual port.
	host := strings.ToLower(u.Host)
	host = strings.TrimSuffix(host, map[string]string{"http": ":80", "https": ":443"}[u.Scheme])
	c.PublicURL = u.Scheme + "://" + host
	return ""
}

func setSize(dst *int64, s string) string {
	n, ok := parseSize(s)
	if !ok || n < MinLimit || n > MaxLimit {
		return "has to be a size from " + formatSize(MinLimit) + " to " + formatSize(MaxLimit) + "; write for example 25 MiB"
	}
	*dst = n
	return ""
}

func parseBool(s string) (value, ok bool) {
	return s == "true", s == "true" || s == "false"
}

// shortDuration is 10m instead of 10m0s.
func shortDuration(d time.Duration) string {
	return strings.TrimSuffix(d.String(), "0s")
}

// proxies reads a list of addresses and networks.
func (r *reader) proxies(e entry, c *Config) {
	for _, item := range r.list(e) {
		v, ok := r.scalar(item, false)
		if !ok {
			continue
		}
		p, err := netip.ParsePrefix(v.text)
		if err != nil {
			var addr netip.Addr
			if addr, err = netip.ParseAddr(v.text); err == nil {
				p = netip.PrefixFrom(addr.WithZone("").Unmap(), addr.Unmap().BitLen())
			}
		}
		if err != nil {
			r.problem(item.line, item.path, "%sis neither an address nor a network; write for example 127.0.0.1 or 10.0.0.0/8", quoteRaw(setting{}, v))
			continue
		}
		c.TrustedProxies = append(c.TrustedProxies, p.Masked())
	}
}

// list is the entries of a list; a single value is a list of one.
func (r *reader) list(e entry) []entry {
	if e.node.Kind != yaml.SequenceNode {
		return []entry{e}
	}
	var out []entry
	for i, n := range e.node.Content {
		if !r.usable(n, e.path) || isNull(n) {
			continue
		}
		out = append(out, entry{n, n.Line, e.path + "[" + strconv.Itoa(i) + "]"})
	}
	return out
}

// secretKey takes only the path: accounts.LoadKey reads or makes the file.
func (r *reader) secretKey(e entry, c *Config) {
	n := e.node
	if n.Kind != yaml.ScalarNode || !strings.HasPrefix(n.Value, filePrefix) {
		r.problem(n.Line, e.path, "has to name a file that holds only the key; write file:PATH, or remove the line to keep it in the data folder")
		return
	}
	text, _, err := r.expand(strings.TrimPrefix(n.Value, filePrefix))
	if err == nil && strings.TrimSpace(text) == "" {
		r.problem(n.Line, e.path, "file: needs a path; write for example file:/etc/throughline/secret.key")
		return
	}
	if err != nil {
		r.problem(n.Line, e.path, "%s", err)
		return
	}
	c.SecretKey = filepath.Clean(r.path(strings.TrimSpace(text)))
}
