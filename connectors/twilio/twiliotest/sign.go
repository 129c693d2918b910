package twiliotest

import (
	"crypto/hmac"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"maps"
	"net/url"
	"slices"
)

// Sign computes X-Twilio-Signature: HMAC-SHA1, keyed with the auth token, over the URL and, for a form, every parameter
// name and value in the order of the names; values of a repeated name are sorted and taken once. Pass a nil form for GET
// and for JSON, whose URL carries bodySHA256 (see BodyHash).
func Sign(authToken, rawURL string, form url.Values) string {
	mac := hmac.New(sha1.New, []byte(authToken))
	mac.Write([]byte(rawURL))
	for _, k := range slices.Sorted(maps.Keys(form)) {
		values := slices.Clone(form[k])
		slices.Sort(values)
		for _, v := range slices.Compact(values) {
			mac.Write([]byte(k + v))
		}
	}
	return base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

// BodyHash is the value of the bodySHA256 query parameter of a webhook whose body is not a form.
func BodyHash(body []byte) string {
	sum := sha256.Sum256(body)
	return hex.EncodeToString(sum[:])
}
