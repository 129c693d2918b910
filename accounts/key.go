package accounts

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
)

const (
	keyBytes = 32
	// maxKeyFile is far more than a key file has, in bytes.
	maxKeyFile = 4 << 10
)

const keyFileHead = `# Throughline secret key. It opens the passwords of the accounts that are kept in
# the data folder. Nobody else may read it. Keep a copy apart from your backups:
# without it these passwords have to be typed in again.
`

// Key seals the secrets of accounts. Printing it shows nothing of it.
type Key struct{ k *keyData }

// keyData is behind a pointer so that fmt prints an address where a Key is an
// unexported field.
type keyData struct {
	aead cipher.AEAD
	id   string
	path string // "" if it came from no file
}

// LoadKey reads the key file at path; if there is none it makes one that only
// its owner can read. A file that others can read is refused.
func LoadKey(path string) (Key, error) {
	k, err := readKey(path)
	if !errors.Is(err, fs.ErrNotExist) {
		return k, err
	}
	if err := createKey(path); err != nil && !errors.Is(err, fs.ErrExist) {
		return Key{}, fmt.Errorf("accounts: create the key file %s: %w", path, err)
	}
	return readKey(path)
}

// NewKey makes a key that lives only in memory, for demonstrations and tests.
func NewKey() Key {
	raw := make([]byte, keyBytes)
	rand.Read(raw) // never fails
	return makeKey(raw, "")
}

func makeKey(raw []byte, path string) Key {
	derive := func(purpose string, n int) []byte {
		b, err := hkdf.Key(sha256.New, raw, nil, "throughline accounts "+purpose, n)
		if err != nil {
			panic(err) // only for lengths that are not asked for here
		}
		return b
	}
	block, err := aes.NewCipher(derive("seal 1", 32))
	if err != nil {
		panic(err) // only for other lengths
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		panic(err) // only for other block sizes
	}
	return Key{&keyData{aead: aead, id: hex.EncodeToString(derive("id 1", 8)), path: path}}
}

// ID tells keys apart and says nothing about the key itself.
func (k Key) ID() string {
	if k.k == nil {
		return ""
	}
	return k.k.id
}

// Format prints the ID for every verb.
func (k Key) Format(f fmt.State, _ rune) { io.WriteString(f, "key "+k.ID()) }

// MarshalJSON gives the ID.
func (k Key) MarshalJSON() ([]byte, error) { return []byte(`"key ` + k.ID() + `"`), nil }

// seal encrypts text so that it opens only for the same account and setting.
func (k Key) seal(account, setting, text string) []byte {
	return k.k.aead.Seal(nil, nil, []byte(text), associated(account, setting))
}

// open undoes seal. Its error says nothing of the text.
func (k Key) open(account, setting string, sealed []byte) (string, error) {
	b, err := k.k.aead.Open(nil, nil, sealed, associated(account, setting))
	if err != nil {
		return "", fmt.Errorf("accounts: %s of account %s cannot be decrypted: the data or the key file is damaged; enter it again, or restore a backup", setting, account)
	}
	return string(b), nil
}

// associated binds a sealed text to its place. Neither part holds a NUL.
func associated(account, setting string) []byte {
	return []byte("throughline account\x00" + account + "\x00" + setting)
}

func readKey(path string) (Key, error) {
	info, err := os.Stat(path)
	if err != nil {
		return Key{}, fmt.Errorf("accounts: key file: %w", err)
	}
	if !info.Mode().IsRegular() || info.Size() > maxKeyFile {
		return Key{}, fmt.Errorf("accounts: %s is not a key file; correct secret_key, or remove it to have one made", path)
	}
	if mode := info.Mode().Perm(); mode&0o077 != 0 && runtime.GOOS != "windows" {
		return Key{}, fmt.Errorf("accounts: other users can read or change the key file %s (mode %04o); run: chmod 600 %s", path, mode, path)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return Key{}, fmt.Errorf("accounts: key file: %w", err)
	}
	raw, ok := parseKey(b)
	if !ok {
		return Key{}, fmt.Errorf("accounts: the key file %s is damaged: it has to hold %d hexadecimal digits; restore it from your backup", path, 2*keyBytes)
	}
	return makeKey(raw, path), nil
}

func parseKey(b []byte) ([]byte, bool) {
	var digits string
	for line := range bytes.Lines(b) {
		text := strings.TrimSpace(string(line))
		if text == "" || text[0] == '#' {
			continue
		}
		if digits != "" {
			return nil, false
		}
		digits = text
	}
	raw, err := hex.DecodeString(digits)
	return raw, err == nil && len(raw) == keyBytes
}

// createKey writes a new key under another name and links it into place, so
// that a crash leaves no half key and a key that appeared meanwhile stays.
func createKey(path string) (err error) {
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	f, err := os.CreateTemp(dir, filepath.Base(path)+".new-*") // mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	raw := make([]byte, keyBytes)
	rand.Read(raw) // never fails
	_, err = io.WriteString(f, keyFileHead+hex.EncodeToString(raw)+"\n")
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Link(f.Name(), path); errors.Is(err, fs.ErrExist) {
		return err
	} else if err != nil {
		// A file system without hard links.
		if err := os.Rename(f.Name(), path); err != nil {
			return err
		}
	}
	if runtime.GOOS == "windows" {
		return nil // directories cannot be synced there
	}
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
