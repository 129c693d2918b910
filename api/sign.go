package api

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// The pictures of a message are asked for by a sandboxed frame, which has no
// origin, so that browsers send no cookie along. Their addresses are signed
// instead, and hold until the day after tomorrow.

// signedFor is how long an address holds, at least.
const signedFor = 24 * time.Hour

const day = 24 * time.Hour

type signer struct {
	secret []byte
	now    func() time.Time
}

// sign adds a signature to the address of something on the hub.
func (s *signer) sign(target string) string {
	// By whole days, so that a browser keeps what it has fetched.
	expires := s.now().Add(signedFor).Truncate(day).Add(day).Unix()
	sep := "?"
	if strings.Contains(target, "?") {
		sep = "&"
	}
	target += sep + "expires=" + strconv.FormatInt(expires, 10)
	return target + "&sig=" + s.signature(target)
}

func (s *signer) signature(target string) string {
	m := hmac.New(sha256.New, s.secret)
	io.WriteString(m, target)
	return base64.RawURLEncoding.EncodeToString(m.Sum(nil)[:16])
}

// holds reports whether a request's address is one that sign made.
func (s *signer) holds(req *http.Request) bool {
	target, sig, ok := strings.Cut(req.URL.RequestURI(), "&sig=")
	if !ok || s.secret == nil {
		return false
	}
	if !hmac.Equal([]byte(s.signature(target)), []byte(sig)) {
		return false
	}
	q, err := url.ParseQuery(req.URL.RawQuery)
	if err != nil {
		return false
	}
	expires, err := strconv.ParseInt(q.Get("expires"), 10, 64)
	return err == nil && s.now().Unix() < expires
}
