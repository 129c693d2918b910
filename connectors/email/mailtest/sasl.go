package mailtest

import "strings"

// loginServer is the server's side of AUTH=LOGIN.
type loginServer struct {
	check func(user, password string) error
	asked bool
	user  string
}

func (l *loginServer) Next(response []byte) (challenge []byte, done bool, err error) {
	switch {
	case response == nil && !l.asked:
		l.asked = true
		return []byte("Username:"), false, nil
	case l.user == "":
		l.user = string(response)
		return []byte("Password:"), false, nil
	}
	return nil, true, l.check(l.user, string(response))
}

// bearerServer is the server's side of XOAUTH2 and OAUTHBEARER. On failure it
// sends the status as one more challenge, as the real ones do.
type bearerServer struct {
	mech  string
	check func(user, token string) error
	err   error
}

func (b *bearerServer) Next(response []byte) (challenge []byte, done bool, err error) {
	if b.err != nil {
		return nil, true, b.err
	}
	if response == nil {
		return []byte{}, false, nil
	}
	var user, token string
	for f := range strings.SplitSeq(string(response), "\x01") {
		if v, ok := strings.CutPrefix(f, "user="); ok {
			user = v
		}
		if v, ok := strings.CutPrefix(f, "n,a="); ok {
			user = strings.NewReplacer("=2C", ",", "=3D", "=").Replace(strings.TrimSuffix(v, ","))
		}
		if v, ok := strings.CutPrefix(f, "auth=Bearer "); ok {
			token = v
		}
	}
	if b.err = b.check(user, token); b.err != nil {
		return []byte(`{"status":"invalid_token","schemes":"bearer"}`), false, nil
	}
	return nil, true, nil
}
