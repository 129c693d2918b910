package config

import (
	"context"
	"encoding/json"
	"log/slog"
	"os"
	"slices"
	"strings"

	"throughline/connectors"
)

// TryKind asks the New of a Kind what it finds wrong with the settings of an
// account that CheckSettings has seen; nothing is kept or started. The texts
// hold no secret.
func TryKind(kind connectors.Kind, a connectors.Account, settings map[string]any) []*connectors.SettingsError {
	if kind.New == nil {
		return nil
	}
	b, err := json.Marshal(settings)
	if err != nil {
		return []*connectors.SettingsError{{Text: "has settings that cannot be passed on; write plain UTF-8 text"}}
	}
	a.Settings = b
	_, err = kind.New(a, connectors.Host{
		Log:     slog.New(slog.DiscardHandler),
		TempDir: os.TempDir(),
		Save:    func(context.Context, string, string) error { return nil },
	})
	var out []*connectors.SettingsError
	for _, e := range SettingsErrors(err) {
		out = append(out, &connectors.SettingsError{Key: e.Key, Text: scrub(e.Text, kind, settings)})
	}
	return out
}

// scrub takes secrets out of a text that a connector wrote. They should not be
// there; this is the last line of defence.
func scrub(text string, kind connectors.Kind, values map[string]any) string {
	const tooShort = 4 // would hit words
	for key, v := range values {
		secret := slices.ContainsFunc(kind.Fields, func(f connectors.Field) bool { return f.Key == key && f.Type == "secret" })
		if s, ok := v.(string); ok && len(s) >= tooShort && secret {
			text = strings.ReplaceAll(text, s, "***")
		}
	}
	return text
}
