package config

import (
	"fmt"
	"io"
	"log/slog"
)

// Secret is a text that must not be seen: whatever prints, logs or marshals it
// writes a placeholder. The zero Secret is "not set".
//
// The text is behind a pointer so that fmt, which cannot call methods on
// unexported fields of somebody's struct, prints an address there.
type Secret struct{ text *string }

// hidden stands for a secret wherever one would be seen.
const hidden = "***"

// NewSecret hides text. An empty text gives the zero Secret.
func NewSecret(text string) Secret {
	if text == "" {
		return Secret{}
	}
	return Secret{&text}
}

// Reveal returns the text, "" if none is set.
func (s Secret) Reveal() string {
	if s.text == nil {
		return ""
	}
	return *s.text
}

// IsSet reports whether there is a text.
func (s Secret) IsSet() bool { return s.text != nil }

// String returns a placeholder, "" if nothing is set.
func (s Secret) String() string {
	if s.text == nil {
		return ""
	}
	return hidden
}

// Format prints the placeholder for every verb.
func (s Secret) Format(f fmt.State, _ rune) { io.WriteString(f, s.String()) }

// MarshalText gives the placeholder, for JSON too.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// MarshalJSON gives the placeholder as a JSON string.
func (s Secret) MarshalJSON() ([]byte, error) { return []byte(`"` + s.String() + `"`), nil }

// LogValue gives the placeholder.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }
