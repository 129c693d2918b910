package main

import (
	"slices"
	"testing"
)

// Every secret that goes to a server says which settings name the server: it is
// not kept when they change.
func TestSecretsNameTheirServers(t *testing.T) {
	stays := []string{"dkim_key", "signing_secret"} // sign or check here and are sent nowhere
	for _, k := range kinds() {
		var keys []string
		for _, f := range k.Fields {
			keys = append(keys, f.Key)
		}
		for _, f := range k.Fields {
			if sent := len(f.SentTo) > 0; sent != (f.Type == "secret" && !slices.Contains(stays, f.Key)) {
				t.Errorf("%s: %s is sent to %v", k.Channel, f.Key, f.SentTo)
			}
			for _, to := range f.SentTo {
				if !slices.Contains(keys, to) {
					t.Errorf("%s: %s is sent to %s, which is no setting", k.Channel, f.Key, to)
				}
			}
		}
	}
}
