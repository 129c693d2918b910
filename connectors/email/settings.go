package email

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"net/mail"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"throughline/connectors"
)

// The ways to secure a connection.
const (
	securityTLS      = "tls"      // from the first byte
	securityStartTLS = "starttls" // refused when the server does not offer it
	securityNone     = "none"
)

// The ways to log in. authPassword takes PLAIN where the server offers it and
// the LOGIN command otherwise.
const (
	authPassword    = "password"
	authLogin       = "login"
	authPlain       = "plain"
	authXOAuth2     = "xoauth2"
	authOAuthBearer = "oauthbearer"
	authNone        = "none" // SMTP only
	authSame        = "same" // SMTP only: like IMAP
)

// What happens on the server to a mail that was taken in.
const (
	afterLeave    = "leave"
	afterMarkSeen = "mark_seen"
	afterMove     = "move"
)

// Where the first run begins. The default is everything: a customer's history
// is what the timeline is for, and nothing that came while the account was
// being set up is missed.
const (
	startAll = "all"
	startNow = "now"
)

const (
	defaultPoll = time.Minute
	minPoll     = time.Second
	maxPoll     = 24 * time.Hour
	maxFolders  = 100
)

// server is one end to log in to.
type server struct {
	host     string
	port     int
	security string
	auth     string
	user     string
	password string
}

// settings is the checked form of an account's settings.
type settings struct {
	address, name string
	imap, smtp    server
	folders       []string
	start         string
	poll          time.Duration
	after, moveTo string
	sent          string
	signature     string
	acknowledge   string
	charset       string
	authServID    []string
	roots         *x509.CertPool
	oauth         oauthSettings
	dkim          *dkimKey
}

// form reads the JSON object of settings and gathers everything wrong with it.
type form struct {
	values map[string]any
	errs   []error
}

func (f *form) blame(key, format string, args ...any) {
	f.errs = append(f.errs, &connectors.SettingsError{Key: key, Text: fmt.Sprintf(format, args...)})
}

// str is for one line of text, without the space around it.
func (f *form) str(key string) string {
	s := strings.TrimSpace(f.text(key))
	if strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r == 0x7f }) {
		f.blame(key, "must be one line without control characters")
		return ""
	}
	return s
}

func (f *form) text(key string) string {
	switch v := f.values[key].(type) {
	case nil:
		return ""
	case string:
		return v
	}
	f.blame(key, "must be a text")
	return ""
}

func (f *form) choice(key string) string {
	v := f.str(key)
	for _, d := range fields() {
		if d.Key != key {
			continue
		}
		if v == "" {
			return d.Default.(string)
		}
		if !slices.Contains(d.Choices, v) {
			f.blame(key, "must be one of %s", strings.Join(d.Choices, ", "))
		}
	}
	return v
}

func (f *form) list(key string) []string {
	var out []string
	switch v := f.values[key].(type) {
	case nil:
	case string:
		out = strings.FieldsFunc(v, func(r rune) bool { return r == ',' || r == '\n' })
	case []any:
		for _, e := range v {
			s, ok := e.(string)
			if !ok {
				f.blame(key, "must be a list of texts")
				return nil
			}
			out = append(out, s)
		}
	default:
		f.blame(key, "must be a list of texts")
	}
	for i := range out {
		out[i] = strings.TrimSpace(out[i])
	}
	return slices.DeleteFunc(out, func(s string) bool { return s == "" })
}

func (f *form) port(key string, byDefault int) int {
	var n int
	var err error
	switch v := f.values[key].(type) {
	case nil:
	case json.Number:
		n, err = strconv.Atoi(v.String())
	case string:
		if v != "" {
			n, err = strconv.Atoi(v)
		}
	default:
		err = strconv.ErrSyntax
	}
	if err != nil || n < 0 || n > 65535 {
		f.blame(key, "must be a port number from 1 to 65535, or 0 for the usual one")
	}
	if n == 0 {
		return byDefault
	}
	return n
}

func (f *form) host(key string) string {
	h := strings.Trim(f.str(key), "[]")
	switch {
	case h == "":
		f.blame(key, "is missing: the name of the server, for example mail.example.com")
	case strings.ContainsAny(h, "/ @") || strings.Contains(h, "://"):
		f.blame(key, "must be only the name of the server, for example mail.example.com")
	}
	return h
}

// readSettings checks everything at once; the error joins one
// *connectors.SettingsError for each wrong field.
func readSettings(raw json.RawMessage) (settings, error) {
	f := &form{}
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	if err := dec.Decode(&f.values); err != nil {
		return settings{}, errors.New("the settings are not a JSON object")
	}
	known := map[string]bool{}
	for _, d := range fields() {
		known[d.Key] = true
	}
	for key := range f.values {
		if !known[key] {
			f.blame(key, "is not a setting of an email account")
		}
	}

	s := settings{name: f.str("name"), signature: f.text("signature"), acknowledge: f.text("acknowledge"), charset: f.str("default_charset"), authServID: f.list("authserv_id")}
	s.address = f.str("address")
	if a, err := mail.ParseAddress(s.address); err != nil || a.Address != s.address {
		f.blame("address", "must be a bare email address, for example support@example.com")
	}
	f.incoming(&s)
	f.outgoing(&s)
	f.trust(&s)
	f.oauth(&s)
	f.dkim(&s)
	slices.SortStableFunc(f.errs, func(a, b error) int { return strings.Compare(a.Error(), b.Error()) })
	return s, errors.Join(f.errs...)
}

