package auth

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"runtime/debug"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
	"unicode"
	"unicode/utf8"

	"golang.org/x/crypto/argon2"
	"golang.org/x/text/unicode/norm"
)

// Limits of passwords and of the work for them.
const (
	MinPassword   = 10   // characters
	MaxPassword   = 1000 // bytes, so that a request cannot buy hours of hashing
	maxHashes     = 2    // at once: 19 MiB and one core each
	maxHashQueue  = 64   // waiting for one of them; more get ErrBusy
	saltSize      = 16
	sumSize       = 32
	maxHashMemory = 256 << 10 // KiB, of a hash we are willing to check
	maxHashTime   = 16

	giveBackFrom  = 8 << 10 // KiB, of a hash whose memory is worth giving back
	giveBackAfter = 2 * time.Second
)

// cost is what one hash takes. The default is the smallest setting that the OWASP
// password storage guide recommends for argon2id.
type cost struct {
	memory  uint32 // KiB
	time    uint32
	threads uint8
}

var defaultCost = cost{memory: 19 << 10, time: 2, threads: 1}

// hasher makes and checks argon2id hashes, a bounded number at once.
type hasher struct {
	cost  cost
	slots chan struct{}
	queue chan struct{}

	giving atomic.Bool // memory is about to be given back
}

func newHasher(c cost) *hasher {
	return &hasher{cost: c, slots: make(chan struct{}, maxHashes), queue: make(chan struct{}, maxHashes+maxHashQueue)}
}

// key computes the hash proper when it is this caller's turn.
func (h *hasher) key(ctx context.Context, password string, salt []byte, c cost, size int) ([]byte, error) {
	select {
	case h.queue <- struct{}{}:
		defer func() { <-h.queue }()
	default:
		return nil, ErrBusy
	}
	select {
	case h.slots <- struct{}{}:
		defer func() { <-h.slots }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	sum := argon2.IDKey([]byte(norm.NFC.String(password)), salt, c.time, c.memory, c.threads, uint32(size))
	if c.memory >= giveBackFrom && len(h.queue) == 1 && !h.giving.Swap(true) {
		// Half the memory of a hub at rest would stay with a sign-in long gone.
		time.AfterFunc(giveBackAfter, func() {
			h.giving.Store(false)
			debug.FreeOSMemory()
		})
	}
	return sum, nil
}

// hash returns a new hash of the password as a PHC string.
func (h *hasher) hash(ctx context.Context, password string) (string, error) {
	salt := make([]byte, saltSize)
	rand.Read(salt)
	sum, err := h.key(ctx, password, salt, h.cost, sumSize)
	if err != nil {
		return "", err
	}
	return phc{h.cost, salt, sum}.String(), nil
}

// verify compares a password with a stored hash. An empty stored hash, of
// somebody unknown or not yet signed up, takes the same time and is never right.
// stale means that the hash was made with another cost and should be replaced.
func (h *hasher) verify(ctx context.Context, stored, password string) (ok, stale bool, err error) {
	p := phc{h.cost, make([]byte, saltSize), nil}
	if stored != "" {
		if p, err = parsePHC(stored); err != nil {
			return false, false, err
		}
	}
	sum, err := h.key(ctx, password, p.salt, p.cost, max(len(p.sum), sumSize))
	if err != nil || stored == "" {
		return false, false, err
	}
	return subtle.ConstantTimeCompare(sum[:len(p.sum)], p.sum) == 1, p.cost != h.cost, nil
}

// phc is a hash in the PHC string format:
// $argon2id$v=19$m=19456,t=2,p=1$SALT$SUM, both in unpadded base64.
type phc struct {
	cost cost
	salt []byte
	sum  []byte
}

func (p phc) String() string {
	e := base64.RawStdEncoding
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version,
		p.cost.memory, p.cost.time, p.cost.threads, e.EncodeToString(p.salt), e.EncodeToString(p.sum))
}

var errPHC = errors.New("auth: a stored password hash cannot be read: set the password anew")

