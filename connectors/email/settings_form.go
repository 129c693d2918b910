package email

import "throughline/connectors"

// fields is the form, in its order.
func fields() []connectors.Field {
	security := []string{securityTLS, securityStartTLS, securityNone}
	auth := []string{authPassword, authLogin, authPlain, authXOAuth2, authOAuthBearer}
	// The SMTP server gets the IMAP password where it has none of its own, and
	// both servers the tokens that OAuth gives.
	smtp := []string{"smtp_host", "smtp_port", "smtp_security", "ca_file"}
	servers := append([]string{"imap_host", "imap_port", "imap_security"}, smtp...)
	oauth := append([]string{"oauth_token_url"}, servers...)
	return []connectors.Field{
		{Key: "address", Type: "string", Label: "Email address", Required: true, Help: "The address that mail is sent from and that customers write to."},
		{Key: "name", Type: "string", Label: "Display name", Help: "Shown to customers beside the address, for example the name of the team."},
		{Key: "imap_host", Type: "string", Label: "IMAP server", Required: true},
		{Key: "imap_port", Type: "int", Label: "IMAP port", Default: 0, Help: "Empty means 993 with tls, otherwise 143."},
		{Key: "imap_security", Type: "choice", Label: "IMAP security", Choices: security, Default: securityTLS, Help: "none sends everything, the password too, readable by anybody on the way."},
		{Key: "imap_user", Type: "string", Label: "IMAP user", Help: "Empty means the email address."},
		{Key: "imap_auth", Type: "choice", Label: "IMAP login", Choices: auth, Default: authPassword, Help: "xoauth2 and oauthbearer need the OAuth settings; password takes the best that the server offers."},
		{Key: "imap_password", Type: "secret", Label: "IMAP password", Help: "Many providers want an app password here.", SentTo: servers},
		{Key: "folders", Type: "list", Label: "Folders", Default: []string{"INBOX"}, Help: "The first is watched at every moment, the others are looked at every poll interval."},
		{Key: "start", Type: "choice", Label: "Take in", Choices: []string{startAll, startNow}, Default: startAll, Help: "all reads the mail that is already there, so that timelines begin with the customer's history; now begins with the next mail."},
		{Key: "smtp_host", Type: "string", Label: "SMTP server", Required: true},
		{Key: "smtp_port", Type: "int", Label: "SMTP port", Default: 0, Help: "Empty means 465 with tls, 587 with starttls, 25 with none."},
		{Key: "smtp_security", Type: "choice", Label: "SMTP security", Choices: security, Default: securityTLS},
		{Key: "smtp_auth", Type: "choice", Label: "SMTP login", Choices: append([]string{authSame, authNone}, auth...), Default: authSame, Advanced: true},
		{Key: "smtp_user", Type: "string", Label: "SMTP user", Advanced: true, Help: "Empty means the IMAP user."},
		{Key: "smtp_password", Type: "secret", Label: "SMTP password", Advanced: true, Help: "Empty means the IMAP password.", SentTo: smtp},
		{Key: "signature", Type: "text", Label: "Signature", Help: "Put below what agents write."},
		{Key: "acknowledge", Type: "text", Label: "Automatic acknowledgement", Advanced: true, Help: "Sent once to a person who opens a conversation. Empty sends nothing. Automatic mail, lists and unverified senders never get it."},
		{Key: "after", Type: "choice", Label: "On the server, mail that was taken in is", Choices: []string{afterLeave, afterMarkSeen, afterMove}, Default: afterLeave, Advanced: true, Help: "leave changes nothing at all."},
		{Key: "move_to", Type: "string", Label: "Folder to move to", Advanced: true},
		{Key: "sent_folder", Type: "string", Label: "Sent folder", Advanced: true, Help: "A copy of every answer is put there. Leave it empty where the provider does that itself (Google, Microsoft)."},
		{Key: "poll_interval", Type: "duration", Label: "Poll interval", Default: connectors.Brief(defaultPoll), Advanced: true, Help: "For folders after the first, and for servers that cannot announce new mail (no IDLE)."},
		{Key: "default_charset", Type: "string", Label: "Default charset", Advanced: true, Help: "For mail that does not say its own, for example windows-1256."},
		{Key: "authserv_id", Type: "list", Label: "Authentication server names", Advanced: true, Help: "Names that your own receiving server writes first in Authentication-Results; only those are believed."},
		{Key: "ca_file", Type: "string", Label: "CA file", Advanced: true, Help: "PEM file with the certificate authority of a server whose certificate is not publicly trusted."},
		{Key: "oauth_client_id", Type: "string", Label: "OAuth client ID", Advanced: true},
		{Key: "oauth_client_secret", Type: "secret", Label: "OAuth client secret", Advanced: true, SentTo: oauth},
		{Key: "oauth_refresh_token", Type: "secret", Label: "OAuth refresh token", Advanced: true, Help: "Replaced by itself when the provider issues a new one.", SentTo: oauth},
		{Key: "oauth_token_url", Type: "string", Label: "OAuth token URL", Advanced: true},
		{Key: "oauth_scopes", Type: "list", Label: "OAuth scopes", Advanced: true},
		{Key: "dkim_domain", Type: "string", Label: "DKIM domain", Advanced: true, Help: "Only when the SMTP server does not sign by itself. Domain, selector and key belong together."},
		{Key: "dkim_selector", Type: "string", Label: "DKIM selector", Advanced: true},
		{Key: "dkim_key", Type: "secret", Label: "DKIM private key", Advanced: true, Help: "PEM, RSA (1024 bits or more) or Ed25519."},
	}
}