func (f *form) incoming(s *settings) {
	s.imap = server{host: f.host("imap_host"), security: f.choice("imap_security"), auth: f.choice("imap_auth"),
		user: f.str("imap_user"), password: f.text("imap_password")}
	port := 143
	if s.imap.security == securityTLS {
		port = 993
	}
	s.imap.port = f.port("imap_port", port)
	if s.imap.user == "" {
		s.imap.user = s.address
	}
	if s.imap.password == "" && !isOAuth(s.imap.auth) {
		f.blame("imap_password", "is missing")
	}

	s.folders = f.list("folders")
	if len(s.folders) == 0 {
		s.folders = []string{"INBOX"}
	}
	if len(s.folders) > maxFolders {
		f.blame("folders", "must be at most %d folders", maxFolders)
	}
	for i, name := range s.folders {
		if strings.EqualFold(name, "INBOX") { // RFC 9051 section 5.1: its case does not matter
			s.folders[i] = "INBOX"
		}
	}
	if unique := slices.Compact(slices.Sorted(slices.Values(s.folders))); len(unique) != len(s.folders) {
		f.blame("folders", "names a folder twice")
	}
	s.start = f.choice("start")
	s.after, s.moveTo = f.choice("after"), f.str("move_to")
	switch {
	case s.after == afterMove && s.moveTo == "":
		f.blame("move_to", "is missing: the folder that mail is moved to")
	case s.after == afterMove && slices.Contains(s.folders, s.moveTo):
		f.blame("move_to", "must not be one of the folders that are read")
	}
	s.poll = defaultPoll
	if v := f.str("poll_interval"); v != "" {
		d, err := time.ParseDuration(v)
		if err != nil || d < minPoll || d > maxPoll {
			f.blame("poll_interval", "must be a duration from %v to %v, for example 1m", minPoll, maxPoll)
		} else {
			s.poll = d
		}
	}
}

func (f *form) outgoing(s *settings) {
	s.smtp = server{host: f.host("smtp_host"), security: f.choice("smtp_security"), auth: f.choice("smtp_auth"),
		user: f.str("smtp_user"), password: f.text("smtp_password")}
	port := 25
	switch s.smtp.security {
	case securityTLS:
		port = 465
	case securityStartTLS:
		port = 587
	}
	s.smtp.port = f.port("smtp_port", port)
	if s.smtp.auth == authSame {
		s.smtp.auth = s.imap.auth
	}
	if s.smtp.user == "" {
		s.smtp.user = s.imap.user
	}
	if s.smtp.password == "" {
		s.smtp.password = s.imap.password
	}
	// Without an IMAP password that is needed, that one alone is what is missing.
	if s.smtp.password == "" && isOAuth(s.imap.auth) && !isOAuth(s.smtp.auth) && s.smtp.auth != authNone {
		f.blame("smtp_password", "is missing")
	}
	s.sent = f.str("sent_folder")
}

func (f *form) trust(s *settings) {
	name := f.str("ca_file")
	if name == "" {
		return
	}
	pem, err := os.ReadFile(name)
	if err != nil {
		f.blame("ca_file", "cannot be read: %v", err)
		return
	}
	s.roots = x509.NewCertPool()
	if !s.roots.AppendCertsFromPEM(pem) {
		f.blame("ca_file", "holds no certificate in PEM form")
	}
}

func (f *form) oauth(s *settings) {
	s.oauth = oauthSettings{clientID: f.str("oauth_client_id"), clientSecret: f.str("oauth_client_secret"),
		refreshToken: f.str("oauth_refresh_token"), tokenURL: f.str("oauth_token_url"), scopes: f.list("oauth_scopes")}
	if !isOAuth(s.imap.auth) && !isOAuth(s.smtp.auth) {
		return
	}
	for key, v := range map[string]string{"oauth_client_id": s.oauth.clientID, "oauth_refresh_token": s.oauth.refreshToken} {
		if v == "" {
			f.blame(key, "is missing: the chosen login needs it")
		}
	}
	u, err := url.Parse(s.oauth.tokenURL)
	if err != nil || u.Host == "" || u.Scheme != "https" && (u.Scheme != "http" || !isLoopback(u.Hostname())) {
		f.blame("oauth_token_url", "must be an https URL, for example https://oauth2.googleapis.com/token")
	}
}

func (f *form) dkim(s *settings) {
	domain, selector, key := f.str("dkim_domain"), f.str("dkim_selector"), f.text("dkim_key")
	if domain == "" && selector == "" && strings.TrimSpace(key) == "" {
		return
	}
	for k, v := range map[string]string{"dkim_domain": domain, "dkim_selector": selector, "dkim_key": key} {
		if strings.TrimSpace(v) == "" {
			f.blame(k, "is missing: DKIM needs domain, selector and key")
			return
		}
	}
	signer, err := parseDKIMKey(key)
	if err != nil {
		f.blame("dkim_key", "%v", err)
		return
	}
	s.dkim = &dkimKey{domain: domain, selector: selector, signer: signer}
}

func isOAuth(auth string) bool { return auth == authXOAuth2 || auth == authOAuthBearer }

func isLoopback(host string) bool { return host == "localhost" || host == "127.0.0.1" || host == "::1" }

// tlsConfig is for a connection to host.
func (s *settings) tlsConfig(host string) *tls.Config {
	return &tls.Config{ServerName: host, RootCAs: s.roots, MinVersion: tls.VersionTLS12}
}

// secrets lists what must never appear in a text for people or in a log.
func (s *settings) secrets() []string {
	return []string{s.imap.password, s.smtp.password, s.oauth.clientSecret, s.oauth.refreshToken}
}
