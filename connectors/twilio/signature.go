package twilio

import (
	"crypto/hmac"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"net/url"
	"slices"
	"strings"
)

// signature computes what Twilio puts into X-Twilio-Signature: HMAC-SHA1 with the
// auth token over the address as it was called, followed by the names and values
// of the form, sorted by name. A name that comes with several values stands
// before each of them; equal values count once.
func signature(token, address string, form url.Values) []byte {
	mac := hmac.New(sha1.New, []byte(token))
	mac.Write([]byte(address))
	names := make([]string, 0, len(form))
	for name := range form {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		values := slices.Compact(slices.Sorted(slices.Values(form[name])))
		for _, v := range values {
			mac.Write([]byte(name))
			mac.Write([]byte(v))
		}
	}
	return mac.Sum(nil)
}

// signed reports whether header is Twilio's signature of a request to address,
// which is the public one with its query. form is nil for a request whose body
// is not a form: then its digest has to stand in the query, and be right.
//
// Twilio signs the address now with, now without the standard port, and some of
// its parts sign an escaped form of the query: all are tried.
func signed(token, header, address string, form url.Values, body []byte) bool {
	got, err := base64.StdEncoding.DecodeString(header)
	if err != nil || len(got) != sha1.Size || token == "" {
		return false
	}
	if form == nil && !sameBody(address, body) {
		return false
	}
	ok := 0
	for _, a := range spellings(address) {
		ok |= subtle.ConstantTimeCompare(got, signature(token, a, form))
	}
	return ok == 1
}

// sameBody compares the body with the digest in the query.
func sameBody(address string, body []byte) bool {
	_, query, _ := strings.Cut(address, "?")
	values, err := url.ParseQuery(query)
	if err != nil {
		return false
	}
	want, err := hex.DecodeString(values.Get("bodySHA256"))
	sum := sha256.Sum256(body)
	return err == nil && subtle.ConstantTimeCompare(want, sum[:]) == 1
}

// spellings are the forms in which an address may have been signed.
func spellings(address string) []string {
	scheme, rest, ok := strings.Cut(address, "://")
	if !ok {
		return []string{address}
	}
	end := strings.IndexAny(rest, "/?#")
	if end < 0 {
		end = len(rest)
	}
	authority, tail := rest[:end], rest[end:]
	user := ""
	if i := strings.LastIndexByte(authority, '@'); i >= 0 {
		user, authority = authority[:i+1], authority[i+1:]
	}
	host, port := authority, ""
	// A colon inside the brackets of an IPv6 address starts no port.
	if i := strings.LastIndexByte(authority, ':'); i > strings.LastIndexByte(authority, ']') {
		host, port = authority[:i], authority[i:]
	}
	if port == "" {
		port = ":443"
		if strings.EqualFold(scheme, "http") {
			port = ":80"
		}
	}
	var out []string
	for _, p := range []string{"", port} {
		for _, t := range []string{tail, quoted(tail), escaped(tail)} {
			if a := scheme + "://" + user + host + p + t; !slices.Contains(out, a) {
				out = append(out, a)
			}
		}
	}
	return out
}

// quoted is the tail of an address with the apostrophes of its query escaped, as
// browsers write them.
func quoted(tail string) string {
	path, query, _ := strings.Cut(tail, "?")
	if !strings.Contains(query, "'") {
		return tail
	}
	return path + "?" + strings.ReplaceAll(query, "'", "%27")
}

// escaped is the tail of an address with its query taken apart and written anew,
// in the same order, with the few escapes that the oldest of the vendor's
// libraries use.
func escaped(tail string) string {
	path, query, ok := strings.Cut(tail, "?")
	if !ok || query == "" {
		return tail
	}
	pairs := strings.Split(query, "&")
	for i, pair := range pairs {
		name, value, _ := strings.Cut(pair, "=")
		n, err1 := url.QueryUnescape(name)
		v, err2 := url.QueryUnescape(value)
		if err1 != nil || err2 != nil {
			return tail
		}
		pairs[i] = sparse.Replace(url.QueryEscape(n)) + "=" + sparse.Replace(url.QueryEscape(v))
	}
	return path + "?" + strings.Join(pairs, "&")
}

// sparse undoes the escapes that Go makes and those libraries do not.
var sparse = strings.NewReplacer("+", "%20", "%21", "!", "%27", "'", "%28", "(", "%29", ")", "%2A", "*")
