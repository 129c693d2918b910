package mailtest

import (
	"cmp"
	"crypto/tls"
	"net"
)

// listen opens a port of a server: "" is a free one of 127.0.0.1. With implicit set
// it speaks TLS from the first byte.
func listen(addr string, config *tls.Config, implicit bool) (ln net.Listener, port int, err error) {
	if ln, err = net.Listen("tcp", cmp.Or(addr, "127.0.0.1:0")); err != nil {
		return nil, 0, err
	}
	port = ln.Addr().(*net.TCPAddr).Port
	if implicit {
		ln = tls.NewListener(ln, config)
	}
	return ln, port, nil
}
