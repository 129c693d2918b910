package config_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"throughline/config"
	"throughline/connectors"
	"throughline/connectors/email"
	"throughline/connectors/slack"
	"throughline/connectors/twilio"
)

const examplePath = "../config.example.yaml"

func kinds() []connectors.Kind {
	return []connectors.Kind{email.Kind(), twilio.SMS(), twilio.WhatsApp(), twilio.Voice(), slack.Kind()}
}

func noEnv(string) (string, bool) { return "", false }

func example(t *testing.T) []byte {
	t.Helper()
	b, err := os.ReadFile(examplePath)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// The file as it stands needs nothing and shows the defaults.
func TestExampleShowsDefaults(t *testing.T) {
	got, err := config.Load(examplePath, kinds(), noEnv)
	if err != nil {
		t.Fatal(err)
	}
	if len(got.Warnings) > 0 {
		t.Errorf("warnings: %v", got.Warnings)
	}
	want := config.Default()
	want.Data = filepath.Join(filepath.Dir(examplePath), want.Data)
	if got.String() != want.String() {
		t.Errorf("the example is\n%s\nthe defaults are\n%s", got, want)
	}
	// What has a default stands in the file, not only in a comment.
	active := keysOf(t, example(t))
	for _, key := range []string{"listen", "data", "trusted_proxies", "log.level", "log.format", "undo", "chat_hours", "default_charset",
		"limits.upload_bytes", "limits.document_bytes", "metrics.public", "accounts"} {
		if !slices.Contains(active, key) {
			t.Errorf("%s is commented out", key)
		}
	}
}

// commented is a setting in a comment: "#key", "#  key"; prose has one space.
var commented = regexp.MustCompile(`(?m)^#( {2,}\S|[a-z])`)

// With all comments removed from settings the file is valid too, for the real
// channels, and has every setting there is.
func TestExampleIsComplete(t *testing.T) {
	src := regexp.MustCompile(`(?m)^trusted_proxies: \[\]$`).ReplaceAll(example(t), []byte("trusted_proxies:"))
	head := bytes.Index(src, []byte("\n\n")) // the introduction is only prose
	src = append(src[:head:head], commented.ReplaceAll(src[head:], []byte("$1"))...)

	dir := t.TempDir()
	src = bytes.ReplaceAll(src, []byte("/etc/throughline"), []byte(dir))
	makeFiles(t, dir)
	path := filepath.Join(dir, "hub.yaml")
	put(t, path, src)
	c, err := config.Load(path, kinds(), func(name string) (string, bool) {
		return "value-of-" + name, strings.Contains(string(src), "${"+name+"}")
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(c.Warnings) > 0 {
		t.Errorf("warnings: %v", c.Warnings)
	}
	want := config.Keys()
	for _, k := range kinds() {
		for _, f := range k.Fields {
			want = append(want, "accounts."+f.Key)
		}
	}
	got := keysOf(t, src)
	for _, key := range want {
		if !slices.Contains(got, key) {
			t.Errorf("%s is missing in %s", key, filepath.Base(examplePath))
		}
	}
}

// keysOf lists the keys of a document, dotted; those of a list's entries under
// the list.
func keysOf(t *testing.T, src []byte) []string {
	t.Helper()
	var doc yaml.Node
	if err := yaml.Unmarshal(src, &doc); err != nil {
		t.Fatal(err)
	}
	var out []string
	var walk func(n *yaml.Node, path string)
	walk = func(n *yaml.Node, path string) {
		for i, c := range n.Content {
			switch {
			case n.Kind != yaml.MappingNode:
				walk(c, path)
			case i%2 == 1:
				key := strings.TrimPrefix(path+"."+n.Content[i-1].Value, ".")
				out = append(out, key)
				walk(c, key)
			}
		}
	}
	walk(&doc, "")
	return out
}

func put(t *testing.T, path string, b []byte) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
}

// makeFiles makes the files that the example names.
func makeFiles(t *testing.T, dir string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), DNSNames: []string{"hub.example.com"}}
	cert, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	_, dkim, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	private := func(name string, key any) {
		b, err := x509.MarshalPKCS8PrivateKey(key)
		if err != nil {
			t.Fatal(err)
		}
		put(t, filepath.Join(dir, name), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: b}))
	}
	private("tls/privkey.pem", key)
	private("dkim.pem", dkim)
	certPEM := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert})
	put(t, filepath.Join(dir, "tls/fullchain.pem"), certPEM)
	put(t, filepath.Join(dir, "mail-ca.pem"), certPEM)
	put(t, filepath.Join(dir, "support-smtp.password"), []byte("a password\n"))
}