// parsePHC reads exactly what String writes, within bounds that keep a damaged
// record from taking all memory.
func parsePHC(s string) (phc, error) {
	f := strings.Split(s, "$")
	if len(f) != 6 || f[0] != "" || f[1] != "argon2id" || f[2] != "v="+strconv.Itoa(argon2.Version) {
		return phc{}, errPHC
	}
	c := strings.Split(f[3], ",")
	if len(c) != 3 {
		return phc{}, errPHC
	}
	number := func(field, prefix string, bits int) uint64 {
		digits, ok := strings.CutPrefix(field, prefix)
		n, err := strconv.ParseUint(digits, 10, bits)
		if !ok || err != nil {
			return 0 // refused below
		}
		return n
	}
	p := phc{cost: cost{
		memory:  uint32(number(c[0], "m=", 32)),
		time:    uint32(number(c[1], "t=", 32)),
		threads: uint8(number(c[2], "p=", 8)),
	}}
	if p.cost.time < 1 || p.cost.time > maxHashTime || p.cost.threads < 1 ||
		p.cost.memory < 8*uint32(p.cost.threads) || p.cost.memory > maxHashMemory {
		return phc{}, errPHC
	}
	e := base64.RawStdEncoding.Strict()
	var err1, err2 error
	p.salt, err1 = e.DecodeString(f[4])
	p.sum, err2 = e.DecodeString(f[5])
	if err1 != nil || err2 != nil || len(p.salt) < 8 || len(p.salt) > 64 || len(p.sum) < 16 || len(p.sum) > 64 {
		return phc{}, errPHC
	}
	// Leading zeros, signs and line breaks would give one hash several names.
	if p.String() != s {
		return phc{}, errPHC
	}
	return p, nil
}

// common are words and key runs that most guessed passwords are made of. Digits
// and punctuation around them do not help.
var common = map[string]bool{
	"password": true, "passwort": true, "passw0rd": true, "p@ssw0rd": true, "passphrase": true, "mypassword": true,
	"qwerty": true, "qwertyui": true, "qwertyuiop": true, "qwertz": true, "qwertzuiop": true, "azerty": true, "azertyuiop": true,
	"asdfgh": true, "asdfghjkl": true, "zxcvbnm": true, "qazwsx": true, "qazwsxedc": true, "qwertyasdfgh": true,
	"letmein": true, "welcome": true, "admin": true, "administrator": true, "changeme": true, "iloveyou": true,
	"sunshine": true, "princess": true, "football": true, "baseball": true, "superman": true, "dragon": true, "monkey": true,
	"secret": true, "trustno": true, "abc": true, "abcd": true, "abcdef": true, "test": true, "testtest": true, "login": true,
	"master": true, "guest": true, "root": true, "default": true, "support": true, "helpdesk": true, "throughline": true,
	"1q2w3e4r5t": true, "1qaz2wsx3edc": true, "q1w2e3r4t5": true, "1q2w3e4r5t6y": true, "zaq12wsx": true, "qwerty123456": true,
	"correcthorsebatterystaple": true, "thisisapassword": true, "passwordpassword": true,
}

// checkPassword returns a *WeakPasswordError for a password that is too short,
// too long or obvious for this person.
func checkPassword(password, email, name string) error {
	weak := func(format string, a ...any) error { return &WeakPasswordError{fmt.Sprintf(format, a...)} }
	if len(password) > MaxPassword {
		return weak("it is longer than %d bytes", MaxPassword)
	}
	if !utf8.ValidString(password) {
		return weak("it is not valid UTF-8 text")
	}
	p := norm.NFC.String(password)
	if n := utf8.RuneCountInString(p); n < MinPassword {
		return weak("it has %d characters and needs at least %d; a few words are good", n, MinPassword)
	}
	p = strings.ToLower(p)
	if distinct, steady := variety(p); distinct < 4 || steady {
		return weak("it is one pattern repeated; a few unrelated words are good")
	}
	word := strings.TrimFunc(p, func(r rune) bool { return !unicode.IsLetter(r) })
	if common[p] || common[word] {
		return weak("it is one of those that are guessed first; a few unrelated words are good")
	}
	email = strings.ToLower(norm.NFC.String(email))
	local, domain, _ := strings.Cut(email, "@")
	own := append(strings.Fields(strings.ToLower(norm.NFC.String(name))), email, local, domain)
	rest := p
	for _, w := range own {
		if utf8.RuneCountInString(w) >= 3 {
			rest = strings.ReplaceAll(rest, w, "")
		}
	}
	if rest != p && utf8.RuneCountInString(rest) < 6 {
		return weak("it is made of your name or email address")
	}
	return nil
}

// variety counts the different characters and reports whether each is the same
// step from the one before: 1111111111, 1234567890, abcdefghij.
func variety(s string) (distinct int, steady bool) {
	seen := map[rune]bool{}
	rs := []rune(s)
	steps := map[rune]int{}
	for i, r := range rs {
		seen[r] = true
		if i > 0 {
			steps[r-rs[i-1]]++
		}
	}
	for _, n := range steps {
		// One break is allowed for: 1234567890 wraps around.
		if n >= len(rs)-2 {
			steady = true
		}
	}
	return len(seen), steady
}