func presets() []connectors.Preset {
	return []connectors.Preset{
		{Name: "Google", Help: "Needs an OAuth client of your Google Cloud project and a refresh token for the mailbox; or choose login \"password\" with an app password. Google keeps sent mail by itself.",
			Values: map[string]any{
				"imap_host": "imap.gmail.com", "imap_port": 993, "imap_security": securityTLS, "imap_auth": authXOAuth2,
				"smtp_host": "smtp.gmail.com", "smtp_port": 465, "smtp_security": securityTLS,
				"oauth_token_url": "https://oauth2.googleapis.com/token",
				"oauth_scopes":    []string{"https://mail.google.com/"},
			}},
		{Name: "Microsoft 365", Help: "Needs an app registration in Entra ID with the delegated permissions below and a refresh token for the mailbox; SMTP AUTH has to be allowed for it. Exchange keeps sent mail by itself.",
			Values: map[string]any{
				"imap_host": "outlook.office365.com", "imap_port": 993, "imap_security": securityTLS, "imap_auth": authXOAuth2,
				"smtp_host": "smtp.office365.com", "smtp_port": 587, "smtp_security": securityStartTLS,
				"oauth_token_url": "https://login.microsoftonline.com/common/oauth2/v2.0/token",
				"oauth_scopes": []string{"https://outlook.office.com/IMAP.AccessAsUser.All",
					"https://outlook.office.com/SMTP.Send", "offline_access"},
			}},
		{Name: "Fastmail", Help: "Needs an app password with access to IMAP and SMTP.",
			Values: map[string]any{
				"imap_host": "imap.fastmail.com", "imap_port": 993, "imap_security": securityTLS, "imap_auth": authPassword,
				"smtp_host": "smtp.fastmail.com", "smtp_port": 465, "smtp_security": securityTLS, "sent_folder": "Sent",
			}},
		{Name: "Any provider", Help: "Fill in the two servers as your provider names them.",
			Values: map[string]any{
				"imap_port": 993, "imap_security": securityTLS, "imap_auth": authPassword,
				"smtp_port": 465, "smtp_security": securityTLS,
			}},
	}
}
