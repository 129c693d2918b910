package email

import "testing"

func TestRenamed(t *testing.T) {
	for _, tt := range []struct{ host, answer, want string }{
		{"email-smtp.eu-west-1.amazonaws.com", "250 Ok 0102018c-1a2b-000000", "0102018c-1a2b-000000@eu-west-1.amazonses.com"},
		{"Email-SMTP.US-East-1.amazonaws.com", "250 Ok 0100018c-1a2b-000000", "0100018c-1a2b-000000@email.amazonses.com"},
		{"email-smtp-fips.us-west-2.amazonaws.com", "250 ok 01-02; the copy follows", "01-02@us-west-2.amazonses.com"},
		{"email-smtp.eu-west-1.amazonaws.com", "250 2.0.0 Ok: queued as 4F1A", ""},
		{"email-smtp.eu-west-1.amazonaws.com.example.org", "250 Ok 0102", ""},
		{"smtp.example.org", "250 Ok 0102018c-1a2b-000000", ""},
		{"", "", ""},
	} {
		if got := renamed(tt.host, tt.answer); got != tt.want {
			t.Errorf("%s answers %q: %q, want %q", tt.host, tt.answer, got, tt.want)
		}
	}
}
