package email

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"net/mail"
	"net/url"
	"os"
	"slices"
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

// form is what is read of the settings, with everything wrong with them.
type form struct{ *connectors.Form }

func (f *form) host(key string) string {
	h := strings.Trim(f.Line(key), "[]")
	switch {
	case h == "":
		f.Blame(key, "is missing: the name of the server, for example mail.example.com")
	case strings.ContainsAny(h, "/ @") || strings.Contains(h, "://"):
		f.Blame(key, "must be only the name of the server, for example mail.example.com")
	}
	return h
}

// readSettings checks everything at once; the error joins one
// *connectors.SettingsError for each wrong field.
func readSettings(raw json.RawMessage) (settings, error) {
	read, err := connectors.ReadForm(raw, Channel, fields())
	if err != nil {
		return settings{}, err
	}
	f := &form{read}
	s := settings{name: f.Line("name"), signature: f.Text("signature"), acknowledge: f.Text("acknowledge"), charset: f.Line("default_charset")}
	s.authServID, _ = f.List("authserv_id")
	s.address = f.Line("address")
	if a, err := mail.ParseAddress(s.address); err != nil || a.Address != s.address {
		f.Blame("address", "must be a bare email address, for example support@example.com")
	}
	f.incoming(&s)
	f.outgoing(&s)
	f.trust(&s)
	f.oauth(&s)
	f.dkim(&s)
	return s, f.Err()
}

func (f *form) incoming(s *settings) {
	s.imap = server{host: f.host("imap_host"), security: f.Choice("imap_security"), auth: f.Choice("imap_auth"),
		user: f.Line("imap_user"), password: f.Text("imap_password")}
	port := 143
	if s.imap.security == securityTLS {
		port = 993
	}
	s.imap.port = f.Port("imap_port", port)
	if s.imap.user == "" {
		s.imap.user = s.address
	}
	if s.imap.password == "" && !isOAuth(s.imap.auth) {
		f.Blame("imap_password", "is missing")
	}

	s.folders, _ = f.List("folders")
	if len(s.folders) == 0 {
		s.folders = []string{"INBOX"}
	}
	if len(s.folders) > maxFolders {
		f.Blame("folders", "must be at most %d folders", maxFolders)
	}
	for i, name := range s.folders {
		if strings.EqualFold(name, "INBOX") { // RFC 9051 section 5.1: its case does not matter
			s.folders[i] = "INBOX"
		}
	}
	if unique := slices.Compact(slices.Sorted(slices.Values(s.folders))); len(unique) != len(s.folders) {
		f.Blame("folders", "names a folder twice")
	}
	s.start = f.Choice("start")
	s.after, s.moveTo = f.Choice("after"), f.Line("move_to")
	switch {
	case s.after == afterMove && s.moveTo == "":
		f.Blame("move_to", "is missing: the folder that mail is moved to")
	case s.after == afterMove && slices.Contains(s.folders, s.moveTo):
		f.Blame("move_to", "must not be one of the folders that are read")
	}
	s.poll = f.Duration("poll_interval", defaultPoll, minPoll, maxPoll)
}

func (f *form) outgoing(s *settings) {
	s.smtp = server{host: f.host("smtp_host"), security: f.Choice("smtp_security"), auth: f.Choice("smtp_auth"),
		user: f.Line("smtp_user"), password: f.Text("smtp_password")}
	port := 25
	switch s.smtp.security {
	case securityTLS:
		port = 465
	case securityStartTLS:
		port = 587
	}
	s.smtp.port = f.Port("smtp_port", port)
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
		f.Blame("smtp_password", "is missing")
	}
	s.sent = f.Line("sent_folder")
}

func (f *form) trust(s *settings) {
	name := f.Line("ca_file")
	if name == "" {
		return
	}
	pem, err := os.ReadFile(name)
	if err != nil {
		f.Blame("ca_file", "cannot be read: %v", err)
		return
	}
	s.roots = x509.NewCertPool()
	if !s.roots.AppendCertsFromPEM(pem) {
		f.Blame("ca_file", "holds no certificate in PEM form")
	}
}

func (f *form) oauth(s *settings) {
	s.oauth = oauthSettings{clientID: f.Line("oauth_client_id"), clientSecret: f.Line("oauth_client_secret"),
		refreshToken: f.Line("oauth_refresh_token"), tokenURL: f.Line("oauth_token_url")}
	s.oauth.scopes, _ = f.List("oauth_scopes")
	if !isOAuth(s.imap.auth) && !isOAuth(s.smtp.auth) {
		return
	}
	for key, v := range map[string]string{"oauth_client_id": s.oauth.clientID, "oauth_refresh_token": s.oauth.refreshToken} {
		if v == "" {
			f.Blame(key, "is missing: the chosen login needs it")
		}
	}
	u, err := url.Parse(s.oauth.tokenURL)
	if err != nil || u.Host == "" || u.Scheme != "https" && (u.Scheme != "http" || !isLoopback(u.Hostname())) {
		f.Blame("oauth_token_url", "must be an https URL, for example https://oauth2.googleapis.com/token")
	}
}

func (f *form) dkim(s *settings) {
	domain, selector, key := f.Line("dkim_domain"), f.Line("dkim_selector"), f.Text("dkim_key")
	if domain == "" && selector == "" && strings.TrimSpace(key) == "" {
		return
	}
	for k, v := range map[string]string{"dkim_domain": domain, "dkim_selector": selector, "dkim_key": key} {
		if strings.TrimSpace(v) == "" {
			f.Blame(k, "is missing: DKIM needs domain, selector and key")
			return
		}
	}
	signer, err := parseDKIMKey(key)
	if err != nil {
		f.Blame("dkim_key", "%v", err)
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
